"""The multiple-choice rules of a fork of LLaVA-Med, which never look for a letter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from evalkit.scorers.published._choices import nearest
from evalkit.scorers.published.base import Published, gold_of, plain
from evalkit.types import Response, Sample, Score

MOST_WORDS = 4
MOST_CHARACTERS = 200

_MARK = re.compile(r"[^a-zA-Z0-9\s]")


@dataclass(frozen=True)
class LoganBolton(Published):
    """`nearest`: 1 where the option most similar to the response is the gold, so that a bare letter tells nothing.

    `inclusion_or_nearest`: 1 also where all words of a gold of at most four words are words of a response of at most
    200 characters, in any order, and even if it denies them. Case counts only for the similarity.
    """

    source: ClassVar[str] = (
        "LoganBolton/LLaVA-Med @754cc8a, llava/eval/eval_pattern_matching.py (Microsoft Research License)"
    )
    choices: ClassVar[tuple[str, ...]] = ("inclusion_or_nearest", "nearest")

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """Both marks; none without the options' texts."""
        if not sample.options:
            return {}
        best, ratio = nearest(sample.options, response.text)
        similar = ratio > 0 and sample.options[best] == gold_of(sample)
        return {
            "inclusion_or_nearest": plain(similar or _included(gold_of(sample), response.text)),
            "nearest": plain(similar),
        }


def _included(gold: str, text: str) -> bool:
    """Whether a short response holds every word of a short gold."""
    if len(text) > MOST_CHARACTERS:
        return False
    wanted = _MARK.sub("", gold).lower().split()
    return len(wanted) <= MOST_WORDS and set(wanted) <= set(_MARK.sub("", text).lower().split())
