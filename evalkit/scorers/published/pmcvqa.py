"""The multiple-choice rule of PMC-VQA, which reads no more of an answer than its last character."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from evalkit.scorers.published._choices import letters, nearest
from evalkit.scorers.published.base import CRASH, Published, gold_of
from evalkit.types import Response, Sample, Score


@dataclass(frozen=True)
class PmcVqa(Published):
    """1 where the response's last character and the gold's text are most similar to the same option.

    The options are written " A:text ". The first of several equally similar ones is taken, so that a character chooses
    the shortest option that holds it anywhere, letter and text alike; one that is in none is wrong. An empty response
    ends in an exception.
    """

    source: ClassVar[str] = "xiaoman-zhang/PMC-VQA @1678ec2, src/MedVInT_TD/test.py (MIT)"
    choices: ClassVar[tuple[str, ...]] = ("choice", "correct")

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """`correct`; none without the options' texts."""
        if not sample.options:
            return {}
        if not response.text:
            return {"correct": CRASH}
        named = letters(sample)
        options = [f" {letter}:{option} " for letter, option in zip(named, sample.options, strict=True)]
        best, ratio = nearest(options, response.text[-1])
        if not ratio:
            return {"correct": Score(0.0, bucket="unparsed", reason="no option holds the last character")}
        wanted, likeness = nearest(options, gold_of(sample))
        return {"correct": Score(float(best == wanted and likeness > 0), named[best], "last character")}

    def details(self, score: Score) -> Mapping[str, object]:
        """The choice."""
        return {"choice": "crash" if score.bucket == "crash" else score.answer or None}
