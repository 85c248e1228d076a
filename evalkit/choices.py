"""Multiple choice as data sets write it: letters, prefixes and lists, and what cannot be asked with them."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from string import ascii_uppercase
from typing import Final

from evalkit.answers.text import fold

QUARANTINE: Final = "quarantine"
"""The key of a row that cannot be asked: its value says why, in words that tell nothing of the data."""

YES_NO: Final = ("yes", "no")
_HEAD = re.compile(r"\s*([A-Z])\s*:\s*")
# "Both A and B", "None of the above": an option that speaks of others has its place among them. The letter A at the
# start may be the article ("A nodule"), and X-ray is a word.
_SPEAKS = re.compile(
    r"(?!^A (?!and\b|or\b))\b(?P<letter>[A-Z])\b(?!-)|\b(?i:above|below|following|options?|choices?)\b"
)
_LONGEST_LIST = 100_000


def offered(
    row: Mapping[str, object], options: Sequence[object], answer: object, *, distinct: bool = False
) -> Mapping[str, object]:
    """The row with its `options` and, as `answer`, the option that is right; or with the reason why it cannot be asked.

    Spaces, width and case tell no options apart, nor does punctuation at the end. With `distinct` wrong options may not
    repeat one another either.
    """
    texts = tuple(" ".join(str(option).split()) for option in options)
    spellings = [_spelling(text) for text in texts]
    wanted = _spelling(str(answer))
    right = [text for text, spelling in zip(texts, spellings, strict=True) if spelling == wanted]
    reason = ""
    if len(texts) < 2:
        reason = "it offers no options"
    elif not all(spellings):
        reason = "one of its options is empty"
    elif not right:
        reason = "its answer is none of its options"
    elif len(right) > 1:
        reason = "its answer stands twice among its options"
    elif distinct and len(set(spellings)) < len(spellings):
        reason = "two of its options are the same"
    made = {**row, "options": texts, "answer": right[0] if right else answer}
    return quarantined(made, reason) if reason else made


def quarantined(row: Mapping[str, object], reason: str) -> Mapping[str, object]:
    """The row with the reason why it cannot be asked, unless it has one already."""
    return {**row, QUARANTINE: row.get(QUARANTINE) or reason}


def yes_or_no(rows: Iterable[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
    """Those of the rows whose `answer` is yes or no, with these two as options, in this order."""
    for row in rows:
        if _spelling(str(row["answer"])) in YES_NO:
            yield offered(row, YES_NO, row["answer"])


def lettered(
    row: Mapping[str, object],
    choices: Sequence[object],
    letter: object,
    answer: object = "",
    *,
    distinct: bool = True,
) -> Mapping[str, object]:
    """The row of a question whose gold is a letter and whose choices may be headed `A:`, `B:` …, without these heads.

    What cannot be asked: a letter that is none of a choice, a choice that is headed by another's letter, choices
    that are empty or the same, and an `answer` in words, where there is one, that is not the lettered choice.
    """
    letters = ascii_uppercase[: len(choices)]
    label = str(letter).strip()
    if len(label) != 1 or label not in letters:
        return quarantined(row, "its label is no letter of a choice")
    heads = [_HEAD.match(str(choice)) for choice in choices]
    if any(head and head[1] in letters and head[1] != own for head, own in zip(heads, letters, strict=True)):
        return quarantined(row, "a choice is headed by another choice's letter")
    texts = [
        str(choice)[head.end() :] if head and head[1] in letters else str(choice)
        for choice, head in zip(choices, heads, strict=True)
    ]
    place = letters.index(label)
    made = offered(row, texts, texts[place], distinct=distinct)
    if _spelling(str(answer)) not in ("", _spelling(texts[place])):
        return quarantined(made, "its label and its answer in words are two choices")
    return made


def literal_list(text: object) -> list[str] | None:
    """The list of texts that a value is, or that it spells as a Python list does; None where it is neither."""
    found = text
    if isinstance(text, str) and len(text) <= _LONGEST_LIST:
        try:
            found = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None
    if not isinstance(found, list | tuple) or not all(isinstance(each, str) for each in found):
        return None
    return list(found)


def shuffled(options: Sequence[str], key: str) -> tuple[str, ...]:
    """The options in an order that `key` alone decides (sha256, so the same everywhere).

    They stay as they are where one of them speaks of others ("Both A and B", "None of the above").
    """
    letters = ascii_uppercase[: len(options)]
    if any((found["letter"] or "A") in letters for option in options for found in _SPEAKS.finditer(option)):
        return tuple(options)

    def drawn(place: int) -> bytes:
        return hashlib.sha256(f"{key}\n{place}".encode()).digest()

    return tuple(options[place] for place in sorted(range(len(options)), key=drawn))


def _spelling(text: str) -> str:
    """A text by which options are told apart."""
    return " ".join(fold(text).text.casefold().split()).rstrip(" .,;:")
