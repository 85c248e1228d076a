"""The published rules for free answers: equal to the originals row for row, and to the numbers that they published."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.plugins import build, find
from evalkit.scorers.base import Scorer
from evalkit.scorers.published._cleaning import clean
from evalkit.scorers.published._medevalkit_text import boxed, parse, tag
from evalkit.scorers.published._overlap import bleu1_single, bleus, longest_common, rouge_l, rouge_raises, rouges
from evalkit.types import Response, Sample

RULES = (
    *("llava_med", "medevalkit", "multimedeval", "lmms_eval", "karma"),
    *("helm", "hyo0731", "lsi_ufcg", "gr5293", "parkbk"),
)
OURS = ("medevalkit.closed", "lsi_ufcg.strict_all")
RAD, SLAKE = {"data": "vqa_rad"}, {"data": "slake"}
GPT, LLAMA = "vqa-rad.closed1299.gpt-4o", "vqa-rad.closed1299.llama3.2-vision-11b"
QWEN, LORA, FORK = (f"vqa-rad.hf451.{name}" for name in ("qwen2-vl-2b", "qwen2-vl-2b-lora-r4", "qwen3-vl-8b-lora"))
LLAVA = "vqa-rad.test451.llava-med-answer-file"
SEEN, BLACK = (f"slake.en1061.huatuogpt-vision-7b-qwen2.5vl.{name}" for name in ("original", "black"))
FILES = (GPT, LLAMA, QWEN, LORA, FORK, LLAVA, SEEN, BLACK)

Row = Mapping[str, Any]
Value = float | str | None


def rule(name: str, **options: object) -> Scorer:
    """A published rule by its name."""
    found: type[Scorer] = find(Scorer, f"published/{name}")  # type: ignore[type-abstract]
    return build(found, options, name)


def rules(data: Mapping[str, str] | None = None) -> dict[str, Scorer]:
    """All the rules for free answers, those that want to know told which data it is."""
    return {name: rule(name, **(data or {}) if name in ("medevalkit", "karma") else {}) for name in RULES}


def sample_of(gold: str, label: str | None = None) -> Sample:
    """A question with a gold answer and perhaps a label."""
    return Sample("1", "What is it?", (gold,), tags={"answer_type": label} if label else {})


def marks(asked: Mapping[str, Scorer], gold: str, text: str, label: str | None = None) -> dict[str, Value]:
    """Every mark of an answer by its column: a number, or "crash"."""
    sample = sample_of(gold, label)
    return {
        f"{name}.{mark}" if mark else name: "crash" if score.bucket == "crash" else score.value
        for name, scorer in asked.items()
        for mark, score in scorer.scores(sample, Response(text)).items()
    }


def rows(path: Path) -> list[Row]:
    """The rows of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def marked(shared: Path, file: str, *names: str) -> Iterator[tuple[Row, dict[str, Value]]]:
    """The rows of a prediction file with their marks under the named rules."""
    every = rules(SLAKE if file.startswith("slake") else RAD)
    asked = {name: every[name] for name in names or RULES}
    for row in rows(shared / "predictions" / f"{file}.jsonl"):
        yield row, marks(asked, row["gold"], row["response"], row.get("answer_type"))


def polar(row: Row) -> bool:
    """Whether a row's gold is yes or no."""
    return row["gold"].strip().lower() in ("yes", "no")


def closed(row: Row) -> bool:
    """A row's label."""
    return row["answer_type"] == "CLOSED" if "answer_type" in row else polar(row)


def in_test_split(row: Row) -> bool:
    """Whether a row is one of the test split, as far as its file tells."""
    return str(row.get("phrase_type", "test")).startswith("test")


def numbers(values: Iterable[Value]) -> list[float]:
    """The values that are marks."""
    return [each for each in values if isinstance(each, float)]


def mean(values: Iterable[Value]) -> float:
    """The mean of the values that are marks."""
    kept = numbers(values)
    return sum(kept) / len(kept)


def same(got: Value, golden: Value) -> bool:
    """Whether two marks are one: neither is there, both crash, or they are equal within 1e-6."""
    if isinstance(got, str) or isinstance(golden, str) or got is None or golden is None:
        return got == golden
    return math.isclose(got, golden, rel_tol=0, abs_tol=1e-6)


