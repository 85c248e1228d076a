"""A vocabulary of clinical words at work: a text becomes pieces, by its longest phrases, quantities and words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from evalkit.answers.findings import Piece
from evalkit.answers.quantities import Quantity, Units, may_count
from evalkit.answers.text import Token, fold, tokens

_STOP = re.compile(r"[.;!?\n。]")
_COMMA = re.compile(r"[,/&、()\[\]{}|+]|\s-+\s")
_TIES = frozenset("/&")
_SIGNS = MappingProxyType({">": "more", "<": "less"})
# "Enlargement of the heart", "the heart is markedly enlarged": so many words may stand inside a phrase.
_SKIP = 3
_ES = re.compile(r"(?:ss|sh|[nrt]ch|x|zz)es$")

Phrase = tuple[tuple[str, ...], Piece]


@dataclass(frozen=True, eq=False, slots=True)
class Spelling:
    """How a word becomes its one form: American, singular, without a possessive s."""

    american: Mapping[str, str]
    british: re.Pattern[str]
    plurals: Mapping[str, str]

    def form(self, word: str) -> str:
        """The one form of a token."""
        if not word.isascii():
            return word
        word = word.removesuffix("'s") or word
        word = self.british.sub(lambda found: self.american[found.group()], word)
        return self.plurals.get(word) or _singular(word)

    def forms(self, text: str) -> tuple[str, ...]:
        """The forms of a text's words."""
        return tuple(self.form(token.text) for token in tokens(fold(text).text))


def _singular(word: str) -> str:
    """A regular English plural's singular; any other word as it is."""
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if _ES.search(word):
        return word[:-2]
    if len(word) > 6 and word.endswith(("oses", "uses")):
        return word[:-2] + ("is" if word.endswith("oses") else "")
    return word[:-1]


@dataclass(frozen=True, eq=False, slots=True)
class Vocabulary:
    """A table made ready. `index` holds its phrases by their first word, longest first; `axes` concept → its axis.

    `parted` holds what stands between words: "comma", "tie", "stop", and the comparisons "more" (>) and "less" (<).
    `nothing` is the concept that there is none.
    """

    spelling: Spelling
    index: Mapping[str, tuple[Phrase, ...]]
    units: Units
    skipped: frozenset[str]
    axes: Mapping[str, str]
    places: frozenset[str]
    organs: frozenset[str]
    parted: Mapping[str, Piece]
    nothing: str

    def pieces(self, folded: str) -> list[Piece]:
        """A folded text as pieces: its longest phrases, its quantities, its other words, and what parts them."""
        found = tokens(folded)
        forms = [_form(self.spelling, token.text) for token in found]
        parts = _partings(folded, found)
        quantities = iter(self.units.find(folded) if any(may_count(token.text) for token in found) else ())
        quantity = next(quantities, None)
        pieces: list[Piece] = []
        at = 0
        while at < len(found):
            if parts[at]:
                pieces.append(self.parted[parts[at]])
            start = found[at].start
            while quantity is not None and quantity.end <= start:
                quantity = next(quantities, None)
            if quantity is not None and quantity.start <= start:
                pieces.append(Piece("word", (quantity.text,)))
                at = _behind(found, at, quantity)
                continue
            end, piece = self._longest(forms, parts, at)
            pieces.append(piece)
            at = end
        return pieces

    def _longest(self, forms: Sequence[str], parts: Sequence[str], at: int) -> tuple[int, Piece]:
        """The longest phrase that begins at a word, and where it ends; else the word itself."""
        for words, piece in self.index.get(forms[at], ()):
            end = at + 1 if len(words) == 1 else self._end(words, forms, parts, at)
            if end:
                return end, piece
        return at + 1, Piece("word", (forms[at],))

    def _end(self, words: tuple[str, ...], forms: Sequence[str], parts: Sequence[str], at: int) -> int:
        """Where a phrase that begins at `at` ends, a few words without content inside it skipped; 0 where it is not."""
        at += 1
        for word in words[1:]:
            reach = min(at + _SKIP, len(forms))
            while at < reach and forms[at] != word and forms[at] in self.skipped and not parts[at]:
                at += 1
            if at == len(forms) or forms[at] != word or parts[at] not in ("", "tie"):
                return 0
            at += 1
        return at


@lru_cache(maxsize=1 << 15)
def _form(spelling: Spelling, word: str) -> str:
    return spelling.form(word)


def _partings(folded: str, found: Sequence[Token]) -> list[str]:
    """What parts each word from the one before: "", or a key of `Vocabulary.parted`."""
    parts = [""] * len(found)
    end = found[0].end if found else 0
    for index, token in enumerate(found):
        gap = folded[end : token.start]
        end = token.end
        if gap and gap != " ":
            parts[index] = _parting(gap)
    return parts


def _parting(gap: str) -> str:
    """What a gap between two words is; a "tie" is "/" or "&" without spaces."""
    if gap in _TIES:
        return "tie"
    if _STOP.search(gap):
        return "stop"
    return "comma" if _COMMA.search(gap) else _SIGNS.get(gap.strip(), "")


def _behind(found: Sequence[Token], at: int, quantity: Quantity) -> int:
    """The first word behind a quantity."""
    while at < len(found) and found[at].start < quantity.end:
        at += 1
    return at
