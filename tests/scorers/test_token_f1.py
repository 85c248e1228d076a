"""Token F1: how far the words of the answer and of the target are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.scorers.token_f1 import TokenF1
from evalkit.types import Response, Sample, Score


def marked(text: str, *targets: str) -> Score:
    """The mark of an answer against targets."""
    return TokenF1().score(Sample("1", "What is it?", targets), Response(text))


@pytest.mark.parametrize(
    ("text", "target", "value"),
    [
        ("left lung", "Left Lung.", 1.0),
        ("left lung", "lung left", 1.0),
        ("the left lung", "left lung", 0.8),
        ("lung lung", "lung", 2 / 3),
        ("heart", "lung", 0.0),
        ("左肺", "右肺", 0.5),
        ("X-ray", "xray", 1.0),
        ("Answer: left lung", "left lung", 1.0),
        ("no pneumothorax", "pneumothorax", 2 / 3),
        ("lung", "", 0.0),
    ],
)
def test_value(text: str, target: str, value: float) -> None:
    """Twice the shared words over all words, each counted as often as it occurs."""
    assert marked(text, target).value == pytest.approx(value)


def test_best_target_counts() -> None:
    """The best of several targets counts, and none gives nothing."""
    assert marked("left lung", "heart", "lung").value == pytest.approx(2 / 3)
    assert marked("left lung").value == 0.0


@pytest.mark.parametrize(
    ("text", "bucket"),
    [
        (" ", "blank"),
        ("I cannot provide a diagnosis.", "refused"),
        ("<think>lung", "unparsed"),
        ("ok</think>", "unparsed"),
    ],
)
def test_buckets(text: str, bucket: str) -> None:
    """A blank, a refusal and an answer without a final part are 0 in their own bucket."""
    mark = marked(text, "lung")

    assert (mark.value, mark.bucket) == (0.0, bucket) and mark.reason


@given(st.text(max_size=60), st.lists(st.text(max_size=20), max_size=3))
def test_bounds(text: str, targets: list[str]) -> None:
    """Any text against any targets gives a value in [0, 1] and a span inside the text."""
    mark = marked(text, *targets)

    assert 0.0 <= mark.value <= 1.0
    assert mark.span is None or 0 <= mark.span[0] < mark.span[1] <= len(text)


@given(st.text("abc XY肺", min_size=1, max_size=12), st.text("abc XY肺", min_size=1, max_size=12))
def test_symmetric_and_shapeless(text: str, target: str) -> None:
    """Answer and target change places freely, and case and spaces change nothing."""
    value = marked(text, target).value

    assert marked(f" {text.upper()} ".replace(" ", "  "), target).value == value
    assert not text.strip() or not target.strip() or marked(target, text).value == pytest.approx(value)
