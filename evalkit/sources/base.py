"""What every source is: a dataclass whose fields are the keys that a task file may write under its name."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalkit.errors import DataError

Row = Mapping[str, object]
"""One row as its file has it, column name to value."""

_EITHER = re.compile(r"\{([^{},]*(?:,[^{},]*)+)\}")


class Source(ABC):
    """Where rows come from. Knows nothing of tasks; gives rows in the order of the data."""

    @abstractmethod
    def find(self, folders: Sequence[Path]) -> Path | None:
        """Where the data lies, searching `folders` in order; None when it is in none of them."""

    @abstractmethod
    def rows(self, found: Path) -> Iterator[Row]:
        """The rows of what `find` found, in order. Raises DataError naming file and place when it is damaged."""

    @abstractmethod
    def whereabouts(self) -> str:
        """What a person would have to put where, for the message that says that it is not there."""

    def read_image(self, found: Path, name: str) -> bytes:
        """The bytes of an image that lives inside the source itself (a parquet cell, a drawn picture)."""
        raise DataError(f"{found}: holds no images, and {name!r} was asked for")


@dataclass(frozen=True)
class FileSource(Source):
    """Rows in one file, or in several of one pattern (`data/test-*.parquet`), below a data folder."""

    path: str

    def find(self, folders: Sequence[Path]) -> Path | None:
        """The first of `folders` that has the file, joined with its path."""
        return next((folder / self.path for folder in folders if shards(folder / self.path)), None)

    def rows(self, found: Path) -> Iterator[Row]:
        """The rows of all shards in the order of their names."""
        for shard in shards(found):
            yield from self.read(shard)

    @abstractmethod
    def read(self, file: Path) -> Iterator[Row]:
        """The rows of one file."""

    def whereabouts(self) -> str:
        """The path that is looked for."""
        return self.path


def shards(pattern: Path) -> list[Path]:
    """The files that a path stands for, by name: `*` in its last part for any text, `{a,b}` in any for either."""
    either = _EITHER.search(str(pattern))
    if either is not None and not pattern.exists():
        head, tail = str(pattern)[: either.start()], str(pattern)[either.end() :]
        return sorted(file for text in either[1].split(",") for file in shards(Path(head + text + tail)))
    if "*" in pattern.name:
        return sorted(pattern.parent.glob(pattern.name))
    return [pattern] if pattern.is_file() else []


def read_bytes(file: Path) -> bytes:
    """A whole file. Raises DataError when it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror})") from error


class Inside(str):
    """The name of an image that lives inside its source, as a row's value; any other name is a file's."""

    __slots__ = ()
