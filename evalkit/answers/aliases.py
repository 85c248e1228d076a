"""The ways in which an answer may spell an option: plural or not, digits or words, with or without a general noun."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from evalkit.answers.text import Token, fold, tokens, word_set

_NUMBERS = MappingProxyType(
    {
        word: str(n)
        for n, word in enumerate(
            ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
        )
    }
)
_ARTICLES = frozenset(("a", "an", "the"))
YES_NO = frozenset(("yes", "no"))
# Nouns that an option carries without being told apart by them ("CT scan", "left side", "T1加权").
_GENERAL = word_set(
    "scan scanner image imaging view plane section side sided weighted weighting film 侧 边 图 像 扫 描 加 权 的"
)
# "hypo dense", "hypo-dense" and "hypodense" are one word; and "non-contrast" never holds the word "contrast".
_PREFIXES = word_set(
    "hyper hypo iso non supra infra sub intra extra peri inter pre post anti multi uni bi retro para semi trans"
)
_BRACKETS = re.compile(r"\(([^()]*)\)")
_SHORT_FORM = re.compile(r"\s*[A-Z][A-Z0-9-]+\s*")
_LONG = 3


class Name(NamedTuple):
    """One spelling of the option at that place, as words; `alone` where it names it only as the whole answer."""

    words: tuple[str, ...]
    option: int
    alone: bool


def singular(word: str) -> str:
    """A word without its plural s, and a number in digits."""
    plural = word.endswith("s") and len(word) > 3 and not word.endswith(("ss", "us", "is"))
    return _NUMBERS.get(word, word[:-1] if plural else word)


def joined(found: Sequence[Token]) -> list[Token]:
    """The words with each prefix that stands apart joined to the word behind it, singular."""
    whole: list[Token] = []
    for token in found:
        last = whole[-1] if whole else None
        if last and last.text in _PREFIXES and last.end < token.start <= last.end + 1 and token.text.isalpha():
            whole[-1] = Token(singular(last.text + token.text), last.start, token.end)
        else:
            whole.append(Token(singular(token.text), token.start, token.end))
    return whole


# Pure, and asked for the same options by an answer and by each of its targets.
@lru_cache(maxsize=64)
def names(options: tuple[str, ...]) -> tuple[Name, ...]:
    """Every spelling of every option, longest first; a spelling that two options share names neither.

    An option's own words always name it, before another's shortened form. A single letter, and what is left of "No, the
    heart is normal" without its "no", name an option only as the whole answer.
    """
    full = [_full(option) for option in options]
    short = [_shortened(words) | _bracketed(option) for words, option in zip(full, options, strict=True)]
    alone = [_alone(words) for words in full]
    owners = Counter(full)
    shared = Counter(words for forms in short for words in forms)
    lonely = Counter(words for forms in alone for words in forms)
    found = [Name(words, index, _is_letter(words)) for index, words in enumerate(full) if words and owners[words] == 1]
    for index, (forms, rare) in enumerate(zip(short, alone, strict=True)):
        found += [Name(words, index, _is_letter(words)) for words in forms if not owners[words] and shared[words] == 1]
        found += [
            Name(words, index, True) for words in rare if not owners[words] and not shared[words] and lonely[words] == 1
        ]
    return tuple(sorted(found, key=lambda name: (-len(name.words), name.words)))


def begun(said: Sequence[str], options: Sequence[str]) -> int | None:
    """The one option that begins with the first of the words and has the others too, in their order.

    "Is this a solid or cystic lesion?" offers "solid" and "cystic lesion"; "cystic" means the latter.
    """
    fits = [index for index, option in enumerate(options) if said and _begins(tuple(said), _full(option))]
    return fits[0] if len(fits) == 1 else None


def _begins(said: tuple[str, ...], words: tuple[str, ...]) -> bool:
    rest = iter(words)
    return said[0] == words[:1][0] and all(word in rest for word in said) if words else False


def _full(option: str) -> tuple[str, ...]:
    """The words of an option, without a leading article."""
    words = [token.text for token in joined(tokens(fold(option).text))]
    return tuple(words[1:] if len(words) > 1 and words[0] in _ARTICLES and len(words[1]) > 1 else words)


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


def _bracketed(option: str) -> frozenset[tuple[str, ...]]:
    """The words before a bracket, and a short or spelt-out form in it: "… disease (COPD)", "SARS (Severe Acute …)"."""
    plain = fold(option).text
    found = _BRACKETS.search(plain)
    if found is None:
        return frozenset()
    inside = _full(found[1])
    forms = {_full(plain[: found.start()] + plain[found.end() :])}
    if _SHORT_FORM.fullmatch(found[1]) or len(inside) >= _LONG:
        forms.add(inside)
    return frozenset(form for form in forms if form)


def _alone(words: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    """What names an option only as the whole answer: of "No, …" the "no" alone, and the rest without it."""
    return frozenset((words[1:], words[:1])) if len(words) > 1 and words[0] in YES_NO else frozenset()


def _is_letter(words: tuple[str, ...]) -> bool:
    return len(words) == 1 and len(words[0]) == 1 and words[0].isascii() and words[0].isalpha()
