"""What a denial reaches: the clauses of an answer, and whether what is named in one is denied there."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

_REACH = 300
_SHORT_REACH = 40
_NEW_CLAUSE = re.compile(
    r"\b(?:is|are|was|were|it|it's|this|there|so|therefore|thus|rather|instead|shows?|suggests?|the answer)\b"
    r"|是|而|所以",
    re.IGNORECASE,
)
_COPULA = re.compile(r"[)\]\"'\s]*+(?:(?:is|are|was|were|shows?|fits?)\b|是)", re.IGNORECASE)
_EXAMPLE = re.compile(r"(?:\be\.g\.|\bfor example|\bfor instance|\bsuch as|例如|比如)[\s,.:(]*+$", re.IGNORECASE)
_CLAUSE_START = re.compile(r"[.;!?:\n。；]|\bbut\b|\bhowever\b|但", re.IGNORECASE)
_NOT_BEFORE = re.compile(
    r"\b(?:not|no|never|neither|nor|without|cannot|rather\s+than|instead\s+of|unlike|exclud\w*|rul\w+\s+out|whether|if|"
    r"unclear|unknown|uncertain|unable|(?:un|less\s+)likely)\b|n't\b|不|没|无|非|排除|而非|是否",
    re.IGNORECASE,
)
_NOT_AFTER = re.compile(
    r"[)\]\"'\s]*+(?:(?:is|are|was|were|can|does|do|would\s+be|seems?)\s*(?:not\b|n't)|(?:(?:is|are|was|were|would\s+be|can\s+be|"
    r"seems?)\s+)?(?:incorrect|wrong|unlikely|excluded|ruled\s+out|less\s+likely|absent|false)\b|isn't|aren't|doesn't|"
    r"(?:是)?(?:不|错)|被排除"
    # "A, C and D are wrong": a plural verb denies the whole list.
    r"|(?:\s*(?:,|/|&|\b(?:and|or|nor)\b)\s*(?:(?:and|or)\s+)?\(?(?-i:[A-Z])\)?(?![A-Za-z]))++\s+(?:are|were)\s+(?:all\s+|both\s+)?"
    r"(?:not\b|incorrect|wrong|unlikely|excluded|ruled\s+out|less\s+likely|absent|false))",
    re.IGNORECASE,
)
# What every denial, example or question holds, so that most answers are settled at once.
_DENIES = re.compile(
    r"not|n't|no\b|never|neither|nor\b|without|rather|instead|unlike|exclud|out\b|less\s+likely|incorrect|wrong|absent|"
    r"false|e\.g|example|instance|such\s+as|whether|\bif\b|unclear|unknown|uncertain|unable|\?|[不没无非错]|排除|例如|比如|是否",
    re.IGNORECASE,
)
_STOP = re.compile(r"[.!?\n。？]")
_QUESTION_WORDS = 3


def may_deny(plain: str) -> bool:
    """Whether a folded text holds anything that could deny, ask or give an example."""
    return _DENIES.search(plain) is not None


@dataclass(frozen=True, slots=True)
class Clauses:
    """Where the clauses and the sentences of a text begin and end, and so what a denial in it reaches."""

    text: str
    begins: tuple[int, ...]
    renewals: tuple[int, ...]
    stops: tuple[int, ...]

    @classmethod
    def of(cls, plain: str) -> Clauses:
        """The clauses of a folded text."""
        return cls(
            plain,
            tuple(found.end() for found in _CLAUSE_START.finditer(plain)),
            tuple(found.start() for found in _NEW_CLAUSE.finditer(plain)),
            tuple(found.start() for found in _STOP.finditer(plain)),
        )

    def deny(self, start: int, end: int) -> bool:
        """Whether a stretch is denied in its own clause, or stands as an example or in a question.

        A comma ends the reach of a "not" only where a new clause begins behind it: "not typical of A, B or C" denies
        all.
        """
        text, reach = self.text, max(0, start - _REACH)
        begin = max(reach, _last(self.begins, start))
        renewed = start if _COPULA.match(text, end) else _last(self.renewals, start - 1)
        begin = max(begin, text.rfind(",", begin, max(renewed, begin)) + 1)
        return (
            _NOT_BEFORE.search(text, begin, start) is not None
            or _NOT_AFTER.match(text, end) is not None
            or _EXAMPLE.search(text, max(0, start - _SHORT_REACH), start) is not None
            or self._ask(start, end)
        )

    def _ask(self, start: int, end: int) -> bool:
        """Whether the sentence that goes on here is a question of several words; "MRI?" is an answer in doubt."""
        stop = bisect_right(self.stops, end - 1)
        if stop == len(self.stops) or self.text[self.stops[stop]] not in "?？":
            return False
        begin = max(_last(self.stops, start), start - _REACH, 0)
        sentence = self.text[begin:start] + self.text[end : min(self.stops[stop], end + _REACH)]
        return len(sentence.split()) >= _QUESTION_WORDS


def _last(places: tuple[int, ...], start: int) -> int:
    """The last of some places that is no later than another, or 0."""
    index = bisect_right(places, start)
    return places[index - 1] if index else 0
