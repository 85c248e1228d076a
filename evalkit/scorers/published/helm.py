"""The reference metrics of HELM."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from evalkit.scorers.published._cleaning import unpunctuated
from evalkit.scorers.published._overlap import rouge_l
from evalkit.scorers.published.base import Published, gold_of, is_choice, plain
from evalkit.types import Response, Sample, Score

_ARTICLE = re.compile(r"\b(?:a|an|the)\b")


@dataclass(frozen=True)
class Helm(Published):
    """Equality, beginnings, and overlap of words, each averaged over all rows, whatever the label.

    `exact_match` compares the stripped texts, case included. `quasi_exact_match` compares them in lower case, without
    ASCII punctuation ("X-Ray" is "xray", not "x ray") and articles. The two `prefix` marks ask whether the response
    begins as the gold does: "normal" begins with "no". An empty response earns none of these four. `f1` is over the
    sets of words that are left for the quasi match; `rouge_l` is Google's, with stems, on the texts as they are.
    """

    source: ClassVar[str] = "stanford-crfm/helm @63754d0, evaluate_reference_metrics.py (Apache-2.0)"
    texts: ClassVar[tuple[str, ...]] = (
        *("exact_match", "quasi_exact_match", "prefix_exact_match", "quasi_prefix_exact_match"),
        *("f1", "rouge_l"),
    )

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """Six marks for every row."""
        if is_choice(sample):
            return {}
        text, gold = response.text.strip(), gold_of(sample)
        said, (wanted, bag) = normalise(text), _gold(gold)
        gold = gold.strip()
        answered = bool(text)
        return {
            "exact_match": plain(answered and text == gold),
            "quasi_exact_match": plain(answered and said == wanted),
            "prefix_exact_match": plain(answered and text.startswith(gold)),
            "quasi_prefix_exact_match": plain(answered and said.startswith(wanted)),
            "f1": plain(_f1(frozenset(said.split()), bag)),
            "rouge_l": plain(rouge_l(text, gold, stemmed=True)),
        }


def normalise(text: str) -> str:
    """A text as the quasi marks compare it."""
    text = unpunctuated(text.lower())
    return " ".join(_ARTICLE.sub(" ", text).split())


@lru_cache(maxsize=4096)
def _gold(gold: str) -> tuple[str, frozenset[str]]:
    wanted = normalise(gold)
    return wanted, frozenset(wanted.split())


def _f1(said: frozenset[str], wanted: frozenset[str]) -> float:
    both = len(said & wanted)
    return 2 * both / (len(said) + len(wanted)) if both else 0.0
