"""Whether every file of the catalogue loads: tasks, cards and prompts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalkit.cards import open_model
from evalkit.catalogue import Catalogue
from evalkit.errors import DataError, EvalkitError, UsageError
from evalkit.plugins import find
from evalkit.sources.base import Source
from evalkit.specs import CardSpec, TaskSpec, read_spec
from evalkit.task import build_scorers, load_hook, load_task
from evalkit.templates import load_template


@dataclass(frozen=True)
class Checked:
    """One file, and what is wrong with it or what it is."""

    name: str
    ok: bool
    detail: str


def check_all(found: Catalogue, data: Sequence[Path]) -> Iterator[Checked]:
    """Every file that ships, and every one of the user's folders."""
    for folder in ("tasks", "cards", "prompts"):
        for path in found.files(folder).values():
            yield check_file(path, found, data)


def check_file(path: Path, found: Catalogue, data: Sequence[Path]) -> Checked:
    """One file, taken for a prompt by `.j2`, for a card by its key `adapter`, else for a task."""
    try:
        if path.suffix == ".j2":
            load_template(path)
            return Checked(str(path), True, "prompt")
        if "\nadapter:" in "\n" + _read(path):
            card = read_spec(path, CardSpec)
            open_model(card.name, {}, Catalogue((*found.include, path.parent.parent)))
            return Checked(str(path), True, f"card of {card.adapter}")
        return Checked(str(path), True, _task(path, found, data))
    except EvalkitError as error:
        return Checked(str(path), False, str(error))


def _task(path: Path, found: Catalogue, data: Sequence[Path]) -> str:
    spec = read_spec(path, TaskSpec)
    load_template(found.find("prompts", spec.prompt))
    build_scorers(spec.scorers, path.name)
    load_hook(path)
    for layout in spec.named_layouts().values():
        for split in layout.splits.values():
            find(Source, split.source()[0])  # type: ignore[type-abstract]
    try:
        task = load_task(str(path), data, found)
    except DataError as error:
        return f"task; no data here ({str(error).partition('; ')[0]})"
    sample = next(task.samples(), None)
    if sample is None:
        raise DataError(f"{spec.name}: the test split has no rows")
    task.prompt(sample)
    return f"task; first prompt renders ({task.layout_name} layout)"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from error
