"""evalkit doctor: what is installed, found and missing."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path
from types import MappingProxyType

import typer

from evalkit.cli import options

PACKAGES = MappingProxyType(
    {
        "openai": "API models and every OpenAI-compatible server",
        "scikit-learn": "the baselines question-prior and pixel-prior",
        "pyarrow": "samples.parquet, and data in Parquet",
        "pandas": "Run.frame()",
    }
)
KEYS = ("OPENAI_API_KEY",)


def doctor(data: options.Data = None, results: options.Results = Path("results"), json: options.Json = False) -> None:
    """Says what is installed, what is found and what is missing, and what to do about it.

    Example: evalkit doctor
    """
    from evalkit.cli.output import print_json, print_table

    rows = [*_machine(), *_packages(), *_places(data, results), *_keys()]
    if json:
        print_json([{"what": what, "state": state, "detail": detail} for what, state, detail in rows])
    else:
        print_table("", ("what", "state", "detail"), rows)
    if any(state == "WRONG" for _, state, _ in rows):
        raise typer.Exit(2)


def _machine() -> list[tuple[str, str, str]]:
    gpu = shutil.which("nvidia-smi")
    return [
        ("python", "ok" if sys.version_info >= (3, 11) else "WRONG", platform.python_version()),
        ("cpus", "ok", str(os.cpu_count())),
        ("gpu", "ok" if gpu else "none", gpu or "no nvidia-smi: models on this machine's GPU will not run"),
    ]


def _packages() -> list[tuple[str, str, str]]:
    import importlib.metadata

    rows = []
    for name in ("evalkit-medvlm", *PACKAGES):
        try:
            rows.append((name, "ok", importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            rows.append((name, "missing", PACKAGES.get(name, "evalkit is not installed; pip install evalkit-medvlm")))
    return rows


def _places(data: list[Path] | None, results: Path) -> list[tuple[str, str, str]]:
    rows = []
    for folder in options.folders(data):
        state, detail = (
            ("ok", str(folder)) if folder.is_dir() else ("none", f"{folder}: no such folder; --data names one")
        )
        rows.append(("data", state, detail))
    existing = next(path for path in (results.absolute(), *results.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free / 2**30
    writable = existing.is_dir() and os.access(existing, os.W_OK)
    why = "not writable" if existing.is_dir() else "no folder"
    detail = f"{results}: {free:.0f} GiB free" if writable else f"{existing}: {why}; --results names another"
    return [*rows, ("results", "ok" if writable else "WRONG", detail)]


def _keys() -> list[tuple[str, str, str]]:
    # Whether a key is set, never what it is.
    return [
        (name, "ok" if os.environ.get(name) else "none", "set" if os.environ.get(name) else "not set") for name in KEYS
    ]
