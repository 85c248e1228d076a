"""What a text affirms and what it negates: the items of its lists, and how far each "no" reaches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

Role = Literal["word", "general", "filler", "verb", "before", "after", "next", "end", "and", "or", "comma", "stop"]
"""What a piece of a text does: says something (`word`; `general` where nothing else does), says nothing (`filler`,
`verb`), negates what is `before` it to say, `after` it was said, or the `next` word only, ends a negation (`end`), or
parts items (`and`, `or`, `comma`) and sentences (`stop`)."""

_BOUNDS = frozenset(("stop", "end", "after"))
_JOINTS = frozenset(("and", "or", "comma"))
_PARTING = _JOINTS | {"stop", "end"}


class Piece(NamedTuple):
    """One piece of a text and the concepts that it says; `negated` where the phrase itself negates them."""

    role: Role
    concepts: tuple[str, ...] = ()
    negated: bool = False


class Item(NamedTuple):
    """One item of a list: what it affirms, what it negates, and whether "and" or "or" ties it to the item before."""

    affirmed: tuple[str, ...]
    negated: tuple[str, ...]
    tied: bool


def read_items(pieces: Sequence[Piece]) -> list[Item]:
    """The items of a text with what each affirms and negates, in order; empty ones are left out.

    A negation reaches to the end of its clause: a full stop, a semicolon, "but", "except"; an "and" that begins a
    clause with a verb of its own; and a comma, unless the list goes on to an "or" ("no effusion, mass or nodule"). A
    cue behind what it negates ("… is not seen") reaches back in the same way, and on where nothing stands before it.
    """
    negated = _negated(pieces)
    found: list[Item] = []
    said: tuple[list[str], list[str]] = ([], [])
    tied = False
    for piece, denied in zip(pieces, negated, strict=True):
        if piece.role == "word":
            said[denied].extend(piece.concepts)
        elif piece.role in _PARTING:
            if said[0] or said[1]:
                found.append(Item(tuple(said[0]), tuple(said[1]), tied))
                said, tied = ([], []), False
            tied = piece.role in ("and", "or")
    if said[0] or said[1]:
        found.append(Item(tuple(said[0]), tuple(said[1]), tied))
    return found


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
                reaching = True
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
