"""Recorded answers: by id, from any tool's file, never mixed with another file's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from conftest import MakeTask

from evalkit import run
from evalkit.errors import CallError, DataError
from evalkit.models.recorded import Recorded
from evalkit.task import load_task
from evalkit.types import Prompt


def written(path: Path, rows: Sequence[Mapping[str, object] | str]) -> Path:
    """A JSON Lines file."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def answer(model: Recorded, name: str) -> str:
    """What the model says to a sample."""
    return asyncio.run(model.generate(Prompt(("?",), sample_id=name))).text


ROWS = ({"id": "a", "response": "yes", "other": "no"}, {"id": 2, "response": None, "other": "5"})


def test_an_answer_is_the_rows_of_its_id(tmp_path: Path) -> None:
    """Each sample gets what the row of its id says; an id or answer that is a number is its digits, null is blank."""
    model = Recorded(file=written(tmp_path / "p.jsonl", [*ROWS, {"id": "n", "response": 3.5}]))
    assert [answer(model, name) for name in ("2", "a", "n")] == ["", "yes", "3.5"]


def test_the_columns_can_be_named(tmp_path: Path) -> None:
    """`id` and `response` name the columns of another tool's file."""
    file = written(tmp_path / "p.jsonl", [{"qid": 7, "text": "yes"}])
    assert answer(Recorded(file=file, id="qid", response="text"), "7") == "yes"


def test_a_sample_without_a_row_is_a_failed_call(tmp_path: Path) -> None:
    """A sample that the file does not have is missing, and asking again would not help."""
    model = Recorded(file=written(tmp_path / "p.jsonl", ROWS))
    with pytest.raises(CallError, match=r"p\.jsonl has no answer to zz") as raised:
        answer(model, "zz")
    assert not raised.value.retryable


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"id": "a"}], "row 1 has no 'response'; found id"),
        ([ROWS[0], {"response": "x"}], "row 2 has no 'id'; found response"),
        ([ROWS[0], ROWS[1], ROWS[0]], "row 3: the id 'a' stands twice"),
        ([{"id": 1, "response": "x"}, {"id": "1", "response": "x"}], "row 2: the id '1' stands twice"),
        ([{"id": None, "response": "x"}], "row 1 has no id"),
        ([{"id": "", "response": "x"}], "row 1 has no id"),
        ([ROWS[0], '{"id": "b", "resp'], "line 2 is not whole JSON"),
        (["[1]"], "line 1 is a list"),
    ],
    ids=str,
)
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, rows: list[object], message: str) -> None:
    """A row without its columns, an id that is empty or stands twice, or broken JSON names file and row."""
    file = written(tmp_path / "p.jsonl", rows)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message) as raised:
        _ = Recorded(file=file).known_ids
    assert "p.jsonl" in str(raised.value)


@pytest.mark.parametrize("name", ["absent.jsonl", "."])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    """Where there is no file the path is named."""
    with pytest.raises(DataError, match="cannot be read"):
        _ = Recorded(file=tmp_path / name).identity


def test_it_knows_its_ids(tmp_path: Path) -> None:
    """It says which samples it can answer, so that an unknown id is found before the run."""
    assert Recorded(file=written(tmp_path / "p.jsonl", ROWS)).known_ids == {"a", "2"}


def test_where_the_file_lies_makes_no_difference(tmp_path: Path) -> None:
    """The same rows under another name are the same model; other rows, or another column of them, are another."""
    one = Recorded(file=written(tmp_path / "one.jsonl", ROWS))
    two = Recorded(file=written(tmp_path / "two.jsonl", ROWS))
    more = Recorded(file=written(tmp_path / "more.jsonl", ROWS[:1]))
    column = Recorded(file=tmp_path / "one.jsonl", response="other")

    assert one.identity == two.identity
    assert len({json.dumps(dict(each.identity)) for each in (one, more, column)}) == 3


def test_another_column_is_never_answered_from_the_store(make_task: MakeTask, data: Path, tmp_path: Path) -> None:
    """Two columns of one file are two models: neither is answered with what the other said before."""
    task = load_task("tiny", [data], make_task())
    file = written(tmp_path / "p.jsonl", [{"id": name, "one": "yes", "two": "no"} for name in "abc"])

    said = [
        [row["response"] for row in run(task, Recorded(file=file, response=name), results=tmp_path / "r").samples()]
        for name in ("one", "two")
    ]

    assert said == [["yes"] * 3, ["no"] * 3]


def test_a_corrected_file_is_read_anew(make_task: MakeTask, data: Path, tmp_path: Path) -> None:
    """Where the file has changed, the run is another run with the new answers."""
    task = load_task("tiny", [data], make_task())
    said = []
    for text in ("yes", "no"):
        file = written(tmp_path / "p.jsonl", [{"id": name, "response": text} for name in "abc"])
        said.append(run(task, Recorded(file=file), results=tmp_path / "r"))
    assert [next(each.samples())["response"] for each in said] == ["yes", "no"]
    assert said[0].path != said[1].path


def test_equal_questions_keep_their_own_answers(make_task: MakeTask, data: Path, tmp_path: Path) -> None:
    """Two samples that ask the same in the same words have each their own recorded answer."""
    row = {"question": "Is there a mass?", "answer": "Yes", "image": "one.png", "side": "left"}
    task = load_task("tiny", [data], make_task(rows=[{"id": "a", **row}, {"id": "b", **row}]))
    file = written(tmp_path / "p.jsonl", [{"id": "a", "response": "yes"}, {"id": "b", "response": "no"}])

    found = run(task, Recorded(file=file), results=tmp_path / "r")

    assert [row["response"] for row in found.samples()] == ["yes", "no"]
