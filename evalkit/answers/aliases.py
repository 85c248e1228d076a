"""The ways in which an answer may spell an option: plural or not, digits or words, with or without a general noun."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import MappingProxyType
from typing import NamedTuple

from evalkit.answers.text import fold, tokens, word_set

_NUMBERS = MappingProxyType(
    {
        word: str(n)
        for n, word in enumerate(
            ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
        )
    }
)
_ARTICLES = frozenset(("a", "an", "the"))
# Nouns that an option carries without being told apart by them ("CT scan", "left side", "T1加权").
_GENERAL = word_set(
    "scan scanner image imaging view plane section side sided weighted weighting film 侧 边 图 像 扫 描 加 权 的"
)


class Name(NamedTuple):
    """One spelling of the option at that place, as words; `short` where it is a single Latin letter."""

    words: tuple[str, ...]
    option: int
    short: bool


def singular(word: str) -> str:
    """A word without its plural s, and a number in digits."""
    plural = word.endswith("s") and len(word) > 3 and not word.endswith(("ss", "us", "is"))
    return _NUMBERS.get(word, word[:-1] if plural else word)


def names(options: Sequence[str]) -> tuple[Name, ...]:
    """Every spelling of every option, longest first; a spelling that two options share names neither.

    An option's own words always name it, before another's shortened form.
    """
    full = [_full(option) for option in options]
    short = [_shortened(words) for words in full]
    owners = Counter(full)
    shared = Counter(words for forms in short for words in forms)
    found = [Name(words, index, _is_letter(words)) for index, words in enumerate(full) if words and owners[words] == 1]
    for index, forms in enumerate(short):
        found += [Name(words, index, _is_letter(words)) for words in forms if not owners[words] and shared[words] == 1]
    return tuple(sorted(found, key=lambda name: -len(name.words)))


def _full(option: str) -> tuple[str, ...]:
    """The words of an option, without a leading article."""
    words = [singular(token.text) for token in tokens(fold(option).text)]
    return tuple(words[1:] if len(words) > 1 and words[0] in _ARTICLES else words)


def _shortened(words: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    """The words without general nouns at their end, and the number that they begin with."""
    forms = set()
    rest = words
    while len(rest) > 1 and rest[-1] in _GENERAL and not set(rest[:-1]) <= _GENERAL:
        rest = rest[:-1]
        forms.add(rest)
    if len(words) > 1 and words[0].isdigit():
        forms.add(words[:1])
    return frozenset(forms)


def _is_letter(words: tuple[str, ...]) -> bool:
    return len(words) == 1 and len(words[0]) == 1 and words[0].isascii() and words[0].isalpha()
