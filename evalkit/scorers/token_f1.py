"""Token F1: how far the words of the answer and of the target are the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from evalkit.scorers.base import BagOfWords


@dataclass(frozen=True)
class TokenF1(BagOfWords):
    """The harmonic mean of precision and recall over words, counted as often as they occur; the best target counts.

    The plain metric of SQuAD (Rajpurkar et al., 2016, arXiv 1606.05250), on the final part of the answer, but articles
    count, and each Chinese character is a word. It has no sense of negation: "no pneumothorax" earns credit against
    "pneumothorax".
    """

    def overlap(self, said: Counter[str], wanted: Counter[str]) -> float:
        """F1 of two bags of words; 0 where they share none or one is empty."""
        shared = (said & wanted).total()
        return 2 * shared / (said.total() + wanted.total()) if shared else 0.0