def differences(got: Mapping[str, Value], golden: Row) -> list[tuple[object, str, Value, Value]]:
    """The columns of a golden row that are not as we mark, and ours that it lacks."""
    ruled = {name.partition(".")[0] for name in golden}.intersection(RULES)
    ours = {name for name in got if name.partition(".")[0] in ruled}.difference(OURS)
    names = ours | {name for name in golden if name.partition(".")[0] in ruled}
    return [
        (golden["id"], name, got.get(name), golden.get(name))
        for name in sorted(names)
        if not same(got.get(name), golden.get(name))
    ]


@pytest.mark.shared
@pytest.mark.parametrize("file", FILES)
def test_every_row_of_every_file(shared: Path, file: str) -> None:
    """Every mark of every row is what the original function gives, or is not given where it gives none."""
    golden = rows(shared / "predictions" / "golden" / f"{file}.jsonl")
    found = [(row["id"], got) for row, got in marked(shared, file)]
    assert [each for each, _ in found] == [row["id"] for row in golden]
    assert [wrong for (_, got), row in zip(found, golden, strict=True) for wrong in differences(got, row)] == []


@pytest.mark.shared
def test_every_pair(shared: Path) -> None:
    """Every mark of the hand-made pairs is what the original function gives."""
    golden = [row for row in rows(shared / "predictions" / "golden" / "pairs.jsonl") if row["type"] != "mcq"]
    asked = rules()
    found = [marks(asked, row["gold"], row["prediction"], row["type"].upper()) for row in golden]
    assert len(golden) == 27
    assert [wrong for got, row in zip(found, golden, strict=True) for wrong in differences(got, row)] == []


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "strict", "n", "everything", "all_n"), [(GPT, "71.02", 1180, "70.24", 1193), (LLAMA, "60.48", 1073, "", 0)]
)
def test_published_lsi_ufcg(shared: Path, file: str, strict: str, n: int, everything: str, all_n: int) -> None:
    """The strict accuracies are the published ones, on as many rows."""
    found = [got for _, got in marked(shared, file, "lsi_ufcg")]
    kept = numbers(got.get("lsi_ufcg.strict") for got in found)
    assert (f"{100 * mean(kept):.2f}", len(kept)) == (strict, n)
    if everything:
        kept = numbers(got.get("lsi_ufcg.strict_all") for got in found)
        assert (f"{100 * mean(kept):.2f}", len(kept)) == (everything, all_n)


def interval(values: Iterable[Value]) -> list[str]:
    """Mean and percentiles of the means of 10,000 draws of rows, as their source prints them."""
    kept = np.array(numbers(values))
    draws = kept[np.random.default_rng(42).integers(0, len(kept), size=(10_000, len(kept)))].mean(axis=1)
    return [f"{each:.4f}".lstrip("0") for each in (kept.mean(), *np.quantile(draws, [0.025, 0.975]))]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (QWEN, [".5657 .5060 .6255", ".2008 .1508 .2540", ".3792 .3348 .4257"]),
        (LORA, [".7570 .7012 .8088", ".3561 .2962 .4166", ".5432 .4967 .5876"]),
    ],
)
def test_published_gr5293(shared: Path, file: str, expected: list[str]) -> None:
    """Closed EM, open F1 and overall EM are the published ones, and so are their bootstrap intervals."""
    found = list(marked(shared, file, "gr5293"))
    exact = [(closed(row), got["gr5293.exact_match"]) for row, got in found]
    columns = (
        [value for is_closed, value in exact if is_closed],
        [got.get("gr5293.f1") for _, got in found],
        [value for _, value in exact],
    )
    assert [interval(values) for values in columns] == [each.split() for each in expected]


@pytest.mark.shared
def test_published_medevalkit(shared: Path) -> None:
    """Closed, open and total accuracy are those of the metrics file of the fork."""
    found = [got for _, got in marked(shared, FORK, "medevalkit")]
    right = [sum(numbers(got.get(f"medevalkit.{mark}") for got in found)) for mark in ("closed", "em")]
    assert right == [156, 41]
    means = [mean(got.get(f"medevalkit.{mark}") for got in found) for mark in ("closed", "em", "vqa_rad")]
    assert [f"{each:.6f}" for each in means] == ["0.621514", "0.205000", "0.436807"]


