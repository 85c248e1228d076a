"""The mark that lmms-eval gives answers to SLAKE."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import ClassVar

from evalkit.scorers.published.base import Published, gold_of, is_choice, plain
from evalkit.types import Response, Sample, Score

BRACKETS = (("(", ")", re.compile(r"\([^)]*\)")), ("（", "）", re.compile(r"（[^）]*）")))
WIDE = "！？｡。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～、《》？【】"
YES = "yes yeah yep true 是 是的 有 包含 可以 能 会 正常"
NO = "no nope false 否 不是 没有 无 不包含 不能 不会 不可以 不正常 异常"

_SPACED = MappingProxyType(str.maketrans(dict.fromkeys(string.punctuation + WIDE, " ")))
_SYNONYMS = MappingProxyType({"x ray": "xray", **dict.fromkeys(YES.split(), "yes"), **dict.fromkeys(NO.split(), "no")})


@dataclass(frozen=True)
class LmmsEval(Published):
    """`slake`: 1 where the whole response and the gold are the same after normalising, whatever the label.

    In lower case, without what stands in brackets, punctuation as spaces; and where nothing is left but one word for
    yes or no, English or Chinese, that is yes or no. A reason after the "yes" makes it wrong; 正常 and 异常 ("normal",
    "abnormal") are yes and no whatever was asked. Its mean over all rows is the published accuracy.
    """

    source: ClassVar[str] = "EvolvingLMMs-Lab/lmms-eval @75571cf, lmms_eval/tasks/slake/utils.py (MIT)"
    texts: ClassVar[tuple[str, ...]] = ("slake",)

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """One mark for every row."""
        if is_choice(sample):
            return {}
        return {"slake": plain(normalise(response.text) == _gold(gold_of(sample)))}


def normalise(text: str) -> str:
    """A text as the original compares it."""
    text = text.strip().lower()
    for opening, closing, pair in BRACKETS:
        if opening in text and closing in text:
            # Behind the last closing bracket there is nothing to find, and looking for it would take long.
            end = text.rindex(closing) + 1
            text = pair.sub(" ", text[:end]) + text[end:]
    text = " ".join(text.translate(_SPACED).split())
    return _SYNONYMS.get(text, text)


@lru_cache(maxsize=4096)
def _gold(gold: str) -> str:
    return normalise(gold)
