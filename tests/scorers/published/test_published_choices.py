"""The published rules of multiple choice: what the originals give, row for row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from math import isclose, isnan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.scorers.published._choices import gold_letter, letters, nearest
from evalkit.scorers.published.base import Published
from evalkit.scorers.published.huatuo import Huatuo
from evalkit.scorers.published.loganbolton import LoganBolton
from evalkit.scorers.published.medevalkit import Medevalkit
from evalkit.scorers.published.mmmu import Mmmu
from evalkit.scorers.published.multimedeval import Multimedeval
from evalkit.scorers.published.pmcvqa import PmcVqa
from evalkit.scorers.published.vlmevalkit import VLMEvalKit
from evalkit.types import Response, Sample, Score

RULES: tuple[tuple[str, Published], ...] = (
    ("medevalkit", Medevalkit()),
    ("huatuo", Huatuo()),
    ("vlmevalkit", VLMEvalKit()),
    ("mmmu", Mmmu()),
    ("multimedeval", Multimedeval()),
    ("loganbolton", LoganBolton()),
    ("pmcvqa", PmcVqa()),
)
SCANS = ("CT", "MRI", "X-ray of the chest", "Ultrasound")
STORED = ("published_parse", "published_correct")

Row = Mapping[str, object]


def asked(gold: str, options: tuple[str, ...] = SCANS, **tags: str) -> Sample:
    """A question of multiple choice."""
    return Sample("1", "Which scan is it?", (gold,), options=options, kind="choice", tags=tags)


def kept(score: Score) -> object:
    """A mark as a column of a results file has it."""
    return "crash" if score.bucket == "crash" else None if isnan(score.value) else score.value


def columns(sample: Sample, response: Response) -> dict[str, object]:
    """Every column that the rules give an answer."""
    found: dict[str, object] = {}
    for name, rule in RULES:
        if not rule.marks(sample):
            continue
        for mark, score in rule.scores(sample, response).items():
            column = f"{name}{rule.joint}{mark}"
            found[column] = kept(score)
            for key, value in rule.details(score).items():
                found[f"{column.rpartition('.')[0]}.{key}"] = value
    return found


def same(found: object, wanted: object) -> bool:
    """Whether two columns agree: marks to 1e-6, everything else in value and type."""
    if isinstance(found, float):
        return isinstance(wanted, int | float) and isclose(found, wanted, abs_tol=1e-6)
    return type(found) is type(wanted) and found == wanted


def differing(rows: Iterator[tuple[Sample, Response, Row]]) -> tuple[int, list[str]]:
    """How many rows there are, and where a column of theirs is not what the original gives."""
    count, found = 0, []
    for sample, response, golden in rows:
        count += 1
        got = columns(sample, response)
        wanted = {name: value for name, value in golden.items() if "." in name}
        more = {name for name in got if name not in wanted and not name.startswith("pmcvqa.")}
        found += [f"{sample.id} {name}: not in the file" for name in sorted(more)]
        for name, value in wanted.items():
            if not same(got.get(name), value):
                found.append(f"{sample.id} {name}: {got.get(name)!r}, and not {value!r}")
        if gold_letter(sample) != golden["gold_letter"]:
            found.append(f"{sample.id} gold_letter: {gold_letter(sample)}")
    return count, found


def lines(path: Path) -> Iterator[dict[str, object]]:
    """The rows of a file."""
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def predictions(path: Path) -> Iterator[tuple[Sample, Response, Row]]:
    """The rows of a predictions file beside what the originals give them."""
    for row, golden in zip(lines(path), lines(path.parent / "golden" / path.name), strict=True):
        assert row["id"] == golden["id"]
        options = row.get("options", [])
        assert isinstance(options, list)
        tags = {name: str(row[name]) for name in STORED if name in row}
        sample = Sample(str(row["id"]), "", (str(row["gold"]),), options=tuple(options), kind="choice", tags=tags)
        yield sample, Response(str(row["response"])), golden


def pairs(path: Path) -> Iterator[tuple[Sample, Response, Row]]:
    """The hand-made pairs of multiple choice."""
    for row in lines(path):
        if row["type"] == "mcq":
            options = row["options"]
            assert isinstance(options, dict)
            sample = Sample(str(row["id"]), "", (str(row["gold_text"]),), options=tuple(options.values()))
            yield sample, Response(str(row["prediction"])), row


@pytest.mark.shared
def test_every_row_of_every_file_agrees(shared: Path) -> None:
    """On real answers every column is what the original function gives."""
    golden = (shared / "predictions" / "golden").glob("*.jsonl")
    names = sorted(path.name for path in golden if "gold_letter" in next(lines(path)))
    assert names
    for name in names:
        count, found = differing(predictions(shared / "predictions" / name))
        assert count and found == [], name


@pytest.mark.shared
def test_every_pair_agrees(shared: Path) -> None:
    """On the hand-made pairs too, with the rule that no file has."""
    path = shared / "predictions" / "golden" / "pairs.jsonl"
    count, found = differing(pairs(path))
    assert count and found == []
    assert "pmcvqa.correct" in columns(asked("MRI"), Response("B"))


SAID: tuple[tuple[str, str, tuple[str, ...], str, dict[str, object]], ...] = (
    # MedEvalKit: a paragraph or a sentence that is a letter, else what stands before the first full stop, else likeness
    ("medevalkit", "D", SCANS, "b\n\nIt may be CT.", {"choice": "B", "correct": 0.0}),
    ("medevalkit", "MRI", SCANS, "It may be CT.\n\nB. Sure", {"choice": "B", "correct": 1.0}),
    ("medevalkit", "MRI", SCANS, "Final choice:b. Not a", {"choice": "B", "correct": 1.0}),
    ("medevalkit", "MRI", SCANS, "Choice: b", {"choice": "C", "correct": 0.0}),
    ("medevalkit", "MRI", SCANS, "The answer is \\boxed{B}.", {"choice": "B", "correct": 1.0}),
    ("medevalkit", "MRI", SCANS, "<answer>B</answer>", {"choice": "B", "correct": 1.0}),
    ("medevalkit", "Ultrasound", SCANS, "e", {"choice": "C", "correct": 0.0}),
    ("medevalkit", "CT", SCANS, "", {"choice": "A", "correct": 1.0}),
    # Huatuo: a free letter, in its case; the option mentioned last; the most similar option, the last of several
    ("huatuo", "MRI", SCANS, "答案是B", {"choice": "B", "stage": 1, "correct": 1.0, "fork_caller": 1.0}),
    ("huatuo", "MRI", SCANS, "It is b", {"choice": "b", "stage": 1, "correct": 0.0, "fork_caller": 0.0}),
    ("huatuo", "CT", SCANS, "This is a CT", {"choice": "A", "stage": 2, "correct": 1.0, "fork_caller": "crash"}),
    ("huatuo", "CT", SCANS, "This is a, CT", {"choice": "a", "stage": 1, "correct": 0.0, "fork_caller": 0.0}),
    ("huatuo", "MRI", SCANS, "ct, then mri", {"choice": "B", "stage": 2, "correct": 1.0, "fork_caller": "crash"}),
    ("huatuo", "CT", SCANS, "ct, then mri", {"choice": "B", "stage": 2, "correct": 0.0, "fork_caller": "crash"}),
    ("huatuo", "Ultrasound", SCANS, "", {"choice": "D", "stage": 3, "correct": 1.0, "fork_caller": "crash"}),
    ("huatuo", "CT", ("CT", "CT"), "ct", {"choice": "A", "stage": 2, "correct": 0.0, "fork_caller": "crash"}),
    # VLMEvalKit: one letter among the last four words, else after "answer is", else one text of a short answer
    ("vlmevalkit", "MRI", SCANS, "so it must be [B]", {"choice": "B", "to_llm": False, "correct": 1.0}),
    ("vlmevalkit", "MRI", SCANS, "B it is, as we all see", {"choice": None, "to_llm": True, "correct": 0.0}),
    ("vlmevalkit", "MRI", SCANS, "Answer  IS **b, and so on and on", {"choice": "B", "to_llm": False, "correct": 1.0}),
    ("vlmevalkit", "CT", SCANS, "The answer is a mystery", {"choice": "A", "to_llm": False, "correct": 1.0}),
    ("vlmevalkit", "CT", ("CT", "MRI"), "answer is d, no mri", {"choice": None, "to_llm": True, "correct": 0.0}),
    ("vlmevalkit", "MRI", SCANS, "an mri", {"choice": "B", "to_llm": False, "correct": 1.0}),
    ("vlmevalkit", "MRI", SCANS, "mri or ct", {"choice": None, "to_llm": True, "correct": 0.0}),
    ("vlmevalkit", "MRI", ("CT", "MRI"), "it is an mri", {"choice": None, "to_llm": True, "correct": 0.0}),
    ("vlmevalkit", "MRI", SCANS, "Cannot determine the answer: B", {"choice": "Z", "to_llm": False, "correct": 0.0}),
    (
        "vlmevalkit",
        "CT",
        SCANS,
        "Failed to obtain answer via API B ct",
        {"choice": "A", "to_llm": False, "correct": 1.0},
    ),
    ("vlmevalkit", "MRI", SCANS, "Z", {"choice": "Z", "to_llm": False, "correct": 0.0}),
    # MMMU: brackets, a letter that stands free, a text of a longer answer; the last of several, or a draw
    ("mmmu_lmms", "MRI", SCANS, "(A) no, (B) yes, A B", {"choice": "B", "random": False, "correct": 1.0}),
    ("mmmu_lmms", "CT", SCANS, "An MRA scan", {"choice": "A", "random": False, "correct": 1.0}),
    ("mmmu_medevalkit", "CT", SCANS, "An MRA scan", {"choice": None, "random": True, "correct": None}),
    ("mmmu_lmms", "CT", SCANS, "MRA or ADC ", {"choice": "A", "random": False, "correct": 1.0}),
    ("mmmu_lmms", "MRI", SCANS, "It is B.5", {"choice": "B", "random": False, "correct": 1.0}),
    ("mmmu_lmms", "MRI", SCANS, "it may well be an mri", {"choice": "B", "random": False, "correct": 1.0}),
    ("mmmu_lmms", "MRI", SCANS, "it may be an mri", {"choice": None, "random": True, "correct": None}),
    ("mmmu_lmms", "CT", SCANS, "it may well be an mri", {"choice": "B", "random": False, "correct": 0.0}),
    ("mmmu_medevalkit", "MRI", SCANS, "\\boxed{B}", {"choice": "B", "random": False, "correct": 1.0}),
    ("mmmu_medevalkit", "MRI", SCANS, "B \\boxed{", {"choice": None, "random": True, "correct": None}),
    ("mmmu_medevalkit", "MRI", SCANS, "A\n<answer> B.\n</answer>", {"choice": "B", "random": False, "correct": 1.0}),
    ("mmmu_medevalkit", "CT", SCANS, "B or A", {"choice": "A", "random": False, "correct": 1.0}),
    ("mmmu_medevalkit", "MRI", SCANS, "B or A", {"choice": "A", "random": False, "correct": 0.0}),
    # MultiMedEval: the option that shares most words, where "a" is none
    ("multimedeval", "MRI", SCANS, "Option B!", {"choice": "b", "correct": 1.0}),
    ("multimedeval", "CT", SCANS, "A", {"choice": "Invalid answer", "correct": 0.0}),
    ("multimedeval", "CT", SCANS, "a CT", {"choice": "a", "correct": 1.0}),
    ("multimedeval", "MRI", SCANS, "CT or MRI", {"choice": "a", "correct": 0.0}),
    ("multimedeval", "X-ray of the chest", SCANS, "x-ray of chest", {"choice": "c", "correct": 1.0}),
    # LoganBolton: never a letter; all words of a short gold in a short response
    ("loganbolton", "MRI", SCANS, "MRI", {"inclusion_or_nearest": 1.0, "nearest": 1.0}),
    ("loganbolton", "MRI", SCANS, "mri", {"inclusion_or_nearest": 1.0, "nearest": 0.0}),
    ("loganbolton", "CT", SCANS, "A", {"inclusion_or_nearest": 0.0, "nearest": 0.0}),
    ("loganbolton", "X-ray of the chest", SCANS, "The chest (of Xray)", {"inclusion_or_nearest": 1.0, "nearest": 1.0}),
    ("loganbolton", "MRI", SCANS, "mri" + " " * 197, {"inclusion_or_nearest": 1.0, "nearest": 0.0}),
    ("loganbolton", "MRI", SCANS, "mri" + " " * 198, {"inclusion_or_nearest": 0.0, "nearest": 0.0}),
    ("loganbolton", "CT", SCANS, "", {"inclusion_or_nearest": 0.0, "nearest": 0.0}),
    # PMC-VQA: the last character, in whichever option it is the largest part
    ("pmcvqa", "MRI", SCANS, "I say B", {"choice": "B", "correct": 1.0}),
    ("pmcvqa", "MRI", SCANS, "C", {"choice": "A", "correct": 0.0}),
    ("pmcvqa", "Ultrasound", SCANS, "Sound", {"choice": "D", "correct": 1.0}),
    ("pmcvqa", "MRI", SCANS, "B.", {"choice": None, "correct": 0.0}),
    ("pmcvqa", "MRI", SCANS, "", {"choice": "crash", "correct": "crash"}),
    ("pmcvqa", "#", SCANS, "A", {"choice": "A", "correct": 0.0}),
)


@pytest.mark.parametrize(("rule", "gold", "options", "text", "wanted"), SAID)
def test_own_pairs(rule: str, gold: str, options: tuple[str, ...], text: str, wanted: dict[str, object]) -> None:
    """Each rule reads an answer as its description says, right and wrong."""
    found = columns(asked(gold, options), Response(text))

    got = {name.rpartition(".")[2]: value for name, value in found.items() if name.startswith(f"{rule}.")}
    assert got == wanted


@pytest.mark.parametrize(
    ("options", "gold", "letter"),
    [
        (SCANS, "MRI", "B"),
        (SCANS, "mri", None),
        (SCANS, "B", None),
        (SCANS, "", None),
        (("CT", "MRI", "CT"), "CT", "C"),
        (tuple("abcdefghij"), "j", "J"),
        ((), "C: tell the attending", "C"),
        ((), "E", "E"),
        ((), "F: none of them", None),
        ((), "", None),
    ],
)
def test_letter_of_the_gold(options: tuple[str, ...], gold: str, letter: str | None) -> None:
    """The gold's letter is that of the last option with its very text, or stands before the gold's colon."""
    assert gold_letter(asked(gold, options)) == letter


def test_a_gold_that_is_no_option() -> None:
    """Where the gold is none of the options, no choice is right."""
    found = columns(asked("PET"), Response("B"))
    assert {value for name, value in found.items() if name.endswith("correct")} == {0.0}


def test_letters_alone() -> None:
    """Without the options' texts a rule marks what the letters A to E decide, and gives no mark where they do not."""
    known = columns(asked("E: because", ()), Response("E"))
    unknown = columns(asked("E: because", ()), Response("It is because of the old scan"))

    assert {name for name, value in known.items() if value == 1.0} == {
        *("medevalkit.correct", "huatuo.correct", "vlmevalkit.correct", "mmmu_lmms.correct", "mmmu_medevalkit.correct"),
        "huatuo.stage",
    }
    assert unknown == {}


