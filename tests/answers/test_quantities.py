"""Quantities are equal where they measure the same, and only there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.answers.quantities import Unit, Units
from evalkit.answers.text import fold

UNITS = Units(
    {
        "mm": Unit("mm", 1),
        "millimeter": Unit("mm", 1),
        "cm": Unit("mm", 10),
        "centimeter": Unit("mm", 10),
        "μm": Unit("mm", 0.001),
        "ml": Unit("ml", 1),
        "l": Unit("ml", 1000),
        "%": Unit("%", 1),
        "per cent": Unit("%", 1),
        "hu": Unit("hu", 1),
        "t": Unit("tesla", 1),
        "year": Unit("month", 12),
        "year old": Unit("month", 12),
        "month": Unit("month", 1),
        "厘米": Unit("mm", 10),
    }
)


def found(text: str) -> list[str]:
    """The quantities of a text."""
    return [quantity.text for quantity in UNITS.find(fold(text).text)]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("3.4 cm", "34 mm"),
        ("3.4cm", "3.40 centimeters"),
        ("0.5 mm", "500 µm"),
        ("2.5cm x 1.7cm x 1.6cm", "2.5 x 1.7 x 1.6 cm"),
        ("2.5 cm × 1.7 × 1.6", "25 by 17 by 16 mm"),
        ("2-3 cm", "20 to 30 mm"),
        ("2–3 cm", "between 2 and 3 cm"),
        ("8 mm - 1 cm", "8-10 mm"),
        ("two", "2"),
        ("Twelve cm", "120 mm"),
        ("5%", "5 per cent"),
        ("1,000 ml", "1 L"),
        ("less than 5 cm", "< 50 mm"),
        ("at least two", ">= 2"),
        ("about 3 cm", "3 cm"),
        ("-50 HU", "-50.0 hu"),
        ("two-year-old", "24 months"),
        ("３．４ ｃｍ", "3.4 cm"),
        ("3.4厘米", "34 mm"),
        (".5 cm", "5 mm"),
    ],
)
def test_one_quantity(text: str, same: str) -> None:
    """Units are converted; words, ranges, dimensions, thousands, width and spaces make no difference."""
    assert found(text) == found(same)
    assert len(found(text)) == 1


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("3.4 cm", "3.4 mm"),
        ("3.4 cm", "3.4"),
        ("3.4 cm", "34 cm"),
        ("5 cm", "less than 5 cm"),
        ("less than 5 cm", "more than 5 cm"),
        ("at most 5 cm", "less than 5 cm"),
        ("2-3 cm", "2 x 3 cm"),
        ("2-3 cm", "3 cm"),
        ("2 x 3 cm", "3 x 2 cm"),
        ("50 hu", "-50 hu"),
        ("5%", "5"),
        ("1,000 ml", "1 ml"),
        ("5 ml", "5 mm"),
    ],
)
def test_another_quantity(text: str, other: str) -> None:
    """Another number, unit, sign, comparison or order of dimensions is another quantity."""
    assert found(text) != found(other)


@pytest.mark.parametrize("text", ["", "T2", "4th ventricle", "L2", "CD34", "someone", "tension", "left", "x x x", "cm"])
def test_no_quantity(text: str) -> None:
    """A number inside a word, a number's name inside a word, and a unit alone are none."""
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "quantities"),
    [
        ("two nodules of 3 mm and 1.5 cm", ["2", "3 mm", "15 mm"]),
        ("1, 2, 3", ["1", "2", "3"]),
        ("3T MRI at 5 mm", ["3 tesla", "5 mm"]),
        ("0.1 l", ["100 ml"]),
        ("1.1 cm", ["11 mm"]),
    ],
)
def test_every_quantity_in_order(text: str, quantities: list[str]) -> None:
    """All quantities of a text are found, each once, in order, rounded to nine digits."""
    assert found(text) == quantities


def test_the_place_is_the_quantitys() -> None:
    """A quantity knows where it stands, its comparison and unit included."""
    (quantity,) = UNITS.find("mass of less than 5 cm.")
    assert "mass of less than 5 cm."[quantity.start : quantity.end] == "less than 5 cm"


def test_without_units_numbers_stay() -> None:
    """A table without units still reads numbers."""
    assert [quantity.text for quantity in Units({}).find("two or 3 cm")] == ["2", "3"]


@given(st.decimals(min_value=0, max_value=10**6, places=3))
def test_centimetres_are_ten_millimetres(number: object) -> None:
    """Whatever the number, its centimetres are ten times as many millimetres."""
    assert found(f"{number} cm") == found(f"{number * 10} mm")  # type: ignore[operator]


@given(st.text(alphabet="0123456789.,-x×<>% cmltowhan\t两٣²"))
def test_no_text_is_too_much(text: str) -> None:
    """Any text is read without a crash, and no quantity is empty or overlaps the next."""
    end = 0
    for quantity in UNITS.find(fold(text).text):
        assert quantity.text
        assert end <= quantity.start < quantity.end
        end = quantity.end
