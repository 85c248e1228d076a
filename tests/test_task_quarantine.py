"""Quarantine: rows that cannot be asked are left out of the samples, counted, and listed by id, the same every time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from conftest import ROWS, TASK, MakeTask
from program import TINY, Program

from evalkit.catalogue import Catalogue
from evalkit.errors import ConfigError, DataError
from evalkit.rows import Quarantined, told
from evalkit.task import Task, load_task

Load = Callable[..., Task]

OUT = """\
def rows(split, read):
    for row in read(split):
        yield {**row, "quarantine": "its side is wrong" if row["side"] == "right" else ""}
"""
ALL_OUT = OUT.replace('== "right"', '!= ""')
SHOUT = """\
def rows(split, read):
    for row in read(split):
        yield {**row, "question": row["question"].upper()}
"""


@pytest.fixture
def load(make_task: MakeTask, data: Path, tmp_path: Path) -> Load:
    """The tiny task with this Python file beside it."""

    def load(hook: str = OUT, text: str = TASK, **given: object) -> Task:
        catalogue = make_task(text, **given)
        (tmp_path / "mine" / "tasks" / "tiny.py").write_text(hook, encoding="utf-8")
        return load_task("tiny", [data], catalogue)

    return load


def ids(found: Iterable[Quarantined]) -> list[str]:
    """The ids alone."""
    return [each.id for each in found]


def test_a_quarantined_row_is_no_sample(load: Load) -> None:
    """A row whose hook gives it a reason is left out of the samples and listed with that reason, in every split."""
    task = load()

    assert [sample.id for sample in task.samples()] == ["a", "c"]
    assert task.quarantined() == task.quarantined() == [("b", "its side is wrong")]
    assert task.quarantined("train") == [("b", "its side is wrong")]
    assert [sample.id for sample in task.samples("train")] == ["a", "c"]


def test_the_survey_counts_what_can_be_asked(load: Load) -> None:
    """The fingerprint is of the samples; what is left out stands beside it."""
    survey = load().survey()

    assert survey.fingerprint.count == 2
    assert survey.quarantined == (Quarantined("b", "its side is wrong"),)
    assert survey.fingerprint == load(SHOUT.replace(".upper()", ""), rows=[ROWS[0], ROWS[2]]).fingerprint


@pytest.mark.parametrize(("count", "right"), [(3, True), (2, False)])
def test_the_pinned_count_is_of_all_rows(load: Load, count: int, right: bool) -> None:
    """`rows.count` holds the quarantined rows too: a rule that leaves out another one makes no other test set."""
    task = load(text=f"{TASK}rows: {{count: {count}}}\n")

    if right:
        assert task.survey().fingerprint.count == 2
    else:
        with pytest.raises(DataError, match="3 rows instead of 2"):
            task.survey()


def test_ids_are_distinct_among_all_rows(load: Load) -> None:
    """A quarantined row with the id of a sample is an error, as two samples with one id are."""
    with pytest.raises(DataError, match="the id 'a' stands twice"):
        load(rows=[ROWS[0], {**ROWS[1], "id": "a"}]).survey()


def test_numbered_rows_keep_their_numbers(load: Load) -> None:
    """Where rows are numbered, leaving one out moves no other's number."""
    text = TASK.replace("{id: id, question", "{question") + "number_rows: true\n"

    task = load(text=text)

    assert [sample.id for sample in task.samples()] == ["0", "2"]
    assert ids(task.quarantined()) == ["1"]


def test_notes_count_and_list_what_is_left_out(load: Load) -> None:
    """A run's notes say how many rows are quarantined, why, and which; a task without any says nothing."""
    rows = [{**ROWS[1], "id": f"r{number}"} for number in range(13)]

    assert load().notes() == ["quarantined 1 row: its side is wrong (b)"]
    assert load(rows=[ROWS[0], *rows]).notes() == [
        f"quarantined 13 rows: its side is wrong ({', '.join(f'r{number}' for number in range(10))}, and 3 more)"
    ]
    assert load(SHOUT).notes() == []


