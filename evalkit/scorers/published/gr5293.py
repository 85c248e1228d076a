"""The marks of a study of fine-tuned models on VQA-RAD."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from evalkit.scorers.published._cleaning import unpunctuated
from evalkit.scorers.published._overlap import bleu1, rouge_l, token_f1
from evalkit.scorers.published.base import Published, gold_of, is_choice, is_closed, plain
from evalkit.types import Response, Sample, Score

_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Gr5293(Published):
    """Equality for every row, and overlap of words for the open ones, in lower case without ASCII punctuation.

    The published closed and overall "EM" are the means of `exact_match` over the closed and over all rows, the open
    "F1" that of `f1` over the open ones. A space that deleted punctuation leaves at an end makes texts unequal. Its
    intervals are percentiles of the means of 10,000 draws of rows, with the generator `default_rng(42)` of numpy.
    """

    source: ClassVar[str] = (
        "qiujunzhang03-7/GR5293-peft-medical-vqa @b924dac, src/evaluation/metrics.py, statistical_tests.py (MIT)"
    )
    texts: ClassVar[tuple[str, ...]] = ("exact_match", "f1", "bleu1", "rougeL")

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """One mark for a closed row, four for an open one."""
        if is_choice(sample):
            return {}
        gold, said = _gold(gold_of(sample)), normalise(response.text)
        exact = {"exact_match": plain(said == gold)}
        if is_closed(sample):
            return exact
        words, wanted = said.split(), gold.split()
        return exact | {
            "f1": plain(token_f1(words, wanted) if words or wanted else 1),
            "bleu1": plain(bleu1(words, wanted)),
            "rougeL": plain(rouge_l(said, gold, stemmed=False)),
        }


def normalise(text: str) -> str:
    """A text as the original compares it: white space at the ends goes first, punctuation after it."""
    return _SPACE.sub(" ", unpunctuated(text.lower().strip()))


@lru_cache(maxsize=4096)
def _gold(gold: str) -> str:
    return normalise(gold)
