"""A run on disk: whole or not there, found again, the same in both forms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from evalkit.errors import StoreError, UsageError
from evalkit.runs import RunWriter, find_runs, flat, folder_name, load_run, shape_of, write_parquet

RECORD: dict[str, Any] = {"task": "t", "model": "m", "counts": {}, "estimates": [], "data": {}, "comparable": True}
ROW: dict[str, Any] = {"id": "a", "tags": {"side": "left"}, "scores": {"x": {"value": 1.0}}, "response": "yes"}


def write(place: Path, rows: list[dict[str, Any]], **record: object) -> None:
    """A run with these rows."""
    writer = RunWriter(place)
    try:
        for row in rows:
            writer.add(row)
        writer.finish({**RECORD, **record})
    finally:
        writer.close()


def parquet(tmp_path: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as they come back from Parquet."""
    shape: dict[str, Any] = {}
    for row in rows:
        shape_of(row, shape)
    lines = tmp_path / "samples.jsonl"
    lines.write_bytes(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))
    write_parquet(lines, tmp_path / "samples.parquet", shape)
    found: list[dict[str, Any]] = pq.read_table(tmp_path / "samples.parquet").to_pylist()
    return found


def bare(value: object) -> object:
    """A value without what Parquet cannot tell from nothing: fields that are null, and what holds only such."""
    if isinstance(value, dict):
        kept = {name: bare(each) for name, each in value.items()}
        return {name: each for name, each in kept.items() if each not in (None, {}, [])} or None
    return [bare(each) for each in value] if isinstance(value, list) else value


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    """What was written is loaded by its folder or its run.json; the rows are in their order."""
    place = tmp_path / "t" / "m" / "1"
    write(place, [ROW, {**ROW, "id": "b"}])

    one, two = load_run(place), load_run(place / "run.json")

    assert one == two
    assert (one.task, one.model) == ("t", "m")
    assert [row["id"] for row in one.samples()] == ["a", "b"]
    assert sorted(path.name for path in place.iterdir()) == ["run.json", "samples.jsonl", "samples.parquet"]


def test_no_run_is_no_run(tmp_path: Path) -> None:
    """Where there is no run.json the path is named, and what would be right."""
    with pytest.raises(UsageError, match=r"nothing: no run there \(a folder with run\.json"):
        load_run(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ("[1]", "run.json"),
        ("null", "run.json"),
        ("{}", "schema None, this evalkit reads 1"),
        ('{"schema": 2}', "schema 2, this evalkit reads 1"),
        ('{"schema": 1}', "run.json"),
    ],
)
def test_a_damaged_run_is_a_store_error(tmp_path: Path, text: str, message: str) -> None:
    """A run.json that is cut off, is no run's or is another version's is refused by its path."""
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(StoreError, match=message) as raised:
        load_run(tmp_path)
    assert str(tmp_path) in str(raised.value)


@pytest.mark.parametrize("content", [None, b'{"id": "a"', b"\xff\n"], ids=["absent", "cut off", "binary"])
def test_damaged_samples_are_a_store_error(tmp_path: Path, content: bytes | None) -> None:
    """A samples.jsonl that is not there or cut off is refused by its path."""
    place = tmp_path / "t" / "m" / "1"
    write(place, [ROW])
    (place / "samples.jsonl").unlink()
    if content is not None:
        (place / "samples.jsonl").write_bytes(content)
    with pytest.raises(StoreError, match=r"samples\.jsonl"):
        list(load_run(place).samples())


def test_runs_are_found_in_order(tmp_path: Path) -> None:
    """All runs below a results folder are found by path; none, or no folder, is an empty list."""
    assert find_runs(tmp_path) == find_runs(tmp_path / "absent") == []
    for name in ("b/m/1", "a/m/2", "a/m/1"):
        write(tmp_path / name, [ROW])
    assert [str(run.path.relative_to(tmp_path)) for run in find_runs(tmp_path)] == ["a/m/1", "a/m/2", "b/m/1"]