@pytest.mark.shared
def test_computed_llava_med(shared: Path) -> None:
    """The means of LLaVA-Med's own answer file are those that its own functions gave."""
    found = [got for _, got in marked(shared, LLAVA, "llava_med")]
    names = ("run_eval_closed", "run_eval_batch_closed", "recall")
    means = [mean(got.get(f"llava_med.{mark}") for got in found) for mark in names]
    assert [f"{100 * each:.2f}" for each in means] == ["47.06", "48.53", "17.53"]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "expected"), [(SEEN, (".440151", ".668269", ".293023")), (BLACK, (".218662", ".439904", ".075969"))]
)
def test_published_parkbk(shared: Path, file: str, expected: tuple[str, ...]) -> None:
    """Overall, closed and open accuracy on SLAKE are the published ones, with and without pictures."""
    found = [(closed(row), got["parkbk.correct"]) for row, got in marked(shared, file, "parkbk")]
    parts = ((True, False), (True,), (False,))
    means = [mean(value for is_closed, value in found if is_closed in part) for part in parts]
    assert tuple(f"{each:.6f}".lstrip("0") for each in means) == expected


KNOWN = (
    *("llava_med.run_eval_closed", "llava_med.run_eval_batch_closed", "medevalkit.vqa_rad", "multimedeval.closed"),
    *("lmms_eval.slake", "karma.exact_match", "helm.exact_match", "helm.quasi_exact_match", "hyo0731"),
)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (GPT, "63.6 63.6 68.9 68.5 62.9 0.0 0.0 62.9 64.3"),
        (LLAMA, "58.5 59.9 62.9 61.8 53.3 18.0 10.7 53.3 60.3"),
        (LLAVA, "47.1 48.5 31.5 39.4 0.0 0.0 0.0 0.0 48.5"),
    ],
)
def test_known_means(shared: Path, file: str, expected: str) -> None:
    """The means of the closed test rows, of which two rules take those whose gold is yes or no, are the known ones."""
    found = [(row, got) for row, got in marked(shared, file) if in_test_split(row) and closed(row)]
    assert (len(found), sum(polar(row) for row, _ in found)) == (272, 251)
    few = ("medevalkit.vqa_rad", "multimedeval.closed")
    means = [mean(got.get(name) for row, got in found if name not in few or polar(row)) for name in KNOWN]
    assert [f"{100 * each:.1f}" for each in means] == expected.split()


