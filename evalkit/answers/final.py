"""Where a response says its answer: behind the reasoning, and behind the last explicit final-answer marker."""

from __future__ import annotations

import re
from dataclasses import dataclass

from evalkit.answers.text import Extraction, Folded, fold, folded_words, has_words, join, tokens

# MedGemma writes its reasoning between <unused94> and <unused95>, HuatuoGPT-o1 under headings, gpt-oss in a channel,
# and Magistral in square brackets; the others are spelt out.
_OPEN = re.compile(
    r"<\s*(?:think|thinking|thought|reasoning|analysis|scratchpad)\s*>|<unused94>|◁think▷|\[THINK\]"
    r"|<\|channel\|>\s*analysis|^#+ *thinking *$",
    re.IGNORECASE | re.MULTILINE,
)
_CLOSE = re.compile(
    r"<\s*/\s*(?:think|thinking|thought|reasoning|analysis|scratchpad)\s*>|<unused95>|◁/think▷|\[/THINK\]"
    r"|<\|channel\|>\s*final\s*(?:<\|message\|>)?|^#+ *final +response *$",
    re.IGNORECASE | re.MULTILINE,
)
_MAY_REASON = re.compile(r"[<◁\[#]")
# A line that begins another exchange, which a model without a stop makes up behind its answer.
_TURN = re.compile(r"\n[^\w\n]*(?:(?P<role>human|user)|question|q)\s*\d*\W{0,3}:", re.IGNORECASE)
_MARKED = re.compile(r"answer\W{0,3}:", re.IGNORECASE)

