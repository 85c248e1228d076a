"""The multiple-choice rule of MultiMedEval."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import exp

from evalkit.scorers.published._choices import gold_letter, letters
from evalkit.scorers.published._cleaning import clean, clean_gold
from evalkit.types import Sample, Score

INVALID = "Invalid answer"
NOTHING = Score(0.0, bucket="unparsed", reason=INVALID)


def score(sample: Sample, text: str) -> Score | None:
    """1 where the option that shares most words with the response, letter included, is the gold.

    What is compared is BLEU-1 against each "A text", both cleaned; the first of several is chosen. The cleaning drops
    the word "a", so that the bare letter A says nothing. Without the options' texts the source's own stored parse and
    mark are repeated, and there is none (None) where these are not there.
    """
    if not sample.options:
        return _stored(sample)
    words, named = clean(text.lower()).split(), letters(sample)
    options = [clean_gold(f"{letter} {option}").split() for letter, option in zip(named, sample.options, strict=True)]
    said = frozenset(words)
    likeness = [_bleu1(words, said.intersection(option), option) for option in options]
    best = max(likeness)
    if not best:
        return NOTHING
    letter = named[likeness.index(best)]
    return Score(float(letter == gold_letter(sample)), letter.lower(), "bleu1")


def details(score: Score) -> Mapping[str, object]:
    """The choice, a lower-case letter, or that there is none in the original's words; of other marks nothing."""
    if not score.answer and score.bucket != "crash":
        return {"choice": INVALID}
    return {"choice": score.answer} if score.answer else {}


def _stored(sample: Sample) -> Score | None:
    """What the source itself kept of this answer."""
    parse, correct = sample.tags.get("published_parse"), sample.tags.get("published_correct", "").lower()
    if not parse or correct not in ("true", "false"):
        return None
    value = float(correct == "true")
    return Score(value, bucket="unparsed", reason=INVALID) if parse == INVALID else Score(value, parse, "stored parse")


def _bleu1(words: Sequence[str], both: Collection[str], option: Sequence[str]) -> float:
    """The share of the response's words that the option has too, less where the response is not the longer one.

    `both` are the words that the two share. The original's single precision puts no two options in another order.
    """
    if not both:
        return 0.0
    shared = sum(min(words.count(word), option.count(word)) for word in both)
    return shared / len(words) * (1.0 if len(words) > len(option) else exp(1 - len(option) / len(words)))
