"""What every source is: a dataclass whose fields are the keys that a task file may write under `data:`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

Row = Mapping[str, object]
"""One row as its file has it, column name to value."""


class Source(ABC):
    """Where rows come from. Knows nothing of tasks; gives rows in the order of the data."""

    @abstractmethod
    def find(self, folders: Sequence[Path]) -> Path | None:
        """Where the data lies, searching `folders` in order; None when it is in none of them."""

    @abstractmethod
    def rows(self, found: Path) -> Iterator[Row]:
        """The rows of what `find` found, in order. Raises DataError naming file and place when it is damaged."""

    def read_image(self, found: Path, name: str) -> bytes:
        """The bytes of an image that lives inside the source itself (a parquet cell, a drawn picture)."""
        raise KeyError(name)
