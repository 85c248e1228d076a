"""Where a response says its answer: behind the reasoning, and behind the last explicit final-answer marker."""

from __future__ import annotations

import re
from dataclasses import dataclass

from evalkit.answers.text import Extraction, Folded, fold, folded_words, has_words, join, tokens

# MedGemma writes its reasoning between <unused94> and <unused95>; the others are spelt out.
_OPEN = re.compile(r"<\s*(?:think|thinking|thought|reasoning)\s*>|<unused94>|◁think▷", re.IGNORECASE)
_CLOSE = re.compile(r"<\s*/\s*(?:think|thinking|thought|reasoning)\s*>|<unused95>|◁/think▷", re.IGNORECASE)

_MARKER = re.compile(
    r"""
      (?P<boxed> \\boxed \s* \{ )
    | (?P<tag> < \s* answer \s* > )
    | (?P<marker>
        (?<![A-Za-z]) (?:(?:the|my) \s+)?
        (?: (?:(?:final|correct|best|right|most \s+ likely|most \s+ appropriate) \s+){1,2} (?:answer|option|choice)
          | answer )
        (?: \s+ (?:to \s+ (?:the|this|your) \s+ question \s+)? (?:is|would \s+ be|should \s+ be) (?![A-Za-z]) (?:\s*:)?
          | \s* (?: : | = | -> | => ) )
      | (?:最终|最后|正确)? 的? (?:答案|回答) \s* (?:应该|应)? (?: [是为] \s* :? | : )
      | ^ [#\s]* (?:final \s+)? answer [ ]* $
      )
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
_CHEAP = re.compile(r"\\boxed|answer|option|choice|答案|回答", re.IGNORECASE)
_CONDITION = re.compile(
    r"(?:\b(?:if|whether|what|unless|when|which|wrong|incorrect|other|another|possible)|如果|若)\s*$", re.IGNORECASE
)
_LINE = re.compile(r"\s*([^\n]*)")
_TAG_END = re.compile(r"<\s*/|<\|")


@dataclass(frozen=True, slots=True)
class Part:
    """The stretch of a response that states its answer: `text` begins at `start` of the original.

    `folded` is its plain form; `rule` is `whole`, `marker` ("Answer: …"), `boxed` or `tag` (<answer>).
    """

    text: str
    start: int
    rule: str
    folded: Folded

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the part, for counting."""
        return folded_words(self.folded.text)

    def named(self, rule: str) -> str:
        """The rule of an extraction from this part, with the part's own rule before it where there is one."""
        return rule if self.rule == "whole" else f"{self.rule}, {rule}"

    def span(self, start: int, end: int) -> tuple[int, int]:
        """A stretch of the folded text as a place in the original response."""
        first, last = self.folded.span(start, end)
        return self.start + first, self.start + last


def after_reasoning(text: str) -> int | None:
    """Where the answer begins behind a reasoning block: 0 without one, None where the block is cut off."""
    if "<" not in text and "◁" not in text:
        return 0
    closes = [found.end() for found in _CLOSE.finditer(text)]
    opens = [found.start() for found in _OPEN.finditer(text)]
    end = closes[-1] if closes else 0
    return None if opens and opens[-1] >= end else end


def final_part(text: str) -> Part | None:
    """What follows the last final-answer marker, else the whole text; None where the reasoning is cut off.

    A marker with no words behind it ("Answer:" at the end) is passed over, and so is one in a condition ("if the answer
    is yes"). What a marker states ends with its line; `\\boxed{…}` ends with its brace.
    """
    begin = after_reasoning(text)
    if begin is None:
        return None
    rest = text[begin:]
    folded = fold(rest)
    if _CHEAP.search(folded.text) is None:
        return Part(rest, begin, "whole", folded)
    for found in reversed(list(_MARKER.finditer(folded.text))):
        start, end = _region(folded.text, found)
        if start < end and has_words(folded.text[start:end]) and not _CONDITION.search(folded.text, 0, found.start()):
            first, last = folded.span(start, end)
            return Part(rest[first:last], begin + first, str(found.lastgroup), fold(rest[first:last]))
    return Part(rest, begin, "whole", folded)


def _region(text: str, found: re.Match[str]) -> tuple[int, int]:
    """The start and end of what one marker states."""
    if found.lastgroup == "boxed":
        return found.end(), _closing_brace(text, found.end())
    if found.lastgroup == "tag":
        end = _TAG_END.search(text, found.end())
        return found.end(), end.start() if end else len(text)
    line = _LINE.match(text, found.end())
    start, stop = line.span(1) if line else (found.end(), found.end())
    end = _TAG_END.search(text, start, stop)
    return start, end.start() if end else stop


def _closing_brace(text: str, start: int) -> int:
    """Where the brace that was opened before `start` closes; the end of the line where it never does."""
    # A blanked wrapper (\text{) has lost its brace, so the first brace that closes may be the wrapper's: no matter.
    depth = 1
    for index in range(start, len(text)):
        depth += (text[index] == "{") - (text[index] == "}")
        if depth == 0 or text[index] == "\n":
            return index
    return len(text)


def whole_answer(part: Part) -> Extraction | None:
    """The words of a part as they stand, or None where there are none."""
    found = tokens(part.folded.text)
    if not found:
        return None
    return Extraction(join(token.text for token in found), part.rule, part.span(found[0].start, found[-1].end))
