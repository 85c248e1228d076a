"""Recall: how much of the target is in the answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from evalkit.scorers.base import BagOfWords


@dataclass(frozen=True)
class Recall(BagOfWords):
    """The share of a target's words, counted as often as they occur, that are in the answer; the best target counts.

    The plain metric, on the final part of the answer: a longer answer never loses, and it has no sense of negation ("no
    pneumothorax" holds all of "pneumothorax"), so it is never read alone. Each Chinese character is a word.
    """

    def overlap(self, said: Counter[str], wanted: Counter[str]) -> float:
        """The share of the wanted words that were said; 0 where none are wanted."""
        return (said & wanted).total() / wanted.total() if wanted else 0.0
