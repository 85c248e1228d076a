"""evalkit asks medical vision-language models the questions of a benchmark and says what the answers are worth.

from evalkit import load_task, open_model, run

found = run("phantom", "question-prior")
found.estimate("exact_match"), found.frame()
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalkit.api import arun, load_task, open_model, run
    from evalkit.errors import EvalkitError
    from evalkit.models.base import Model
    from evalkit.planning import Settings
    from evalkit.runs import Run, load_run
    from evalkit.scorers.base import Scorer
    from evalkit.task import Task
    from evalkit.types import Estimate, Image, Prompt, Response, Sample, Sampling, Score

__all__ = [
    "Estimate",
    "EvalkitError",
    "Image",
    "Model",
    "Prompt",
    "Response",
    "Run",
    "Sample",
    "Sampling",
    "Score",
    "Scorer",
    "Settings",
    "Task",
    "arun",
    "load_run",
    "load_task",
    "open_model",
    "run",
]

_HOMES = MappingProxyType(
    {
        "evalkit.api": ("arun", "load_task", "open_model", "run"),
        "evalkit.errors": ("EvalkitError",),
        "evalkit.models.base": ("Model",),
        "evalkit.planning": ("Settings",),
        "evalkit.runs": ("Run", "load_run"),
        "evalkit.scorers.base": ("Scorer",),
        "evalkit.task": ("Task",),
        "evalkit.types": ("Estimate", "Image", "Prompt", "Response", "Sample", "Sampling", "Score"),
    }
)


def __getattr__(name: str) -> object:
    """Imports a public name when it is first asked for: `evalkit --help` needs none of them."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'evalkit' has no attribute {name!r}")
