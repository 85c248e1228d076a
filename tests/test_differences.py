"""Why rules differ, in words: the parts are computed from the rows, and they add up."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from evalkit.differences import Forms, explained
from evalkit.tally import Tally
from evalkit.types import Response, Sample, Score

REFUSAL = "I'm sorry, but I can't help with that."
LONG = "Yes, there is one in the left lung."


def told(rows: Sequence[tuple[str, dict[str, float]]], gold: str = "yes") -> str:
    """The sentence on these answers with their marks."""
    tally, forms = Tally(clustered=False), Forms()
    for number, (text, marks) in enumerate(rows):
        sample = Sample(str(number), "Is there a mass?", (gold,))
        tally.add(sample, {name: Score(value) for name, value in marks.items()})
        forms.add(sample, Response(text))
    return explained(tally, forms)


def test_the_two_furthest_apart_are_named() -> None:
    """The sentence names the highest and the lowest mark, each with its n, and the gap in points."""
    rows = [("Yes.", {"a": 1.0, "b": 0.5, "loose": 1.0, "strict": 0.0})] * 20 + [
        ("no", {"loose": 0.0, "strict": 0.0, "a": 0.0})
    ] * 20
    line = told(rows)
    assert "(50.0 on n = 40) and strict (0.0 on n = 40) lie furthest apart, by 50.0 points" in line


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("YES.", "case, punctuation or spaces"),
        (LONG, "longer than the gold"),
        (REFUSAL, "refusals and blank answers"),
        ("", "refusals and blank answers"),
        ("positive", "other wording"),
    ],
)
def test_a_cause_is_the_form_of_the_answers_that_differ(text: str, cause: str) -> None:
    """Rows that one rule takes and the other does not are a cause by their form: spelling, length, refusal, wording."""
    line = told([(text, {"loose": 1.0, "strict": 0.0})] * 10 + [("yes", {"loose": 1.0, "strict": 1.0})] * 30)
    assert f"by 25.0 points: +25.0 from {'answers that are the gold but for ' if 'case' in cause else ''}" in line
    assert cause in line


def test_the_denominator_is_a_cause() -> None:
    """Rows that only one of two rules marks are the denominator's part, with both counts."""
    both = [("yes", {"all_rows": 1.0, "some_rows": 1.0})] * 30
    line = told(both + [("CT", {"all_rows": 0.0})] * 10)
    assert "by 25.0 points: +25.0 from the denominator (30 rows against 40, 30 in both)" in line


def test_the_parts_add_up() -> None:
    """The parts of the difference, signs included, add up to the difference."""
    rows = (
        [("yes", {"x": 1.0, "y": 1.0})] * 13
        + [(LONG, {"x": 1.0, "y": 0.0})] * 7
        + [(REFUSAL, {"x": 0.0, "y": 1.0})] * 3
        + [("Yes!", {"x": 1.0, "y": 0.0})] * 5
        + [("maybe", {"x": 1.0})] * 4
    )
    line = told(rows)
    gap = float(re.search(r"by ([\d.]+) points", line)[1])  # type: ignore[index]
    assert sum(map(float, re.findall(r"([+-][\d.]+) from", line))) == pytest.approx(gap, abs=0.25)


def test_rules_that_agree_are_not_explained() -> None:
    """Where all marks agree, or there are fewer than twenty rows, there is nothing to say."""
    assert told([("yes", {"a": 1.0, "b": 1.0})] * 30) == ""
    assert told([("yes", {"a": 1.0, "b": 0.0})] * 19) == ""


def test_fractions_are_not_compared() -> None:
    """A mark that gives fractions (an F1) is no rival of one that says right or wrong."""
    assert told([("yes", {"f1": 0.5, "right": 1.0})] * 30) == ""
