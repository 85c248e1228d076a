"""LLaVA-Med's marks for closed and open questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from evalkit.scorers.published._cleaning import clean, clean_gold
from evalkit.scorers.published.base import Published, gold_of, is_choice, is_closed, plain
from evalkit.types import Response, Sample, Score


@dataclass(frozen=True)
class LlavaMed(Published):
    """Word overlap and substrings after the cleaning of the VQA v2 evaluation. Choices are not marked.

    The paper's "Closed" is the mean of `run_eval_closed` over the rows labelled CLOSED, its "Open" that of `recall`
    over the others. `run_eval_closed` is 1 where the response holds the letters "yes" or "no", inside "normal" too,
    and the gold: a closed gold that is neither needs them as well. `run_eval_batch_closed` and
    `run_eval_batch_open` ask for the gold alone. `exact_match` is how many different gold words were said, by the
    number of words of the response: a part of the answer alone can earn 1. For `precision` and `recall` a shared word
    counts as often as the response says it, so saying it twice makes up for a word that is lacking. The open accuracy
    over a list of candidates is left out: the list is unpublished.
    """

    source: ClassVar[str] = (
        "microsoft/LLaVA-Med @b9a98a7, llava/eval/run_eval.py, run_eval_batch.py, eval_metrics/ "
        "(Microsoft Research License)"
    )
    texts: ClassVar[tuple[str, ...]] = (
        *("run_eval_closed", "run_eval_batch_closed"),
        *("recall", "f1", "precision", "exact_match", "run_eval_batch_open"),
    )

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """Two marks for a row labelled CLOSED, five for any other."""
        if is_choice(sample):
            return {}
        gold, said = clean_gold(gold_of(sample)), clean(response.text.lower())
        held = gold in said
        if is_closed(sample):
            polar = "yes" in said or "no" in said
            return {"run_eval_closed": plain(polar and held), "run_eval_batch_closed": plain(held)}
        # The original cleans what is already clean, which is not always in vain.
        return _overlap(clean(said).split(), clean_gold(gold).split()) | {"run_eval_batch_open": plain(held)}


def _overlap(said: list[str], wanted: list[str]) -> dict[str, Score]:
    """The four marks that count words."""
    both = set(wanted).intersection(said)
    if not both:
        return dict.fromkeys(("recall", "f1", "precision", "exact_match"), plain(0))
    hits = sum(word in both for word in said)
    lacking = sum(word not in both for word in wanted)
    precision, recall = hits / len(said), hits / (hits + lacking)
    return {
        "recall": plain(recall),
        "f1": plain(2 * precision * recall / (precision + recall)),
        "precision": plain(precision),
        "exact_match": plain(len(both) / len(said)),
    }
