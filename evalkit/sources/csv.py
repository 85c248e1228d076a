"""A CSV file with a line of column names."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from evalkit.errors import DataError
from evalkit.sources.base import FileSource, Row

FIELD = 10_000_000
"""Characters of one value; what is longer is refused."""


@dataclass(frozen=True)
class Csv(FileSource):
    """Every value is text. A byte order mark is no part of the first column's name."""

    delimiter: str = ","

    def read(self, file: Path) -> Iterator[Row]:
        """One row a record. Raises DataError naming the line with too many or too few values."""
        csv.field_size_limit(FIELD)
        try:
            with file.open(encoding="utf-8-sig", newline="", errors="surrogateescape") as text:
                reader = csv.DictReader(_utf8(file, text), delimiter=self.delimiter, strict=True)
                names = reader.fieldnames or ()
                if len(set(names)) < len(names):
                    raise DataError(f"{file}: line 1 names a column twice ({', '.join(names)})")
                for row in reader:
                    # DictReader files what is too much under None, and fills with None what is missing.
                    if None in row or None in row.values():
                        found = f"line {reader.line_num} does not have {len(names)} values as the first line"
                        raise DataError(f"{file}: {found}")
                    yield row
        except OSError as error:
            raise DataError(f"{file}: cannot be read ({error.strerror})") from error
        except csv.Error as error:
            raise DataError(f"{file}: line {reader.line_num + 1} is no CSV ({error})") from error


def _utf8(file: Path, lines: Iterable[str]) -> Iterator[str]:
    """The lines themselves. Raises DataError naming the one that is not UTF-8."""
    for number, line in enumerate(lines, 1):
        if not line.isascii():
            try:
                line.encode()
            except UnicodeEncodeError as error:
                raise DataError(f"{file}: line {number} is not UTF-8 (character {error.start + 1})") from error
        yield line
