"""The same from Python as from the command line."""

from __future__ import annotations

import asyncio
import importlib.metadata
from importlib.resources import files
from pathlib import Path

import pytest
from conftest import MakeTask, png

import evalkit
from evalkit import arun, load_run, load_task, open_model, run
from evalkit.api import catalogue, data_folders, named
from evalkit.cards import NamedModel
from evalkit.catalogue import Catalogue
from evalkit.errors import DataError, ModelError, UsageError
from evalkit.models.base import Model
from evalkit.models.scripted import Scripted
from evalkit.planning import Settings
from evalkit.task import Task
from evalkit.types import Prompt, Response, Sampling


@pytest.fixture
def task(make_task: MakeTask, data: Path, tmp_path: Path) -> Task:
    """The tiny task, loaded as from a notebook."""
    make_task()
    return load_task("tiny", data, include=[tmp_path / "mine"])


def test_two_lines_are_a_run(tmp_path: Path) -> None:
    """A task and a model by name, and a folder, are enough for a run, which is on disk."""
    found = run("phantom", "scripted", results=tmp_path, limit=2)
    assert found.estimate("exact_match").n == 2
    assert load_run(found.path).record == found.record


def test_names_and_objects_are_the_same(task: Task, tmp_path: Path) -> None:
    """A model by name, opened, or made by hand is the same model, and its run the same run."""
    by_name = run(task, "scripted", results=tmp_path)
    opened = run(task, open_model("scripted"), results=tmp_path)
    by_hand = run(task, Scripted(), results=tmp_path)

    assert by_name.path == opened.path == by_hand.path
    assert [found.counts["asked"] for found in (by_name, opened, by_hand)] == [3, 0, 0]


def test_a_model_made_by_hand_is_called_after_its_class() -> None:
    """A model without a name is called after its class; one with a name keeps it."""
    model = Scripted()
    assert (named(model).name, named(NamedModel("me", model)).name, named("scripted").name) == (
        "scripted",
        "me",
        "scripted",
    )


def test_options_of_a_model_are_keywords() -> None:
    """`open_model` takes the adapter's options as keywords, checked as on the command line."""
    assert open_model("scripted", reply="no").model == Scripted(reply="no")
    with pytest.raises(UsageError, match="did you mean reply"):
        open_model("scripted", repply="no")


def test_run_works_where_a_loop_runs_already(task: Task, tmp_path: Path) -> None:
    """`run` can be called inside a running event loop, as in a notebook; `arun` can be awaited there."""

    async def notebook() -> tuple[evalkit.Run, evalkit.Run]:
        one = run(task, "scripted", results=tmp_path)
        return one, await arun(task, "scripted", results=tmp_path)

    one, two = asyncio.run(notebook())

    assert one.path == two.path
    assert (one.counts["asked"], two.counts["asked"]) == (3, 0)


@pytest.mark.parametrize("inside", [False, True], ids=["without a loop", "in a loop"])
def test_errors_come_out_as_themselves(task: Task, tmp_path: Path, inside: bool) -> None:
    """What stops a run is raised as itself where `run` was called, loop or no loop, and leaves no run."""

    class Broken(Scripted):
        async def generate(self, prompt: Prompt) -> Response:
            raise ModelError("no such key")

    async def notebook() -> None:
        run(task, Broken(), results=tmp_path)

    with pytest.raises(ModelError, match="no such key"):
        asyncio.run(notebook()) if inside else run(task, Broken(), results=tmp_path)
    assert list(tmp_path.glob("*/*/*/run.json")) == []


def test_a_bug_in_a_model_comes_out(task: Task, tmp_path: Path) -> None:
    """A bug in a model of one's own stops the run with its own exception, not with a missing answer."""

    class Buggy(Scripted):
        async def generate(self, prompt: Prompt) -> Response:
            raise ZeroDivisionError("mine")

    with pytest.raises(BaseException) as raised:
        run(task, Buggy(), results=tmp_path)
    found = raised.value.exceptions[0] if isinstance(raised.value, BaseExceptionGroup) else raised.value
    assert isinstance(found, ZeroDivisionError)


