"""A table of clinical words, read strictly from YAML into a vocabulary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator

from evalkit.answers.findings import Piece, Role
from evalkit.answers.quantities import Unit, Units
from evalkit.answers.text import fold
from evalkit.answers.vocabulary import Phrase, Spelling, Vocabulary
from evalkit.errors import ConfigError
from evalkit.specs import Spec, read_spec

# Each number of a scale with the other ways to write it.
_NUMBERS = ("zero", "one i", "two ii", "three iii", "four iv", "five v", "six vi", "seven vii", "eight viii", "nine ix")


def _phrases(value: object) -> object:
    return tuple(each.strip() for each in value.split(",")) if isinstance(value, str) else value


def _words(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


Phrases = Annotated[tuple[str, ...], BeforeValidator(_phrases)]
"""Phrases, written as one line with commas between them."""
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
"""Words, written as one line."""


class AxisSpec(Spec):
    """Concepts of which each excludes the others; `place` where they are sides or positions."""

    poles: tuple[str, ...]
    place: bool = False


class CuesSpec(Spec):
    """What negates the words `before` which it stands, `after` which, or the `next` one; and what ends its reach.

    What is `neutral` only looks like a cue or a verb. A cue that is the whole text says `alone`.
    """

    alone: str

    before: Phrases
    after: Phrases
    next: Phrases
    ends: Phrases
    neutral: Phrases


class JoinsSpec(Spec):
    """What stands between the items of a list that holds `both` or `either`, or between a finding and its `cause`."""

    both: Phrases
    either: Phrases
    cause: Phrases


class ComparisonsSpec(Spec):
    """What puts the words before it above those behind it (`over`, says `more`) or below (`under`, says `less`).

    A bare `than` leaves the saying to the word before it ("denser than").
    """

    more: str
    less: str
    over: Phrases
    under: Phrases
    than: Phrases


class UnitSpec(Spec):
    """A unit: its other names, and how many of the family's `base` unit it is; the base itself names none."""

    names: tuple[str, ...] = ()
    base: str = ""
    factor: float = 1.0


class TableSpec(Spec):
    """A table file: `synonyms` are concept → its other names, `expansions` phrase → the concepts that it says.

    `names` are concepts of several words that have no other name, `implied` phrase → the organ that may be left out,
    `organs` concepts of which a finding of one is none of another, and `ranks` scales with their names: each has
    numbers, Arabic or Roman, of which each excludes the others.
    """

    version: str
    spellings: dict[str, str]
    plurals: dict[str, str]
    synonyms: dict[str, Phrases]
    names: Phrases
    expansions: dict[str, str]
    implied: dict[str, str]
    axes: dict[str, AxisSpec]
    organs: Phrases
    ranks: dict[str, Phrases]
    comparisons: ComparisonsSpec
    cues: CuesSpec
    joins: JoinsSpec
    verbs: Phrases
    fillers: Words
    general: Words
    units: dict[str, UnitSpec]


@cache
def read_vocabulary(path: Path) -> Vocabulary:
    """A table file made ready. Raises ConfigError for an unknown key, or a phrase that stands for two things."""
    spec = read_spec(path, TableSpec)
    if spec.version != path.stem:
        raise ConfigError(f"{path.name}: version: {path.stem!r} would be right, found {spec.version!r}")
    spelling = Spelling(
        spec.spellings, re.compile("|".join(sorted(spec.spellings, key=len, reverse=True)) or "(?!)"), spec.plurals
    )
    known = _phrases_of(spec, spelling, path.name)
    plain = _vocabulary(spec, spelling, known)
    for phrase, organ in spec.implied.items():
        _add(known, spelling.forms(phrase), _saying(plain, phrase, (organ,)), f"{path.name}: implied: {phrase}")
    plain = _vocabulary(spec, spelling, known)
    for phrase, said in spec.expansions.items():
        _add(known, spelling.forms(phrase), _saying(plain, said), f"{path.name}: expansions: {phrase}")
    made = _vocabulary(spec, spelling, known)
    for pole in (pole for axis in spec.axes.values() for pole in axis.poles):
        if made.pieces(pole) != [Piece("word", (pole,))]:
            raise ConfigError(f"{path.name}: axes: {pole}: one concept's name would be right")
    for organ in (*spec.organs, *spec.implied.values()):
        if made.pieces(organ) != [Piece("word", (organ,))]:
            raise ConfigError(f"{path.name}: organs: {organ}: one concept's name would be right")
    return made


