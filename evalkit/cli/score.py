"""evalkit score: marks again what was answered, by evalkit or by any other tool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evalkit.cli import options

if TYPE_CHECKING:
    from evalkit.catalogue import Catalogue
    from evalkit.differences import Forms
    from evalkit.marking import Marked
    from evalkit.scorers.base import Scorer
    from evalkit.tally import SliceEstimate, Tally
    from evalkit.task import Task

DEFAULT = ("exact_match", "closed", "token_f1", "recall")


@dataclass(frozen=True)
class Marking:
    """Marked answers on their way, by which scorers, and whether they are clustered."""

    marked: Iterator[Marked]
    scorers: Mapping[str, Scorer]
    clustered: bool


def score(
    run: Annotated[Path | None, typer.Argument(help="A run's folder.", show_default=False)] = None,
    predictions: Annotated[
        Path | None, typer.Option("--predictions", "-p", help="Answers: JSON Lines, JSON or CSV with id and response.")
    ] = None,
    task: Annotated[str | None, typer.Option("--task", "-t", help="The task that the answers are to.")] = None,
    scorer: Annotated[
        list[str] | None, typer.Option("--scorer", "-s", help="A scorer; repeatable. [default: the task's]")
    ] = None,
    rules: Annotated[
        list[str] | None,
        typer.Option("--rules", help="all, or rules by name (llava_med,medevalkit:data=slake): one table of all."),
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option("--by", help="A column of the predictions to slice by; repeatable.")
    ] = None,
    samples_out: Annotated[Path | None, typer.Option("--samples-out", help="Writes one JSON object a sample.")] = None,
    data: options.Data = None,
    include_path: options.Include = None,
    json: options.Json = False,
) -> None:
    """Marks a run's answers, or those that another tool wrote, under any rules; asks no model.

    Rows with question, gold and response are marked as they stand, and --task adds its tags; others are joined to it.

    Example: evalkit score --predictions answers.jsonl --task vqa_rad --rules all --data ~/medical
    """
    from evalkit.api import catalogue
    from evalkit.cli.output import print_json
    from evalkit.differences import Forms
    from evalkit.errors import EvalkitError
    from evalkit.estimates import estimates
    from evalkit.tally import Tally

    given = _Given(run, predictions, task, scorer, rules, tuple(by or ()), _folders(data, predictions))
    given.check(samples_out)
    marking = _marking(given, catalogue(include_path or []))
    tally, forms = Tally(marking.clustered), Forms()
    _write(samples_out, marking.scorers, _counted(marking.marked, tally, forms if rules else None))
    found = estimates(tally)
    if json:
        print_json([_record(each) for each in found])
    else:
        _print(found, str(run or predictions), tally, forms if rules else None, given.by)
    if not any(each.estimate.n for each in found):
        raise EvalkitError(f"{run or predictions}: nothing was scored, it holds no answer that these scorers mark")


def _folders(data: list[Path] | None, predictions: Path | None) -> tuple[Path, ...]:
    """Where the task's data is looked for: as everywhere; where nothing says so, also in a `data` near the answers."""
    near = () if data or predictions is None else (predictions.parent / "data", predictions.parent.parent / "data")
    return (*options.folders(data), *near)


@dataclass(frozen=True)
class _Given:
    """What was given on the command line."""

    run: Path | None
    predictions: Path | None
    task: str | None
    scorer: list[str] | None
    rules: list[str] | None
    by: tuple[str, ...]
    data: tuple[Path, ...]

    def check(self, samples_out: Path | None) -> None:
        """Raises UsageError for options that do not go together."""
        from evalkit.errors import UsageError

        if (self.run is None) == (self.predictions is None):
            raise UsageError("score marks either a run's folder or a --predictions file; one of them is needed")
        if self.scorer and self.rules:
            raise UsageError("--scorer and --rules both say how to mark; one of them is enough")
        if self.by and self.run:
            raise UsageError("--by slices by columns of a --predictions file; a run has its task's tags already")
        source = self.run / "samples.jsonl" if self.run else self.predictions
        if samples_out and samples_out.exists() and not samples_out.is_file():
            raise UsageError(f"--samples-out {samples_out} is no regular file; a file's name would be right")
        if samples_out and source and samples_out.resolve() == source.resolve():
            raise UsageError(f"--samples-out {samples_out} is the file that is marked; another name would be right")