def test_settings_say_what_the_command_line_can(task: Task, tmp_path: Path) -> None:
    """`settings` holds limit, ablation, sampling and where; a `limit` beside them is added."""
    settings = Settings(results=tmp_path, ablation="text-only", sampling=Sampling(temperature=0))

    found = run(task, "scripted", settings=settings, limit=1)

    assert (found.record["limit"], found.record["ablation"]) == (1, "text-only")
    assert found.record["sampling"] == {"temperature": 0, "max_tokens": 16}
    assert found.path.is_relative_to(tmp_path)


def test_results_beside_settings_are_not_forgotten(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `results` folder that is given beside `settings` is where the run goes."""
    monkeypatch.chdir(tmp_path)
    found = run(task, "scripted", results=tmp_path / "here", settings=Settings(limit=1))
    assert found.path.is_relative_to(tmp_path / "here")


def test_progress_is_told(task: Task, tmp_path: Path) -> None:
    """`progress` is called with every answer, up to the number of samples."""
    seen: list[tuple[int, int]] = []
    run(task, "scripted", results=tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_frame_is_for_statistics(task: Task, tmp_path: Path) -> None:
    """`Run.frame()` has a row a sample in the data's order, and plain columns."""
    frame = run(task, Scripted(fails=("mass",)), results=tmp_path).frame()

    assert list(frame["id"]) == ["a", "b", "c"]
    assert {"response", "error", "cluster", "tag.side", "exact_match.value", "closed.bucket"} <= set(frame.columns)
    assert frame["exact_match.value"].isna().tolist() == [False, True, False]
    assert frame["exact_match.value"].mean() == 0.5


def test_data_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given goes before EVALKIT_DATA, which may hold several folders, and that before ./data."""
    monkeypatch.delenv("EVALKIT_DATA", raising=False)
    assert data_folders(None) == (Path("data"),)
    monkeypatch.setenv("EVALKIT_DATA", "one:two words")
    assert data_folders(None) == (Path("one"), Path("two words"))
    assert data_folders("three") == (Path("three"),)
    assert data_folders([Path("four"), "~/five"]) == (Path("four"), Path.home() / "five")
    monkeypatch.setenv("EVALKIT_DATA", "")
    assert data_folders(None) == (Path("data"),)


def test_own_folders_are_searched_first(tmp_path: Path) -> None:
    """Included folders come first, then the one that evalkit was started in."""
    assert catalogue([tmp_path]) == Catalogue((tmp_path, Path()))


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    """An unknown task, or one without data, raises what the command line shows."""
    with pytest.raises(UsageError, match="did you mean phantom"):
        load_task("fantom")
    with pytest.raises(DataError, match="no data in"):
        load_task("slake", tmp_path)


def test_a_public_name_that_is_not_there() -> None:
    """An unknown name of the package is an AttributeError, as of any module."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        evalkit.nothing  # noqa: B018


def test_the_types_are_for_everybody() -> None:
    """The package says that it is typed, and is installed under its own name."""
    assert files("evalkit").joinpath("py.typed").is_file()
    assert importlib.metadata.version("evalkit-medvlm")


def test_a_model_of_ones_own_is_a_class(make_task: MakeTask, data: Path, tmp_path: Path) -> None:
    """A Model subclass without a field more is all that a model of one's own takes."""
    from dataclasses import dataclass

    @dataclass(kw_only=True)
    class Bright(Model):
        """Says yes where the picture is bright."""

        async def generate(self, prompt: Prompt) -> Response:
            return Response("yes" if prompt.images[0].read() == png(60) else "no")

    make_task()
    found = run(load_task("tiny", data, include=[tmp_path / "mine"]), Bright(), results=tmp_path / "r")

    assert [row["response"] for row in found.samples()] == ["yes", "no", "yes"]
    assert found.model == "bright"
