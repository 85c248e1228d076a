"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from evalkit.errors import ConfigError, UsageError, did_you_mean

LONG = 12


def from_config(context: typer.Context, _: typer.CallbackParam, file: Path | None) -> Path | None:
    """Takes the options of a YAML file as defaults: whatever is given on the command line wins."""
    if file is None:
        return None
    from evalkit.specs import read_yaml

    known = {
        name.replace("_", "-"): name for each in context.command.params if (name := each.name) and name != "config"
    }
    defaults: dict[str, Any] = {}
    for key, value in read_yaml(file).items():
        name = str(key).replace("_", "-")
        if name not in known:
            raise ConfigError(f"{file}: {key}: unknown option; {did_you_mean(name, known)}")
        parameter = next(each for each in context.command.params if each.name == known[name])
        defaults[known[name]] = _as_option(value, getattr(parameter, "multiple", False))
    context.default_map = {**(context.default_map or {}), **defaults}
    return file


def _as_option(value: object, multiple: bool) -> object:
    if isinstance(value, dict):
        pairs = [f"{key}={json.dumps(item) if isinstance(item, list) else item}" for key, item in value.items()]
        return pairs if multiple else ",".join(pairs)
    return [value] if multiple and not isinstance(value, list) else value


Models = Annotated[
    list[str],
    typer.Option("--model", "-M", help="A card, provider/name, or an adapter; repeatable.", show_default=False),
]
ModelArgs = Annotated[
    list[str] | None,
    typer.Option("--model-args", "-a", metavar="KEY=VALUE", help="An option of the adapter; repeatable."),
]
Tasks = Annotated[
    list[str], typer.Option("--task", "-t", help="A task, or task@layout; repeatable.", show_default=False)
]
Data = Annotated[
    list[Path] | None,
    typer.Option(
        "--data", envvar="EVALKIT_DATA", help="A folder in which data is looked for; repeatable. [default: data]"
    ),
]
Results = Annotated[Path, typer.Option("--results", help="Where answers and runs are kept.")]
Include = Annotated[
    list[Path] | None, typer.Option("--include-path", help="A folder of your own with tasks/ and prompts/; repeatable.")
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", is_eager=True, callback=from_config, help="A YAML file of options; what is given here wins."
    ),
]


def pairs(values: list[str] | None, option: str) -> dict[str, object]:
    """`key=value` options as a mapping. Raises UsageError for one without `=`, or a key twice."""
    found: dict[str, object] = {}
    for each in values or []:
        key, equals, value = each.partition("=")
        if not equals or not key:
            # What is long is not quoted whole: it may be a secret that was pasted in the wrong place.
            shown = each if len(each) <= LONG else f"{each[:3]}…"
            raise UsageError(f"{option} {shown!r}: key=value would be right")
        if key in found:
            raise UsageError(f"{option}: {key} is given twice")
        found[key] = value
    return found


def folders(given: list[Path] | None) -> tuple[Path, ...]:
    """The data folders: those given, else EVALKIT_DATA, else ./data."""
    from evalkit.api import data_folders

    return data_folders(given or None)


def number(value: str | None, option: str) -> float | None:
    """A count, a fraction below 1, or nothing. Raises UsageError for anything else."""
    if value is None:
        return None
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if 0 < found < 1:
        return found
    if not (1 <= found < 2**53 and found.is_integer()):
        raise UsageError(f"{option} {value!r}: a number of samples, or a fraction below 1, would be right")
    return int(found)