def _marking(given: _Given, found: Catalogue) -> Marking:
    """What is marked and how: clustered as the task says, by picture where there is no task."""
    from evalkit.runs import load_run
    from evalkit.scoring import is_whole, marked_predictions, marked_rows, marked_run
    from evalkit.task import load_task

    run = load_run(given.run) if given.run else None
    file = given.predictions or Path()
    name = given.task
    if run is not None and name is None:
        layout = run.record["data"]["layout"]
        name = run.task + (f"@{layout}" if layout != "default" else "")
    task = load_task(name, given.data, found) if name else None
    scorers = _scorers(given, task)
    clustered = task is None or task.layout.cluster is not None
    if run is not None and task is not None:
        return Marking(marked_run(run, task, scorers), scorers, clustered)
    if task is None or is_whole(file):
        return Marking(marked_rows(file, scorers, task, given.by), scorers, clustered)
    return Marking(marked_predictions(file, task, scorers, given.by), scorers, clustered)


def _scorers(given: _Given, task: Task | None) -> Mapping[str, Scorer]:
    """Those that were asked for, else the task's, else the strict ones."""
    from evalkit.rules import build_rules, options_of_file
    from evalkit.task import build_scorers

    if given.rules:
        of_data = task.spec.published if task else options_of_file(given.predictions or Path())
        return build_rules(given.rules, of_data)
    if given.scorer or task is None:
        return build_scorers(given.scorer or DEFAULT, "--scorer")
    return task.scorers


def _counted(marked: Iterable[Marked], tally: Tally, forms: Forms | None) -> Iterator[Marked]:
    strays = []
    for each in marked:
        if each.sample.options and not set(each.sample.targets) & set(each.sample.options):
            strays.append(each.sample.id)
        tally.add(each.sample, each.marks, each.slices)
        if forms is not None:
            forms.add(each.sample, each.response)
        yield each
    if strays:
        from evalkit.cli.output import console

        which = ", ".join(strays[:3]) + (" …" if len(strays) > 3 else "")
        line = (
            f"the gold of {len(strays):,} rows is none of their options, so published choice rules mark them 0: {which}"
        )
        console(error=True).print(line, markup=False)


def _write(file: Path | None, scorers: Mapping[str, Scorer], marked: Iterator[Marked]) -> None:
    """Counts all; where a file is named, writes it whole or not at all."""
    import orjson

    from evalkit.errors import StoreError
    from evalkit.marking import columns

    if file is None:
        for _ in marked:
            pass
        return
    file = file.resolve()  # what a link points to is written, and the link stays
    partial = file.with_name(f".{file.name}.part")
    try:
        with partial.open("wb") as lines:
            for each in marked:
                row = {"id": each.sample.id, **columns(scorers, each)}
                lines.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        partial.replace(file)
    except OSError as error:
        raise StoreError(f"{file}: cannot be written ({error.strerror})") from error
    finally:
        partial.unlink(missing_ok=True)


def _record(each: SliceEstimate) -> dict[str, Any]:
    from evalkit.record import estimate_record

    values = estimate_record(each)
    return {"rule": values.pop("scorer"), **values}


def _print(estimates: list[SliceEstimate], title: str, tally: Tally, forms: Forms | None, by: tuple[str, ...]) -> None:
    from evalkit.cli.output import console, print_estimates, print_rules
    from evalkit.differences import explained

    if forms is None:
        print_estimates(title, estimates)
        return
    print_rules(title, estimates, by)
    line = explained(tally, forms, "in_task=yes" if "in_task=yes" in tally.slices else "all")
    if line:
        console().print(line, markup=False)
