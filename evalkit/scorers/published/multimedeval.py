"""MultiMedEval's marks for visual questions, and for MedQA's choices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from evalkit.scorers.published import _multimedeval_choice
from evalkit.scorers.published._cleaning import clean, clean_gold
from evalkit.scorers.published._overlap import SMALL, bleu1_single
from evalkit.scorers.published.base import Published, gold_of, is_choice, plain
from evalkit.types import Response, Sample, Score

ENOUGH = 0.75


@dataclass(frozen=True)
class Multimedeval(Published):
    """Sets of words after the cleaning of the VQA v2 evaluation.

    `closed` goes by the gold and not by the label: where the cleaned gold is yes or no, 1 if the response has the word
    "yes", or the word "no" or "not"; whatever else it says. `open_accuracy` is of all other rows: 1 where the response
    has three quarters of the gold's words. `recall`, `f1` and `bleu1` are of every row. Each is averaged over the rows
    that have it; the published closed and open accuracies are those two.
    """

    source: ClassVar[str] = "corentin-ryr/MultiMedEval @d9ac283, task_families.py, utils.py, qa.py (MIT)"
    texts: ClassVar[tuple[str, ...]] = ("closed", "open_accuracy", "recall", "f1", "bleu1")
    choices: ClassVar[tuple[str, ...]] = ("choice", "correct")

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """Closed or open accuracy, and the three marks of every row; of a choice whether it is right."""
        if is_choice(sample):
            chosen = _multimedeval_choice.score(sample, response.text)
            return {} if chosen is None else {"correct": chosen}
        gold = clean_gold(gold_of(sample).strip())
        words, wanted = clean(response.text.lower()).split(), gold.split()
        said, bag = set(words), set(wanted)
        both = len(said & bag)
        precision, recall = (both / len(said), both / len(bag)) if both else (0.0, 0.0)
        if gold in ("yes", "no"):
            accuracy = {"closed": plain(bool(both) or (gold == "no" and "not" in said))}
        else:
            accuracy = {"open_accuracy": plain(recall >= ENOUGH)}
        return accuracy | {
            "recall": plain(recall),
            "f1": plain(2 * precision * recall / (precision + recall + SMALL)),
            "bleu1": plain(bleu1_single(words, wanted)),
        }

    def details(self, score: Score) -> Mapping[str, object]:
        """What was chosen, of a choice."""
        return _multimedeval_choice.details(score)
