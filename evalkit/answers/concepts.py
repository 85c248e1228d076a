"""The clinical concepts that a text says, by a vocabulary, and how far two texts say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from types import MappingProxyType
from typing import NamedTuple

from evalkit.answers.findings import Item, Order, Piece, companions, offers, read_items, read_order
from evalkit.answers.vocabulary import Vocabulary


class Reading(NamedTuple):
    """What a text says: the concepts that it affirms and negates, item by item.

    `beside` holds the concepts beside each place, `own` those of each concept's items, and `near` those that an "and"
    may share with it besides. `offers` are alternatives ("liver or spleen"), `order` what is compared with what;
    `implied` what may be said or left out, and `listed` is set where no verb makes a sentence of it.
    """

    affirmed: frozenset[str]
    negated: frozenset[str]
    items: tuple[Item, ...] = ()
    beside: Mapping[str, frozenset[str]] = MappingProxyType({})
    own: Mapping[str, frozenset[str]] = MappingProxyType({})
    near: Mapping[str, frozenset[str]] = MappingProxyType({})
    offers: tuple[frozenset[str], ...] = ()
    order: Order | None = None
    implied: frozenset[str] = frozenset()
    listed: bool = False

    @property
    def size(self) -> int:
        """How many concepts it says."""
        return len(self.affirmed) + len(self.negated)

    def __str__(self) -> str:
        """The concepts in one canonical line."""
        return "; ".join([*sorted(self.affirmed), *(f"not {each}" for each in sorted(self.negated))])


class Overlap(NamedTuple):
    """How many concepts an answer and a target share, of how many, or the veto that makes it none.

    `hits` of the `items` that the answer lists are what was wanted, in whole or in part.
    """

    shared: int
    said: int
    wanted: int
    veto: str = ""
    hits: int = 1
    items: int = 1

    @property
    def precision(self) -> float:
        """The share of what was said that was wanted: of the concepts or of the items, whichever is less."""
        return min(self.shared / self.said, self.hits / self.items) if self.shared else 0.0

    @property
    def recall(self) -> float:
        """The share of what was wanted that was said."""
        return self.shared / self.wanted if self.wanted else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / (self.precision + self.recall) if self.shared else 0.0

    @property
    def lacks(self) -> str:
        """What is missing and what is too much, in numbers: the data's own words are not repeated."""
        missing, more = self.wanted - self.shared, self.said - self.shared
        found = (f"missing {missing} of {self.wanted} concepts" if missing else "", f"{more} more" if more else "")
        return ", ".join(filter(None, found))


def read(vocabulary: Vocabulary, folded: str) -> Reading:
    """What a folded text says; where it has no content, what its general nouns say, else its other words."""
    pieces, order = read_order(vocabulary.pieces(folded))
    items = read_items(pieces)
    if not items:
        said = frozenset(_leftover(pieces))
        alone = dict.fromkeys(said, said)
        return Reading(said, frozenset(), (Item(tuple(said), (), False),), own=alone, near=alone)
    affirmed = frozenset(concept for item in items for concept in item.affirmed)
    negated = frozenset(concept for item in items for concept in item.negated)
    beside = {} if affirmed.isdisjoint(vocabulary.places) else _beside(items, vocabulary)
    own, near = companions(items)
    implied = frozenset(concept for piece in pieces for concept in piece.implied)
    listed = not any(piece.role == "verb" for piece in pieces)
    return Reading(affirmed, negated, tuple(items), beside, own, near, offers(items), order, implied, listed)


def _leftover(pieces: Sequence[Piece]) -> tuple[str, ...]:
    """The words of a text without content: that something is not there, else general nouns, else whatever it has."""
    for roles in (("before", "after"), ("general",), ("filler", "verb", "next", "end", "and", "or", "part")):
        found = tuple(concept for piece in pieces if piece.role in roles for concept in piece.concepts)
        if found:
            return found
    return ()


def _beside(items: Sequence[Item], vocabulary: Vocabulary) -> dict[str, frozenset[str]]:
    """Each affirmed place with the other concepts of its items.

    "And" shares the place ("left ACA and MCA") or the noun ("left and right lung") where one of two items lacks it;
    of two bare places one takes the other's only where it says nothing of that kind ("left upper and lower lobe").
    """
    found: dict[str, frozenset[str]] = {}
    axes = vocabulary.axes
    last: tuple[str, ...] = ()
    bare = False
    for item in items:
        here = tuple(concept for concept in item.affirmed if concept in vocabulary.places)
        nouns = frozenset(item.affirmed).difference(here)
        earlier = last if item.tied and bare else ()
        lent: tuple[str, ...] = ()
        if item.tied and not here:
            here = last
        elif item.tied and (bare or not nouns):
            lent = tuple(place for place in last if axes[place] not in {axes[each] for each in here})
        for place in (*here, *earlier, *lent):
            others = {each for each in (*here, *lent) if axes[each] != axes[place]} if place not in earlier else ()
            found[place] = found.get(place, frozenset()) | nouns | frozenset(others)
        last, bare = here, not nouns
    return found


