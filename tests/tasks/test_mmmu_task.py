"""MMMU and MMMU-Pro, Health and Medicine: options in one string, letters to texts, pictures where the text says."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import png

from evalkit.errors import DataError
from evalkit.task import Task, load_task
from evalkit.types import Image

Row = Mapping[str, object]

SUBJECTS = (
    "Basic_Medical_Science",
    "Clinical_Medicine",
    "Diagnostics_and_Laboratory_Medicine",
    "Pharmacy",
    "Public_Health",
)
PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
CHOICE: Row = {
    "id": "validation_Pharmacy_1",
    "question": "What is invented in <image 1>, and not in <image 2>?",
    "options": "['a vial', \"nature's own\", '<image 2>']",
    "answer": "B",
    "question_type": "multiple-choice",
    "topic_difficulty": "Easy",
    "pictures": 2,
}
OPEN: Row = {
    **CHOICE,
    "id": "validation_Pharmacy_2",
    "question": "How many? <image 1>",
    "options": "[]",
    "answer": "['two', '2']",
    "question_type": "open",
    "pictures": 1,
}


def write(file: Path, rows: Sequence[Row]) -> None:
    """A Parquet file as the hub has it: seven picture columns, most of them empty."""
    file.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, pa.Array] = {
        name: pa.array([row[name] for row in rows]) for name in CHOICE if name != "pictures"
    }
    for number in range(1, 8):
        cells = [{"bytes": png(number), "path": None} if number <= int(str(row["pictures"])) else None for row in rows]
        columns[f"image_{number}"] = pa.array(cells, PICTURE)
    pq.write_table(pa.table(columns), file)


def load(folder: Path, rows: Sequence[Row] = (CHOICE, OPEN)) -> Task:
    """The task on the hub's layout, these rows among the subject's; the other subjects have one each."""
    for subject in (*SUBJECTS, "Art"):
        own = rows if subject == "Pharmacy" else [{**CHOICE, "id": f"validation_{subject}_1"}]
        write(folder / "MMMU" / "MMMU" / subject / "validation-00000-of-00001.parquet", own)
    return load_task("mmmu_med", [folder])


def test_the_five_subjects_are_read(tmp_path: Path) -> None:
    """The five subjects are read and no other, each sample tagged by its own."""
    subjects = Counter(sample.tags["subject"] for sample in load(tmp_path).samples())

    assert subjects == {**dict.fromkeys(SUBJECTS, 1), "Pharmacy": 2}


def test_a_choice_has_its_options_as_texts(tmp_path: Path) -> None:
    """Options are read from Python's spelling, and the letter names the gold's text."""
    found = {sample.id: sample for sample in load(tmp_path).samples()}["validation_Pharmacy_1"]

    assert (found.kind, found.options) == ("choice", ("a vial", "nature's own", "<image 2>"))
    assert (found.targets, found.tags["gold_position"]) == (("nature's own",), "B")
    assert [image.read() for image in found.images] == [png(1), png(2)]


def test_an_open_question_has_its_accepted_answers(tmp_path: Path) -> None:
    """A question without options is open; several accepted answers in one string are several targets."""
    found = {sample.id: sample for sample in load(tmp_path).samples()}["validation_Pharmacy_2"]

    assert (found.kind, found.options, found.targets) == ("open", (), ("two", "2"))
    assert found.tags["question_type"] == "open"
    (plain,) = (
        sample
        for sample in load(tmp_path, [{**OPEN, "answer": "Transformation"}]).samples()
        if sample.tags["subject"] == "Pharmacy"
    )
    assert plain.targets == ("Transformation",)


def test_pictures_are_shown_where_they_are_spoken_of(tmp_path: Path) -> None:
    """Question and options hold the pictures in the places that they name."""
    task = load(tmp_path)
    prompts = {sample.id: task.prompt(sample) for sample in task.samples()}

    shown = [part if isinstance(part, str) else part.read() for part in prompts["validation_Pharmacy_1"].parts]

    assert shown == [
        "What is invented in ",
        png(1),
        ", and not in ",
        png(2),
        "?\nA. a vial\nB. nature's own\nC. ",
        png(2),
        "\nGive the letter of the right option, and nothing else.",
    ]
    assert prompts["validation_Pharmacy_2"].parts[0] == "How many? "
    assert isinstance(prompts["validation_Pharmacy_2"].parts[1], Image)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"options": "['a', 'b'"}, "its options are no list of texts"),
        ({"options": "['a', 1]"}, "its options are no list of texts"),
        ({"options": "__import__('os').getcwd()"}, "its options are no list of texts"),
        ({"answer": "D"}, "its label is no letter of a choice"),
        ({"answer": "?"}, "its label is no letter of a choice"),
        ({"options": "['a', 'b', '']"}, "one of its options is empty"),
    ],
)
def test_malformed_rows_are_quarantined(tmp_path: Path, broken: Row, reason: str) -> None:
    """Options that are no list, and a letter that no option has, leave a row out under its id."""
    task = load(tmp_path, [{**CHOICE, **broken}])

    assert task.quarantined() == [("validation_Pharmacy_1", reason)]
    assert len(list(task.samples())) == 4


def test_missing_subjects_are_noticed(tmp_path: Path) -> None:
    """A copy that is not whole is refused with its number of rows."""
    with pytest.raises(DataError, match="6 rows instead of 150"):
        load(tmp_path).survey()


def test_mmmu_pro_on_the_hub(tmp_path: Path) -> None:
    """Of MMMU-Pro's one file the rows of the five subjects belong, with up to ten options."""
    options = str([f"thing {number}" for number in range(10)])
    rows = [{**CHOICE, "options": options, "answer": "J"}, {**CHOICE, "id": "test_Art_1", "options": options}]
    file = tmp_path / "MMMU" / "MMMU_Pro" / "standard (10 options)" / "test-00000-of-00001.parquet"
    write(file, rows)
    table = pq.read_table(file).drop_columns(["question_type"])
    pq.write_table(table.append_column("subject", pa.array(["Pharmacy", "Art"])), file)

    (found,) = load_task("mmmu_pro_med", [tmp_path]).samples()

    assert (found.targets, found.tags["gold_position"], found.tags["subject"]) == (("thing 9",), "J", "Pharmacy")
    assert len(found.images) == 2