# Derived by hand from what each rule says of itself; None: the mark is not given.
OPEN, CLOSED, CRASH = "OPEN", "CLOSED", "crash"
OVERLAP = ("recall", "precision", "f1", "exact_match", "run_eval_batch_open")
PAIRS: tuple[tuple[str, str | None, str, str, dict[str, Value]], ...] = (
    ("llava_med", CLOSED, "yes", "Yes, it is.", {"run_eval_closed": 1, "run_eval_batch_closed": 1, "recall": None}),
    ("llava_med", CLOSED, "no", "Normal heart", {"run_eval_closed": 1, "run_eval_batch_closed": 1}),
    ("llava_med", CLOSED, "left", "The left side", {"run_eval_closed": 0, "run_eval_batch_closed": 1}),
    ("llava_med", CLOSED, "left", "I know: left", {"run_eval_closed": 1, "run_eval_batch_closed": 1}),
    ("llava_med", CLOSED, "yes", "No.", {"run_eval_closed": 0, "run_eval_batch_closed": 0}),
    ("llava_med", OPEN, "left lung", "lung lung", dict(zip(OVERLAP, (2 / 3, 1, 0.8, 0.5, 0), strict=True))),
    ("llava_med", OPEN, "Two", "2 lesions", dict(zip(OVERLAP, (1, 0.5, 2 / 3, 0.5, 1), strict=True))),
    ("llava_med", OPEN, "x-ray", "An X - Ray!", dict(zip(OVERLAP, (1, 1, 1, 1, 1), strict=True))),
    ("llava_med", OPEN, "brain", "", dict(zip(OVERLAP, (0, 0, 0, 0, 0), strict=True))),
    ("medevalkit", CLOSED, "yes", "Yes, no doubt", {"vqa_rad": 0, "slake": 0, "closed": 0, "em": None}),
    ("medevalkit", CLOSED, "yes", "No wait. The answer is yes.", {"vqa_rad": 1, "slake": 1, "closed": 1}),
    ("medevalkit", CLOSED, "no", "Abnormal", {"vqa_rad": 1, "slake": 1, "closed": 1}),
    ("medevalkit", CLOSED, "Yes", "Yes, it is", {"vqa_rad": 1, "slake": 0, "closed": 1}),
    ("medevalkit", CLOSED, "Yes", "y.e\ns.", {"vqa_rad": 1, "slake": 1}),
    ("medevalkit", CLOSED, "Left", "left.", {"vqa_rad": 0, "slake": 1, "closed": None, "em": 0, "bleu1": 0.5}),
    ("medevalkit", None, "yes", "<answer>\nYes\n</answer> no", {"vqa_rad": 1, "slake": 1}),
    ("medevalkit", OPEN, "Left Lung", r"so \boxed{left lung}, not the heart", {"vqa_rad": 1, "slake": 1, "em": 1}),
    ("medevalkit", OPEN, "none", r"I boxed it", {"vqa_rad": 0, "slake": 0, "em": 0}),
    ("medevalkit", OPEN, "left lung", " left lung", {"vqa_rad": 1, "slake": 0, "em": 1}),
    ("medevalkit", OPEN, "left lung", "Answer: left lung", {"vqa_rad": 0, "em": 0, "precision": 1, "bleu1": 2 / 3}),
    ("medevalkit", OPEN, "left lung", "lung", {"precision": 2 / 3, "recall": 1, "f1": 0.5, "bleu1": math.exp(-1)}),
    ("medevalkit", OPEN, "left lung", "lung. left", {"rouge1": 1, "rouge2": 0, "rougel": 1, "bleu2": 0}),
    ("medevalkit", OPEN, "yes", "yes", {"vqa_rad": 1, "slake": 1, "em": None, "closed": 1}),
    ("medevalkit", OPEN, "lung", "", {"vqa_rad": CRASH, "slake": CRASH, "em": CRASH, "bleu1": CRASH, "f1": CRASH}),
    ("medevalkit", OPEN, "lung", "...", {"vqa_rad": CRASH, "em": CRASH}),
    ("medevalkit", OPEN, "lung", "answer:", {"vqa_rad": CRASH, "em": CRASH}),
    ("medevalkit", OPEN, "lung", ". .", {"vqa_rad": 0, "em": 0}),
    ("medevalkit", OPEN, "lung", "word " * 1100, {"vqa_rad": CRASH, "em": CRASH}),
    ("medevalkit", OPEN, "lung", "word. " * 1100, {"vqa_rad": 0, "em": 0}),
    ("multimedeval", CLOSED, "No", "It is not seen", {"closed": 1, "open_accuracy": None, "recall": 0, "bleu1": 0}),
    ("multimedeval", CLOSED, "yes", "Yes and no", {"closed": 1, "recall": 1, "f1": 0.5, "bleu1": 1 / 3}),
    ("multimedeval", OPEN, "yes", "Not really", {"closed": 0, "open_accuracy": None}),
    ("multimedeval", CLOSED, "left lower lobe", "lower lobe", {"closed": None, "open_accuracy": 0, "f1": 0.8}),
    ("multimedeval", OPEN, "upper left lung lobe", "the upper left lung", {"open_accuracy": 1, "recall": 0.75}),
    ("multimedeval", OPEN, "left", "", {"open_accuracy": 0, "recall": 0, "f1": 0, "bleu1": 0}),
    ("lmms_eval", OPEN, "X-Ray (chest)", "xray", {"slake": 1}),
    ("lmms_eval", CLOSED, "No", "没有。", {"slake": 1}),
    ("lmms_eval", CLOSED, "yes", "正常", {"slake": 1}),
    ("lmms_eval", CLOSED, "yes", "Yes, it is", {"slake": 0}),
    ("lmms_eval", CLOSED, "yes", "Yes (", {"slake": 1}),
    ("lmms_eval", OPEN, "左肺", "左肺（a\nb）！", {"slake": 1}),
    ("karma", CLOSED, "no", "No.", {"exact_match": 0, "f1": 1, "slake_exact_match": 0, "slake_f1": 0}),
    ("karma", CLOSED, "No", " no\n", {"exact_match": 1, "exact_match_raw": 0}),
    ("karma", OPEN, "left lung", "left\nlung", {"exact_match": 0, "f1": 0}),
    ("karma", OPEN, "ct ", "ct", {"exact_match": 0, "exact_match_raw": 0, "f1": 1}),
    ("karma", OPEN, "CT", "Final Answer: ct Final Answer: MRI", {"exact_match": 0, "slake_exact_match": 1}),
    ("karma", OPEN, "left lung", "Final Answer: lung lung", {"slake_exact_match": 0, "slake_f1": 0.5, "f1": 1 / 3}),
    ("helm", CLOSED, "yes", "Yes", {"exact_match": 0, "quasi_exact_match": 1, "prefix_exact_match": 0, "f1": 1}),
    ("helm", CLOSED, "no", "normal", {"prefix_exact_match": 1, "quasi_prefix_exact_match": 1, "quasi_exact_match": 0}),
    ("helm", OPEN, "lung", "The lungs", {"quasi_exact_match": 0, "f1": 0, "rouge_l": 2 / 3}),
    ("helm", OPEN, "X-Ray", "x ray", {"quasi_exact_match": 0, "f1": 0, "rouge_l": 1}),
    ("helm", OPEN, "the", " ", dict.fromkeys(("exact_match", "quasi_exact_match", "quasi_prefix_exact_match"), 0)),
    ("helm", OPEN, "the", "left", {"quasi_exact_match": 0, "quasi_prefix_exact_match": 1}),
    ("hyo0731", CLOSED, "yes", "", {"": 1}),
    ("hyo0731", CLOSED, "normal", "No!", {"": 1}),
    ("hyo0731", CLOSED, "yes", "no", {"": 0}),
    ("hyo0731", OPEN, "Left Lung, Right", "both left lungs", {"": 0.5}),
    ("hyo0731", OPEN, "opacities", "An opacity.", {"": 1}),
    ("hyo0731", OPEN, "mass", "masses", {"": 0}),
    ("hyo0731", OPEN, "left,, right", "right and left", {"": 0.6667}),
    ("hyo0731", OPEN, "", "left", {"": 0}),
    ("lsi_ufcg", CLOSED, "yes", "YES. ", {"strict": 1, "strict_all": 1}),
    ("lsi_ufcg", CLOSED, "No.", "yes", {"strict": 0, "strict_all": 0}),
    ("lsi_ufcg", CLOSED, "yes", "I cannot tell", {"strict": None, "strict_all": 0}),
    ("lsi_ufcg", CLOSED, "no", "no .", {"strict": None, "strict_all": 0}),
    ("lsi_ufcg", CLOSED, "left", "left", {"strict": None, "strict_all": None}),
    ("gr5293", CLOSED, "yes", "Yes!", {"exact_match": 1, "f1": None, "bleu1": None, "rougeL": None}),
    ("gr5293", OPEN, "left lung", "left", {"exact_match": 0, "f1": 2 / 3, "bleu1": math.exp(-1), "rougeL": 2 / 3}),
    ("gr5293", OPEN, "left", "- left", {"exact_match": 0, "f1": 1, "bleu1": 1, "rougeL": 1}),
    ("gr5293", OPEN, "X-ray", "xray", {"exact_match": 1, "f1": 1}),
    ("gr5293", OPEN, "lungs", "lung", {"exact_match": 0, "f1": 0, "bleu1": 0, "rougeL": 0}),
    ("gr5293", OPEN, "-", "", {"exact_match": 1, "f1": 1, "bleu1": 0, "rougeL": 0}),
    ("parkbk", CLOSED, "yes", "No, yes", {"correct": 1}),
    ("parkbk", CLOSED, "No", "Normal", {"correct": 1}),
    ("parkbk", CLOSED, "Lung", "lung", {"correct": 0}),
    ("parkbk", CLOSED, "yes", "It is", {"correct": 0}),
    ("parkbk", OPEN, "X-ray", "xray.", {"correct": 1}),
    ("parkbk", OPEN, "yes", "yes, it is", {"correct": 0}),
)