def compare(wanted: Reading, said: Reading, vocabulary: Vocabulary, asked: frozenset[str] = frozenset()) -> Overlap:
    """How far an answer says what a target says; what was `asked` may be repeated.

    A place counts only where it stands beside the same concept, and alone it is no answer beside nouns that differ:
    the left lung is nothing of the left kidney. A finding counts only where it is not tied to another organ, and to
    another finding's place.
    """
    affirmed = wanted.affirmed & said.affirmed
    nouns = affirmed - vocabulary.places
    free = (said.affirmed & (asked | wanted.implied)) - wanted.affirmed
    veto = _veto(wanted, said, affirmed, vocabulary)
    if veto:
        return Overlap(0, said.size, wanted.size, veto)
    negated = wanted.negated & said.negated
    places = affirmed - nouns
    if places and not nouns and _names_more(wanted, vocabulary) and _names_more(said, vocabulary):
        places = frozenset()
    there = frozenset(place for place in places if not _apart(place, wanted, said, nouns))
    here = frozenset(noun for noun in nouns if not _elsewhere(noun, wanted, said, nouns, vocabulary.organs))
    implied = (said.implied & wanted.affirmed) - affirmed
    counted = here | there if here or not nouns else frozenset()
    shared = len(counted) + len(negated)
    overlap = Overlap(shared, said.size - len(free), wanted.size - len(implied))
    if not said.listed or not shared:
        return overlap
    left = {item[:2] for item in said.items if item.negated or not free.issuperset(item.affirmed)}
    hits = sum(not (counted.isdisjoint(one) and negated.isdisjoint(other)) for one, other in left)
    return overlap._replace(hits=hits, items=len(left))


def _elsewhere(noun: str, wanted: Reading, said: Reading, nouns: Set[str], organs: Set[str]) -> bool:
    """Whether two texts tie a noun to different organs, or to different ones of the other nouns that they share.

    The latter only where each of these is tied to a noun on the other side too: mass in the liver and cyst in the
    kidney against the reverse, and not "mass, cyst in the liver" against "cyst, mass in the liver".
    """
    if noun not in organs and _parted(noun, wanted, said, organs):
        return True
    if len(wanted.items) < 2 or len(said.items) < 2 or not _parted(noun, wanted, said, nouns):
        return False
    return all(
        (nouns & other.own[each]) - {each}
        for one, other in ((wanted, said), (said, wanted))
        for each in nouns & one.own[noun]
    )


def _parted(noun: str, wanted: Reading, said: Reading, among: Set[str]) -> bool:
    """Whether two texts each have others beside a noun, and none in common even where an "and" may share them."""
    alone = {noun}
    if not (among & wanted.own[noun]) - alone or not (among & said.own[noun]) - alone:
        return False
    return not (among & wanted.near[noun] & said.near[noun]) - alone


def _names_more(reading: Reading, vocabulary: Vocabulary) -> bool:
    """Whether a text affirms more than places."""
    return not reading.affirmed <= vocabulary.places


def _apart(place: str, wanted: Reading, said: Reading, nouns: Set[str]) -> bool:
    """Whether the two texts say a place of different concepts, of those that both name."""
    one, other = (reading.beside.get(place, frozenset()) & nouns for reading in (wanted, said))
    return bool(one) and bool(other) and one.isdisjoint(other)


def _veto(wanted: Reading, said: Reading, affirmed: Set[str], vocabulary: Vocabulary) -> str:
    """Why an answer contradicts a target, or commits to nothing; or an empty text."""
    if (wanted.affirmed & said.negated) - said.affirmed or (wanted.negated & said.affirmed) - wanted.affirmed:
        return "negation veto"
    if said.offers and not wanted.offers and _uncommitted(wanted, said):
        return "alternatives veto"
    if wanted.order and said.order and _turned(wanted.order, said.order):
        return "order veto"
    axes = _by_axis(wanted.affirmed, vocabulary)
    if not axes:
        return ""
    others = _by_axis(said.affirmed, vocabulary)
    for axis in axes.keys() & others.keys():
        one, other = axes[axis], others[axis]
        if one.isdisjoint(other):
            return "laterality veto" if one <= vocabulary.places else "opposites veto"
        if one <= vocabulary.places and _swapped(one, other, wanted, said, affirmed):
            return "laterality veto"
    return ""


def _uncommitted(wanted: Reading, said: Reading) -> bool:
    """Whether an answer offers what the target names, or something else."""
    hits = [not offer.isdisjoint(wanted.affirmed) for offer in said.offers]
    return any(hits) and not all(hits)


def _turned(one: Order, other: Order) -> bool:
    """Whether something stands above in one comparison and below in the other."""
    (more, less), (above, below) = one, other
    return not ((more - less).isdisjoint(below - above) and (less - more).isdisjoint(above - below))


def _by_axis(concepts: Set[str], vocabulary: Vocabulary) -> dict[str, set[str]]:
    """The concepts that exclude others, by their axis."""
    found: dict[str, set[str]] = {}
    for concept in concepts:
        axis = vocabulary.axes.get(concept)
        if axis is not None:
            found.setdefault(axis, set()).add(concept)
    return found


def _swapped(one: Set[str], other: Set[str], wanted: Reading, said: Reading, affirmed: Set[str]) -> bool:
    """Whether a concept that both name stands at opposite places, and none stands at the same one.

    What both put at every place tells nothing: the lung of two of its lobes.
    """
    here = _stands(one, wanted, affirmed)
    there = _stands(other, said, affirmed)
    both = [each for each in here.keys() & there.keys() if not here[each] == there[each] == one == other]
    return bool(both) and all(here[each].isdisjoint(there[each]) for each in both)


def _stands(places: Set[str], reading: Reading, affirmed: Set[str]) -> dict[str, set[str]]:
    """At which of the places each of the concepts stands that stand at any."""
    found: dict[str, set[str]] = {}
    for place in places:
        for each in reading.beside.get(place, frozenset()) & affirmed:
            found.setdefault(each, set()).add(place)
    return found
