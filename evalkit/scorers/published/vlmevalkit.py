"""The multiple-choice rule of VLMEvalKit, without the language model that it asks where its rules find nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from evalkit.scorers.published._choices import chosen, letters
from evalkit.scorers.published.base import Published
from evalkit.types import Response, Sample, Score

FAILED = "Failed to obtain answer via API"
DECLINED = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
NONE_OF_THEM = "Z"
MARKS = ".()[],:;!*#{}"
LAST_WORDS = 4
STATED = re.compile(r"answer\s+is\s+\**\s*([A-D])", re.IGNORECASE)
NOTHING = Score(0.0, bucket="unparsed", reason="the rules find no option")


@dataclass(frozen=True)
class VLMEvalKit(Published):
    """1 where the option that the rules find is the gold.

    A stock phrase of refusal chooses Z. The one option letter that is a word of its own is the choice, but only if it
    first occurs among the last four words; where there is none, the word Z. Else the letter after "answer is" that is
    one of A to D, and be it the first of a word: "the answer is because" chooses B. Else the one option whose text the
    response contains, unless the response is longer than twice all options together. What is left goes to a language
    model there, and is wrong here, as it is there without one.
    """

    source: ClassVar[str] = "open-compass/VLMEvalKit @e8e78f0, vlmeval/utils/matching_util.py (Apache-2.0)"
    choices: ClassVar[tuple[str, ...]] = ("choice", "to_llm", "correct")

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """`correct`; none where the options' texts would be needed and are not there."""
        mark = None if FAILED in response.text else _by_letter(sample, response.text)
        if mark is None and sample.options:
            mark = _by_text(sample, response.text)
        return {} if mark is None else {"correct": mark}

    def details(self, score: Score) -> Mapping[str, object]:
        """The choice, and whether a language model would be asked for it."""
        return {"choice": score.answer or None, "to_llm": not score.answer}


def _by_letter(sample: Sample, text: str) -> Score | None:
    """The mark of a refusal, or of the letter that the response names; None where there is neither."""
    if any(phrase in text for phrase in DECLINED):
        return chosen(sample, NONE_OF_THEM, "refusal")
    spaced = text
    for mark in MARKS:
        spaced = spaced.replace(mark, " ")
    words = spaced.split()
    present = set(words)
    named = [letter for letter in letters(sample) if letter in present]
    if len(named) == 1 and words.index(named[0]) >= len(words) - LAST_WORDS:
        return chosen(sample, named[0], "letter")
    if not named and NONE_OF_THEM in present:
        return chosen(sample, NONE_OF_THEM, "letter")
    stated = STATED.search(text)
    if stated and (letter := stated.group(1).upper()) in letters(sample):
        return chosen(sample, letter, "answer is")
    return None


def _by_text(sample: Sample, text: str) -> Score:
    """The mark of the one option that the response contains."""
    if len(text) > 2 * sum(map(len, sample.options)):
        return NOTHING
    lowered = text.lower()
    held = [letter for letter, option in zip(letters(sample), sample.options, strict=True) if option.lower() in lowered]
    return chosen(sample, held[0], "text") if len(held) == 1 else NOTHING
