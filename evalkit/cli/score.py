"""evalkit score: marks again what was answered, by evalkit or by any other tool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evalkit.cli import options

if TYPE_CHECKING:
    from evalkit.catalogue import Catalogue
    from evalkit.marking import Marked
    from evalkit.scorers.base import Scorer
    from evalkit.tally import SliceEstimate, Tally

DEFAULT = ("exact_match", "closed", "token_f1", "recall")


def score(
    run: Annotated[Path | None, typer.Argument(help="A run's folder.", show_default=False)] = None,
    predictions: Annotated[
        Path | None, typer.Option("--predictions", "-p", help="JSON Lines with id and response.")
    ] = None,
    task: Annotated[str | None, typer.Option("--task", "-t", help="The task that the answers are to.")] = None,
    scorer: Annotated[
        list[str] | None, typer.Option("--scorer", "-s", help="A scorer; repeatable. [default: the task's]")
    ] = None,
    samples_out: Annotated[Path | None, typer.Option("--samples-out", help="Writes one JSON object a sample.")] = None,
    data: options.Data = None,
    include_path: options.Include = None,
    json: options.Json = False,
) -> None:
    """Marks a run's answers, or those that another tool wrote, under any scorers; asks no model.

    A predictions file is joined to --task by id. Rows that bring question and gold themselves need no task.

    Example: evalkit score --predictions answers.jsonl --task vqa_rad --data ~/medical
    """
    from evalkit.api import catalogue
    from evalkit.cli.output import print_json
    from evalkit.errors import EvalkitError, UsageError
    from evalkit.estimates import estimates
    from evalkit.tally import Tally

    if (run is None) == (predictions is None):
        raise UsageError("score marks either a run's folder or a --predictions file; one of them is needed")
    source = run / "samples.jsonl" if run else predictions
    if samples_out and source and samples_out.resolve() == source.resolve():
        raise UsageError(f"--samples-out {samples_out} is the file that is marked; another name would be right")
    marked, clustered = _marked(run, predictions, task, scorer, options.folders(data), catalogue(include_path or []))
    tally = Tally(clustered)
    _write(samples_out, _counted(marked, tally))
    if json:
        print_json([_record(each) for each in estimates(tally)])
    else:
        _print(estimates(tally), str(run or predictions))
    if not any(each.estimate.n for each in estimates(tally)):
        raise EvalkitError(f"{run or predictions}: nothing was scored, it holds no answer that these scorers mark")


def _marked(
    folder: Path | None,
    predictions: Path | None,
    task_name: str | None,
    names: list[str] | None,
    data: tuple[Path, ...],
    found: Catalogue,
) -> tuple[Iterator[Marked], bool]:
    """The marked answers, and whether they are clustered: as the task says, by picture where there is no task."""
    from evalkit.runs import load_run
    from evalkit.scoring import marked_predictions, marked_rows, marked_run
    from evalkit.task import build_scorers, load_task

    run = load_run(folder) if folder else None
    if run is None and task_name is None and predictions is not None:
        return marked_rows(predictions, build_scorers(names or DEFAULT, "--scorer")), True
    layout = f"@{run.record['data']['layout']}" if run else ""
    default = run.task + (layout if layout != "@default" else "") if run else ""
    task = load_task(task_name or default, data, found)
    scorers: Mapping[str, Scorer] = build_scorers(names, "--scorer") if names else task.scorers
    if run is not None:
        return marked_run(run, task, scorers), task.layout.cluster is not None
    return marked_predictions(predictions or Path(), task, scorers), task.layout.cluster is not None


def _counted(marked: Iterable[Marked], tally: Tally) -> Iterator[Marked]:
    for each in marked:
        tally.add(each.sample, each.marks)
        yield each


def _write(file: Path | None, marked: Iterator[Marked]) -> None:
    """Counts all; where a file is named, writes it whole or not at all."""
    import orjson

    from evalkit.errors import StoreError

    if file is None:
        for _ in marked:
            pass
        return
    partial = file.with_name(f".{file.name}.part")
    try:
        with partial.open("wb") as lines:
            for each in marked:
                lines.write(orjson.dumps(_row(each), option=orjson.OPT_APPEND_NEWLINE))
        partial.replace(file)
    except OSError as error:
        raise StoreError(f"{file}: cannot be written ({error.strerror})") from error
    finally:
        partial.unlink(missing_ok=True)


def _row(marked: Marked) -> dict[str, Any]:
    row: dict[str, Any] = {"id": marked.sample.id}
    for name, each in marked.marks.items():
        row |= {f"{name}.value": each.value if each else None, f"{name}.bucket": each.bucket if each else "missing"}
        if each is not None:
            row |= {f"{name}.answer": each.answer, f"{name}.rule": each.rule}
    return row


def _record(each: SliceEstimate) -> dict[str, Any]:
    from evalkit.record import estimate_record

    values = estimate_record(each)
    # No strict rule crashes or draws; the keys are there for readers of the published rules.
    return {"rule": values.pop("scorer"), **values, "crash": 0, "random": 0}


def _print(estimates: list[SliceEstimate], title: str) -> None:
    from evalkit.cli.output import print_estimates

    print_estimates(title, estimates)
