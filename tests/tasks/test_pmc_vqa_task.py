"""PMC-VQA in both versions: heads off the choices, letters to texts, malformed rows out and listed."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from conftest import png

from evalkit.errors import DataError
from evalkit.task import Task, load_task

CHOICES = {"Choice A": " A: Red ", "Choice B": " B:Blue ", "Choice C": " C: Green\u00a0", "Choice D": " D: N/A "}
V1 = {"Figure_path": "PMC1_F1.jpg", "Question": " Which colour was invented? ", "Answer": "Blue", **CHOICES}
V1_ROW = {**V1, "Answer_label": "B"}
V2_ROW = {
    "index": "7",
    "Figure_path": "PMC1_F1_1.jpg",
    "Caption": "An invented figure.",
    "Question": "Which colour was invented?",
    **CHOICES,
    "Answer": "C",
    "split": "test",
}
BROKEN = (
    ({"Answer_label": "'"}, "its label is no letter of a choice"),
    ({"Answer_label": '"'}, "its label is no letter of a choice"),
    ({"Choice B": " C: Blue "}, "a choice is headed by another choice's letter"),
    ({"Choice C": " C: red. "}, "two of its options are the same"),
    ({"Choice C": " C: blue. "}, "its answer stands twice among its options"),
    ({"Choice D": " D: "}, "one of its options is empty"),
    ({"Answer": "Green"}, "its label and its answer in words are two choices"),
)


def write(file: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """A CSV file as the authors write it, its figures beside it."""
    for folder in ("images", "figures"):
        (file.parent / folder).mkdir(parents=True, exist_ok=True)
        for row in rows:
            (file.parent / folder / row["Figure_path"]).write_bytes(png(5))
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def v1(folder: Path, rows: Sequence[Mapping[str, str]], name: str = "pmc_vqa") -> Task:
    """A task on version 1 with these rows."""
    write(folder / "pmc-vqa" / "test_clean.csv", rows)
    return load_task(name, [folder])


@pytest.mark.parametrize("name", ["pmc_vqa", "pmc_vqa_mcq"])
def test_version_1_is_read(tmp_path: Path, name: str) -> None:
    """Rows are numbered from 0, choices stand without heads and odd spaces, and the gold is the text of the label."""
    (found,) = (task := v1(tmp_path, [V1_ROW], name)).samples()

    assert (found.id, found.question, found.kind) == ("0", "Which colour was invented?", "choice")
    assert (found.options, found.targets) == (("Red", "Blue", "Green", "N/A"), ("Blue",))
    assert (found.cluster, found.tags["gold_position"]) == ("PMC1_F1.jpg", "B")
    task.check_images()


def test_version_2_is_read(tmp_path: Path) -> None:
    """The answer is the letter there, and the figures are in their own folder."""
    write(tmp_path / "pmc-vqa" / "test_2.csv", [V2_ROW, {**V2_ROW, "Answer": "'"}])
    shutil.rmtree(tmp_path / "pmc-vqa" / "images")
    task = load_task("pmc_vqa_2", [tmp_path])

    (found,) = task.samples()

    assert (found.id, found.options, found.targets) == ("0", ("Red", "Blue", "Green", "N/A"), ("Green",))
    assert task.quarantined() == [("1", "its label is no letter of a choice")]
    task.check_images()


@pytest.mark.parametrize("name", ["pmc_vqa", "pmc_vqa_2", "pmc_vqa_mcq"])
def test_the_hubs_folder_is_found(tmp_path: Path, name: str) -> None:
    """The same files are found where the hub's command puts them."""
    folder = tmp_path / "RadGenome" / "PMC-VQA"
    write(folder / "test_clean.csv", [V1_ROW])
    write(folder / "test_2.csv", [V2_ROW])
    task = load_task(name, [tmp_path])

    assert task.layout_name == "hub"
    assert len(list(task.samples())) == 1
    task.check_images()


def test_malformed_rows_are_quarantined(tmp_path: Path) -> None:
    """Each malformed row is left out with its reason and by its number in the file; the whole ones keep theirs."""
    task = v1(tmp_path, [V1_ROW, *({**V1_ROW, **broken} for broken, _ in BROKEN), V1_ROW])

    assert [sample.id for sample in task.samples()] == ["0", "8"]
    assert task.quarantined() == [(str(number), reason) for number, (_, reason) in enumerate(BROKEN, 1)]


def test_no_figure_of_a_quarantined_row_is_needed(tmp_path: Path) -> None:
    """What is not asked needs no picture."""
    task = v1(tmp_path, [V1_ROW, {**V1_ROW, "Figure_path": "gone.jpg", "Answer_label": "'"}])
    (tmp_path / "pmc-vqa" / "images" / "gone.jpg").unlink()

    task.check_images()


@pytest.mark.parametrize(
    ("name", "file", "row", "column"),
    [
        ("pmc_vqa", "test_clean.csv", V1_ROW, "Answer_label"),
        ("pmc_vqa_mcq", "test_clean.csv", V1_ROW, "Choice C"),
        ("pmc_vqa_2", "test_2.csv", V2_ROW, "Answer"),
    ],
)
def test_a_missing_column_is_named(tmp_path: Path, name: str, file: str, row: Mapping[str, str], column: str) -> None:
    """A file of another schema is answered with the file, the row and the column that it lacks."""
    write(tmp_path / "pmc-vqa" / file, [{key: value for key, value in row.items() if key != column}])

    with pytest.raises(DataError, match=rf"{file}: row 1 has no column '{column}'; "):
        load_task(name, [tmp_path]).survey()


def test_the_pin_counts_quarantined_rows(tmp_path: Path) -> None:
    """The test set is told by all its rows, those that are left out as well."""
    with pytest.raises(DataError, match="2 rows instead of 2000"):
        v1(tmp_path, [V1_ROW, {**V1_ROW, "Answer_label": "'"}]).survey()


@pytest.mark.shared
@pytest.mark.parametrize("name", ["pmc_vqa", "pmc_vqa_mcq"])
def test_real_rows_are_read(shared: Path, tmp_path: Path, name: str) -> None:
    """All of the first 81 real rows can be asked: label and answer in words name the same one of four choices."""
    (tmp_path / "pmc-vqa").mkdir()
    shutil.copy(shared / "data" / "pmc-vqa" / "test_clean.first81.csv", tmp_path / "pmc-vqa" / "test_clean.csv")
    task = load_task(name, [tmp_path])

    found = list(task.samples())

    assert [sample.id for sample in found] == [str(number) for number in range(81)]
    assert task.quarantined() == []
    assert {len(set(sample.options)) for sample in found} == {4}
    assert not any(option[:2] in ("A:", "B:", "C:", "D:") for sample in found for option in sample.options)
    assert found[0].options == ("X-ray", "Magnetic resonance imaging", "Computed tomography", "Ultrasound")
    assert found[0].targets == ("Magnetic resonance imaging",)
    assert len({sample.cluster for sample in found}) == 56