@pytest.mark.parametrize(("name", "label", "gold", "text", "expected"), PAIRS)
def test_by_hand(name: str, label: str | None, gold: str, text: str, expected: dict[str, Value]) -> None:
    """A pair has the marks that the rule's own description gives it."""
    got = marks({name: rule(name)}, gold, text, label)
    named = {mark: got.get(f"{name}.{mark}" if mark else name) for mark in expected}
    assert all(same(named[mark], value) or same_softly(named[mark], value) for mark, value in expected.items()), named


def same_softly(got: Value, expected: Value) -> bool:
    """Whether a mark is the expected one but for the 1e-8 and the single precision of some originals."""
    return isinstance(got, float) and isinstance(expected, int | float) and got == pytest.approx(expected, abs=2e-6)


def test_medevalkit_goes_by_the_data_set() -> None:
    """What counts as open, and as closed, is the label on SLAKE, and the gold on VQA-RAD."""
    asked = {"medevalkit": rule("medevalkit", **SLAKE)}
    assert marks(asked, "left", "left", CLOSED) == dict.fromkeys(
        ("medevalkit.slake", "medevalkit.vqa_rad", "medevalkit.closed"), 1.0
    )
    opened = marks(asked, "yes", "yes", OPEN)
    assert (opened["medevalkit.em"], "medevalkit.closed" in opened) == (1.0, False)
    assert marks(asked, "left", "", CLOSED)["medevalkit.slake"] == 0.0
    assert marks({"medevalkit": rule("medevalkit", **RAD)}, "left", "", CLOSED)["medevalkit.em"] == "crash"


