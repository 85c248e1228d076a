"""PathVQA in its three layouts: pickles, the hub's Parquet and JSON Lines; and its yes/no questions as options."""

from __future__ import annotations

import json
import os
import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import png

from evalkit.errors import DataError
from evalkit.task import load_task

ROWS = (
    {"image": "test_0007", "question": "Is there an invented cell?", "answer": "yes"},
    {"image": "test_0009", "question": "What is drawn?", "answer": "a made-up nucleus"},
    {"image": "test_0007", "question": "Is there an invented cell?", "answer": "yes"},
    {"image": "test_0009", "question": "Is there an invented cell?", "answer": "no"},
)
PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.fixture
def pickles(tmp_path: Path) -> Path:
    """The authors' layout with invented content."""
    for split, short in (("test", "test"), ("train", "train"), ("validation", "val")):
        qas = tmp_path / "pathvqa" / "qas" / short
        qas.mkdir(parents=True)
        rows = [{**row, "image": row["image"].replace("test", short)} for row in ROWS[: 4 if split == "test" else 1]]
        (qas / f"{short}_qa.pkl").write_bytes(pickle.dumps(rows, 2))
        images = tmp_path / "pathvqa" / "images" / short
        images.mkdir(parents=True)
        for number in (7, 9):
            (images / f"{short}_{number:04}.jpg").write_bytes(png(number))
    return tmp_path


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """The hub's layout with invented content."""
    data = tmp_path / "flaviagiammarino" / "path-vqa" / "data"
    data.mkdir(parents=True)
    rows = [ROWS[0], ROWS[1], ROWS[3]]
    images = pa.array([{"bytes": png(int(row["image"][-1])), "path": None} for row in rows], PICTURE)
    table = pa.table(
        {"image": images, "question": [r["question"] for r in rows], "answer": [r["answer"] for r in rows]}
    )
    pq.write_table(table, data / "test-00000-of-00001.parquet")
    return tmp_path


def test_pickles_are_read(pickles: Path) -> None:
    """Rows of the pickles are numbered, have the pictures of their split, and their kind from the question's words."""
    task = load_task("pathvqa", [pickles])

    found = list(task.samples())

    assert task.layout_name == "official"
    assert [(sample.id, sample.targets[0], sample.kind) for sample in found] == [
        ("0", "yes", "yes_no"),
        ("1", "a made-up nucleus", "open"),
        ("3", "no", "yes_no"),
    ]
    assert [sample.images[0].name for sample in found][:2] == ["images/test/test_0007.jpg", "images/test/test_0009.jpg"]
    assert [sample.tags["gold"] for sample in found] == ["yes_no", "other", "yes_no"]
    for split, short in (("test", "test"), ("train", "train"), ("validation", "val")):
        task.check_images(split)
        assert next(task.samples(split)).images[0].name == f"images/{short}/{short}_0007.jpg"


def test_repeated_rows_of_the_pickles_are_quarantined(pickles: Path) -> None:
    """A row with the picture, question and answer of an earlier one is left out, as the hub's copy leaves it out."""
    assert load_task("pathvqa", [pickles]).quarantined() == [("2", "it repeats an earlier row")]


def test_the_pin_counts_the_repeated_rows(pickles: Path) -> None:
    """The official pickle has 6,761 rows; another number is refused with both."""
    with pytest.raises(DataError, match="4 rows instead of 6761"):
        load_task("pathvqa", [pickles]).survey()


def test_a_pickle_that_wants_to_load_something_is_refused(pickles: Path) -> None:
    """A PathVQA pickle that would run a command is refused in one line that names it, and runs nothing."""
    trace = pickles / "was-here"

    class Evil:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, (f"touch {trace}",)

    file = pickles / "pathvqa" / "qas" / "test" / "test_qa.pkl"
    file.write_bytes(pickle.dumps([Evil(), *ROWS]))

    with pytest.raises(DataError, match=r"test_qa\.pkl: it wants to load posix\.system; only plain lists"):
        load_task("pathvqa", [pickles]).survey()
    assert not trace.exists()


def test_a_truncated_pickle_is_refused(pickles: Path) -> None:
    """A download that stopped halfway is said to be one, by its name."""
    file = pickles / "pathvqa" / "qas" / "test" / "test_qa.pkl"
    file.write_bytes(file.read_bytes()[:-20])

    with pytest.raises(DataError, match=r"test_qa\.pkl: not a whole pickle of plain values"):
        load_task("pathvqa", [pickles]).survey()


