"""The exception tree and the end of messages about unknown names."""

from __future__ import annotations

import inspect
import re

import pytest

from evalkit import errors
from evalkit.errors import (
    CallError,
    ConfigError,
    DataError,
    EvalkitError,
    MissingPackageError,
    ModelError,
    RefusedError,
    StoreError,
    UsageError,
    did_you_mean,
)

CODES = [
    (UsageError, 2),
    (ConfigError, 2),
    (DataError, 2),
    (MissingPackageError, 2),
    (StoreError, 2),
    (ModelError, 1),
    (RefusedError, 5),
]


@pytest.mark.parametrize(("error", "code"), CODES)
def test_every_error_has_its_exit_code(error: type[EvalkitError], code: int) -> None:
    """The exit code of an error is its class's: 2 for use, files and store, 1 for a model, 5 for a refusal."""
    assert error("why").exit_code == code


def test_the_drawn_tree_is_the_tree() -> None:
    """The docstring of the module draws every exception class with the exit code that it has."""
    drawn = dict(re.findall(r"[├└]── (\w+) +([\d–])", errors.__doc__ or ""))
    defined = {
        name: each
        for name, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, EvalkitError) and each is not EvalkitError
    }

    assert drawn.keys() == defined.keys()
    assert {name: code for name, code in drawn.items() if code != "–"} == {
        name: str(each.exit_code) for name, each in defined.items() if each is not CallError
    }


@pytest.mark.parametrize("error", [ConfigError, DataError, MissingPackageError])
def test_wrong_files_data_and_packages_are_wrong_use(error: type[EvalkitError]) -> None:
    """Who catches UsageError catches wrong files, wrong data and missing packages."""
    assert issubclass(error, UsageError)


@pytest.mark.parametrize("error", [StoreError, ModelError, RefusedError, CallError])
def test_other_errors_are_not_wrong_use(error: type[EvalkitError]) -> None:
    """A store, a model, a refusal or a call that fails is not a mistake in the user's command."""
    assert issubclass(error, EvalkitError)
    assert not issubclass(error, UsageError)


def test_a_failed_call_says_whether_and_when_to_ask_again() -> None:
    """A CallError carries its message, whether asking again can help, and after how many seconds."""
    error = CallError("busy", retryable=True, retry_after=1.5)

    assert (str(error), error.retryable, error.retry_after) == ("busy", True, 1.5)
    assert CallError("no", retryable=False).retry_after is None


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("clutser", ["tags", "cluster", "where"], "did you mean cluster?"),
        ("exact-match", ["recall", "exact_match"], "did you mean exact_match?"),
        ("zzz", ["b", "a"], "known: a, b"),
        ("zzz", [], "there is none"),
        ("slake", ("slake_zh", "slak"), "did you mean slak?"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(name: str, known: list[str], said: str) -> None:
    """The nearest known name is offered; where none is near, all of them, sorted; where there is none, that."""
    assert did_you_mean(name, known) == said


def test_known_names_may_come_from_any_iterable() -> None:
    """The known names are read once, so a generator will do."""
    assert did_you_mean("jsn", (name for name in ("json", "csv"))) == "did you mean json?"
