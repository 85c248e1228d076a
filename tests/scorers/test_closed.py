"""Closed questions: yes or no, or one of the options, as the answer says it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.scorers.closed import Closed
from evalkit.scorers.exact_match import ExactMatch
from evalkit.scorers.recall import Recall
from evalkit.scorers.token_f1 import TokenF1
from evalkit.types import Kind, Response, Sample, Score

SCANS = ("CT", "MRI", "X-ray", "Ultrasound")
QUESTIONS: tuple[tuple[str, Kind, tuple[str, ...], str], ...] = (
    ("Is there a fracture?", "yes_no", (), "yes"),
    ("Is there a fracture?", "closed", (), "no"),
    ("Is this an MRI or a CT scan?", "closed", (), "CT"),
    ("Which scan is it?", "choice", SCANS, "MRI"),
    ("左侧还是右侧?", "closed", (), "左侧"),
    ("What is it?", "closed", (), "heart"),
)


def marked(question: str, text: str, *targets: str, kind: Kind = "closed", options: tuple[str, ...] = ()) -> Score:
    """The mark of an answer to a closed question."""
    return Closed().score(Sample("1", question, targets, options=options, kind=kind), Response(text))


@pytest.mark.parametrize(("kind", "marks"), [("yes_no", True), ("choice", True), ("closed", True), ("open", False)])
def test_kinds(kind: Kind, marks: bool) -> None:
    """Every kind but the open one is marked."""
    assert Closed().marks(Sample("1", "Is it?", ("yes",), kind=kind)) is marks


@pytest.mark.parametrize(
    ("question", "text", "target", "value"),
    [
        ("Is there a fracture?", "Yes, in the rib.", "yes", 1.0),
        ("Is there a fracture?", "No.", "Yes", 0.0),
        ("Is there a fracture?", "There is no fracture.", "no", 1.0),
        ("Is there a fracture?", "No, wrong; yes", "yes", 0.0),
        ("Is the heart normal?", "abnormal", "no", 1.0),
        ("Is this an MRI or a CT scan?", "This is a CT.", "CT", 1.0),
        ("Is this an MRI or a CT scan?", "It is not an MRI.", "CT", 0.0),
        ("Is this an MRI or a CT scan?", "MRI", "CT", 0.0),
        ("Which side is abnormal, left or right?", "The left side.", "Left", 1.0),
        ("Which side is abnormal, left or right?", "left and right", "Left", 0.0),
        ("Which is bigger, lung or heart?", "Lungs", "Lung", 1.0),
        ("Is there a mass or a lesion?", "No, there is no mass.", "no", 1.0),
        ("Is there a mass or a lesion?", "A lesion.", "lesion", 1.0),
        ("图中有肺吗?", "是的", "有", 1.0),
        ("图中有肺吗?", "不包含", "没有", 1.0),
        ("图中有肺吗?", "包含", "没有", 0.0),
        ("图片正常吗?", "不是", "不正常", 1.0),
        ("图片正常吗?", "有异常", "不正常", 1.0),
        ("肺是异常的吗?", "异常", "是的", 1.0),
        ("肺和心脏哪个更大?", "肺更大", "肺", 1.0),
        ("肺和心脏哪个更大?", "心脏", "肺", 0.0),
    ],
)
def test_form_comes_from_the_question(question: str, text: str, target: str, value: float) -> None:
    """Without declared options, the question's words say whether yes or no or its own options are wanted."""
    assert marked(question, text, target).value == value


@pytest.mark.parametrize(
    ("text", "target", "value"),
    [
        ("B", "MRI", 1.0),
        ("B", "B", 1.0),
        ("MRI", "B", 1.0),
        ("It is an MRI, not a CT.", "MRI", 1.0),
        ("x ray", "X-ray", 1.0),
        ("B. CT", "MRI", 0.0),
        ("A nodule", "CT", 0.0),
        ("Yes", "MRI", 0.0),
    ],
)
def test_choice(text: str, target: str, value: float) -> None:
    """Letter and words of the same option agree, on both sides."""
    assert marked("Which scan is it?", text, target, kind="choice", options=SCANS).value == value


def test_routing_ignores_the_gold() -> None:
    """The same question and answer are read the same way, whatever the gold."""
    marks = [marked("Is there a fracture?", "No, it is an MRI", gold) for gold in ("yes", "no", "MRI", "")]

    assert {(mark.answer, mark.rule, mark.span) for mark in marks} == {("no", "leading word", (0, 2))}
    assert [mark.value for mark in marks] == [0.0, 1.0, 0.0, 0.0]


def test_letters_need_declared_options() -> None:
    """Options that the question names were never put as A and B, so a letter says nothing."""
    assert marked("Is this an MRI or a CT scan?", "B", "CT").bucket == "unparsed"


def test_no_form() -> None:
    """Where the question names no form, only the target itself, word for word, counts."""
    assert marked("What is it?", "Heart.", "heart").value == 1.0
    other = marked("What is it?", "The heart.", "heart")
    assert (other.value, other.bucket) == (0.0, "unparsed") and other.reason


