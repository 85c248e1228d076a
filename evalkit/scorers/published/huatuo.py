"""The multiple-choice rule of a fork of HuatuoGPT-Vision: a letter that stands free, else the options' texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from evalkit.scorers.published._choices import chosen, letters, nearest
from evalkit.scorers.published.base import CRASH, Published, plain
from evalkit.types import Response, Sample, Score

# 是 and 为 ("is") are word characters, and the only ones that a letter may follow.
FREE = re.compile(r"[A-Na-n](?!\w)(?<![^\W是为].)(?<![Aa](?= ))")
STAGE = "stage "


@dataclass(frozen=True)
class Huatuo(Published):
    """1 where the letter that is found, as it is written, is the gold's.

    Stage 1: the first letter from a to n, in either case, that stands free; an `a` before a space is the article. The
    pronoun I is an option here, and so is any letter beyond the last option; `b` is not B. Stage 2: of the options
    that the response contains, without regard to case, the one that it mentions last. Stage 3: the most similar one,
    the last of several, so that an empty answer chooses the last option.

    `fork_caller` is what the fork's own program gives: it hands over the wrong argument and ends in an exception
    wherever stage 1 finds nothing. Without the options' texts there is stage 1 only, and no `fork_caller`.
    """

    source: ClassVar[str] = "xk-huang/HuatuoGPT-Vision @dc72323, scorer.py match_choice3 (no licence)"
    choices: ClassVar[tuple[str, ...]] = ("choice", "stage", "correct", "fork_caller")

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """`correct` and `fork_caller`."""
        found = FREE.search(response.text)
        if found:
            mark = chosen(sample, found.group(), f"{STAGE}1")
            return {"correct": mark, "fork_caller": plain(mark.value)} if sample.options else {"correct": mark}
        return {"correct": _by_text(sample, response.text), "fork_caller": CRASH} if sample.options else {}

    def details(self, score: Score) -> Mapping[str, object]:
        """The choice and the number of the stage that made it; of the caller's mark nothing."""
        if not score.rule:
            return {}
        return {"choice": score.answer, "stage": int(score.rule.removeprefix(STAGE))}


def _by_text(sample: Sample, text: str) -> Score:
    """Stages 2 and 3."""
    lowered = text.lower()
    options = [option.lower() for option in sample.options]
    starts = [lowered.rfind(option) for option in options]
    latest = max(starts)
    if latest >= 0:
        return chosen(sample, letters(sample)[starts.index(latest)], f"{STAGE}2")
    return chosen(sample, letters(sample)[nearest(options, lowered, last=True)[0]], f"{STAGE}3")
