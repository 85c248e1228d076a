"""What every published rule is: another codebase's way to mark, reproduced row for row, mistakes included."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from math import nan
from types import MappingProxyType
from typing import ClassVar

from evalkit.scorers.base import Scorer
from evalkit.types import Response, Sample, Score

CRASH = Score(nan, bucket="crash", reason="crash")
"""The original raises an exception on this row; in the original program that ends the scoring of the whole file."""


class Published(Scorer):
    """A rule of another codebase. Gives several marks, each of them a column `<rule>.<mark>`.

    It sees the first target and the text as it is. It never refuses or finds unparsed what the original would mark:
    `bucket` says `unparsed` only where the original itself finds nothing, `random` where it would draw an option,
    `crash` where it would raise.
    """

    source: ClassVar[str]
    """Repository @ commit, files and licence of the original."""
    texts: ClassVar[tuple[str, ...]] = ()
    """The names of its marks on questions with a free answer."""
    choices: ClassVar[tuple[str, ...]] = ()
    """The names of its marks, and of what it keeps beside them, on questions of multiple choice."""

    @abstractmethod
    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """The marks of this answer by name; those that the rule does not give such a row are left out."""

    def score(self, sample: Sample, response: Response) -> Score:
        """The first of the marks. Raises LookupError where the rule does not mark such a row."""
        for score in self.scores(sample, response).values():
            return score
        raise LookupError(f"{type(self).__name__} gives such a row no mark")

    def marks(self, sample: Sample) -> bool:
        """Free answers, choices, or both."""
        return bool(self.names(sample))

    def names(self, sample: Sample) -> tuple[str, ...]:
        """The names of the marks of a row with a free answer, or of one of multiple choice."""
        return self.choices if is_choice(sample) else self.texts

    def details(self, score: Score) -> Mapping[str, object]:
        """What is kept of a mark beside its value, as further columns: a choice rule's `choice`, its stage …"""
        return {}


def gold_of(sample: Sample) -> str:
    """The first target, as it is; empty where there is none."""
    return sample.targets[0] if sample.targets else ""


COLUMNS = MappingProxyType({"vqa_rad": "phrase_type", "slake": "content_type"})
"""Data sets that rules treat differently, each with a column that only its own files have."""


def data_set(sample: Sample, declared: str | None) -> str | None:
    """Which data set a row is of: what is declared, else the one whose own column the row has, else None."""
    return declared or next((name for name, column in COLUMNS.items() if column in sample.tags), None)


def is_closed(sample: Sample) -> bool:
    """The label of a row, `answer_type` CLOSED or OPEN; where it has no such label, whether its gold is yes or no."""
    label = sample.tags.get("answer_type", "").strip().upper()
    return label == "CLOSED" if label in ("CLOSED", "OPEN") else gold_of(sample).strip().lower() in ("yes", "no")


def is_choice(sample: Sample) -> bool:
    """Whether a row is one of multiple choice, with its options' texts or, as letters only, without them."""
    return bool(sample.options) or sample.kind == "choice"


ZERO, ONE = Score(0.0), Score(1.0)


def plain(value: float) -> Score:
    """A mark in [0, 1]."""
    return ONE if value == 1 else ZERO if value == 0 else Score(float(value))
