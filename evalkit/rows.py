"""From a layout and the place where it was found to Samples: the only code that knows columns."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from evalkit.answers import asks_yes_no, named_options, yes_no
from evalkit.errors import DataError, did_you_mean
from evalkit.images import ImageFolder, first_folder
from evalkit.sources.base import Inside, Row, Source
from evalkit.specs import ByColumn, Fields, Layout
from evalkit.types import Image, Kind, Sample

Read = Callable[[str], Iterator[Row]]
"""The rows of a split, after `where`."""

Hook = Callable[[str, Read], Iterator[Row]]
"""`rows(split, read)` of the file beside a task: the rows of a split, corrected or with more columns."""

NOTHING = frozenset({"", "NULL", "None", "nan", "N/A"})


@dataclass(frozen=True)
class Found:
    """A source and the place where its data was found."""

    source: Source
    path: Path


@dataclass(frozen=True)
class Reader:
    """Reads the splits of one layout of one task."""

    layout: Layout
    fields: Fields
    found: Mapping[str, Found]
    gold_tag: bool = False
    hook: Hook | None = None

    def samples(self, split: str) -> Iterator[Sample]:
        """The samples of a split in the order of the data. Raises DataError for a row that cannot be one."""
        rows = self.hook(split, self._read) if self.hook else self._read(split)
        for number, row in enumerate(rows):
            yield self._sample(split, number, row)

    def _read(self, split: str) -> Iterator[Row]:
        found = self.found[split]
        where = {**self.layout.where, **self.layout.splits[split].where}
        kept = {column: frozenset(values) for column, values in where.items()}
        for number, row in enumerate(found.source.rows(found.path), 1):
            for column, values in kept.items():
                if str(self._value(row, column, found.path, number)).strip() not in values:
                    break
            else:
                yield row

    def _sample(self, split: str, number: int, row: Row) -> Sample:
        found, fields = self.found[split], self.fields
        value = functools.partial(self._value, row, file=found.path, number=number + 1)
        images = tuple(self._images(found, row, number))
        question = _text(value(fields.question))
        options = tuple(text for text in (_text(each) for each in _flat(map(value, fields.options))) if text)
        kind = self._kind(row, found.path, number, question, options)
        targets = tuple(_text(each) for each in _flat([value(fields.target)]))
        tags = {tag: text for tag, column in self.tag_columns().items() if (text := _tag(value(column)))}
        if self.gold_tag:
            tags["gold"] = "yes_no" if all(yes_no(target, question) for target in targets) else "other"
        return Sample(
            self._id(row, found.path, number),
            question,
            targets,
            images,
            options,
            kind,
            tags,
            self._cluster(images, row),
        )

    def _id(self, row: Row, file: Path, number: int) -> str:
        if self.layout.number_rows:
            return str(number)
        column = self.fields.id or "id"
        text = _tag(row.get(column))
        if not text:
            raise DataError(f"{file}: row {number + 1} has no id (column {column!r}); every row needs one")
        return text

    def tag_columns(self) -> dict[str, str]:
        """Tag → the column that it is read from."""
        tags = self.layout.tags
        return dict(tags) if isinstance(tags, dict) else {name: name for name in tags}

    def _kind(self, row: Row, file: Path, number: int, question: str, options: tuple[str, ...]) -> Kind:
        rule = self.layout.kind
        if isinstance(rule, ByColumn):
            word = _tag(self._value(row, rule.column, file, number + 1))
            kinds: dict[str, Kind] = rule.values or {
                "yes_no": "yes_no",
                "choice": "choice",
                "closed": "closed",
                "open": "open",
            }
            if word not in kinds:
                raise DataError(f"{file}: row {number + 1}: {rule.column} is {word!r}; {did_you_mean(word, kinds)}")
            return kinds[word]
        if rule != "by_question":
            return rule
        if options:
            return "choice"
        if asks_yes_no(question):
            return "yes_no"
        return "closed" if named_options(question) else "open"

    def _images(self, found: Found, row: Row, number: int) -> Iterator[Image]:
        for column in self.fields.image:
            for name in _flat([self._value(row, column, found.path, number + 1)]):
                if isinstance(name, Inside):
                    yield Image(str(name), functools.partial(found.source.read_image, found.path))
                elif text := _tag(name):
                    yield Image(text, self.image_folder(found).read)

    def image_folder(self, found: Found) -> ImageFolder:
        """Where a split's image files are: the first of the layout's folders that exists, beside the data file."""
        candidates = [found.path.parent / name for name in self.layout.images]
        return ImageFolder(first_folder(candidates) or candidates[0])

    def _cluster(self, images: tuple[Image, ...], row: Row) -> str:
        name = self.layout.cluster
        if name is None:
            return ""
        if name == "image":
            return "|".join(image.name for image in images)
        return _tag(row.get(self.tag_columns().get(name, name)))

    @staticmethod
    def _value(row: Row, column: str, file: Path, number: int) -> object:
        try:
            return row[column]
        except KeyError:
            raise DataError(f"{file}: row {number} has no column {column!r}; {did_you_mean(column, row)}") from None


def _flat(values: object) -> Iterator[object]:
    for value in values:  # type: ignore[attr-defined]
        if isinstance(value, list | tuple):
            yield from value
        else:
            yield value


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _tag(value: object) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return "" if text in NOTHING else text