@pytest.mark.parametrize(("parse", "correct", "value"), [("c", "True", 1.0), ("b", "false", 0.0)])
def test_a_stored_parse_is_repeated(parse: str, correct: str, value: float) -> None:
    """Without the options' texts MultiMedEval's mark is the one that its source kept beside the answer."""
    sample = asked("C: because", (), published_parse=parse, published_correct=correct)

    found = columns(sample, Response("OPTION C IS CORRECT."))

    assert (found["multimedeval.choice"], found["multimedeval.correct"]) == (parse, value)


def test_only_choices_are_marked() -> None:
    """A question with a free answer has no mark of a rule that is for choices alone."""
    found = columns(Sample("1", "What is it?", ("MRI",)), Response("MRI"))
    assert {name.partition(".")[0] for name in found} == {"medevalkit", "multimedeval"}


def plainly(options: list[str], response: str, last: bool) -> tuple[int, float]:
    """The most similar option by difflib itself."""
    ratios = [SequenceMatcher(None, option, response).ratio() for option in options]
    places = [index for index, ratio in enumerate(ratios) if ratio == max(ratios)]
    return places[-1 if last else 0], max(ratios)


FEW = st.text("ab c\x00é肺\ue000", max_size=30)
WORDS = st.lists(st.sampled_from(("the ", "lung", "a", "CT ", "x-ray", ". ", "7", "肺部", "\ue000")), max_size=120)


