"""Exact match: the answer is one of the targets, word for word."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.answers import normalise, stated, unparsed, whole_answer
from evalkit.scorers.base import Scorer
from evalkit.types import Response, Sample, Score


@dataclass(frozen=True)
class ExactMatch(Scorer):
    """1 where the answer is one of the targets, comparing words only.

    The answer is what follows the last final-answer marker, else all of it. Width, case, hyphens, punctuation and
    spaces make no difference ("X-Ray" is "x ray"); plurals, synonyms, articles and option letters do. With `keep_case`,
    case does too. Every kind of sample is marked.
    """

    keep_case: bool = False

    def score(self, sample: Sample, response: Response) -> Score:
        """1 or 0; a blank, refused or cut-off answer is 0 in its bucket."""
        part = stated(response)
        if isinstance(part, Score):
            return part
        found = whole_answer(part)
        if found is None:
            return unparsed("no words in the answer")
        answer = normalise(part.text, keep_case=True) if self.keep_case else found.answer
        equal = any(answer == normalise(target, keep_case=self.keep_case) for target in sample.targets)
        return Score(float(equal), answer, found.rule, span=found.span)
