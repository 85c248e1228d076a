"""Token F1: how far the words of the answer and of the target are the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from evalkit.answers import stated, unparsed, whole_answer, words
from evalkit.scorers.base import Scorer
from evalkit.types import Response, Sample, Score


@dataclass(frozen=True)
class TokenF1(Scorer):
    """The harmonic mean of precision and recall over words, counted as often as they occur; the best target counts.

    The plain metric of SQuAD (Rajpurkar et al., 2016, arXiv 1606.05250), on the final part of the answer, but articles
    count, and each Chinese character is a word. It has no sense of negation: "no pneumothorax" earns credit against
    "pneumothorax".
    """

    def score(self, sample: Sample, response: Response) -> Score:
        """A value in [0, 1]; a blank, refused or cut-off answer is 0 in its bucket."""
        part = stated(response)
        if isinstance(part, Score):
            return part
        found = whole_answer(part)
        if found is None:
            return unparsed("no words in the answer")
        said = Counter(part.words)
        value = max((f1(said, Counter(words(target))) for target in sample.targets), default=0.0)
        return Score(value, found.answer, found.rule, span=found.span)


def f1(said: Counter[str], wanted: Counter[str]) -> float:
    """F1 of two bags of words; 0 where they share none or one is empty."""
    shared = (said & wanted).total()
    return 2 * shared / (said.total() + wanted.total()) if shared else 0.0