def test_karma_gives_marks_of_slake_on_slake() -> None:
    """The two marks in the way of SLAKE are not given on VQA-RAD."""
    names = {"exact_match", "f1", "exact_match_raw"}
    sample = sample_of("yes")
    more = names | {"slake_exact_match", "slake_f1"}
    assert set(rule("karma", **RAD).scores(sample, Response("yes"))) == names
    assert set(rule("karma").names(sample)) == set(rule("karma", **SLAKE).scores(sample, Response("yes"))) == more


@pytest.mark.parametrize("name", RULES)
def test_choices_are_left_alone(name: str) -> None:
    """A row of multiple choice has no mark of a free answer."""
    sample = Sample("1", "Which?", ("CT",), options=("MRI", "CT"), kind="choice")
    assert set(rule(name).scores(sample, Response("CT"))) <= {"correct"}
    assert name in ("medevalkit", "multimedeval") or not rule(name).marks(sample)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("x-ray", "x ray"),
        ("x - ray", "x ray"),
        ("x-ray - chest", "xray chest"),
        ("1,000 (ml)", "1000 ml"),
        ("a,b", "b"),
        ("3.5 cm. the end.", "3.5 cm end"),
        (".a" * 40, "a" * 32 + ".a" * 8),
        ("none zero ten eleven", "0 0 10 eleven"),
        ("dont somebody'd yall'd've", "don't somebodyd y'all'd've"),
        ("左肺，右肺。", "左肺，右肺。"),
        ("* it's: 5", "* it's: 5"),
        ("", ""),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    """The cleaning deletes or spaces marks, takes 32 full stops and the articles away, and writes numbers as digits."""
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        (r"\boxed{a} then \boxed{ b {c} }", "b {c}"),
        (r"\boxed{a} then \boxed{b", "None"),
        (r"\boxed{}", ""),
        (r"\boxed{a}}", "a"),
        ("boxed{a}", "None"),
        (r"\boxed{" + "{" * 9999 + "}" * 10_000, "{" * 9999 + "}" * 9999),
    ],
)
def test_boxed(text: str, inside: str) -> None:
    """The last box counts, up to its own brace; without one it is the word None."""
    assert boxed(text) == inside


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("<answer> a\nb </answer>", "a\nb"),
        ("<answer>a</answer> or <answer>b</answer><answer>c", "a b"),
        ("<answer>a<answer>b</answer>", "a<answer>b"),
        ("<answer> </answer>", "<answer> </answer>"),
        ("<answer>a", "<answer>a"),
        ("", ""),
    ],
)
def test_tag(text: str, inside: str) -> None:
    """All that is tagged counts, or the text where that is nothing."""
    assert tag(text) == inside


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Left. ", "left. "),
        ("The answer is: Answer: CT", " ct"),
        ("**Answer:** CT", " ct"),
        ("**Answer**: CT", " ct"),
        ("The final answer CT", " ct"),
        ("答案:CT", "ct"),
        (r"\BOXED{The answer is CT}", " ct"),
        ("boxed CT", "None"),
        ("<ANSWER>CT</ANSWER>", "ct"),
        (r"<answer>\boxed{CT}</answer>", "ct"),
    ],
)
def test_parse(text: str, answer: str) -> None:
    """What is boxed or tagged counts, and of that what follows the last marker; nothing is stripped."""
    assert parse(text) == answer