_MARKER = re.compile(
    r"""
      (?P<boxed> \\boxed \s* \{ )
    | (?P<tag> < \s* (?:final \s+)? answer \s* > | < \| begin \s+ of \s+ (?:box|answer|solution) \| > )
    | ["'] (?P<json> (?:(?:final|correct|predicted|selected|best) \s*)? (?:answer|prediction|option|choice)
        (?: \s+ (?:letter|text|option|choice) )? ) ["'] \s* : \s*
    | (?P<marker>
        (?<![A-Za-z]) (?:(?:the|my) \s+)?
        (?: (?:(?:final|correct|best|right|most \s+ likely|most \s+ appropriate) \s+){1,2} (?:answer|option|choice)
          | answer )
        (?: (?: \s+ to \s+ (?:the|this|that|your) \s+ question
              (?: \s* (?: "[^"\n]{0,300}" | '[^'\n]{0,300}' | asked | posed | above
                | (?:of|about|as \s+ to|whether) \b [^.\n]{0,200}? (?= \s+ is \s+ \W* (?:yes|no|(?-i:[B-Z])) \b )
              ) )? )?
            ,? (?: \s+ (?:therefore|thus|hence|then|here|in \s+ this \s+ case) ,? )?
            \s+ (?:is|would \s+ be|should \s+ be|must \s+ be) (?![A-Za-z]) (?: \s* : )?
            # "The answer is not visible", "… is based on": that is said about an answer and states none.
            (?! \s+ (?: not | based | because | supported | derived | determined | provided | given | explained
                  | consistent | (?:un)?clear | likely \s+ to ) \b )
          | (?: \s* \( [^()\n]{0,40} \) )? \s* (?: : | = | -> | => | -(?=\s) ) )
      | (?: (?:最终|最后|正确|最佳)? 的? (?:答案|回答) | (?:正确|最佳) 的? 选项 )
        \s* (?:应该|应)? (?: [是为] \s* :? | : | 选择? )
      | ^ [#\ ]* (?:final \s+)? answer [ ]* $
      )
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
_CHEAP = re.compile(r"\\boxed|answer|option|choice|prediction|<\| ?begin|答案|回答|选项", re.IGNORECASE)
_CONDITION = re.compile(
    r"(?:\b(?:if|whether|what|unless|when|which|wrong|incorrect|other|another|possible(?:\s+that)?)|如果|若)\s*$",
    re.IGNORECASE,
)
_LINE = re.compile(r"\s*([^\n]*)")
_ITEM = re.compile(r"[^\w\n]*\(?[A-Za-z][.):][^\n]*\n?")
_TAG_END = re.compile(r"<\s*/|<\|")
_REACH = 2000


@dataclass(frozen=True, slots=True)
class Part:
    """The stretch of a response that states its answer: `text` begins at `start` of the original.

    `folded` is its plain form; `rule` is `whole`, `marker` ("Answer: …"), `boxed`, `tag` (<answer>) or `json`.
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
    if _MAY_REASON.search(text) is None:
        return 0
    end = max((found.end() for found in _CLOSE.finditer(text)), default=0)
    begin = max((found.start() for found in _OPEN.finditer(text)), default=-1)
    return None if begin >= end else end


def final_part(text: str) -> Part | None:
    """What follows the last final-answer marker, else the whole text; None where the reasoning is cut off.

    A marker with no words behind it ("Answer:" at the end) is passed over, and so is one in a condition ("if the answer
    is yes") or one about an answer ("the answer is not visible"). What a marker states ends with its line, or with the
    list that it opens; `\\boxed{…}` ends with its brace, a value in JSON with its quote. A question that the model goes
    on to ask itself, and its answer, are no part.
    """
    begin = after_reasoning(text)
    if begin is None:
        return None
    rest = _own(text[begin:])
    folded = fold(rest)
    if _CHEAP.search(folded.text) is None:
        return Part(rest, begin, "whole", folded)
    for found in reversed(list(_MARKER.finditer(folded.text))):
        if _CONDITION.search(folded.text, max(0, found.start() - 20), found.start()):
            continue
        start, end = _region(folded.text, found)
        if start < end and has_words(folded.text[start:end]):
            first, last = folded.span(start, end)
            return Part(rest[first:last], begin + first, str(found.lastgroup), fold(rest[first:last]))
    return Part(rest, begin, "whole", folded)


def _own(text: str) -> str:
    """A text without the further exchange that it makes up: behind an answer, a line "Human:" or "Question:"."""
    for found in _TURN.finditer(text) if ":" in text else ():
        before = text[: found.start()]
        if has_words(before) and (found["role"] or "\n" not in before.strip() or _MARKED.search(before)):
            return before
    return text


def _region(text: str, found: re.Match[str]) -> tuple[int, int]:
    """The start and end of what one marker states."""
    start = found.end()
    if found.lastgroup == "boxed":
        return start, _closing_brace(text, start)
    if found.lastgroup == "json":
        return _value(text, start)
    if found.lastgroup == "tag":
        end = _TAG_END.search(text, start)
        return start, end.start() if end else len(text)
    line = _LINE.match(text, start)
    begin, stop = line.span(1) if line else (start, start)
    if "\n" in text[start:begin] and (item := _ITEM.match(text, begin)):
        while item:
            stop, item = item.end(), _ITEM.match(text, item.end())
    end = _TAG_END.search(text, begin, stop)
    return begin, end.start() if end else stop


def _value(text: str, start: int) -> tuple[int, int]:
    """The start and end of a value in JSON: what its quotes or brackets hold, else up to the next comma or brace."""
    closing = {'"': '"', "'": "'", "[": "]"}.get(text[start : start + 1])
    if closing:
        end = text.find(closing, start + 1)
        return start + 1, end if end >= 0 else len(text)
    end = min((place for place in (text.find(mark, start) for mark in ",}\n") if place >= 0), default=len(text))
    return start, end


def _closing_brace(text: str, start: int) -> int:
    """Where the brace that was opened before `start` closes; the end of the line where it never does."""
    # A blanked wrapper (\text{) has lost its brace, so the first brace that closes may be the wrapper's: no matter.
    depth = 1
    stop = min(len(text), start + _REACH)
    for index in range(start, stop):
        depth += (text[index] == "{") - (text[index] == "}")
        if depth == 0 or text[index] == "\n":
            return index
    return stop


def whole_answer(part: Part) -> Extraction | None:
    """The words of a part as they stand, or None where there are none."""
    found = tokens(part.folded.text)
    if not found:
        return None
    return Extraction(join(token.text for token in found), part.rule, part.span(found[0].start, found[-1].end))
