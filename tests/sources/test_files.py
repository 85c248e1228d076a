"""Rows in files: every format gives the same rows back, and damage is named by file and place."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import png

from evalkit.errors import DataError, UsageError
from evalkit.plugins import build, find
from evalkit.sources.base import Inside, Source, shards
from evalkit.sources.csv import Csv
from evalkit.sources.json import Json
from evalkit.sources.jsonl import Jsonl
from evalkit.sources.parquet import Parquet

ROWS = (
    {"id": "a", "question": 'Is it "there"?', "answer": "Yes, left"},
    {"id": "b", "question": "这是什么?", "answer": "肝\nliver"},
    {"id": "c", "question": "", "answer": " NULL "},
)
KINDS = ("json", "jsonl", "csv", "parquet")
PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write(file: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Rows in a file of the kind that its suffix says."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".json":
        file.write_text(json.dumps(rows), encoding="utf-8")
    elif file.suffix == ".jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif file.suffix == ".csv":
        with file.open("w", encoding="utf-8", newline="") as text:
            writer = csv.DictWriter(text, ["id", "question", "answer"])
            writer.writeheader()
            writer.writerows(rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows), file)
    return file


def source(kind: str, path: str) -> Source:
    """The source of that kind, as a task file names it."""
    return build(find(Source, kind), {"path": path}, "here")  # type: ignore[type-abstract]


def rows_of(found: Source, path: Path) -> list[dict[str, object]]:
    """All rows of a source."""
    return [dict(row) for row in found.rows(path)]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_come_back_as_they_were(tmp_path: Path, kind: str) -> None:
    """Quotes, line breaks, Chinese, spaces and empty values come back unchanged, in order, from every format."""
    write(tmp_path / "set" / f"test.{kind}", ROWS)
    made = source(kind, f"set/test.{kind}")

    found = made.find([tmp_path])

    assert found == tmp_path / "set" / f"test.{kind}"
    assert rows_of(made, found) == list(ROWS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_folder_that_has_the_file_is_taken(tmp_path: Path, kind: str) -> None:
    """Folders are searched in order; where none has the file there is nothing, and a folder of its name is no file."""
    made = source(kind, f"test.{kind}")
    second = write(tmp_path / "b" / f"test.{kind}", ROWS)
    (tmp_path / "a" / f"test.{kind}").mkdir(parents=True)

    assert made.find([tmp_path / "a", tmp_path / "b", tmp_path]) == second
    assert made.find([tmp_path / "a", tmp_path / "none"]) is None
    assert made.find([]) is None
    assert made.whereabouts() == f"test.{kind}"


@pytest.mark.parametrize("kind", KINDS)
def test_shards_are_read_in_the_order_of_their_names(tmp_path: Path, kind: str) -> None:
    """A pattern stands for all files that it matches, whose rows follow one another by file name."""
    for number in (2, 0, 1):
        write(tmp_path / f"test-{number}-of-3.{kind}", [ROWS[number]])
    write(tmp_path / f"train-0-of-1.{kind}", ROWS)
    made = source(kind, f"test-*.{kind}")

    found = made.find([tmp_path])

    assert found is not None
    assert [path.name for path in shards(found)] == [f"test-{number}-of-3.{kind}" for number in range(3)]
    assert rows_of(made, found) == list(ROWS)


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_a_plain_file_holds_no_pictures(tmp_path: Path, kind: str) -> None:
    """Asking a file without pictures for one raises DataError naming both."""
    file = write(tmp_path / f"test.{kind}", ROWS)

    with pytest.raises(DataError, match=rf"test\.{kind}: holds no images, and 'x' was asked for"):
        source(kind, file.name).read_image(file, "x")


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_went_away_is_named(tmp_path: Path, kind: str) -> None:
    """Reading a file that went away after it was found raises DataError naming it."""
    with pytest.raises(DataError, match=rf"gone\.{kind}"):
        list(source(kind, "x").read(tmp_path / f"gone.{kind}"))  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_option_is_refused(kind: str) -> None:
    """A misspelt option of a source raises UsageError with the nearest."""
    with pytest.raises(UsageError, match=r"here: unknown option 'paht'; did you mean path\?"):
        build(find(Source, kind), {"paht": "x"}, "here")  # type: ignore[type-abstract]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"id": 1}, {"id"', "not whole JSON"),
        ("", "not whole JSON"),
        ('[{"id": 1}] trailing', "not whole JSON"),
        ('{"data": []}', "a list of objects at the top would be right, found dict"),
        ('[{"id": 1}, 7]', "row 2 is a int; an object would be right"),
        ("7", "found int"),
    ],
)
def test_damaged_json_is_named(tmp_path: Path, text: str, said: str) -> None:
    """JSON that is cut off, or is no list of objects, raises DataError naming the file and what it holds."""
    (tmp_path / "test.json").write_text(text, encoding="utf-8")

    with pytest.raises(DataError) as raised:
        rows_of(Json("test.json"), tmp_path / "test.json")

    assert str(raised.value).startswith(f"{tmp_path / 'test.json'}: ")
    assert said in str(raised.value)


def test_the_list_may_stand_under_a_key(tmp_path: Path) -> None:
    """`key` names the list inside an object; where it is not there, that is said."""
    file = tmp_path / "test.json"
    file.write_text('{"version": 1, "data": [{"id": "a"}]}', encoding="utf-8")

    assert rows_of(Json("test.json", key="data"), file) == [{"id": "a"}]
    with pytest.raises(DataError, match=r"a list of objects under 'rows' would be right, found NoneType"):
        rows_of(Json("test.json", key="rows"), file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"id": 1}\n\n{"id": 2}\n{"id', "line 4 is not whole JSON"),
        ('{"id": 1}\n[1, 2]\n', "line 2 is a list; an object would be right"),
        ("[\n", "line 1 is not whole JSON"),
    ],
)
def test_the_damaged_line_of_jsonl_is_named(tmp_path: Path, text: str, said: str) -> None:
    """A line that is no object raises DataError naming file and line, blank lines counted."""
    file = tmp_path / "test.jsonl"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(DataError, match=rf"test\.jsonl: {said}"):
        rows_of(Jsonl("test.jsonl"), file)


def test_blank_lines_of_jsonl_are_passed_over(tmp_path: Path) -> None:
    """Blank lines and a missing line break at the end make no difference."""
    file = tmp_path / "test.jsonl"
    file.write_bytes(b'\n{"id": 1}\r\n  \n{"id": 2}')

    assert rows_of(Jsonl("test.jsonl"), file) == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize("line", ["b,2", "b,2,3,4"])
def test_the_ragged_line_of_csv_is_named(tmp_path: Path, line: str) -> None:
    """A line with too few or too many values raises DataError naming file, line and the right number."""
    file = tmp_path / "test.csv"
    file.write_text(f"x,y,z\na,1,2\n{line}\nc,3,4\n", encoding="utf-8")

    with pytest.raises(DataError, match=r"test\.csv: line 3 does not have 3 values as the first line"):
        rows_of(Csv("test.csv"), file)


@pytest.mark.parametrize(
    ("data", "problem"),
    [(b'x,y\na,"no end\n', "line 2 is no CSV"), (b"x,y\n\xff\xfe,1\n", "line 2 is not UTF-8")],
)
def test_damaged_csv_is_named(tmp_path: Path, data: bytes, problem: str) -> None:
    """A quote that never ends, or bytes that are no UTF-8, raise DataError naming file and line."""
    file = tmp_path / "test.csv"
    file.write_bytes(data)

    with pytest.raises(DataError, match=rf"test\.csv: {problem}"):
        rows_of(Csv("test.csv"), file)


def test_csv_as_spreadsheets_write_it(tmp_path: Path) -> None:
    """A byte order mark is no part of the first column's name, and the delimiter may be another."""
    file = tmp_path / "test.csv"
    file.write_bytes("\ufeffid;answer\r\na;1,5\r\n".encode())

    assert rows_of(Csv("test.csv", delimiter=";"), file) == [{"id": "a", "answer": "1,5"}]


