"""`evalkit …` in this process, as its user meets it: exit code, standard output, standard error."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from evalkit.cli import main

TINY = ("--include-path", "mine", "--data", "data", "--task", "tiny")


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Program:
    """`evalkit …` in this process. What is no EvalkitError comes through, and fails the test with its traceback."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: object) -> Done:
        """Runs the command and takes what it printed."""
        self.monkeypatch.setattr(sys, "argv", ["evalkit", *map(str, arguments)])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        printed = self.capsys.readouterr()
        return Done(int(left.value.code or 0), printed.out, printed.err)
