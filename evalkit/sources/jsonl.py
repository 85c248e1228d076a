"""A file with one JSON object a line."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from evalkit.errors import DataError
from evalkit.sources.base import FileSource, Row


@dataclass(frozen=True)
class Jsonl(FileSource):
    """Reads line by line: memory does not grow with the file. `longest` is the most bytes that a line may have."""

    longest: int | None = None

    def read(self, file: Path) -> Iterator[Row]:
        """One row a line, blank lines skipped. Raises DataError naming the line that is no object."""
        try:
            with file.open("rb") as lines:
                most = -1 if self.longest is None else self.longest + 1
                for number, raw in enumerate(iter(lambda: lines.readline(most), b""), 1):
                    if 0 < most <= len(raw):
                        raise DataError(f"{file}: line {number} has more than {self.longest:,} bytes; it is no row")
                    line = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
                    if line.strip():
                        yield self._row(file, number, line)
        except OSError as error:
            raise DataError(f"{file}: cannot be read ({error.strerror})") from error

    @staticmethod
    def _row(file: Path, number: int, line: bytes) -> Row:
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            hint = "; JSON has no NaN: null or a text would be right" if b"NaN" in line else ""
            raise DataError(
                f"{file}: line {number} is not whole JSON ({error.msg}, character {error.pos + 1}){hint}"
            ) from error
        if not isinstance(row, dict):
            raise DataError(f"{file}: line {number} is a {type(row).__name__}; an object would be right")
        return row
