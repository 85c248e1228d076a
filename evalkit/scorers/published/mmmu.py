"""The multiple-choice rule of MMMU's own evaluation, as two codebases have it today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from evalkit.scorers.published._choices import DRAW, chosen, letters
from evalkit.scorers.published._medevalkit_text import BOX, NONE, TAG, boxed, tag
from evalkit.scorers.published.base import Published
from evalkit.types import Response, Sample, Score

ENDS = ",.!?;:'"
FEW_WORDS = 5


@dataclass(frozen=True)
class Mmmu(Published):
    """1 where the option that the response names, or the last of those that it names, is the gold.

    Named is a letter in brackets; else one that stands free; else, in a response of more than five words, an option
    whose text it contains. lmms-eval asks a free letter only to be followed by a space, or else by a full stop, so
    that "CT-A " names A; where several are found so and none has a space before it too, the first option is chosen.
    MedEvalKit asks for a space on both sides, and looks into the tag and the box first. What names no option is drawn.
    """

    source: ClassVar[str] = (
        "EvolvingLMMs-Lab/lmms-eval @75571cf, lmms_eval/tasks/_task_utils/mmmu_mcq_utils.py (MIT); "
        "alibaba-damo-academy/MedEvalKit @9b12e3b, utils/MMMU/eval_val.py, eval_utils.py (no licence file)"
    )
    joint: ClassVar[str] = "_"
    choices: ClassVar[tuple[str, ...]] = (
        *("lmms.choice", "lmms.random", "lmms.correct"),
        *("medevalkit.choice", "medevalkit.random", "medevalkit.correct"),
    )

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """`lmms.correct` and `medevalkit.correct`; neither where it would need options' texts that are not there."""
        marks = {
            "lmms.correct": _mark(sample, _spaced(response.text), attached=True),
            "medevalkit.correct": _mark(sample, _spaced(_opened(response.text).strip()), attached=False),
        }
        return {name: mark for name, mark in marks.items() if mark is not None}

    def details(self, score: Score) -> Mapping[str, object]:
        """The choice, and whether it would be drawn."""
        return {"choice": score.answer or None, "random": score.bucket == "random"}


def _opened(text: str) -> str:
    """What is tagged, and of that what is boxed; and once more, where a box that has no end gives the word `None`."""
    if TAG in text:
        text = tag(text)
    if BOX in text and (inside := boxed(text)) != NONE:
        text = inside
    if TAG in text:
        return tag(text)
    return boxed(text) if BOX.rstrip("{") in text else text


def _spaced(text: str) -> str:
    """The text between two spaces, without the marks at its ends; they go in turn, so that not all may be gone."""
    for mark in ENDS:
        text = text.strip(mark)
    return f" {text} "


def _mark(sample: Sample, text: str, *, attached: bool) -> Score | None:
    """The mark of the option that the text names, or the draw; None where only options' texts could tell.

    `attached` asks a letter only to be followed by a space, or else by a full stop.
    """
    named = letters(sample)
    if found := [letter for letter in named if f"({letter})" in text]:
        return chosen(sample, _last(found, [text.rfind(f"({letter})") for letter in found]), "brackets")
    if attached:
        found = [letter for letter in named if f"{letter} " in text] or [
            letter for letter in named if f"{letter}." in text
        ]
    else:
        found = [letter for letter in named if f" {letter} " in text]
    if found:
        return chosen(sample, _last(found, [text.rfind(f" {letter} ") for letter in found]), "letter")
    if len(text.split()) <= FEW_WORDS:
        return DRAW
    if not sample.options:
        return None
    lowered = text.lower()
    starts = [lowered.rfind(option.lower()) for option in sample.options]
    return chosen(sample, _last(named, starts), "text") if max(starts) >= 0 else DRAW


def _last(named: Sequence[str], starts: Sequence[int]) -> str:
    """The letter with the greatest start, the first of several."""
    return named[starts.index(max(starts))]
