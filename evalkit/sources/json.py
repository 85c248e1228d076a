"""A JSON file that is a list of objects, or an object that holds such a list under `key`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from evalkit.errors import DataError
from evalkit.sources.base import FileSource, Row, read_bytes


@dataclass(frozen=True)
class Json(FileSource):
    """Reads the whole file at once: official JSON files are small."""

    key: str | None = None

    def read(self, file: Path) -> Iterator[Row]:
        """The objects of the list. Raises DataError where the file is cut off or holds something else."""
        try:
            rows = orjson.loads(read_bytes(file))
        except orjson.JSONDecodeError as error:
            raise DataError(f"{file}: not whole JSON ({error})") from error
        if self.key is not None:
            rows = rows.get(self.key) if isinstance(rows, dict) else None
        if not isinstance(rows, list):
            where = f"under {self.key!r}" if self.key else "at the top"
            raise DataError(f"{file}: a list of objects {where} would be right, found {type(rows).__name__}")
        for number, row in enumerate(rows, 1):
            if not isinstance(row, dict):
                raise DataError(f"{file}: row {number} is a {type(row).__name__}; an object would be right")
            yield row