def test_what_is_being_written_is_not_found(tmp_path: Path) -> None:
    """A run that is not finished yet is not there."""
    writer = RunWriter(tmp_path / "t" / "m" / "1")
    writer.add(ROW)

    assert find_runs(tmp_path) == []
    writer.close()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("majority", "majority"),
        ("openai/gpt-4o", "openai--gpt-4o"),
        ("llava-1.5_7b@main", "llava-1.5_7b@main"),
        ("my.module:Class", "my.module-Class"),
        ("../../etc", "--..--etc"),
        ("..", "model"),
        ("", "model"),
        ("a b\\c*?", "a-b-c--"),
        ("模型", "模型"),
        ("/root", "--root"),
    ],
)
def test_a_name_is_one_folder(name: str, folder: str) -> None:
    """Whatever a model or task is called, its folder is one name that leads nowhere else."""
    assert folder_name(name) == folder
    assert Path(folder).name == folder


def test_a_very_long_name_is_a_folder_still(tmp_path: Path) -> None:
    """A name longer than a file system takes is a folder all the same."""
    (tmp_path / folder_name("openai/" + "x" * 400)).mkdir()


def test_other_names_are_other_folders() -> None:
    """Two long names that differ at their end only have folders of their own."""
    assert folder_name("x" * 400 + "a") != folder_name("x" * 400 + "b")


ODD = {
    "plain": [ROW, {**ROW, "id": "b"}],
    "tags in one only": [{**ROW, "tags": {}}, ROW, {**ROW, "tags": {"organ": "liver"}}],
    "no tags at all": [{**ROW, "tags": {}}, {**ROW, "tags": {}}],
    "null first": [{**ROW, "error": None}, {**ROW, "error": "failed"}],
    "null last": [{**ROW, "error": "failed"}, {**ROW, "error": None}],
    "null only": [{**ROW, "error": None}],
    "empty list first": [{**ROW, "images": []}, {**ROW, "images": ["f" * 64]}],
    "empty list last": [{**ROW, "images": ["f" * 64]}, {**ROW, "images": []}],
    "empty lists only": [{**ROW, "images": []}],
    "missing score first": [
        {**ROW, "scores": {"x": {"value": None, "bucket": "missing"}}},
        {**ROW, "scores": {"x": {"value": 0.5}}},
    ],
    "other scorers": [
        {**ROW, "scores": {"x": {"value": 1.0}}},
        {**ROW, "scores": {"y": {"value": 0.0, "span": [0, 3]}}},
    ],
    "no scores": [{**ROW, "scores": {}}],
    "unicode": [{**ROW, "response": '是 ünï \u2028 \U0001f9e0 \x00\x07 " \\ \n\r\t', "tags": {"器官": "肝"}}],
    "numbers": [
        {**ROW, "usage": {"input_tokens": 7}},
        {**ROW, "usage": {"output_tokens": 2**40}},
        {**ROW, "usage": {}},
    ],
    "a very long answer": [{**ROW, "response": "x" * 3_000_000}, ROW],
    "looks like a date": [
        {**ROW, "response": "2026-01-01"},
        {**ROW, "response": "2026-01-01T00:00:00Z"},
        {**ROW, "response": "5"},
    ],
    "keys with dots": [{**ROW, "tags": {"a.b": "c", "": "d", " ": "e"}}],
}


