"""A pickle file that holds a list of plain dicts, read without running anything that it asks for.

A pickle is a program: `pickle.load` would import and call whatever the file names. Here such a wish ends the reading.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from evalkit.errors import DataError
from evalkit.sources.base import FileSource, Row, read_bytes

LARGEST: Final = 1 << 28
"""Bytes of a file: what unpacks to more than memory holds would have to be large itself."""

_PLACES = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_SCALARS = (str, bytes, int, float, bool, type(None))


class _Wish(Exception):
    """The file wants something that is not plain."""


class _Unpickler(pickle.Unpickler):
    """Builds lists, dicts, tuples, texts, numbers and None; refuses everything that has a name."""

    def find_class(self, module: str, name: str) -> NoReturn:
        """Every class and every function is refused."""
        raise _Wish(f"it wants to load {module}.{name}")

    def persistent_load(self, pid: object) -> NoReturn:
        """So is what lies outside the file."""
        raise _Wish("it wants to load an object from outside itself")


@dataclass(frozen=True)
class PlainPickle(FileSource):
    """Reads the whole file at once. Texts of Python 2 are taken for UTF-8."""

    def read(self, file: Path) -> Iterator[Row]:
        """The dicts of the list. Raises DataError where the file is cut off, wants to load anything or holds else."""
        rows = _plain(file)
        if not isinstance(rows, list):
            raise DataError(f"{file}: a list of dicts would be right, found {type(rows).__name__}")
        for number, row in enumerate(rows, 1):
            if not isinstance(row, dict) or not all(isinstance(name, str) for name in row):
                raise DataError(f"{file}: row {number} is no dict with names; column name to value would be right")
            for name, value in row.items():
                if not _is_plain(value):
                    raise DataError(
                        f"{file}: row {number}: {name} is nested; a text, a number or a list would be right"
                    )
            yield row


def _plain(file: Path) -> object:
    """What the file holds. Raises DataError naming what it wants to load, or saying how it is damaged."""
    if file.is_file() and file.stat().st_size > LARGEST:
        raise DataError(f"{file}: more than {LARGEST >> 20} MiB; questions of a data set take less")
    data = read_bytes(file)
    try:
        _check_codes(data)
        return _Unpickler(io.BytesIO(data), encoding="utf-8").load()
    except _Wish as error:
        raise DataError(f"{file}: {error}; only plain lists, dicts, texts and numbers are read") from error
    except (
        *(pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, LookupError, OverflowError),
        *(MemoryError, RecursionError),
    ) as error:
        raise DataError(f"{file}: not a whole pickle of plain values ({error or type(error).__name__})") from error


def _check_codes(data: bytes) -> None:
    """Raises ValueError for a numbered place beyond the file's length, for which memory would be set aside."""
    for code, place, _ in pickletools.genops(data):
        if code.name.startswith("EXT"):
            raise _Wish(f"it wants to load extension {place}")
        if code.name in _PLACES and isinstance(place, int) and place > len(data):
            raise ValueError(f"place {place} in a file of {len(data)} bytes")


def _is_plain(value: object) -> bool:
    inner = value if isinstance(value, list | tuple) else (value,)
    return all(isinstance(each, _SCALARS) for each in inner)
