"""The multiple-choice rule of MedEvalKit."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.scorers.published._choices import chosen, letters, nearest
from evalkit.scorers.published._medevalkit_text import parse, tag
from evalkit.types import Sample, Score


def score(sample: Sample, text: str) -> Score | None:
    """1 where the chosen option is the gold; None where the options' texts are needed and are not there.

    The choice is the letter that stands alone before the first full stop, or between that and the last colon before
    it; else the option most similar to the whole answer, so that "Option b" is read as a text, and an empty answer
    chooses A.
    """
    named = [letter.lower() for letter in letters(sample)]
    answer = parse(_alone(tag(text).lower(), named)).strip().lower().replace("\n", "")
    head = answer.partition(".")[0].rpartition(":")[2]
    if head in named:
        return chosen(sample, letters(sample)[named.index(head)], "letter")
    if not sample.options:
        return None
    options = [f"{letter}. {option.lower()}" for letter, option in zip(named, sample.options, strict=True)]
    return chosen(sample, letters(sample)[nearest(options, answer)[0]], "nearest")


def details(score: Score) -> Mapping[str, object]:
    """The choice, which every mark of this rule has, and no other mark."""
    return {"choice": score.answer} if score.answer else {}


def _alone(text: str, named: list[str]) -> str:
    """The letter that is all of the first paragraph, or of the last one's first sentence; else the text."""
    first = text.partition("\n\n")[0]
    if first in named:
        return first
    last = text.rpartition("\n\n")[2].partition(".")[0]
    return last if last in named else text