def test_overlap() -> None:
    """BLEU and ROUGE are those of the packages, in the cases where the packages differ from the textbook."""
    assert bleus(list("abcd"), list("abcd")) == pytest.approx((1, 1, 1, 1))
    assert bleus(list("ab"), list("abc")) == pytest.approx((math.exp(-0.5), math.exp(-0.5), 0, 0))
    assert bleus([""], ["a"]) == (0, 0, 0, 0)
    assert bleu1_single(list("abc"), list("aa")) == pytest.approx(1 / 3)
    # Two sentences, a union of two subsequences, and the empty word of a sentence of white space.
    assert rouges("a b. c d", "c d a b") == pytest.approx((1, 2 / 3, 1))
    assert rouges("left. ", "left") == pytest.approx((2 / 3, 0, 2 / 3))
    assert rouges("a a", "a") == pytest.approx((1, 0, 1))
    assert rouge_l("The Lungs", "lung", stemmed=True) == pytest.approx(2 / 3)
    assert rouge_l("The Lungs", "lung", stemmed=False) == 0
    assert rouge_l("é 肺", "肺", stemmed=True) == 0
    assert [rouge_raises(text, "x") for text in ("..", "", ".x", "a " * 1100, "a " * 1100 + "x")] == [
        *(True, True, False, True, False)
    ]


def subsequence(one: str, other: str) -> int:
    """The length of the longest common subsequence, by its definition."""
    if not one or not other:
        return 0
    if one[-1] == other[-1]:
        return subsequence(one[:-1], other[:-1]) + 1
    return max(subsequence(one[:-1], other), subsequence(one, other[:-1]))


@given(st.text("abc", max_size=7), st.text("abc", max_size=7))
def test_longest_common(one: str, other: str) -> None:
    """The bits count what the definition of the longest common subsequence says."""
    assert longest_common(list(one), list(other)) == subsequence(one, other)


PIECES = (
    *("yes", "No", "not", "left lung", "the", "none", "lungs", "ies", "X-Ray", "1,000", "3.4 cm", "don't", "İ", "ﬁ"),
    *(
        "\\boxed{",
        "}",
        "{",
        "<answer>",
        "</answer>",
        "answer is",
        "Final Answer:",
        "答案:",
        "（",
        "）",
        "(",
        ")",
        "，",
        "是",
    ),
    *(".", ". ", " ", "\n", "\t", ",", "\u3000", "\x00", "\ud800", "..."),
)
ANSWERS = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=12).map("".join))


@given(ANSWERS, ANSWERS, st.sampled_from([OPEN, CLOSED, None]), st.sampled_from([None, RAD, SLAKE]))
def test_no_text_stops_a_rule(text: str, gold: str, label: str | None, data: Mapping[str, str] | None) -> None:
    """Any answer to any gold has marks in [0, 1], or crashes where the original does, under names that are known."""
    sample = sample_of(gold, label)
    for name, scorer in rules(data).items():
        scores = scorer.scores(sample, Response(text))
        assert set(scores) <= set(scorer.names(sample))
        assert all(
            0 <= score.value <= 1 and score.bucket == "parsed"
            for score in scores.values()
            if name != "medevalkit" or score.bucket != "crash"
        )


@pytest.mark.parametrize(
    "text", ["(" * 100_000, "（" * 100_000, "<answer>" * 50_000, "\\boxed{" * 50_000, "a. " * 50_000]
)
@pytest.mark.parametrize("name", RULES)
def test_long_texts_are_marked_soon(name: str, text: str) -> None:
    """A text of 100,000 signs is marked in its turn, whatever it repeats."""
    for label in (OPEN, CLOSED):
        assert isinstance(rule(name).scores(sample_of("left (a. b) lung", label), Response(text)), dict)