def test_target_outside_the_options() -> None:
    """A target that is none of the options is met word for word, and by nothing else."""
    assert marked("Which is bigger, kidney or spleen?", "Liver", "Liver").value == 1.0
    assert marked("Which is bigger, kidney or spleen?", "Kidney", "Liver").value == 0.0


@pytest.mark.parametrize("target", ["", "NULL", "'", "7", "both"])
def test_odd_targets_give_nothing_away(target: str) -> None:
    """An empty or malformed gold gives no free credit and no crash."""
    for question, kind, options, _ in QUESTIONS:
        assert marked(question, "CT", target, kind=kind, options=options).value == 0.0
    assert marked("Is there a fracture?", "yes").value == 0.0


@pytest.mark.parametrize(
    ("text", "bucket"),
    [
        ("", "blank"),
        ("?", "blank"),
        ("I'm sorry, but I can't assist with that.", "refused"),
        ("抱歉，我无法回答。", "refused"),
        ("<think>No, because", "unparsed"),
        ("Normal study.", "unparsed"),
        ("Perhaps", "unparsed"),
    ],
)
def test_buckets(text: str, bucket: str) -> None:
    """Blank, refused and unparsed answers are 0 in their own buckets, with the reason."""
    mark = marked("Is there a nodule?", text, "no")

    assert (mark.value, mark.bucket, mark.span) == (0.0, bucket, None) and mark.reason


@given(
    st.text(max_size=80),
    st.text(max_size=40),
    st.lists(st.text(max_size=12), max_size=3),
    st.sampled_from(("yes_no", "choice", "closed", "open")),
    st.lists(st.text(max_size=12), max_size=4),
)
def test_never_crashes(text: str, question: str, targets: list[str], kind: Kind, options: list[str]) -> None:
    """No text, question, target or option crashes the scorer, and a span lies inside the text."""
    mark = marked(question, text, *targets, kind=kind, options=tuple(options))

    assert mark.value in (0.0, 1.0)
    assert mark.span is None or 0 <= mark.span[0] < mark.span[1] <= len(text)
    assert (mark.bucket == "parsed") == (mark.span is not None)


NEAR = tuple(
    re.split(
        r"\|",
        "yes|no|not|left|right|A|B|b)|(C)|or|and|.|,|\n|answer:|the answer is|MRI|CT|scan|lung|there is|is|I|cannot|"
        "see|\\boxed{|}|<think>|</think>|<answer>|是|不是|没有|异常|正常|左侧|答案：|sorry|Ｂ",
    )
)


@given(st.lists(st.sampled_from(NEAR), max_size=12), st.sampled_from(QUESTIONS))
def test_likely_words_in_any_order(parts: list[str], asked: tuple[str, Kind, tuple[str, ...], str]) -> None:
    """Words that answers are made of, in any order, crash nothing, and every span points into the text."""
    text = " ".join(parts)
    question, kind, options, target = asked
    sample = Sample("1", question, (target,), options=options, kind=kind)

    for scorer in (Closed(), ExactMatch(), TokenF1(), Recall()):
        mark = scorer.score(sample, Response(text))
        assert 0.0 <= mark.value <= 1.0
        assert mark.span is None or 0 <= mark.span[0] < mark.span[1] <= len(text)


@given(st.text("qwzxjkv 0123456789.,;-#", min_size=1, max_size=60), st.sampled_from(QUESTIONS))
def test_noise_earns_nothing(noise: str, asked: tuple[str, Kind, tuple[str, ...], str]) -> None:
    """Noise is never an answer."""
    question, kind, options, target = asked

    mark = marked(question, noise, target, kind=kind, options=options)

    assert mark.value == 0.0 and mark.bucket in ("unparsed", "blank")


ANSWERS = (
    "yes",
    "No.",
    "no, it is not",
    "Answer: no",
    "CT",
    "B",
    "(b)",
    "B. MRI",
    "the MRI",
    "B or C",
    "left",
    "maybe",
)


@given(st.sampled_from(ANSWERS), st.sampled_from(QUESTIONS), st.sampled_from((str.upper, str.lower, str.title)))
def test_shape_changes_nothing(
    text: str, asked: tuple[str, Kind, tuple[str, ...], str], case: Callable[[str], str]
) -> None:
    """Spaces, case and full-width forms change no value."""
    question, kind, options, target = asked
    wide = "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)

    forms = (text, f" \n{text} ", text.replace(" ", "   "), case(text), wide)
    values = {marked(question, form, target, kind=kind, options=options).value for form in forms}

    assert len(values) == 1


@pytest.mark.parametrize(
    ("text", "value", "bucket"),
    [
        ("OPTION C IS CORRECT.", 1.0, "parsed"),
        ("The answer is (B).", 0.0, "parsed"),
        ("c", 1.0, "parsed"),
        ("A nodule", 0.0, "unparsed"),
        ("B or C", 0.0, "unparsed"),
    ],
)
def test_a_choice_without_texts_is_read_by_its_letter(text: str, value: float, bucket: str) -> None:
    """Where the options' texts are not in the file, the gold is "C: text" and only a letter can be read."""
    score = Closed().score(Sample("1", "", ("C: aspirin",), kind="choice"), Response(text))
    assert (score.value, score.bucket) == (value, bucket)