def test_reasons_are_told_with_their_ids() -> None:
    """Ids are grouped by reason, in the order of the data; a limit says how many more there are."""
    out = [Quarantined("1", "x"), Quarantined("2", "y"), Quarantined("3", "x")]

    assert told(out) == "x (1, 3); y (2)"
    assert told(out, 1) == "x (1, and 1 more); y (2)"


def test_a_task_of_which_nothing_is_left_is_an_error(load: Load) -> None:
    """Where every row is quarantined the error says so, with the reason."""
    with pytest.raises(
        DataError, match=r"has no test rows \(after `where`\); quarantined: its side is wrong \(a, b, c\)"
    ):
        load(ALL_OUT).survey()


def test_a_column_called_quarantine_is_data(make_task: MakeTask, data: Path) -> None:
    """Only the file beside a task quarantines: a column of that name in the data leaves nothing out."""
    task = load_task("tiny", [data], make_task(rows=[{**row, "quarantine": "no"} for row in ROWS]))

    assert len(list(task.samples())) == 3
    assert task.quarantined() == []


def test_a_column_that_a_hook_misses_is_named(load: Load, data: Path) -> None:
    """A column that the file beside a task asks for and a row lacks is an error of the data, with file and row."""
    short = {key: value for key, value in ROWS[1].items() if key != "side"}

    with pytest.raises(DataError) as raised:
        load(rows=[ROWS[0], short]).survey()

    assert str(raised.value) == f"{data / 'tiny' / 'test.jsonl'}: row 2 has no column 'side'; did you mean id?"


def test_learners_are_not_taught_what_is_quarantined(load: Load) -> None:
    """A lesson leaves the quarantined rows of the train split out."""
    lesson = load().lesson(with_images=False)

    assert lesson is not None
    assert len(lesson.read()) == 2


def test_rows_pass_through_two_files(load: Load, tmp_path: Path, data: Path) -> None:
    """`rows_of` names a task whose Python file makes the rows first; both files are in the digest of the task."""
    load()
    tasks = tmp_path / "mine" / "tasks"
    text = TASK.replace("name: tiny", "name: loud") + "rows_of: tiny\n"
    (tasks / "loud.yaml").write_text(text, encoding="utf-8")
    (tasks / "loud.py").write_text(SHOUT, encoding="utf-8")

    def loud() -> Task:
        return load_task(str(tasks / "loud.yaml"), [data], load_catalogue(tmp_path))

    task = loud()
    assert [sample.question for sample in task.samples()] == ["IS THERE A NODULE?", "WHICH ORGAN IS SHOWN?"]
    assert ids(task.quarantined()) == ["b"]
    (tasks / "tiny.py").write_text(OUT + "# changed\n", encoding="utf-8")
    assert loud().digest != task.digest


def load_catalogue(folder: Path) -> Catalogue:
    """The catalogue of the user's own folder."""
    return Catalogue((folder / "mine",))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tinny", r"tiny\.yaml: rows_of: unknown task 'tinny'; did you mean tiny\?"),
        ("slake", r"tiny\.yaml: rows_of: slake has no Python file that makes rows"),
    ],
)
def test_rows_of_names_a_task_with_a_file(load: Load, name: str, said: str) -> None:
    """`rows_of` with an unknown task, or one whose rows are as the data has them, is an error naming it."""
    with pytest.raises(ConfigError, match=said):
        load(text=f"{TASK}rows_of: {name}\n")


def test_the_program_lists_quarantined_rows(evalkit: Program, load: Load) -> None:
    """`show task` has a line for each, `data verify` lists them by reason, and run.json's notes carry them."""
    load()

    shown = evalkit("show", "task", "tiny", *TINY[:4])
    verified = evalkit("data", "verify", "tiny", *TINY[:4], "--json")
    ran = evalkit("run", "-M", "scripted", *TINY)

    assert "# quarantined b: its side is wrong" in shown.out.splitlines()
    assert verified.json[0]["what"].endswith("quarantined 1 of 3: its side is wrong (b)")
    assert ran.code == 0
    (file,) = Path("results").glob("*/*/*/run.json")
    record = json.loads(file.read_text(encoding="utf-8"))
    assert record["data"]["notes"] == ["quarantined 1 row: its side is wrong (b)"]
    assert record["data"]["fingerprint"]["count"] == record["counts"]["answered"] == 2
