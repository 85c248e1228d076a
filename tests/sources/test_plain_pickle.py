"""Pickles without their powers: plain values come back, and nothing that a file asks for is run or loaded."""

from __future__ import annotations

import collections
import copyreg
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit.errors import DataError
from evalkit.sources.plain_pickle import LARGEST, PlainPickle

ROWS = [
    {"image": "test_0001", "question": "Which organ is shown?", "answer": "肝 – liver"},
    {"image": "test_0002", "question": "", "answer": None, "scores": [1, 2.5, True], "pair": ("a", "b")},
]
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Evil:
    """An object whose pickle runs a command when it is loaded."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.file}",)


class Stranger:
    """An object that a pickle names by what it is called outside the file."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The pickle file."""
    return tmp_path / "test_qa.pkl"


def read(file: Path) -> list[dict[str, object]]:
    """All rows of a pickle file."""
    return [dict(row) for row in PlainPickle(file.name).rows(file)]


def refusal(file: Path, data: bytes) -> str:
    """What is said of a file with these bytes; it names the file and is one line."""
    file.write_bytes(data)
    with pytest.raises(DataError) as raised:
        read(file)
    said = str(raised.value)
    assert said.startswith(f"{file}: ")
    assert "\n" not in said
    return said.removeprefix(f"{file}: ")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_rows_come_back(file: Path, protocol: int) -> None:
    """Texts, numbers, None, lists and tuples come back in order, whatever the protocol they were written with."""
    file.write_bytes(pickle.dumps(ROWS, protocol))

    assert read(file) == ROWS


@pytest.mark.parametrize("protocol", PROTOCOLS[3:])
def test_bytes_come_back(file: Path, protocol: int) -> None:
    """Bytes are plain since pickles have a code for them; before, a pickle loads a function to make them."""
    file.write_bytes(pickle.dumps([{"image": b"\x00\xff"}], protocol))

    assert read(file) == [{"image": b"\x00\xff"}]
    assert refusal(file, pickle.dumps([{"image": b"\x00\xff"}], 2)).startswith("it wants to load _codecs.encode; ")


def test_texts_of_python_2_are_utf_8(file: Path) -> None:
    """What Python 2 wrote as bytes is read as UTF-8 text."""
    text = "Café".encode()
    file.write_bytes(b"(lp0\n(dp1\nS'answer'\np2\nU" + bytes([len(text)]) + text + b"p3\nsa.")

    assert read(file) == [{"answer": "Café"}]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_malicious_pickle_runs_nothing(file: Path, tmp_path: Path, protocol: int) -> None:
    """A pickle that would run a command is refused by the name of what it wants, and the command does not run."""
    trace = tmp_path / "was-here"

    said = refusal(file, pickle.dumps([*ROWS, Evil(trace)], protocol))

    wish = f"{os.system.__module__}.system"
    assert said == f"it wants to load {wish}; only plain lists, dicts, texts and numbers are read"
    assert not trace.exists()


@pytest.mark.parametrize(
    ("data", "wish"),
    [
        (b"(S'true'\nios\nsystem\n.", "os.system"),
        (b"cbuiltins\neval\n(S'1'\ntR.", "builtins.eval"),
        (pickle.dumps([collections.OrderedDict(a=1)]), "collections.OrderedDict"),
        (pickle.dumps([{"a": 1 + 2j}]), "builtins.complex"),
        (b"Pthing\n.", "an object from outside itself"),
        (b"\x80\x02\x82\x07.", "extension 7"),
    ],
)
def test_whatever_has_a_name_is_refused(file: Path, data: bytes, wish: str) -> None:
    """Harmless classes, built-in functions, persistent objects and extensions are refused like harmful ones."""
    assert refusal(file, data).startswith(f"it wants to load {wish}; ")


def test_a_registered_extension_is_refused(file: Path) -> None:
    """A code that another part of the program has given a class does not open that class."""
    copyreg.add_extension(__name__, "Stranger", 77)
    try:
        data = pickle.dumps([Stranger()], 2)
    finally:
        copyreg.remove_extension(__name__, "Stranger", 77)

    assert refusal(file, data).startswith("it wants to load extension 77; ")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_truncated_pickle_is_named(file: Path, protocol: int) -> None:
    """A download that stopped anywhere raises DataError, never half the rows."""
    whole = pickle.dumps(ROWS, protocol)

    for length in range(len(whole)):
        assert refusal(file, whole[:length]).startswith("not a whole pickle of plain values (")


@pytest.mark.parametrize(
    "data",
    [
        b"<html>not found</html>",
        b"version https://git-lfs.github.com/spec/v1\n",
        b"\x80\x02}}b.",
        b"\x80\x02U\x03abc(tR.",
        b"\x80\x02h\x05.",
        b"\x80\x02X\x01\x00\x00\x00\xff.",
        b"\x80\xff].",
        b"I" + b"9" * 10_000 + b"\n.",
    ],
)
def test_what_is_no_plain_pickle_is_named(file: Path, data: bytes) -> None:
    """A web page, a pointer, and programs that make no sense raise DataError naming the file."""
    assert refusal(file, data).startswith("not a whole pickle of plain values (")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x80\x02]r\xff\xff\xff\x7f.", "place 2147483647 in a file of 9 bytes"),
        (b"\x80\x02]p2147483647\n.", "place 2147483647 in a file of 16 bytes"),
        (b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x0f.", "but only 1 remain"),
        (b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x0f.", "but only 1 remain"),
    ],
)
def test_a_small_file_sets_no_great_memory_aside(file: Path, data: bytes, said: str) -> None:
    """A few bytes that ask for gigabytes are refused before anything is set aside."""
    assert said in refusal(file, data)


def test_a_huge_file_is_not_read(file: Path) -> None:
    """A file beyond all question files is refused by its size alone."""
    with file.open("wb") as made:
        made.truncate(LARGEST + 1)

    with pytest.raises(DataError, match=rf"test_qa\.pkl: more than {LARGEST >> 20} MiB"):
        read(file)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"image": "a"}, "a list of dicts would be right, found dict"),
        ("rows", "a list of dicts would be right, found str"),
        ([ROWS[0], "row"], "row 2 is no dict with names; column name to value would be right"),
        ([{1: "a"}], "row 1 is no dict with names"),
        ([ROWS[0], {"image": {"a": 1}}], "row 2: image is nested; a text, a number or a list would be right"),
        ([{"image": [["a"]]}], "row 1: image is nested"),
        ([{"image": {"a"}}], "row 1: image is nested"),
    ],
)
def test_other_values_are_named(file: Path, value: object, said: str) -> None:
    """A file that holds something other than a list of flat dicts is answered with the row and what would be right."""
    assert refusal(file, pickle.dumps(value, 4)).startswith(said)


def test_a_pickle_that_went_away_is_named(file: Path) -> None:
    """Reading a file that went away raises DataError naming it."""
    with pytest.raises(DataError, match=r"test_qa\.pkl: cannot be read"):
        list(PlainPickle(file.name).read(file))