def pictured(file: Path, cells: Sequence[bytes | None], group: int = 2) -> Path:
    """A Parquet file as the hub writes it, `group` rows a row group, with a picture in every row that has one."""
    images = [None if cell is None else {"bytes": cell, "path": f"{number}.png"} for number, cell in enumerate(cells)]
    table = pa.table({"question": [f"q{n}" for n in range(len(cells))], "image": pa.array(images, PICTURE)})
    pq.write_table(table, file, row_group_size=group)
    return file


ONE, TWO, THREE = png(10), png(20), png(30)


def test_pictures_in_parquet_are_named_by_their_bytes(tmp_path: Path) -> None:
    """A row's picture is a name; equal pictures have one name, others another, and its bytes come back."""
    cells = [ONE, TWO, ONE, THREE, TWO]
    file = pictured(tmp_path / "test.parquet", cells)
    made = Parquet("test.parquet")

    found = rows_of(made, file)

    names = [str(row["image"]) for row in found]
    assert [row["question"] for row in found] == [f"q{number}" for number in range(5)]
    assert all(isinstance(row["image"], Inside) for row in found)
    assert [names.index(name) for name in names] == [0, 1, 0, 3, 1]
    assert [made.read_image(file, name) for name in names] == cells


def test_a_picture_has_one_name_in_all_shards(tmp_path: Path) -> None:
    """Equal pictures in two shards have one name, and pictures of every shard are found."""
    pictured(tmp_path / "test-0.parquet", [ONE, TWO])
    pictured(tmp_path / "test-1.parquet", [TWO, THREE])
    made, pattern = Parquet("test-*.parquet"), tmp_path / "test-*.parquet"

    names = [str(row["image"]) for row in rows_of(made, pattern)]

    assert names[1] == names[2]
    assert [made.read_image(pattern, name) for name in names] == [ONE, TWO, TWO, THREE]


