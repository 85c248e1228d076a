"""MedEvalKit's marks for VQA-RAD, SLAKE and multiple choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from evalkit.scorers.published import _medevalkit_choice
from evalkit.scorers.published._medevalkit_text import opened, parse
from evalkit.scorers.published._overlap import bleus, rouge_raises, rouges
from evalkit.scorers.published.base import CRASH, Published, data_set, gold_of, is_choice, is_closed, plain
from evalkit.types import Response, Sample, Score

POLAR = frozenset({"yes", "no"})
OPEN = ("em", "bleu1", "bleu2", "bleu3", "bleu4", "rouge1", "rouge2", "rougel", "precision", "recall", "f1")


@dataclass(frozen=True)
class Medevalkit(Published):
    """The marks of the data sets' classes, with the language model that would judge switched off.

    First what is boxed or tagged is taken out of the response. `vqa_rad`, whose mean over all rows is the "total acc":
    a gold of yes or no must be held by the answer and the other word must not, letters inside other words included;
    any other gold is marked by `em`. `slake` goes by the label: an OPEN row is marked by `em`; a CLOSED one by yes or
    no only where the gold is so in lower case, else by equality without full stops. `closed` is the mark of the data
    set's class on the rows that it counts as closed, the "closed acc" of its metrics file; ours is only the name.

    The other marks are of the rows that go the open way: in the class of `data` "slake" those labelled OPEN, else those
    whose gold is not yes or no. `em` is equality with the lowered gold: a final full stop, or the space after "answer
    is", makes it 0. Three names are permuted in the original and kept: `precision` holds F1, `recall` precision,
    `f1` recall, over sets of words. On the open way an answer without words ends the original program, and so does one
    sentence of a thousand words. What its metrics file calls open acc is divided by the number of open rows twice.
    """

    data: Literal["vqa_rad", "slake"] | None = None
    judge: Literal["off"] = "off"

    source: ClassVar[str] = (
        "alibaba-damo-academy/MedEvalKit @9b12e3b, utils/utils.py, utils/VQA_RAD/VQA_RAD.py, utils/SLAKE/SLAKE.py, "
        "utils/OmniMedVQA/OmniMedVQA.py (no licence file)"
    )
    texts: ClassVar[tuple[str, ...]] = ("vqa_rad", "slake", "closed", *OPEN)
    choices: ClassVar[tuple[str, ...]] = ("choice", "correct")

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """The marks of both classes, and those that the class of `data` gives such a row."""
        if is_choice(sample):
            chosen = _medevalkit_choice.score(sample, response.text)
            return {} if chosen is None else {"correct": chosen}
        gold, said = gold_of(sample), opened(response.text)
        lowered, bare = gold.lower(), gold.strip().lower()
        answer = parse(said)
        stripped = answer if said == said.strip() else parse(said.strip())
        polar, closed = bare in POLAR, is_closed(sample)
        rad = plain(_says(stripped, bare)) if polar else _exact(stripped, bare)
        if not closed:
            slake = _exact(answer, lowered)
        else:
            slake = plain(_says(answer, gold) if gold in POLAR else _unstopped(answer) == lowered)
        if data_set(sample, self.data) == "slake":
            return {"slake": slake, "vqa_rad": rad, **({"closed": slake} if closed else _open(answer, lowered))}
        return {"vqa_rad": rad, "slake": slake, **({"closed": rad} if polar else _open(stripped, bare))}

    def details(self, score: Score) -> Mapping[str, object]:
        """What was chosen, of a choice."""
        return _medevalkit_choice.details(score)


def _unstopped(answer: str) -> str:
    return answer.replace("\n", "").replace(".", "")


def _says(answer: str, gold: str) -> bool:
    """Whether an answer holds the gold of yes and no, and not the other."""
    text = _unstopped(answer)
    return gold in text and ("yes" in text) != ("no" in text)


def _crashes(answer: str, gold: str) -> bool:
    """Whether the open way ends in an exception: in the package `rouge`, or dividing by a number of words."""
    return not answer.strip() or not gold.strip() or rouge_raises(answer, gold)


def _exact(answer: str, gold: str) -> Score:
    return CRASH if _crashes(answer, gold) else plain(answer == gold)


def _open(answer: str, gold: str) -> dict[str, Score]:
    """The marks of the open way, by the original's names."""
    if _crashes(answer, gold):
        return dict.fromkeys(OPEN, CRASH)
    values = (
        float(answer == gold),
        *bleus(answer.replace(".", " .").split(" "), gold.replace(".", " .").split(" ")),
        *rouges(answer, gold),
        *_sets(set(answer.split()), set(gold.split())),
    )
    return {name: plain(value) for name, value in zip(OPEN, values, strict=True)}


def _sets(said: set[str], wanted: set[str]) -> tuple[float, float, float]:
    """F1, precision and recall, in the order in which the original names them precision, recall and F1."""
    both = len(said & wanted)
    return (2 * both / (len(said) + len(wanted)), both / len(said), both / len(wanted)) if both else (0.0, 0.0, 0.0)