@pytest.mark.parametrize("rows", ODD.values(), ids=ODD.keys())
def test_parquet_says_what_the_lines_say(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    """samples.parquet holds the same values as samples.jsonl; what a row does not have is null."""
    assert [bare(row) for row in parquet(tmp_path, rows)] == [bare(row) for row in rows]


def test_parquet_is_written_block_by_block(tmp_path: Path) -> None:
    """Rows beyond one block are all there, in order, whatever first appears late."""
    rows = [{**ROW, "id": str(number), "response": "x" * 2000} for number in range(1000)]
    rows[-1] = {**rows[-1], "error": "late", "tags": {"late": "yes"}}

    found = parquet(tmp_path, rows)

    assert [row["id"] for row in found] == [row["id"] for row in rows]
    assert (found[-1]["error"], found[0]["error"], found[-1]["tags"]["late"]) == ("late", None, "yes")


def test_a_run_without_rows_is_whole(tmp_path: Path) -> None:
    """A run of nothing has all its files."""
    write(tmp_path / "t" / "m" / "1", [])
    (found,) = find_runs(tmp_path)
    assert list(found.samples()) == []
    assert found.frame().empty


def test_a_run_is_replaced_whole(tmp_path: Path) -> None:
    """Writing a run again replaces all its files; what else lies in its folder stays."""
    place = tmp_path / "t" / "m" / "1"
    write(place, [ROW, {**ROW, "id": "b"}], model="old")
    (place / "notes.txt").write_text("mine")

    write(place, [{**ROW, "id": "c"}], model="new")

    found = load_run(place)
    assert found.model == "new"
    assert [row["id"] for row in found.samples()] == ["c"]
    assert pq.read_table(place / "samples.parquet")["id"].to_pylist() == ["c"]
    assert (place / "notes.txt").read_text() == "mine"
    assert [path.name for path in place.parent.iterdir()] == ["1"]


def test_two_writers_of_one_run_leave_each_other_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes the same run at the same time, at whatever moment, takes nothing away from another writer."""
    place = tmp_path / "t" / "m" / "1"
    one, two = RunWriter(place), RunWriter(place)

    def meanwhile(lines: Path, target: Path, columns: Mapping[str, Any]) -> None:
        RunWriter(place).close()
        write_parquet(lines, target, columns)

    monkeypatch.setattr("evalkit.runs.write_parquet", meanwhile)
    for writer in (one, two):
        writer.add(ROW)
    for writer in (one, two):
        writer.finish(dict(RECORD))
        writer.close()

    assert [row["id"] for row in load_run(place).samples()] == ["a"]
    assert [path.name for path in place.parent.iterdir()] == ["1"]


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    """A half-written folder that no process holds any more is removed by the next writer of the same run."""
    place = tmp_path / "t" / "m" / "1"
    (place.parent / ".1-left").mkdir(parents=True)
    (place.parent / ".1-left" / "samples.jsonl").write_text("{")

    write(place, [ROW])

    assert [path.name for path in place.parent.iterdir()] == ["1"]


def test_a_damaged_run_is_replaced(tmp_path: Path) -> None:
    """A run folder that lacks files is made whole by writing the run again."""
    place = tmp_path / "t" / "m" / "1"
    write(place, [ROW])
    (place / "run.json").unlink()
    (place / "samples.jsonl").write_text("{")

    write(place, [ROW])

    assert [row["id"] for row in load_run(place).samples()] == ["a"]


def test_the_digest_is_of_the_lines(tmp_path: Path) -> None:
    """run.json names the sha256 of samples.jsonl."""
    import hashlib

    write(tmp_path / "t" / "m" / "1", [ROW])
    (found,) = find_runs(tmp_path)
    lines = (found.path / "samples.jsonl").read_bytes()
    assert found.record["samples_sha256"] == hashlib.sha256(lines).hexdigest()


def test_an_unknown_estimate_is_refused(tmp_path: Path) -> None:
    """Asking a run for an estimate that it does not have names both."""
    write(tmp_path / "t" / "m" / "1", [ROW])
    with pytest.raises(UsageError, match="no estimate of recall on side=left"):
        find_runs(tmp_path)[0].estimate("recall", "side=left")


def test_a_row_is_flattened_to_columns() -> None:
    """A flat row has one plain value a column, named by tag and scorer."""
    row = {**ROW, "usage": {"input_tokens": 3}}
    assert flat(row) == {
        "id": "a",
        "response": "yes",
        "tag.side": "left",
        "usage.input_tokens": 3,
        "x.value": 1.0,
        "x.answer": None,
        "x.bucket": None,
        "x.rule": None,
    }


def test_a_place_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    """Where a file stands in the run's way, its place is named."""
    (tmp_path / "t").write_text("mine")
    with pytest.raises(StoreError, match="t/m/1: cannot be written"):
        RunWriter(tmp_path / "t" / "m" / "1")
