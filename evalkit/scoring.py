"""Marking answers that are there already: a run's, or a predictions file that any tool wrote. Asks no model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from evalkit.answers import asks_yes_no, named_options, yes_no
from evalkit.errors import DataError, StoreError, UsageError
from evalkit.marking import Marked, mark
from evalkit.runs import Run
from evalkit.scorers.base import Scorer
from evalkit.sources.base import Row
from evalkit.sources.jsonl import Jsonl
from evalkit.task import Task
from evalkit.types import Kind, Response, Sample

TAGS = ("answer_type", "lang", "phrase_type", "content_type")


def marked_run(run: Run, task: Task, scorers: Mapping[str, Scorer]) -> Iterator[Marked]:
    """A run's answers under other scorers, joined by id. Raises UsageError where the data is not the run's."""
    made_on, here = run.record["data"]["fingerprint"]["gold_sha256"], task.fingerprint.gold_sha256
    if made_on != here:
        raise UsageError(
            f"{run.path} was made on other data ({made_on[:12]}…) than what is found here ({here[:12]}…); "
            "--data names the folder with the data of the run"
        )
    try:
        responses = {row["id"]: _response_of(row) for row in run.samples()}
    except (KeyError, TypeError) as error:
        raise StoreError(f"{run.path / 'samples.jsonl'}: is no run's samples (no {error})") from error
    yield from _joined(str(run.path), task, responses, scorers, whole=False)


def marked_predictions(file: Path, task: Task, scorers: Mapping[str, Scorer]) -> Iterator[Marked]:
    """A predictions file's answers to a task, joined by id; a sample without a row is missing."""
    responses = {name: Response(text=_text(row["response"])) for name, row in _by_id(file, ("response",)).items()}
    yield from _joined(str(file), task, responses, scorers, whole=True)


def marked_rows(file: Path, scorers: Mapping[str, Scorer]) -> Iterator[Marked]:
    """A predictions file that brings question and gold itself, and where known answer_type, options and others."""
    for name, row in _by_id(file, ("question", "gold", "response")).items():
        yield mark(scorers, _sample_of(name, row, file), Response(text=_text(row["response"])))


def _joined(
    where: str, task: Task, responses: Mapping[str, Response], scorers: Mapping[str, Scorer], *, whole: bool
) -> Iterator[Marked]:
    ids = {sample.id for sample in task.samples()}
    unknown = sorted(set(responses) - ids)
    if unknown:
        raise UsageError(
            f"{where}: {task.name} has no sample {unknown[0]!r} "
            f"({len(unknown):,} of {len(responses):,} ids are unknown); "
            f"its ids look like {', '.join(sorted(ids)[:3])}. Rows with question and gold can be marked without --task"
        )
    absent = Response(error=f"{where} has no answer to it")
    for sample in task.samples():
        if whole or sample.id in responses:
            yield mark(scorers, sample, responses.get(sample.id, absent))


def _by_id(file: Path, columns: tuple[str, ...]) -> dict[str, Row]:
    """The rows by id. Raises DataError for a row without one, a second row of the same id, or a missing column."""
    found: dict[str, Row] = {}
    if not file.is_file():
        raise UsageError(f"{file}: no such file")
    for number, row in enumerate(Jsonl(str(file)).rows(file), 1):
        for column in ("id", *columns):
            if column not in row:
                raise DataError(f"{file}: row {number} has no {column!r} (found {', '.join(row)})")
        name = str(row["id"])
        if not name or row["id"] is None:
            raise DataError(f"{file}: row {number} has no id; answers are joined by id, never by order")
        if name in found:
            raise DataError(f"{file}: row {number}: the id {name!r} stands twice")
        found[name] = row
    return found


def _sample_of(name: str, row: Row, file: Path) -> Sample:
    question, gold = str(row["question"]), row["gold"]
    targets = tuple(str(each) for each in gold) if isinstance(gold, list) else (_text(gold),)
    options = row.get("options") or []
    if not isinstance(options, list | dict):
        raise DataError(
            f"{file}: row {name}: options is a {type(options).__name__}; a list or letters to texts is right"
        )
    texts = tuple(str(each) for each in (options.values() if isinstance(options, dict) else options))
    tags = {tag: text for tag in TAGS if (text := _text(row.get(tag)).strip())}
    tags["gold"] = "yes_no" if targets and all(yes_no(target, question) for target in targets) else "other"
    kind = _kind(tags.get("answer_type", ""), question, texts)
    return Sample(name, question, targets, (), texts, kind, tags, _text(row.get("image")))


def _kind(label: str, question: str, options: tuple[str, ...]) -> Kind:
    """The label's where the file has one; otherwise what the options and the question's words say."""
    if options:
        return "choice"
    if label.lower() in get_args(Kind):
        return label.lower()  # type: ignore[return-value]
    return "yes_no" if asks_yes_no(question) else "closed" if named_options(question) else "open"


def _response_of(row: Mapping[str, Any]) -> Response:
    return Response(row["response"], row["finish_reason"], row["refused"], error=row["error"] or "")


def _text(value: object) -> str:
    return "" if value is None else str(value)