def test_more_rows_than_a_batch_keep_their_pictures(tmp_path: Path) -> None:
    """In a file of more rows than are read at a time, each row still has its own picture."""
    cells = [png(number % 251, (2, 2 + number // 251)) for number in range(1500)]
    file = pictured(tmp_path / "test.parquet", cells, group=400)
    made = Parquet("test.parquet")

    names = [str(row["image"]) for row in rows_of(made, file)]

    assert len(set(names)) == len(set(cells))
    assert [made.read_image(file, names[number]) for number in (0, 399, 400, 1024, 1499)] == [
        cells[number] for number in (0, 399, 400, 1024, 1499)
    ]


def test_a_picture_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Asking for a picture that no row has raises DataError naming file and picture."""
    file = pictured(tmp_path / "test.parquet", [ONE])

    with pytest.raises(DataError, match=r"test\.parquet: has no image 'nope'"):
        Parquet("test.parquet").read_image(file, "nope")


def test_a_row_without_a_picture_has_none(tmp_path: Path) -> None:
    """A cell that is empty is an empty name, and asking for its bytes raises DataError."""
    file = pictured(tmp_path / "test.parquet", [ONE, None, TWO])
    made = Parquet("test.parquet")

    names = [str(row["image"] or "") for row in rows_of(made, file)]

    assert [bool(name) for name in names] == [True, False, True]
    with pytest.raises(DataError, match=r"test\.parquet: has no image ''"):
        made.read_image(file, "")


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """A file that was replaced gives its new pictures."""
    made, file = Parquet("test.parquet"), tmp_path / "test.parquet"
    pictured(file, [ONE])
    rows_of(made, file)

    pictured(file, [TWO, THREE])

    names = [str(row["image"]) for row in rows_of(made, file)]
    assert [made.read_image(file, name) for name in names] == [TWO, THREE]


def test_parquet_columns_keep_their_types(tmp_path: Path) -> None:
    """Whole numbers, lists and nulls come back as such; a struct that is no picture stays a mapping."""
    row = {"id": 7, "options": ["a", "b"], "none": None, "box": {"x": 1, "y": 2}}
    file = tmp_path / "test.parquet"
    pq.write_table(pa.Table.from_pylist([row]), file)

    assert rows_of(Parquet("test.parquet"), file) == [row]


@pytest.mark.parametrize(
    "data", [b"", b"PAR1", b"<html>not found</html>", b"version https://git-lfs.github.com/spec/v1"]
)
def test_what_is_no_parquet_is_named(tmp_path: Path, data: bytes) -> None:
    """A file that is no Parquet, or the pointer to one, raises DataError naming it."""
    (tmp_path / "test.parquet").write_bytes(data)

    with pytest.raises(DataError, match=r"test\.parquet: not a whole Parquet file"):
        rows_of(Parquet("test.parquet"), tmp_path / "test.parquet")


def test_cut_off_parquet_is_named(tmp_path: Path) -> None:
    """A download that stopped halfway raises DataError naming the file."""
    file = pictured(tmp_path / "test.parquet", [ONE, TWO, THREE])
    file.write_bytes(file.read_bytes()[:-30])

    with pytest.raises(DataError, match=r"test\.parquet: not a whole Parquet file"):
        rows_of(Parquet("test.parquet"), file)


def test_parquet_damaged_inside_is_named(tmp_path: Path) -> None:
    """A file whose end is whole but whose middle is not raises DataError naming it, too."""
    file = tmp_path / "test.parquet"
    pq.write_table(pa.table({"question": [f"q{number * 7919}" for number in range(5000)]}), file)
    data = bytearray(file.read_bytes())
    data[20:3000] = bytes(each ^ 0x5A for each in data[20:3000])
    file.write_bytes(data)

    with pytest.raises(DataError, match=r"test\.parquet: "):
        rows_of(Parquet("test.parquet"), file)
