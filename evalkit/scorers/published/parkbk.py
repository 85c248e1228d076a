"""The accuracy of a study of models on SLAKE with and without its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from evalkit.scorers.published._cleaning import unpunctuated
from evalkit.scorers.published.base import Published, gold_of, is_choice, is_closed, plain
from evalkit.types import Response, Sample, Score


@dataclass(frozen=True)
class Parkbk(Published):
    """`correct`: yes or no for a CLOSED row, equality for an open one, in lower case without ASCII punctuation.

    A CLOSED text says yes where "yes" is one of its words, else no where "no" is, else either where it begins so, as
    "normal" does, else nothing. A gold that says nothing, as "Lung", makes its row wrong under every answer. The
    published accuracies are means over all rows, the closed and the open ones.
    """

    source: ClassVar[str] = "ParkBK-22/SLAKE-VQA @946e7c4, its evaluation script (no licence)"
    texts: ClassVar[tuple[str, ...]] = ("correct",)

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """One mark for every row."""
        if is_choice(sample):
            return {}
        gold, said = _gold(gold_of(sample)), normalise(response.text)
        if not is_closed(sample):
            return {"correct": plain(said == gold)}
        wanted = polarity(gold)
        return {"correct": plain(wanted != "" and polarity(said) == wanted)}


def normalise(text: str) -> str:
    """A text as the original compares it."""
    return " ".join(unpunctuated(text.lower()).split())


@lru_cache(maxsize=4096)
def _gold(gold: str) -> str:
    return normalise(gold)


def polarity(text: str) -> str:
    """What a normalised text says: yes, no, or nothing."""
    words = text.split()
    for word in ("yes", "no"):
        if word in words:
            return word
    return next((word for word in ("yes", "no") if text.startswith(word)), "")
