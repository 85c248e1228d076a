"""Exact match: the answer is one of the targets, word for word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.scorers.exact_match import ExactMatch
from evalkit.types import Response, Sample, Score


def marked(text: str, *targets: str, keep_case: bool = False, options: tuple[str, ...] = ()) -> Score:
    """The mark of an answer against targets."""
    return ExactMatch(keep_case=keep_case).score(Sample("1", "What is it?", targets, options=options), Response(text))


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("CT", "ct"),
        ("CT.", "CT"),
        ("X-Ray", "x ray"),
        ("xray", "X-ray"),
        ("Ｃ\u00a0Ｔ", "c t"),
        ("  Left   Lung\n", "left lung"),
        ("右肺。", "右肺"),
        ("T1 加权", "T1加权"),
        ("The answer is: CT.", "CT"),
        ("<think>It could be MRI</think>CT", "CT"),
        (r"\boxed{\text{CT}}", "CT"),
        ("2", "2"),
    ],
)
def test_equal(text: str, target: str) -> None:
    """Width, case, hyphens, spaces, punctuation and what stands before the final answer make no difference."""
    assert marked(text, target).value == 1.0


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("CT scan", "CT"),
        ("lungs", "lung"),
        ("left lung", "right lung"),
        ("There is no evidence of pneumothorax", "pneumothorax"),
        ("enlarged heart", "cardiomegaly"),
        ("2.5", "25"),
        ("-2.5", "2.5"),
        ("HER2+", "HER2"),
        ("abnormal", "normal"),
        ("CT", ""),
        ("B", "MRI"),
        ("不正常", "正常"),
    ],
)
def test_not_equal(text: str, target: str) -> None:
    """More words, other words, plurals, synonyms, negations and signs do, and an empty target matches nothing."""
    assert marked(text, target, options=("CT", "MRI")).value == 0.0


def test_any_target() -> None:
    """One of several targets is enough; without targets there is no credit."""
    assert marked("CT", "MRI", "CT").value == 1.0
    assert marked("CT").value == 0.0


def test_option_text_is_an_answer() -> None:
    """A target that is an option's text is met by that text, not by its letter."""
    assert marked("MRI", "MRI", options=("CT", "MRI")).value == 1.0
    assert marked("B", "MRI", options=("CT", "MRI")).value == 0.0


def test_keep_case() -> None:
    """With keep_case, case matters and nothing else new does."""
    assert marked("CT.", "CT", keep_case=True).value == 1.0
    assert marked("ct", "CT", keep_case=True).value == 0.0


@pytest.mark.parametrize(("text", "rule", "kept"), [("Answer: CT", "marker", "CT"), ("CT.", "whole", "CT")])
def test_rule_and_span(text: str, rule: str, kept: str) -> None:
    """The mark says by which rule the answer was found, and where."""
    mark = marked(text, "CT")

    assert mark.span is not None
    assert (mark.rule, mark.answer, text[slice(*mark.span)]) == (rule, "ct", kept)


@pytest.mark.parametrize(
    ("text", "bucket"),
    [("", "blank"), ("...", "blank"), ("I'm sorry, I can't help with that.", "refused"), ("<think>CT", "unparsed")],
)
def test_buckets(text: str, bucket: str) -> None:
    """A blank, a refusal and a cut-off answer are 0 in their own bucket, with the reason."""
    mark = marked(text, "CT", "")

    assert (mark.value, mark.bucket) == (0.0, bucket) and mark.reason


@given(st.text(max_size=60), st.lists(st.text(max_size=20), max_size=3), st.booleans())
def test_never_crashes(text: str, targets: list[str], keep_case: bool) -> None:
    """Any text against any targets gives 0 or 1, and a span inside the text."""
    mark = marked(text, *targets, keep_case=keep_case)

    assert mark.value in (0.0, 1.0)
    assert mark.span is None or 0 <= mark.span[0] < mark.span[1] <= len(text)


@given(st.text("abcdefgXYZ019 -", min_size=1, max_size=20))
def test_shape_changes_nothing(text: str) -> None:
    """Spaces around, upper case and full-width forms change no value."""
    wide = "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)

    values = {marked(form, text).value for form in (text, f"  {text}\n", text.upper(), wide, text.replace(" ", "  "))}

    assert len(values) == 1
