"""The clinical concepts that a text says, by a vocabulary, and how far two texts say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

from evalkit.answers.findings import Item, Piece, read_items
from evalkit.answers.vocabulary import Vocabulary


class Reading(NamedTuple):
    """What a text says: the concepts that it affirms and negates, and beside which others each place stands."""

    affirmed: frozenset[str]
    negated: frozenset[str]
    beside: Mapping[str, frozenset[str]]

    @property
    def size(self) -> int:
        """How many concepts it says."""
        return len(self.affirmed) + len(self.negated)

    def __str__(self) -> str:
        """The concepts in one canonical line."""
        return "; ".join([*sorted(self.affirmed), *(f"not {each}" for each in sorted(self.negated))])


class Overlap(NamedTuple):
    """How many concepts an answer and a target share, of how many, or the veto that makes it none."""

    shared: int
    said: int
    wanted: int
    veto: str = ""

    @property
    def precision(self) -> float:
        """The share of what was said that was wanted."""
        return self.shared / self.said if self.said else 0.0

    @property
    def recall(self) -> float:
        """The share of what was wanted that was said."""
        return self.shared / self.wanted if self.wanted else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.shared / (self.said + self.wanted) if self.shared else 0.0

    @property
    def lacks(self) -> str:
        """What is missing and what is too much, in numbers: the data's own words are not repeated."""
        missing, more = self.wanted - self.shared, self.said - self.shared
        found = (f"missing {missing} of {self.wanted} concepts" if missing else "", f"{more} more" if more else "")
        return ", ".join(filter(None, found))


def read(vocabulary: Vocabulary, folded: str) -> Reading:
    """What a folded text says; where it has no content, what its general nouns say, else its other words."""
    pieces = vocabulary.pieces(folded)
    items = read_items(pieces)
    if not items:
        return Reading(frozenset(_leftover(pieces)), frozenset(), {})
    affirmed = frozenset(concept for item in items for concept in item.affirmed)
    negated = frozenset(concept for item in items for concept in item.negated)
    return Reading(affirmed, negated, {} if affirmed.isdisjoint(vocabulary.places) else _beside(items, vocabulary))


def _leftover(pieces: Sequence[Piece]) -> tuple[str, ...]:
    """The words of a text without content: that something is not there, else general nouns, else whatever it has."""
    for roles in (("after",), ("general",), ("filler", "verb", "before", "next", "end", "and", "or")):
        found = tuple(concept for piece in pieces if piece.role in roles for concept in piece.concepts)
        if found:
            return found
    return ()


def _beside(items: Sequence[Item], vocabulary: Vocabulary) -> dict[str, frozenset[str]]:
    """Each affirmed place with the concepts of its items.

    "And" shares the place ("left ACA and MCA") or the noun ("left and right lung") where one of two items lacks it.
    """
    found: dict[str, frozenset[str]] = {}
    last: tuple[str, ...] = ()
    bare = False
    for item in items:
        here = tuple(concept for concept in item.affirmed if concept in vocabulary.places)
        nouns = frozenset(item.affirmed).difference(here)
        earlier = last if item.tied and bare else ()
        if not here and item.tied:
            here = last
        for place in (*here, *earlier):
            found[place] = found.get(place, frozenset()) | nouns
        last, bare = here, not nouns
    return found


def compare(wanted: Reading, said: Reading, vocabulary: Vocabulary) -> Overlap:
    """How far an answer says what a target says.

    A place counts only where it stands beside the same concept, and alone it is no answer beside nouns that differ:
    the left lung is nothing of the left kidney.
    """
    affirmed = wanted.affirmed & said.affirmed
    nouns = affirmed - vocabulary.places
    veto = _veto(wanted, said, nouns, vocabulary)
    if veto:
        return Overlap(0, said.size, wanted.size, veto)
    negated = len(wanted.negated & said.negated)
    places = affirmed - nouns
    if places and not nouns and _names_more(wanted, vocabulary) and _names_more(said, vocabulary):
        places = frozenset()
    there = sum(not _apart(place, wanted, said, nouns) for place in places)
    return Overlap(len(nouns) + negated + there, said.size, wanted.size)


def _names_more(reading: Reading, vocabulary: Vocabulary) -> bool:
    """Whether a text affirms more than places."""
    return not reading.affirmed <= vocabulary.places


def _apart(place: str, wanted: Reading, said: Reading, nouns: Set[str]) -> bool:
    """Whether the two texts say a place of different concepts, of those that both name."""
    one, other = (reading.beside.get(place, frozenset()) & nouns for reading in (wanted, said))
    return bool(one) and bool(other) and one.isdisjoint(other)


def _veto(wanted: Reading, said: Reading, nouns: Set[str], vocabulary: Vocabulary) -> str:
    """Why an answer contradicts a target, or an empty text."""
    if (wanted.affirmed & said.negated) - said.affirmed or (wanted.negated & said.affirmed) - wanted.affirmed:
        return "negation veto"
    axes = _by_axis(wanted.affirmed, vocabulary)
    if not axes:
        return ""
    others = _by_axis(said.affirmed, vocabulary)
    for axis in axes.keys() & others.keys():
        one, other = axes[axis], others[axis]
        if one.isdisjoint(other):
            return "laterality veto" if one <= vocabulary.places else "opposites veto"
        if one <= vocabulary.places and _swapped(one, other, wanted, said, nouns):
            return "laterality veto"
    return ""


def _by_axis(concepts: Set[str], vocabulary: Vocabulary) -> dict[str, set[str]]:
    """The concepts that exclude others, by their axis."""
    found: dict[str, set[str]] = {}
    for concept in concepts:
        axis = vocabulary.axes.get(concept)
        if axis is not None:
            found.setdefault(axis, set()).add(concept)
    return found


def _swapped(one: Set[str], other: Set[str], wanted: Reading, said: Reading, nouns: Set[str]) -> bool:
    """Whether a concept that both name stands at opposite places, and none stands at the same one."""
    here = {noun: {place for place in one if noun in wanted.beside.get(place, ())} for noun in nouns}
    there = {noun: {place for place in other if noun in said.beside.get(place, ())} for noun in nouns}
    both = [noun for noun in nouns if here[noun] and there[noun]]
    return bool(both) and all(here[noun].isdisjoint(there[noun]) for noun in both)
