"""The same from Python as from the command line: `load_task`, `open_model`, `run` and `arun`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from evalkit import cards, task
from evalkit.cards import NamedModel
from evalkit.catalogue import Catalogue
from evalkit.models.base import Model
from evalkit.planning import Settings
from evalkit.runner import Progress
from evalkit.runner import arun as run_one
from evalkit.runs import Run
from evalkit.task import Task

Folder = str | os.PathLike[str]


def load_task(name: str, data: Folder | Sequence[Folder] | None = None, include: Sequence[Folder] = ()) -> Task:
    """The task of that name, its data found below `data` (EVALKIT_DATA, or ./data).

    `include` are folders of your own with `tasks/` and `prompts/` in them. Raises UsageError for an unknown name,
    DataError where no data is found.
    """
    return task.load_task(name, data_folders(data), catalogue(include))


def open_model(name: str, include: Sequence[Folder] = (), **options: object) -> NamedModel:
    """The model of that name (a card, `provider/name`, or an adapter) with its adapter's options."""
    return cards.open_model(name, options, catalogue(include))


def run(  # noqa: PLR0913  (a notebook's one call; everything but the first two has a default)
    task: str | Task,
    model: str | NamedModel | Model,
    *,
    data: Folder | Sequence[Folder] | None = None,
    results: Folder | None = None,
    settings: Settings | None = None,
    limit: float | None = None,
    progress: Progress | None = None,
) -> Run:
    """Asks a model a task's questions, marks the answers, keeps and returns the run; works in a notebook as well.

    `settings` holds everything that the command line can say; `results` and `limit` win over it. A model of your own
    is a dataclass below `Model`; raise its `version` when its answers change by anything but its fields and source.
    """
    work = arun(task, model, data=data, results=results, settings=settings, limit=limit, progress=progress)
    return _finished(work)


async def arun(  # noqa: PLR0913  (as `run`)
    task: str | Task,
    model: str | NamedModel | Model,
    *,
    data: Folder | Sequence[Folder] | None = None,
    results: Folder | None = None,
    settings: Settings | None = None,
    limit: float | None = None,
    progress: Progress | None = None,
) -> Run:
    """As `run`, for code that is asynchronous itself."""
    chosen = settings or Settings()
    if results is not None:
        chosen = replace(chosen, results=Path(results).expanduser())
    if limit is not None:
        chosen = replace(chosen, limit=limit)
    loaded = load_task(task, data) if isinstance(task, str) else task
    return await run_one(loaded, named(model), chosen, progress)


def named(model: str | NamedModel | Model) -> NamedModel:
    """A model with a name: an adapter that was made by hand is called after its class."""
    if isinstance(model, str):
        return open_model(model)
    return NamedModel(type(model).__name__.lower(), model) if isinstance(model, Model) else model


def data_folders(data: Folder | Sequence[Folder] | None) -> tuple[Path, ...]:
    """The folders in which data is looked for: what was given, else EVALKIT_DATA, else ./data."""
    if data is None:
        data = (os.environ.get("EVALKIT_DATA") or "data").split(os.pathsep)
    given = [data] if isinstance(data, str | os.PathLike) else data
    return tuple(Path(each).expanduser() for each in given)


def catalogue(include: Sequence[Folder] = ()) -> Catalogue:
    """The user's folders, the one that evalkit was started in, then what ships with evalkit."""
    return Catalogue((*(Path(each).expanduser() for each in include), Path()))


def _finished(work: Coroutine[Any, Any, Run]) -> Run:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    # A notebook has a loop of its own, which may not be entered again: another thread gets another loop.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
