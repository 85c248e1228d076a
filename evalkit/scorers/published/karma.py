"""KARMA's marks for VQA-RAD and SLAKE."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

from evalkit.scorers.published._overlap import token_f1
from evalkit.scorers.published.base import Published, data_set, gold_of, is_choice, plain
from evalkit.types import Response, Sample, Score

MARKER = "Final Answer:"

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Karma(Published):
    """Equality of the lowered texts, and F1 over words; each is averaged over all rows, whatever the label.

    `exact_match`: the response is stripped, the gold is not; "No." is not "no". `exact_match_raw` strips neither. `f1`
    deletes newlines and full stops first, so that the words at both sides of one grow together. `slake_exact_match` and
    `slake_f1` read only what follows the first "Final Answer:" up to a second one, and nothing where there is none: 0
    for whatever was not asked in KARMA's own words. With `data` "vqa_rad" they are not given.
    """

    data: Literal["vqa_rad", "slake"] | None = None

    source: ClassVar[str] = (
        "eka-care/KARMA-OpenMedEvalKit @fe15101, karma/metrics/common_metrics.py, karma/eval_datasets/, "
        "karma/benchmark.py (MIT)"
    )
    texts: ClassVar[tuple[str, ...]] = ("exact_match", "f1", "exact_match_raw", "slake_exact_match", "slake_f1")

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """Three marks for every row, and two in the way of SLAKE."""
        if is_choice(sample):
            return {}
        text, gold = response.text, gold_of(sample).lower()
        said, wanted = text.strip().lower(), _gold_words(gold)
        marks = {
            "exact_match": plain(said == gold),
            "f1": plain(token_f1(_words(said), wanted)),
            "exact_match_raw": plain(text.lower() == gold),
        }
        if data_set(sample, self.data) == "vqa_rad":
            return marks
        final = text.split(MARKER, 2)[1].strip().lower() if MARKER in text else ""
        return marks | {
            "slake_exact_match": plain(final == gold),
            "slake_f1": plain(token_f1(_words(final), wanted) if final else 0),
        }


def _words(text: str) -> list[str]:
    return _WORD.findall(text.replace("\n", "").replace(".", ""))


@lru_cache(maxsize=4096)
def _gold_words(gold: str) -> tuple[str, ...]:
    return tuple(_words(gold))