@pytest.mark.shared
def test_mmmu_pros_real_questions(shared: Path) -> None:
    """286 real questions of the five subjects have an option for their letter, up to ten each; the pin holds."""
    task = load_task("mmmu_pro_med@jsonl", [shared / "data"])

    assert task.fingerprint.count == 286
    assert task.quarantined() == []
    assert Counter(sample.tags["subject"] for sample in task.samples()) == {
        "Diagnostics_and_Laboratory_Medicine": 60,
        "Clinical_Medicine": 59,
        "Public_Health": 58,
        "Pharmacy": 57,
        "Basic_Medical_Science": 52,
    }
    assert max(len(sample.options) for sample in task.samples()) == 10
    for sample in task.samples():
        marks = set(re.findall(r"<image (\d)>", " ".join((sample.question, *sample.options))))
        assert [image.name for image in sample.images] == [f"{sample.id}_{mark}.png" for mark in sorted(marks)]
        assert set(task.prompt(sample).images) == set(sample.images)


@pytest.mark.shared
def test_real_pictures_are_found(shared: Path) -> None:
    """The real pictures that are there are those of the questions that are named so."""
    task = load_task("mmmu_pro_med@jsonl", [shared / "data"])
    there = {file.name for file in (shared / "data" / "mmmu" / "images").iterdir()}

    read = {image.name: image.read() for sample in task.samples() for image in sample.images if image.name in there}

    assert read.keys() & there
    assert all(data[:4] == b"\x89PNG" for data in read.values())


@pytest.mark.shared
def test_the_published_answers_are_150(shared: Path) -> None:
    """The published validation answers of the five subjects are 150, of which 145 are multiple choice, as is pinned."""
    answers = json.loads((shared / "data" / "mmmu" / "answer_dict_val.json").read_text(encoding="utf-8"))
    ours = [value for key, value in answers.items() if key.removeprefix("validation_").rpartition("_")[0] in SUBJECTS]

    assert Counter(each["question_type"] for each in ours) == {"multiple-choice": 145, "short-answer": 5}