def _phrases_of(spec: TableSpec, spelling: Spelling, file: str) -> dict[tuple[str, ...], Piece]:
    """Every phrase of a table but the expansions, in its words' forms, with the piece that it is."""
    known: dict[tuple[str, ...], Piece] = {}
    for concept, others in {**dict.fromkeys(spec.names, ()), **spec.synonyms}.items():
        for phrase in (concept, *others):
            _add(known, spelling.forms(phrase), Piece("word", (concept,)), f"{file}: synonyms: {concept}: {phrase}")
    for scale, others in spec.ranks.items():
        for name, (number, figures) in product((scale, *others), enumerate(_NUMBERS)):
            piece = Piece("word", (f"{scale} {number}",))
            for written in (str(number), *figures.split()):
                _add(known, spelling.forms(f"{name} {written}"), piece, f"{file}: ranks: {scale}: {name}")
    compared = spec.comparisons
    turned = {"more": (compared.more,), "less": (compared.less, compared.more)}
    cues = spec.cues
    listed: tuple[tuple[Role, Iterable[str]], ...] = (
        ("before", cues.before),
        ("after", cues.after),
        ("next", cues.next),
        ("end", cues.ends),
        ("and", spec.joins.both),
        ("or", spec.joins.either),
        ("part", spec.joins.cause),
        ("more", compared.over),
        ("less", compared.under),
        ("than", compared.than),
        ("verb", spec.verbs),
        ("filler", (*cues.neutral, *spec.fillers)),
        ("general", spec.general),
    )
    for role, phrases in listed:
        for phrase in phrases:
            words = spelling.forms(phrase)
            # A cue may be a whole answer ("No.", "Not seen."): all of them say the same.
            own = (cues.alone if role in ("before", "after") else " ".join(words),)
            _add(known, words, Piece(role, turned.get(role, own)), f"{file}: {role}: {phrase}")
    return known


def _saying(plain: Vocabulary, said: str, implied: tuple[str, ...] = ()) -> Piece:
    """A phrase that says what another text does; "not" before that negates it all."""
    body = [piece for piece in plain.pieces(fold(said.removeprefix("not ")).text) if piece.role == "word"]
    concepts = tuple(concept for piece in body for concept in piece.concepts)
    hidden = tuple(concept for piece in body for concept in piece.implied)
    return Piece("word", concepts, said.startswith("not "), implied + hidden)


def _add(known: dict[tuple[str, ...], Piece], words: tuple[str, ...], piece: Piece, where: str) -> None:
    """Adds a phrase. Raises ConfigError where it has no words, or stands for something else already."""
    if not words or not piece.concepts:
        raise ConfigError(f"{where}: a phrase would be right, found no words")
    other = known.setdefault(words, piece)
    if other != piece:
        raise ConfigError(f"{where}: stands already for {', '.join(other.concepts)} ({other.role})")


def _vocabulary(spec: TableSpec, spelling: Spelling, known: Mapping[tuple[str, ...], Piece]) -> Vocabulary:
    """The phrases by their first word, the units by each of their names, and the axes by their concepts."""
    index: dict[str, list[Phrase]] = {}
    for words in sorted(known, key=len, reverse=True):
        index.setdefault(words[0], []).append((words, known[words]))
    return Vocabulary(
        spelling,
        {word: tuple(phrases) for word, phrases in index.items()},
        Units(_units(spec)),
        frozenset(words[0] for words, piece in known.items() if len(words) == 1 and piece.role in ("filler", "verb")),
        {pole: name for name, axis in spec.axes.items() for pole in axis.poles}
        | {f"{scale} {number}": scale for scale in spec.ranks for number in range(len(_NUMBERS))},
        frozenset(pole for axis in spec.axes.values() if axis.place for pole in axis.poles),
        frozenset(spec.organs),
        {
            **{"comma": Piece("comma"), "tie": Piece("comma"), "stop": Piece("stop")},
            **{"more": Piece("more", (spec.comparisons.more,))},
            **{"less": Piece("less", (spec.comparisons.less, spec.comparisons.more))},
        },
        spec.cues.alone,
    )


def _units(spec: TableSpec) -> dict[str, Unit]:
    """The units by each of their names. Raises ConfigError for a name of two units, or a base that is none."""
    found: dict[str, Unit] = {}
    for key, unit in spec.units.items():
        base = spec.units.get(unit.base or key)
        if base is None or base.base:
            raise ConfigError(f"{spec.version}: units: {key}: base: a base unit would be right, found {unit.base!r}")
        for name in {fold(name).text.casefold() for name in (key, *unit.names)}:
            if name in found:
                raise ConfigError(f"{spec.version}: units: {key}: {name} names another unit already")
            found[name] = Unit(unit.base or key, unit.factor)
    return found