@given(st.lists(FEW, min_size=1, max_size=6), FEW, st.booleans())
def test_nearest_is_difflib(options: list[str], response: str, last: bool) -> None:
    """The nearest option and its ratio are those of difflib, ties included."""
    assert nearest(options, response, last=last) == plainly(options, response, last)


@given(st.lists(WORDS.map("".join), min_size=1, max_size=4), WORDS, st.integers(1, 6), st.booleans())
def test_nearest_is_difflib_with_junk(options: list[str], words: list[str], times: int, last: bool) -> None:
    """So they are for long responses, where difflib passes over frequent characters."""
    response = "".join(words) * times
    assert nearest(options, response, last=last) == plainly(options, response, last)


PARTS = st.sampled_from(
    (
        *("A", "b", "(C)", "D.", "E", "Z", "I", "a ", "answer is", "Answer:", "**", "\n\n", ". ", ":", ",", "'", " "),
        *(
            "CT",
            "MRI",
            "x-ray of the chest",
            "是",
            "为",
            "\\boxed{",
            "}",
            "<answer>",
            "</answer>",
            "\u3000",
            "\x1c",
            "İ",
        ),
        *("Failed to obtain answer via API", "I can't process this file.", "the lungs are clear and so on " * 9),
    )
)


@given(
    st.one_of(
        st.text(max_size=60), st.lists(PARTS, max_size=12).map(" ".join), st.lists(PARTS, max_size=12).map("".join)
    ),
    st.lists(st.one_of(st.sampled_from(SCANS), st.text(max_size=8)), max_size=10).map(tuple),
    st.one_of(st.sampled_from((*SCANS, "C: because", "")), st.text(max_size=8)),
)
def test_no_answer_breaks_a_rule(text: str, options: tuple[str, ...], gold: str) -> None:
    """Whatever is asked and answered, a mark is 0, 1 or none, and a choice a letter or none."""
    sample = asked(gold, options)
    for name, value in columns(sample, Response(text)).items():
        if name.endswith((".correct", ".fork_caller", "nearest")):
            assert value in (0.0, 1.0, None, "crash")
        elif name.endswith(".choice") and not name.startswith(("huatuo.", "multimedeval.")):
            assert value in (*letters(sample), "Z", None, "crash")