def test_a_pickle_without_answers_is_refused(pickles: Path) -> None:
    """A row without a column that the task reads is named by file, row and column."""
    file = pickles / "pathvqa" / "qas" / "test" / "test_qa.pkl"
    file.write_bytes(pickle.dumps([ROWS[0], {"image": "test_0007", "question": "Is it?"}]))

    with pytest.raises(DataError, match=r"test_qa\.pkl: row 2 has no column 'answer'"):
        load_task("pathvqa", [pickles]).survey()


def test_the_hubs_copy_is_read(hub: Path) -> None:
    """Rows of the Parquet file are numbered and carry their pictures inside."""
    task = load_task("pathvqa", [hub])

    found = list(task.samples())

    assert task.layout_name == "hub"
    assert [sample.id for sample in found] == ["0", "1", "2"]
    assert [sample.images[0].read() for sample in found] == [png(7), png(9), png(9)]
    assert found[1].cluster == found[2].cluster
    assert task.quarantined() == []


def test_yes_no_questions_become_options(pickles: Path, hub: Path) -> None:
    """Only yes/no questions are asked, with A for yes and B for no, under the ids that they have in `pathvqa`."""
    for name, ids in (("pathvqa_mcq@official", ["0", "3"]), ("pathvqa_mcq@hub", ["0", "2"])):
        task = load_task(name, [pickles])
        found = list(task.samples())
        assert [sample.id for sample in found] == ids
        assert {(sample.kind, sample.options) for sample in found} == {("choice", ("yes", "no"))}
        assert [(sample.targets, sample.tags["gold_position"]) for sample in found] == [(("yes",), "A"), (("no",), "B")]
    assert load_task("pathvqa_mcq@official", [pickles]).quarantined() == [("2", "it repeats an earlier row")]


@pytest.mark.shared
def test_the_test_questions_are_the_published_ones(shared: Path) -> None:
    """6,719 questions on 858 pictures, 3,362 of them with a yes/no answer; the pin holds and nothing is left out."""
    task = load_task("pathvqa@jsonl", [shared / "data"])

    assert (task.fingerprint.count, task.fingerprint.images) == (6719, 858)
    assert sum(sample.targets[0] in ("yes", "no") for sample in task.samples()) == 3362
    assert all((sample.tags["gold"] == "yes_no") == (sample.targets[0] in ("yes", "no")) for sample in task.samples())
    assert task.quarantined() == []
    assert any("lacks the images" in note for note in task.notes())


@pytest.mark.shared
def test_kinds_of_the_test_questions(shared: Path) -> None:
    """By their words alone 3,345 questions ask for yes or no; all but one of these have such an answer."""
    samples = load_task("pathvqa@jsonl", [shared / "data"]).samples()
    kinds = Counter((sample.kind, sample.targets[0] in ("yes", "no")) for sample in samples)

    assert (kinds["yes_no", True], kinds["yes_no", False]) == (3344, 1)


@pytest.mark.shared
def test_the_protocols_questions_are_the_published_ones(shared: Path) -> None:
    """The yes/no questions of the test set are 3,362, every one with two options, and the pin holds."""
    task = load_task("pathvqa_mcq@jsonl", [shared / "data"])

    assert task.fingerprint.count == 3362
    assert task.quarantined() == []
    assert Counter(sample.targets for sample in task.samples()) == {("yes",): 1816, ("no",): 1546}


@pytest.mark.shared
def test_pickles_of_the_real_questions_are_the_same_questions(shared: Path, tmp_path: Path) -> None:
    """The real test questions in a pickle as the authors lay it out give the same questions, pictures and answers."""
    lines = (shared / "data" / "pathvqa" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    plain = [{"image": row["img_id"], "question": row["question"], "answer": row["answer"]} for row in rows]
    file = tmp_path / "pathvqa" / "qas" / "test" / "test_qa.pkl"
    file.parent.mkdir(parents=True)
    file.write_bytes(pickle.dumps([*plain, *plain[:42]]))

    pickled, lined = load_task("pathvqa", [tmp_path]), load_task("pathvqa@jsonl", [shared / "data"])

    assert pickled.survey().fingerprint.count == 6719
    assert len(pickled.quarantined()) == 42
    assert all(
        (one.question, one.targets, one.images, one.kind) == (two.question, two.targets, two.images, two.kind)
        for one, two in zip(pickled.samples(), lined.samples(), strict=True)
    )
