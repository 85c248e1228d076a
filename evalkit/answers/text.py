"""The words of a text, however it is typed: width, case, hyphens, spaces and markup make no difference."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

_HAN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_WORD = rf"[^\W_{_HAN}]"
# In order: x-ray in any spelling; a decimal; a Chinese or Japanese character; a word with its apostrophes; signs that
# change a meaning (HER2+, 5%, < 3, -2.5). All else is punctuation.
_TOKEN = re.compile(
    rf"(?<![0-9A-Za-z])[xX][\s\-]+[rR][aA][yY][sS]?(?![0-9A-Za-z])|\d+(?:\.\d+)+|[{_HAN}]|{_WORD}+(?:'{_WORD}+)*"
    rf"|(?<={_WORD})\+|%|[<>](?=\s*\d)|(?<!\w)-(?=\d)"
)
_X_RAY = re.compile(r"[\s\-]+")
_BESIDE_HAN = re.compile(rf"(?<=[{_HAN}]) | (?=[{_HAN}])")
_IS_HAN = re.compile(rf"[{_HAN}]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_WRAPPER = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|bf|rm)\s*\{")
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("*_`~\t\r\x0b\x0c\xa0", " "),
        **dict.fromkeys("\u2018\u2019\u02bc\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    }
)


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was read out of a text: the answer, the rule that found it, and where (start, end) in the original text."""

    answer: str
    rule: str
    span: tuple[int, int]


class Token(NamedTuple):
    """One word, case folded, with its place in the folded text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Folded:
    """A text made plain (NFKC, plain quotes and dashes, markup blanked), knowing where each character came from.

    Case is kept, because it tells the letter A from the article. `starts` and `ends` are empty where positions agree.
    """

    text: str
    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the original text of a non-empty stretch of the folded one."""
        return (self.starts[start], self.ends[end - 1]) if self.starts else (start, end)


def fold(text: str) -> Folded:
    """The text made plain: full-width forms, no-break spaces, curly quotes, dashes, Markdown and LaTeX wrappers."""
    if text.isascii() or (unicodedata.is_normalized("NFKC", text) and not _INVISIBLE.search(text)):
        return Folded(_plain(text))
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(text):
        piece = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text[start:end]))
        pieces.append(piece)
        starts.extend([start] * len(piece))
        ends.extend([end] * len(piece))
    return Folded(_plain("".join(pieces)), tuple(starts), tuple(ends))


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Each base character with the combining marks behind it, so that both spellings of an accent become one."""
    start = 0
    for index in range(1, len(text) + 1):
        if index == len(text) or not unicodedata.combining(text[index]):
            yield start, index
            start = index


def _plain(text: str) -> str:
    """The same number of characters, with wrappers blanked."""
    text = text.translate(_PLAIN)
    return _WRAPPER.sub(lambda found: " " * len(found.group()), text) if "\\" in text else text


def tokens(folded: str) -> list[Token]:
    """The words of a folded text in order, with their places."""
    return [Token(_word(found.group()), found.start(), found.end()) for found in _TOKEN.finditer(folded)]


def _word(text: str) -> str:
    """One word without its case; x-ray, x ray and xray are one word."""
    text = text.casefold()
    return _X_RAY.sub("", text) if text.startswith("x") else text


def words(text: str) -> tuple[str, ...]:
    """The words of a text for counting: case folded, without punctuation; each Chinese character is a word."""
    return folded_words(fold(text).text)


def folded_words(folded: str) -> tuple[str, ...]:
    """The words of a folded text."""
    return tuple(map(_word, _TOKEN.findall(folded)))


def normalise(text: str, *, keep_case: bool = False) -> str:
    """The words of a text in one spelling: "X-Ray." and "x ray" agree, "T1 加权" and "Ｔ１加权" agree."""
    found = _TOKEN.findall(fold(text).text)
    line = " ".join(_X_RAY.sub("", word) if word[0] in "xX" else word for word in found)
    return _close(line if keep_case else line.casefold())


def join(found: Iterable[str]) -> str:
    """Words as one line, as `normalise` writes them."""
    return _close(" ".join(found))


def _close(line: str) -> str:
    """A line without the spaces round Chinese characters."""
    return line if line.isascii() else _BESIDE_HAN.sub("", line)


def word_set(line: str) -> frozenset[str]:
    """The words of a table that is written as one line."""
    return frozenset(line.split())


def has_words(text: str) -> bool:
    """Whether a text holds any letter, digit or Chinese character."""
    return any(map(str.isalnum, text))


def has_han(text: str) -> bool:
    """Whether a text holds a Chinese or Japanese character."""
    return not text.isascii() and _IS_HAN.search(text) is not None
