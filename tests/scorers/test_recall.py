"""Recall: how much of the target is in the answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.scorers.recall import Recall
from evalkit.types import Response, Sample, Score


def marked(text: str, *targets: str) -> Score:
    """The mark of an answer against targets."""
    return Recall().score(Sample("1", "What is it?", targets), Response(text))


@pytest.mark.parametrize(
    ("text", "target", "value"),
    [
        ("left lung", "Left Lung.", 1.0),
        ("It is in the lower left lung.", "left lung", 1.0),
        ("lung", "left lung", 0.5),
        ("lung", "lung lung", 0.5),
        ("heart", "lung", 0.0),
        ("肺", "左肺", 0.5),
        ("xray of the chest", "X-ray", 1.0),
        ("Not the heart. Answer: left lung", "heart", 0.0),
        ("no pneumothorax", "pneumothorax", 1.0),
        ("lung", "", 0.0),
    ],
)
def test_value(text: str, target: str, value: float) -> None:
    """The share of the target's words, each counted as often as it occurs, that are in the answer's final part."""
    assert marked(text, target).value == pytest.approx(value)


def test_best_target_counts() -> None:
    """The best of several targets counts, and none gives nothing."""
    assert marked("left lung", "heart", "left lung field").value == pytest.approx(2 / 3)
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
def test_more_words_never_lose(text: str, more: str) -> None:
    """A longer answer never has less, and case and spaces change nothing."""
    value = marked(text, "a b 肺").value

    assert marked(f"{text} {more}", "a b 肺").value >= value
    assert marked(f" {text.upper()} ".replace(" ", "  "), "a b 肺").value == value
