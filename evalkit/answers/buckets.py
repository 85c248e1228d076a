"""Answers that are none: blank ones, refusals, and reasoning that was cut off."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from evalkit.answers.final import Part, final_part
from evalkit.answers.text import fold, has_words, normalise
from evalkit.types import Bucket, Response, Score

_REFUSING = frozenset({"content_filter", "refusal", "safety", "blocked", "prohibited_content", "recitation"})

_CUE = re.compile(
    r"sorry|apolog|cannot|can't|can not|unable|not able|won't|will not|declin|not possible|impossible|"
    r"i do not|i don't|not (?:qualified|allowed|permitted)|no (?:image|picture)|not (?:attached|provided)|please|"
    r"抱歉|对不起|不好意思|无法|不能|没有办法|没法",
    re.IGNORECASE,
)
_SORRY = r"(?:(?:i'm|i am|we're|we are)\s+(?:(?:so|very|really|truly|deeply)\s+)?(?:sorry|afraid)(?:\s+that)?|sorry"
_OPENING = (
    r"^\W*(?:(?:human|assistant|response|output)\s*:\s*)?(?:" + _SORRY + r"|(?:my\s+)?apologies|i\s+apologi[sz]e|"
    r"unfortunately|as\s+an?\s+[^,.]{0,80}?(?=,|\bi\b)|(?:based\s+on|from|given|without|with|in)\s+[^,.]{0,80}(?=,)|but|however|"
    r"and)[\s,;.!:-]*){0,4}"
)
_CANNOT = (
    r"(?:i\s*(?:'m|\s+am)?\s+(?:(?:really|currently|simply|also|just|still)\s+)?)?"
    r"(?:cannot|can't|can\s+not|couldn't|could\s+not|unable\s+to|not\s+able\s+to|won't|will\s+not|decline\s+to|"
    r"must\s+decline\s+to|(?:do\s+not|don't)\s+have\s+the\s+(?:ability|capability|capacity)\s+to|"
    r"not\s+(?:qualified|allowed|permitted|authori[sz]ed)\s+to)\s+(?:(?:really|directly|accurately|definitively|"
    r"reliably|currently|safely|confidently|conclusively|actually|be\s+able\s+to)\s+)*"
)
_HELP = (
    r"(?:assist|help|comply|fulfil|answer|respond|diagnose|provide|offer|give|engage|participate|discuss|"
    r"interpret\s+(?:medical|this|the|an|these)|make\s+(?:an?|any|medical|that|this)\b)"
)
_PICTURE = (
    r"(?:view|see|access|open|process|display|read|analy[sz]e)\s+(?:(?:the|this|that|your|any|an|medical|provided|"
    r"attached|actual|mri|ct)\s+)*(?:images?|pictures?|photos?|files?|attachments?|x-rays?|scans?|visuals?)"
)
_TELL = r"(?:determine|tell|confirm|verify|conclude|say|comment|analy[sz]e|evaluate|assess|be\s+determined)"
_DECLINES = re.compile(
    _OPENING + r"(?:" + _CANNOT + rf"(?:{_HELP}|{_PICTURE}|{_TELL})|(?:it\s+is|it's)\s+(?:not\s+possible|impossible)"
    r"\s+to\s+(?:determine|tell|say|provide|diagnose|assess|answer)|i\s+(?:do\s+not|don't)\s+(?:have\s+access\s+to|see)"
    r"\s+(?:the|any|an|this|your)?\s*(?:actual\s+|medical\s+)?(?:image|picture|photo)s?"
    r"|(?:there\s+(?:is|was)\s+)?no\s+(?:image|picture|scan)s?\s+(?:(?:is|was|has\s+been|were)\s+)?(?:attached|provided|"
    r"uploaded|given|shared)|(?:the|your)\s+(?:image|picture|scan)\s+(?:is|was|has)\s+(?:not|n't)\s+(?:been\s+)?(?:attached|"
    r"provided|uploaded|given|shared)|please\s+(?:upload|provide|attach|share|send)\s+(?:me\s+)?(?:the|an|a|your)\s+"
    r"(?:\w+\s+){0,2}(?:image|picture|scan))(?![A-Za-z])",
    re.IGNORECASE,
)
_NO_HELP = re.compile(r"^\W*no\W+" + _CANNOT + _HELP + r"(?![A-Za-z])", re.IGNORECASE)
_ONLY_SORRY = re.compile(r"^\W*" + _SORRY + r"|(?:my\s+)?apologies|i\s+apologi[sz]e)\W*$", re.IGNORECASE)
_CHINESE = re.compile(
    r"^\W*(?:作为[^,，。]{0,30}[,，]\s*)?(?:"
    r"(?:(?:很|非常|十分)?(?:抱歉|对不起|不好意思|遗憾)[\s,，。!！:]*(?:但|但是)?(?:作为[^,，。]{0,30}[,，]\s*)?我?|我)"
    r"(?:目前|暂时|并)?(?:无法|不能|没有办法|没法|不可以|不便)|(?:目前|暂时)?无法(?=判断|确定|回答|提供|诊断|查看))"
    r"(?:为您|给您|直接|准确|在此)*+(?:(?:对|根据|从|仅凭|通过)[^,，。]{0,12}?)?(?:直接|准确)?(?:提供|回答|协助|帮|诊断|判断|确定|确认|查看|看到(?:图|影|这|您)|分析|识别|"
    r"解读|给出|评估|完成|满足|做出|作出|得出)"
)
_CHINESE_SORRY = re.compile(r"^\W*(?:很|非常|十分)?(?:抱歉|对不起|不好意思)\W*$")
# What turns the sentence round: "I can't be sure, but it looks like an effusion", "…, so no".
_TURNS = re.compile(
    r"\b(?:but|however|nevertheless|that said|although)\b[\s,:]*+(?:based\s+on\s+[^,.]{0,60},\s*)?(?:it\s+(?:appears|"
    r"seems|looks|is)|there\s+(?:is|are)|i(?:'d|\s+(?:can|do|would|will))?\s+(?:see|observe|note|say|guess|choose|select|pick|"
    r"answer|estimate)|the\s+\w+|(?:yes|no|\(?(?-i:[A-Z])\)?)\W*$)|\b(?:so|therefore|thus|hence)\b[\s,:]*+(?:\w+\s+){0,4}?"
    r"(?:yes|no)\W*$|(?:所以|因此|但是?)[^。]{0,12}(?:是|否|有|没有|不是|显示|可见)",
    re.IGNORECASE,
)


def bucket_of(response: Response) -> Bucket | None:
    """`refused`, `blank`, or None where there is something to mark.

    The provider's own flag or finish reason refuses; so does a text that opens by declining: to help, to look at the
    picture, or to tell. "I cannot see a fracture, so no." is an answer: what it cannot see is a finding. Blank is a
    text without a letter or digit.
    """
    found = stated(response)
    return found.bucket if isinstance(found, Score) and found.bucket != "unparsed" else None


def stated(response: Response, options: Sequence[str] = ()) -> Part | Score:
    """The part of a response that states its answer, or the 0 of one that no rule can mark, in its bucket.

    Where one of the options itself declines ("Cannot be determined"), an answer that spells it out is no refusal.
    """
    if response.refused or response.finish_reason.casefold() in _REFUSING:
        return Score(0.0, bucket="refused", reason="the provider says that the model refused")
    part = _read(response.text)
    if isinstance(part, Part) and _declines(part.folded.text) and not _spells(part, options):
        return Score(0.0, bucket="refused", reason="the answer declines to answer")
    return part


# Pure, and asked by every scorer in turn for the same answer.
@lru_cache(maxsize=8)
def _read(text: str) -> Part | Score:
    """The part that states the answer, or the 0 of a text that has none."""
    if not has_words(text):
        return Score(0.0, bucket="blank", reason="the answer is blank")
    part = final_part(text)
    if part is None:
        return unparsed("the reasoning was cut off before an answer")
    return part if has_words(part.text) else unparsed("nothing follows the reasoning")


@lru_cache(maxsize=8)
def _declines(plain: str) -> bool:
    """Whether a folded text declines to answer and says nothing else."""
    if _CUE.search(plain) is None:
        return False
    if _ONLY_SORRY.search(plain) or _CHINESE_SORRY.search(plain) or _NO_HELP.search(plain):
        return True
    found = _DECLINES.search(plain) or _CHINESE.search(plain)
    return found is not None and _TURNS.search(plain, found.end()) is None


def _spells(part: Part, options: Sequence[str]) -> bool:
    """Whether a part holds the words of an option that itself declines."""
    said = f" {normalise(part.text)} "
    return any(_declines(fold(option).text) and f" {normalise(option)} " in said for option in options)


def unparsed(reason: str) -> Score:
    """The 0 of an answer that could not be read, with the reason."""
    return Score(0.0, bucket="unparsed", reason=reason)
