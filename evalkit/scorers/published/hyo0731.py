"""The mark of a benchmark of HuatuoGPT-Vision for VQA-RAD and SLAKE."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from evalkit.scorers.published.base import Published, gold_of, is_choice, is_closed, plain
from evalkit.types import Response, Sample, Score

_MARK = re.compile(r"[^\w\s]")


@dataclass(frozen=True)
class Hyo0731(Published):
    """One mark, the mean of which over all rows, or over those of a label, is the published number.

    CLOSED: 1 where one text holds the other, without case and punctuation, letters inside words included; which of them
    does not matter, so that the empty response earns 1 and a lone letter of the gold too. OPEN: how many of the gold's
    parts, which commas separate, the response has as whole words, in the singular or in the plural, whichever the gold
    has; rounded to four decimals.
    """

    source: ClassVar[str] = (
        "hyo0731/HuatuoGPT-Vision-Bench @d992ea5, scripts/eval_vqarad.py, scripts/eval_slake.py (no licence)"
    )
    texts: ClassVar[tuple[str, ...]] = ("",)

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """The one mark, which has no name of its own."""
        if is_choice(sample):
            return {}
        gold, said = gold_of(sample), normalise(response.text)
        if is_closed(sample):
            wanted = _closed_gold(gold)
            return {"": plain(wanted in said or said in wanted)}
        parts = _parts(gold)
        found = sum(any(_stands(word, said) for word in words) for words in parts)
        return {"": plain(round(found / len(parts), 4))}


def normalise(text: str) -> str:
    """A text in lower case without what is neither a word's character nor white space."""
    return _MARK.sub("", text.strip().lower()).strip()


@lru_cache(maxsize=4096)
def _closed_gold(gold: str) -> str:
    return normalise(gold)


@lru_cache(maxsize=4096)
def _parts(gold: str) -> tuple[tuple[str, ...], ...]:
    """The gold's parts, each with its variants; a part without a word has none, counts, and is never found."""
    return tuple(tuple(_variants(part)) if part else () for part in map(normalise, gold.split(",")))


def _variants(part: str) -> Iterable[str]:
    """A part as it is, and in the singular or the plural as the original forms them."""
    yield part
    if part.endswith("ies"):
        yield part[:-3] + "y"
    elif part.endswith("es") and len(part) > 3:
        yield from (part[:-2], part[:-1])
    elif part.endswith("s") and len(part) > 2:
        yield part[:-1]
    else:
        yield from (part + "s", part + "es")


def _stands(word: str, text: str) -> bool:
    """Whether a text has a word, or several, between word boundaries."""
    return word in text and re.search(rf"\b{re.escape(word)}\b", text) is not None
