"""Recall: how much of the target is in the answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from evalkit.answers import stated, unparsed, whole_answer, words
from evalkit.scorers.base import Scorer
from evalkit.types import Response, Sample, Score


@dataclass(frozen=True)
class Recall(Scorer):
    """The share of a target's words, counted as often as they occur, that are in the answer; the best target counts.

    The plain metric, on the final part of the answer: a longer answer never loses, and it has no sense of negation ("no
    pneumothorax" holds all of "pneumothorax"), so it is never read alone. Each Chinese character is a word.
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
        value = max((share(said, Counter(words(target))) for target in sample.targets), default=0.0)
        return Score(value, found.answer, found.rule, span=found.span)


def share(said: Counter[str], wanted: Counter[str]) -> float:
    """The share of the wanted words that were said; 0 where none are wanted."""
    return (said & wanted).total() / wanted.total() if wanted else 0.0
