"""Parquet files as the hub writes them: an image column is a struct of `bytes` and `path`."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from evalkit.errors import DataError
from evalkit.images import TAIL, check_whole
from evalkit.sources.base import FileSource, Inside, Row, shards


@dataclass(frozen=True)
class Parquet(FileSource):
    """Reads batch by batch. A picture is named by its bytes, so that equal pictures in many rows are one."""

    def read(self, file: Path) -> Iterator[Row]:
        """The rows without their pictures' bytes: a picture's value is a name for `read_image`."""
        try:
            yield from self._rows(file)
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{file}: not a whole Parquet file ({str(error).splitlines()[0]})") from error

    @staticmethod
    def _rows(file: Path) -> Iterator[Row]:
        names = image_names(file, _stamp(file))
        number = 0
        with _opened(file) as opened:
            plain = [name for name in opened.schema_arrow.names if name not in names]
            for batch in opened.iter_batches(batch_size=1024, columns=plain):
                for row in batch.to_pylist():
                    yield {**row, **{column: Inside(values[number]) for column, values in names.items()}}
                    number += 1

    def read_image(self, found: Path, name: str) -> bytes:
        """The picture that `rows` gave this name. Raises DataError when there is none."""
        files = shards(found)
        place = image_places(tuple(files), tuple(_stamp(file) for file in files)).get(name)
        if place is None:
            raise DataError(f"{found}: has no image {name!r}")
        number, column, row = place
        return _cell(files[number], column, row)


@functools.lru_cache(maxsize=4)
def image_places(files: tuple[Path, ...], stamps: tuple[tuple[int, int], ...]) -> dict[str, tuple[int, str, int]]:
    """Each picture's name → the number of its file, its column and its first row there."""
    places: dict[str, tuple[int, str, int]] = {}
    for number, (file, stamp) in enumerate(zip(files, stamps, strict=True)):
        for column, values in image_names(file, stamp).items():
            for row, name in enumerate(values):
                if name:
                    places.setdefault(name, (number, column, row))
    return places


@functools.lru_cache(maxsize=256)
def image_names(file: Path, stamp: tuple[int, int]) -> dict[str, tuple[str, ...]]:
    """Image column → the names of its pictures, row by row; a name is the head of the sha256 of the bytes.

    `stamp` is the file's size and time of change: a file that changes is read again. Raises DataError for a cell that
    is no whole image: the bytes pass by here anyway, and nobody should pay for half a run to find it.
    """
    names: dict[str, list[str]] = {}
    with _opened(file) as opened:
        schema = opened.schema_arrow
        columns = [
            each.name for each in schema if pa.types.is_struct(each.type) and each.type.get_field_index("bytes") >= 0
        ]
        if not columns:
            return {}
        names = {column: [] for column in columns}
        row = 1
        for batch in opened.iter_batches(batch_size=64, columns=columns):
            for column in columns:
                names[column] += [
                    _name(cell, f"{file}: {column} of row {at}") for at, cell in enumerate(batch.column(column), row)
                ]
            row += len(batch)
    return {column: tuple(values) for column, values in names.items()}


def _name(cell: pa.StructScalar, where: str) -> str:
    if not cell["bytes"].is_valid:
        return ""
    data = cell["bytes"].as_buffer()
    check_whole(bytes(data[:16]), bytes(data[-TAIL:]), data.to_pybytes, where)
    return hashlib.sha256(data).hexdigest()[:24]


@functools.lru_cache(maxsize=2)
def _row_group(file: Path, stamp: tuple[int, int], group: int, column: str) -> pa.ChunkedArray:
    with _opened(file) as opened:
        return opened.read_row_group(group, columns=[column]).column(column)


def _cell(file: Path, column: str, row: int) -> bytes:
    with _opened(file) as opened:
        sizes = [opened.metadata.row_group(group).num_rows for group in range(opened.num_row_groups)]
    for group, size in enumerate(sizes):
        if row < size:
            return bytes(_row_group(file, _stamp(file), group, column)[row]["bytes"].as_py())
        row -= size
    raise DataError(f"{file}: has no row {row}")


def _opened(file: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{file}: not a whole Parquet file ({str(error).splitlines()[0]})") from error


def _stamp(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns
