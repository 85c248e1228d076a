"""What a text affirms and what it negates: the items of its lists, and how far each "no" reaches."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from itertools import takewhile
from typing import Literal, NamedTuple

Role = Literal[
    "word", "general", "filler", "verb", "before", "after", "next", "end", "and", "or", "comma", "part", "stop", "more",
    "less", "than",
]  # fmt: skip
"""What a piece of a text does: says something (`word`; `general` where nothing else does), says nothing (`filler`,
`verb`), negates what is `before` it to say, `after` it was said, or the `next` word only, ends a negation (`end`),
parts items (`and`, `or`, `comma`, and `part`, which ends no negation) and sentences (`stop`), or puts what stands
before it above (`more`, `than`) or below (`less`) what stands behind it."""

_BOUNDS = frozenset(("stop", "end", "after"))
_JOINTS = frozenset(("and", "or", "comma"))
_PARTING = _JOINTS | {"stop", "end", "part"}
_COMPARING = frozenset(("more", "less", "than"))
_CLOSING: frozenset[Role] = frozenset(("stop", "comma"))


class Piece(NamedTuple):
    """One piece of a text and the concepts that it says; `negated` where the phrase itself negates them.

    A `less` says two: its own ("smaller"), and what its comparison says turned round ("larger"). What is `implied` may
    be said or left out: the lung of a lower lobe.
    """

    role: Role
    concepts: tuple[str, ...] = ()
    negated: bool = False
    implied: tuple[str, ...] = ()


class Item(NamedTuple):
    """One item of a list: what it affirms, what it negates, and whether "and" or "or" ties it to the item before.

    `either` is set where it is "or".
    """

    affirmed: tuple[str, ...]
    negated: tuple[str, ...]
    tied: bool
    either: bool = False


Order = tuple[frozenset[str], frozenset[str]]
"""What a comparison puts above what."""


def read_order(pieces: Sequence[Piece]) -> tuple[Sequence[Piece], Order | None]:
    """The pieces with each comparison as a word, and the order of the first that has both sides.

    "Right smaller than left" becomes "left larger than right".
    """
    if not any(piece.role in _COMPARING for piece in pieces):
        return pieces, None
    order: Order | None = None
    plain = list(pieces)
    for index, piece in enumerate(pieces):
        if piece.role not in _COMPARING:
            continue
        before, behind = _said_beside(pieces[:index][::-1], ("stop",)), _said_beside(pieces[index + 1 :], _CLOSING)
        full = bool(before and behind)
        said = piece.concepts[-1 if full else 0]
        plain[index] = Piece("filler") if piece.role == "than" else Piece("word", (said,))
        if full and order is None:
            order = (behind, before) if piece.role == "less" else (before, behind)
    return plain, order


def _said_beside(pieces: Sequence[Piece], ends: Container[Role]) -> frozenset[str]:
    """What is said up to the first piece that ends it."""
    said = takewhile(lambda piece: piece.role not in ends, pieces)
    return frozenset(concept for piece in said if piece.role == "word" for concept in piece.concepts)


def read_items(pieces: Sequence[Piece]) -> list[Item]:
    """The items of a text with what each affirms and negates, in order; empty ones are left out.

    A negation reaches to the end of its clause: a full stop, a semicolon, "but", "except"; an "and" that begins a
    clause with a verb of its own; and a comma, unless the list goes on to an "or" ("no effusion, mass or nodule"). A
    cue behind what it negates ("… is not seen") reaches back in the same way, and on where nothing stands before it; so
    does a cue that stands alone ("liver? no, spleen").
    """
    negated = _negated(pieces)
    found: list[Item] = []
    said: tuple[list[str], list[str]] = ([], [])
    tied = either = False
    for piece, denied in zip(pieces, negated, strict=True):
        if piece.role == "word":
            said[denied].extend(piece.concepts)
        elif piece.role in _PARTING:
            if said[0] or said[1]:
                found.append(Item(tuple(said[0]), tuple(said[1]), tied, either))
                said = ([], [])
            either = piece.role == "or"
            tied = either or piece.role == "and"
    if said[0] or said[1]:
        found.append(Item(tuple(said[0]), tuple(said[1]), tied, either))
    return found


def companions(items: Sequence[Item]) -> tuple[Mapping[str, frozenset[str]], Mapping[str, frozenset[str]]]:
    """Each affirmed concept with those of its items, alone and with what a tie to a single concept may share."""
    own: dict[str, frozenset[str]] = {}
    near: dict[str, frozenset[str]] = {}
    ties = False
    last: frozenset[str] = frozenset()
    for item in items:
        here = frozenset(item.affirmed)
        shared = here | last if item.tied and min(len(here), len(last)) <= 1 else here
        for concept in here:
            own[concept] = own[concept] | here if concept in own else here
        if shared is not here:
            ties = True
        for concept in shared:
            near[concept] = near[concept] | shared if concept in near else shared
        last = shared
    return own, near if ties else own


def offers(items: Sequence[Item]) -> tuple[frozenset[str], ...]:
    """What the alternatives of a text have each for itself, where it names none of them elsewhere.

    Empty without an "or"; items of one concept before it belong to the list ("liver, spleen or kidney").
    """
    if not any(item.either and item.affirmed for item in items):
        return ()
    last = max(index for index, item in enumerate(items) if item.either and item.affirmed)
    first = last - 1
    while first > 0 and (items[first].either or len(items[first].affirmed) == len(items[first - 1].affirmed) == 1):
        first -= 1
    listed = [item.affirmed for item in items[max(first, 0) : last + 1] if item.affirmed]
    common = frozenset.intersection(*map(frozenset, listed))
    elsewhere = frozenset(each for item in (*items[: max(first, 0)], *items[last + 1 :]) for each in item.affirmed)
    rest = [tuple(concept for concept in said if concept not in common) for said in listed]
    # What stands next to the "or" is the alternative: "mass in the liver or spleen", "small or large mass".
    heads = [frozenset(said[-1:] if index == 0 else said[:1]) for index, said in enumerate(rest)]
    return tuple(heads) if all(head and head.isdisjoint(elsewhere) for head in heads) else ()


def _negated(pieces: Sequence[Piece]) -> list[bool]:
    """For each piece, whether it stands in the reach of a negation."""
    denied = [piece.negated for piece in pieces]
    if not any(piece.role in ("before", "after", "next") for piece in pieces):
        return denied
    goes_on, verb_follows = _look_ahead(pieces)
    reaching = once = False
    for index, piece in enumerate(pieces):
        match piece.role:
            case "before":
                reaching = not (
                    _stands_alone(pieces, index) and _deny_back(pieces, denied, _behind_stop(pieces, index))
                )
            case "next":
                once = True
            case "stop" | "end":
                reaching = once = False
            case "comma":
                reaching = reaching and goes_on[index]
            case "and":
                reaching = reaching and not verb_follows[index]
            case "after":
                reaching = not _deny_back(pieces, denied, index) or reaching
            case "word":
                denied[index] = denied[index] or reaching or once
                once = False
            case _:
                pass
    return denied


def _stands_alone(pieces: Sequence[Piece], index: int) -> bool:
    """Whether a cue has nothing to negate before its clause ends ("liver? no, spleen"), and is no "or not"."""
    for piece in pieces[index + 1 :]:
        if piece.role in _CLOSING:
            break
        if piece.role != "filler":
            return False
    return index > 0 and pieces[index - 1].role != "or"


def _behind_stop(pieces: Sequence[Piece], index: int) -> int:
    """Where the clause before a cue ends: at the cue, or at the sign right before it."""
    return index - (pieces[index - 1].role in _CLOSING)


def _look_ahead(pieces: Sequence[Piece]) -> tuple[list[bool], list[bool]]:
    """For each piece, whether an "or" follows in its list, and whether a verb follows in its item."""
    listed, verbs = [False] * len(pieces), [False] * len(pieces)
    goes_on = verb = False
    for index in range(len(pieces) - 1, -1, -1):
        listed[index], verbs[index] = goes_on, verb
        match pieces[index].role:
            case "verb":
                verb, goes_on = True, False
            case "or":
                verb, goes_on = False, True
            case "and" | "comma":
                verb = False
            case "stop" | "end" | "before" | "after":
                verb = goes_on = False
            case _:
                pass
    return listed, verbs


def _deny_back(pieces: Sequence[Piece], denied: list[bool], index: int) -> bool:
    """Negates what stands before the cue at `index` in its own clause; whether there was anything."""
    reached: list[int] = []
    item: list[int] = []
    listed = False
    for place in range(index - 1, -1, -1):
        role = pieces[place].role
        if role in _BOUNDS or (role == "comma" and not listed):
            break
        if role == "verb" and listed:
            item = []
            break
        if role == "word":
            item.append(place)
        elif role in _JOINTS:
            reached += item
            item = []
            listed = listed or role != "comma"
    reached += item
    for place in reached:
        denied[place] = True
    return bool(reached)
