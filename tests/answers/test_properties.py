"""What holds for every answer: none crashes, noise earns nothing, shape changes nothing, spans hold what was read."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.answers import (
    asks_yes_no,
    bucket_of,
    choose,
    final_part,
    named_options,
    normalise,
    opens_yes_no,
    option_of,
    yes_no,
)
from evalkit.answers.aliases import joined, names
from evalkit.answers.text import fold, tokens
from evalkit.scorers.base import Scorer
from evalkit.scorers.closed import Closed
from evalkit.scorers.exact_match import ExactMatch
from evalkit.scorers.recall import Recall
from evalkit.scorers.token_f1 import TokenF1
from evalkit.types import Kind, Response, Sample, Score

SCANS = ("CT", "MRI", "X-ray", "Chronic disease (COPD)")
KINDS: tuple[Kind, ...] = ("yes_no", "choice", "closed", "open")
STRICT: tuple[Scorer, ...] = (Closed(), ExactMatch(), TokenF1(), Recall())
SAMPLES = (
    Sample("1", "Is there a fracture?", ("yes",), kind="yes_no"),
    Sample("2", "Is there a fracture?", ("no",), kind="closed"),
    Sample("3", "Is there a mass or a lesion?", ("no",), kind="closed"),
    Sample("4", "Is this an MRI or a CT scan?", ("CT",), kind="closed"),
    Sample("5", "Which scan is it?", ("MRI",), options=SCANS, kind="choice"),
    Sample("6", "Is it normal?", ("No, enlarged",), options=("Yes", "No, enlarged"), kind="choice"),
    Sample("7", "图中有肿块吗?", ("没有",), kind="yes_no"),
    Sample("8", "左侧还是右侧?", ("左侧",), kind="closed"),
    Sample("9", "What is it?", ("heart",), kind="open"),
)
TEXTS = (
    st.text(max_size=120)
    | st.text(st.characters(max_codepoint=0x2FF), max_size=60)
    | st.binary(max_size=60).map(lambda data: data.decode("latin-1"))
)
# Words of which answers are made, with much that stands between them.
WORDS = re.split(
    r"\|",
    "yes|no|not|is|are|there|the|this|A|B|c|I|(B)|b)|option|answer:|Answer|the answer is|final|MRI|CT|scan|lesion|mass|"
    "fracture|left|right|or|and|but|so|.|,|;|:|?|!|\n|\n\n|**|<|>|<think>|</think>|<answer>|</answer>|\\boxed{|}|{|\"|'|"
    '"answer":|[|]|-|##|cannot|determine|sorry|I\'m|most|likely|therefore|wait|是|否|不是|有|没有|肿块|正常|异常|左侧|'
    "右侧|答案：|选|。|，Ｂ|ｙｅｓ|\u00a0|\u200b|\u0301|\u202e|\x00|\x1f|\x7f",
)
PIECES = st.lists(st.sampled_from(WORDS), max_size=14)


def marks(sample: Sample, text: str) -> list[Score]:
    """The marks of an answer by every strict scorer."""
    return [scorer.score(sample, Response(text)) for scorer in STRICT]


def check(sample: Sample, text: str) -> None:
    """A mark lies in [0, 1], in a bucket, and has a span inside the text just where something was read."""
    for mark in marks(sample, text):
        assert 0.0 <= mark.value <= 1.0
        assert mark.value == 0.0 or mark.bucket == "parsed"
        assert mark.bucket in ("parsed", "unparsed", "refused", "blank")
        assert (mark.span is not None) == (mark.bucket == "parsed") == bool(mark.rule)
        assert bool(mark.reason) == (mark.bucket != "parsed")
        assert mark.span is None or 0 <= mark.span[0] < mark.span[1] <= len(text)


@given(TEXTS, TEXTS, st.lists(TEXTS, max_size=3), st.lists(TEXTS, max_size=4), st.sampled_from(KINDS))
def test_no_input_crashes(text: str, question: str, targets: list[str], options: list[str], kind: Kind) -> None:
    """Any text, question, gold and options are marked, and read, without an error."""
    check(Sample("1", question, tuple(targets), options=tuple(options), kind=kind), text)
    final_part(text)
    bucket_of(Response(text))
    yes_no(text, question)
    choose(text, options, question)
    asks_yes_no(text)
    opens_yes_no(text)
    named_options(text)


@given(PIECES, st.sampled_from((" ", "")), st.sampled_from(SAMPLES))
@settings(max_examples=400)
def test_no_answer_crashes(pieces: list[str], between: str, sample: Sample) -> None:
    """Words of answers in any order are marked without an error."""
    check(sample, between.join(pieces))


@given(PIECES, st.sampled_from(SAMPLES), st.integers(min_value=2, max_value=400))
@settings(max_examples=25, deadline=None)
def test_no_long_answer_crashes(pieces: list[str], sample: Sample, times: int) -> None:
    """An answer that repeats itself is marked as any other."""
    check(sample, " ".join(pieces) * times)


LONG = 100_000


@pytest.mark.parametrize(
    "unit",
    [
        *("A", "yes ", "no, ", "yes. ", "B) ", "(", "[", "{", "B or ", "not CT, ", "A, B and ", "CT? ", "e.g. B) "),
        *(
            "answer: ",
            "if the answer is B ",
            "\\boxed{x ",
            "if \\boxed{B",
            "<answer>",
            "<think>",
            "</think>",
            "<",
            "<b a=",
        ),
        *(
            "\n",
            " ",
            "\t",
            ".",
            "?",
            ", ",
            "*",
            "so ",
            "I say ",
            "most likely CT, MRI x. ",
            "between ",
            "x ",
            "x-",
            "1.",
            "'",
        ),
        *(
            "还是",
            "是",
            "有,",
            "正常的吗?",
            "Ａ",
            "Ｙｅｓ ",
            "e\u0301",
            "\u0301",
            "\u200b",
            "🧠",
            "but the ",
            "sorry ",
            "cannot ",
        ),
        *(
            "as an ai ",
            "no evidence of ",
            "\nQuestion: ",
            '{"answer": "B"} ',
            '"answer": [',
            "A) CT\nB) MRI\n",
            "MRI x, CT y ",
        ),
        *("non-", "no A, B or ", "<|", "## Thinking\n", "any ????", ".no", "\n no", "most likely CT.\nMRI x "),
    ],
)
def test_no_pathological_answer_takes_long(unit: str) -> None:
    """A hundred thousand characters of whatever makes a careless pattern start again and again are marked at once."""
    text = (unit * (LONG // len(unit)))[:LONG] + "x"

    for sample in (SAMPLES[0], SAMPLES[4]):
        assert Closed().score(sample, Response(text)).value in (0.0, 1.0)
    assert Closed().score(Sample("1", text, (text,), kind="closed"), Response("yes")).value == 0.0


# Letters that spell no answer here, and words that are none.
NOISE_WORDS = (
    "the image shows normal abnormal diagnosis nodule unknown cannot note nobody yesterday eyes noise noon yesno "
    "ctscan mris hearted lefty rights abc Bob Ann a an I it of with in and or heartbeat 正在 图片 医生 显示"
)
NOISE = st.text("qwzvjk 0123456789.,;#\n", min_size=1, max_size=60) | st.lists(
    st.sampled_from(NOISE_WORDS.split(" ")), min_size=1, max_size=12
).map(" ".join)


@given(NOISE, st.sampled_from(SAMPLES))
@settings(max_examples=400)
def test_noise_earns_nothing(noise: str, sample: Sample) -> None:
    """Text that spells neither an option nor yes or no is 0 under every strict rule."""
    assert {mark.value for mark in marks(sample, noise)} == {0.0}


@given(NOISE)
def test_noise_names_no_option(noise: str) -> None:
    """No letter and no option is read out of words that are none."""
    found = choose(noise, SCANS)

    assert found is None or noise.strip(" .,;#\n") in ("a", "I")


ANSWERS = (
    (0, "yes"),
    (0, "No, there is none."),
    (0, "There is no fracture."),
    (0, "Yes and no"),
    (0, "maybe"),
    (0, "the answer is no"),
    (0, "I'm sorry, I can't help with that."),
    (1, "No, the bone is intact; see the arrow."),
    (2, "There is no mass or lesion."),
    (2, "a lesion"),
    (3, "This is a CT."),
    (3, "not a CT but an MRI"),
    (3, "CT or MRI"),
    (4, "(b)"),
    (4, "b) mri"),
    (4, "option b"),
    (4, "x-ray"),
    (4, "copd"),
    (4, "MRI, not CT"),
    (4, "the correct answer is (b) mri"),
    (4, '{"answer": "mri"}'),
    (5, "yes"),
    (5, "enlarged"),
    (6, "没有肿块。"),
    (7, "左侧"),
    (8, "the heart"),
    (8, "Heart!"),
)
PADS = st.text(" \n\t\r\u00a0\u3000\u200b", max_size=6)


def wide(text: str) -> str:
    """A text in full-width forms."""
    return "".join(
        "\u3000" if char == " " else chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text
    )


@given(st.sampled_from(ANSWERS), PADS, PADS, st.sampled_from((str, wide, str.upper, str.lower)))
@settings(max_examples=400)
def test_shape_changes_nothing(case: tuple[int, str], before: str, behind: str, form: Callable[[str], str]) -> None:
    """Spaces round an answer, its case and its width change neither value, bucket nor what was read."""
    number, text = case
    sample = SAMPLES[number]

    for plain, other in zip(marks(sample, text), marks(sample, before + form(text) + behind), strict=True):
        assert (other.value, other.bucket, other.answer) == (plain.value, plain.bucket, plain.answer)


def holds(sample: Sample, mark: Score, said: str) -> bool:
    """Whether the text of a span says what was read out of it, by the rule that read it."""
    rule = mark.rule.rpartition(", ")[2]
    spelt = normalise(said)
    if rule == "letter":
        return spelt == chr(ord("a") + sample.options.index(mark.answer))
    if rule == "option text":
        options = sample.options or named_options(sample.question)
        place, words = options.index(mark.answer), tuple(token.text for token in joined(tokens(fold(said).text)))
        spellings = [name.words for name in names(options) if name.option == place]
        return any(words == spelling or words[-len(spelling) :] == spelling for spelling in spellings) or (
            option_of(said, options, lettered=False) == mark.answer
        )
    if rule in ("leading word", "closing word"):
        polar = {"yes": ("yes", "yeah", "yep", "yup", "true"), "no": ("no", "nope", "false")}
        return spelt in polar[mark.answer]
    return rule in ("statement", "leading clause", "options denied") or spelt == mark.answer


@given(PIECES, st.sampled_from(SAMPLES))
@settings(max_examples=600)
def test_a_span_holds_what_was_read(pieces: list[str], sample: Sample) -> None:
    """The text at the span says the answer: the letter, the option's words, the yes or no, or the whole."""
    text = " ".join(pieces)

    for mark in (Closed().score(sample, Response(text)), ExactMatch().score(sample, Response(text))):
        assert mark.span is None or holds(sample, mark, text[slice(*mark.span)]), (mark, text)
