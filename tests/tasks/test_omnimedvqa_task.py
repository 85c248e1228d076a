"""OmniMedVQA: one file a data set, two to four options, the gold as an option's text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from conftest import png

from evalkit.errors import DataError
from evalkit.task import Task, load_task

Row = Mapping[str, object]

ROW: Row = {
    "dataset": "Invented",
    "question_id": "Invented_0000",
    "question_type": "Modality Recognition",
    "question": "How was this drawn?",
    "gt_answer": "By hand.",
    "image_path": "Images/Invented/0.png",
    "option_A": "By machine.",
    "option_B": "By hand.",
    "option_C": "Not at all.",
    "option_D": "By chance.",
    "modality_type": "Pencil",
}
FILES = {
    "Invented": [ROW, {**ROW, "question_id": "Invented_0001", "option_A": "By chance."}],
    "Another set": [
        {
            **{key: value for key, value in ROW.items() if key not in ("option_C", "option_D", "modality_type")},
            "dataset": "Another set",
            "question_id": "Another set_0000",
            "modality": "Chalk",
        }
    ],
}


def load(folder: Path, files: Mapping[str, Sequence[Row]] = FILES, root: str = "OmniMedVQA") -> Task:
    """The task on these files, laid out as the unpacked archive."""
    access = folder / root / "QA_information" / "Open-access"
    access.mkdir(parents=True)
    for name, rows in files.items():
        (access / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")
    images = folder / root / "Images" / "Invented"
    images.mkdir(parents=True)
    (images / "0.png").write_bytes(png(3))
    return load_task("omnimedvqa", [folder])


@pytest.mark.parametrize(
    ("root", "layout"), [("OmniMedVQA", "official"), ("foreverbeliever/OmniMedVQA/OmniMedVQA", "hub")]
)
def test_all_files_are_read(tmp_path: Path, root: str, layout: str) -> None:
    """Every JSON file is read, by name, with two to four options and the pictures beside the questions' folder."""
    task = load(tmp_path, root=root)

    found = list(task.samples())

    assert task.layout_name == layout
    assert [sample.id for sample in found] == ["Another set_0000", "Invented_0000", "Invented_0001"]
    assert [len(sample.options) for sample in found] == [2, 4, 4]
    assert {(sample.targets, sample.kind) for sample in found} == {(("By hand.",), "choice")}
    task.check_images()


def test_slices_are_by_data_set_question_type_and_modality(tmp_path: Path) -> None:
    """A row that says `modality` for `modality_type` has its modality too."""
    first, second, _ = load(tmp_path).samples()

    assert dict(first.tags) == {
        "dataset": "Another set",
        "question_type": "Modality Recognition",
        "modality": "Chalk",
        "gold_position": "B",
    }
    assert (second.tags["dataset"], second.tags["modality"]) == ("Invented", "Pencil")


def test_wrong_options_may_repeat(tmp_path: Path) -> None:
    """A question of which two wrong options are the same is asked; one whose right option repeats is not."""
    doubled = {**ROW, "question_id": "Invented_0002", "option_D": "by hand"}
    task = load(tmp_path, {"Invented": [*FILES["Invented"], doubled]})

    assert [sample.id for sample in task.samples()] == ["Invented_0000", "Invented_0001"]
    assert task.quarantined() == [("Invented_0002", "its answer stands twice among its options")]


@pytest.mark.parametrize("answer", ["By foot.", "", None, "B"])
def test_a_gold_outside_the_options_is_quarantined(tmp_path: Path, answer: object) -> None:
    """A gold answer that no option spells, a letter included, cannot be marked."""
    task = load(tmp_path, {"Invented": [ROW, {**ROW, "question_id": "x", "gt_answer": answer}]})

    assert task.quarantined() == [("x", "its answer is none of its options")]


@pytest.mark.parametrize("column", ["gt_answer", "question", "image_path", "modality_type"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    """A row without a column that the task reads is named with the files, its number and the column."""
    task = load(tmp_path, {"Invented": [ROW, {key: value for key, value in ROW.items() if key != column}]})

    with pytest.raises(DataError, match=rf"row 2 has no column '{column}'"):
        task.survey()


def test_the_whole_set_is_pinned(tmp_path: Path) -> None:
    """Only all 88,996 rows are the official set."""
    with pytest.raises(DataError, match="3 rows instead of 88996"):
        load(tmp_path).survey()
