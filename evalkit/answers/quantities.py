"""Numbers with their units out of a text: 3.4 cm and 34 mm are one quantity, and so are "two" and 2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

_NUMBERS = MappingProxyType(
    {
        word: str(n)
        for n, word in enumerate(
            ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
        )
    }
)
_COMPARED = MappingProxyType(
    {
        **dict.fromkeys(("<", "less than", "fewer than", "smaller than", "shorter than"), "<"),
        **dict.fromkeys((">", "more than", "greater than", "larger than", "bigger than", "longer than"), ">"),
        **dict.fromkeys(("<=", "≤", "at most", "up to", "no more than"), "<="),
        **dict.fromkeys((">=", "≥", "at least", "no less than"), ">="),
    }
)
_WORDS = "|".join(_NUMBERS)
_NUMBER = rf"(?:\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+|(?:{_WORDS}))(?!\.?\d)"
_ABOUT = r"(?:(?:about|around|approximately|approx\.?|roughly|circa|ca\.?|nearly|almost)\s+)?"


def may_count(word: str) -> bool:
    """Whether a token can be a quantity's: a cheap look before a search."""
    return word in _NUMBERS or not word.isalpha()


class Unit(NamedTuple):
    """A unit of measurement: how many of its family's base unit it is."""

    base: str
    factor: float


class Quantity(NamedTuple):
    """One quantity, range or set of dimensions in its base unit ("34 mm", "<50 mm", "25 x 17 mm"), with its place."""

    text: str
    start: int
    end: int


class Units:
    """The units that count, by each of their names; names are folded and lower case, and take a plural s."""

    def __init__(self, names: Mapping[str, Unit]) -> None:
        self._names = dict(names)
        listed = "|".join(re.escape(name).replace(r"\ ", r"[\s-]+") for name in sorted(names, key=len, reverse=True))
        unit = rf"(?:[\s-]*(?:{listed})s?(?![A-Za-z0-9]))" if names else r"(?!)"
        compared = "|".join(re.escape(sign).replace(r"\ ", r"\s+") for sign in sorted(_COMPARED, key=len, reverse=True))
        inner = rf"{_NUMBER}{unit}?"
        self._pattern = re.compile(
            rf"(?<![A-Za-z0-9_.])(?<![A-Za-z0-9_]-){_ABOUT}(?:(?P<sign>{compared})\s*)?(?:"
            rf"(?P<size>{inner}(?:(?:\s*[x×]\s*|\s+by\s+){inner}){{1,3}})(?![A-Za-z0-9_])"
            rf"|(?P<range>(?:between\s+)?{inner}(?:\s*-\s*|\s+to\s+){inner}|between\s+{inner}\s+and\s+{inner})(?![A-Za-z0-9_])"
            rf"|(?P<one>-?{inner})(?![A-Za-z_]))",
            re.IGNORECASE,
        )
        self._measure = re.compile(rf"({_NUMBER})({unit})?", re.IGNORECASE)

    def find(self, folded: str) -> list[Quantity]:
        """Every quantity of a folded text, in order; a number without a unit is one too.

        A unit holds for the numbers before it that have none ("2-3 cm", "2.5 x 1.7 cm"). "1,000" is a thousand. A
        number inside a word (T2, 4th) is none.
        """
        return [self._read(found) for found in self._pattern.finditer(folded)]

    def _read(self, found: re.Match[str]) -> Quantity:
        kind = found.lastgroup or "one"
        body = found[kind]
        negative = kind == "one" and body.startswith("-")
        measures = self._measure.findall(body)
        unit: Unit | None = None
        said: list[str] = []
        for number, name in reversed(measures):
            unit = self._unit(name) or unit
            said.insert(0, _canonical(number, unit))
        # A unit that only the first number has ("2.5 cm x 1.7") holds for the rest.
        first = self._unit(measures[0][1])
        if first is not None and not any(name for _, name in measures[1:]):
            said, unit = [_canonical(number, first) for number, _ in measures], first
        joined = (" x " if kind == "size" else "-").join(said)
        sign = _COMPARED[" ".join(found["sign"].lower().split())] if found["sign"] else ""
        text = f"{sign}{'-' if negative else ''}{joined}{f' {unit.base}' if unit else ''}"
        return Quantity(text, found.start(), found.end())

    def _unit(self, name: str) -> Unit | None:
        plain = re.sub(r"[\s-]+", " ", name).strip().casefold()
        return self._names.get(plain) or self._names.get(plain.removesuffix("s"))


def _canonical(number: str, unit: Unit | None) -> str:
    """A number in its base unit, to nine significant digits."""
    value = float(_NUMBERS.get(number.lower(), number).replace(",", ""))
    return f"{value * (unit.factor if unit else 1):.9g}"
