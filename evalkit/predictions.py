"""Predictions files: the answers that any tool wrote, one row each, read strictly and one at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import orjson

from evalkit.answers import asks_yes_no, is_yes_no, named_options, normalise
from evalkit.errors import DataError, UsageError, did_you_mean
from evalkit.sources.base import FileSource, Row
from evalkit.sources.csv import Csv
from evalkit.sources.json import Json
from evalkit.sources.jsonl import Jsonl
from evalkit.types import Kind, Response, Sample

LONGEST = 10_000_000
"""Bytes of a line of JSON; what is longer is no answer."""
OWN = frozenset({"id", "question", "gold", "response", "options", "image"})
WHOLE = ("gold", "response")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LETTERED = re.compile(r"[A-Z]:\s+\S")
_LETTER = re.compile(r"\(?([A-Za-z])\)?(?:[.:)\s]\s*(.+))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Prediction:
    """One row: `number` as its file counts them from 1, its id, what was answered, and all its columns."""

    file: Path
    number: int
    id: str
    response: Response
    row: Row

    @property
    def whole(self) -> bool:
        """Whether the row can be marked as it stands, without the task's question and gold."""
        return "gold" in self.row

    @property
    def place(self) -> str:
        """Where it stands, for a message."""
        return f"{self.file}: row {self.number}"


def read_predictions(file: Path, needed: Iterable[str] = ("response",)) -> Iterator[Prediction]:
    """The rows of a JSON Lines, JSON (a list of objects) or CSV file, in order.

    Raises UsageError where there is no file; DataError naming file, row and column for a row without an id, an id that
    stands twice, a column of `needed` that is missing or null, or a value that is no text; and for a file without rows.
    """
    seen: set[str] = set()
    number = 0
    for number, row in enumerate(_source(file).rows(file), 1):
        where = f"{file}: row {number}"
        name = _id(row, where)
        if name in seen:
            raise DataError(f"{where}: the id {name!r} stands twice; every row needs its own")
        seen.add(name)
        for column in needed:
            if column not in row:
                raise DataError(f"{where} has no {column!r} (found {', '.join(map(str, row))})")
            if row[column] is None:
                raise DataError(f"{where}: {column} is null; {_instead(column)} would be right")
        yield Prediction(file, number, name, Response(text=_scalar(row.get("response"), "response", where)), row)
    if not number:
        raise DataError(f"{file}: holds no rows")


def sample_of(prediction: Prediction) -> Sample:
    """The question of a whole row as it stands there; its further columns are tags, for rules that route by them."""
    row, where = prediction.row, prediction.place
    question = _scalar(row.get("question"), "question", where)
    gold = row["gold"]
    targets = tuple(_text(each, "gold", where) for each in (gold if isinstance(gold, list) else [gold]))
    options = _options(row.get("options"), where)
    _scalar(row.get("answer_type"), "answer_type", where)
    simple = (name for name in row if name not in OWN and not isinstance(row[name], dict | list))
    tags = {name: text for name in simple if (text := _tag(row[name]))}
    kind = _kind(tags.get("answer_type", ""), question, options, targets)
    image = row.get("image")
    cluster = "|".join(map(str, image)) if isinstance(image, list) else _tag(image)
    return Sample(prediction.id, question, _spelt(targets, options), (), options, kind, tags, cluster)


def gold_tag(sample: Sample) -> str:
    """`yes_no` where every target says yes or no to its question, else `other`."""
    return "yes_no" if is_yes_no(sample.targets, sample.question) else "other"


def fields_of(row: Row, by: Iterable[str]) -> dict[str, str]:
    """What a row has in the columns that were asked for as slices."""
    return {name: text for name in by if (text := _tag(row.get(name)))}


def check_fields(file: Path, by: Iterable[str], found: Mapping[str, object]) -> None:
    """Raises UsageError for a column that was asked for and that no row has."""
    for name in by:
        if name not in found:
            raise UsageError(f"{file}: --by {name}: no row has such a column; {did_you_mean(name, found)}")


def _source(file: Path) -> FileSource:
    if not file.is_file():
        raise UsageError(f"{file}: {'is a folder; a file would be right' if file.is_dir() else 'no such file'}")
    if file.suffix.lower() == ".json":
        return Json(str(file))
    return Csv(str(file)) if file.suffix.lower() == ".csv" else Jsonl(str(file), longest=LONGEST)


def _id(row: Row, where: str) -> str:
    if "id" not in row:
        raise DataError(f"{where} has no 'id' (found {', '.join(map(str, row))})")
    name = _scalar(row["id"], "id", where)
    if not name.strip():
        raise DataError(f"{where} has no id; answers are joined by id, never by order")
    return name


def _instead(column: str) -> str:
    if column == "response":
        return "an empty text is a blank answer, a row that is left out a missing one; one of them"
    return "a text"


def _scalar(value: object, column: str, where: str) -> str:
    if isinstance(value, dict | list):
        raise DataError(f"{where}: {column} is a {type(value).__name__}; a text would be right")
    text = "" if value is None else str(value)
    if len(text) > LONGEST:
        raise DataError(f"{where}: {column} has {len(text):,} characters; more than {LONGEST:,} is no answer")
    return text


def _text(value: object, column: str, where: str) -> str:
    if value is None:
        raise DataError(f"{where}: {column} holds null; a text would be right")
    return _scalar(value, column, where)


def _tag(value: object) -> str:
    return "" if value is None else " ".join(str(value).split())


def _options(value: object, where: str) -> tuple[str, ...]:
    if isinstance(value, str) and value.strip():
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise DataError(f"{where}: options is {value!r:.40}; a JSON list of texts would be right") from None
    if not value:
        return ()
    if not isinstance(value, list | dict):
        raise DataError(f"{where}: options is a {type(value).__name__}; a list or letters to texts would be right")
    if isinstance(value, dict):
        letters = sorted(value, key=lambda letter: str(letter).strip().upper())
        if [letter.strip().upper() for letter in letters] != list(LETTERS[: len(letters)]):
            raise DataError(f"{where}: options has the keys {', '.join(value)}; the letters from A would be right")
        value = [value[letter] for letter in letters]
    return tuple(_text(each, "options", where) for each in value)


def _spelt(targets: tuple[str, ...], options: tuple[str, ...]) -> tuple[str, ...]:
    """The targets; one that is no option's text but an option's letter, alone or before that text, as the text."""

    def spelt(target: str) -> str:
        found = _LETTER.fullmatch(target.strip())
        place = LETTERS.find(found[1].upper()) if found and target not in options else -1
        if found is None or not 0 <= place < len(options):
            return target
        named = options[place]
        return named if not found[2] or normalise(found[2]) == normalise(named) else target

    return tuple(map(spelt, targets))


def _kind(label: str, question: str, options: tuple[str, ...], targets: tuple[str, ...]) -> Kind:
    """The label's where the file has one; otherwise what the options and the question's words say."""
    if options:
        return "choice"
    if label.lower() in get_args(Kind):
        return label.lower()  # type: ignore[return-value]
    if targets and all(map(_LETTERED.match, targets)):
        # A file of letters does not bring the options: its "C: text" is the declaration.
        return "choice"
    return "yes_no" if asks_yes_no(question) else "closed" if named_options(question) else "open"
