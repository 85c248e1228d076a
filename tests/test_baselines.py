"""What the baselines must show: seeing is worth something, blind is blind, and the known numbers come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evalkit import load_task, run
from evalkit.planning import Settings
from evalkit.runs import Run
from evalkit.stats import paired_difference
from evalkit.types import Estimate


def difference(one: Run, other: Run, scorer: str = "exact_match") -> Estimate:
    """The paired difference of two runs on the same samples, clustered by image."""
    first, second = one.frame(), other.frame()
    assert list(first["id"]) == list(second["id"])
    clusters = np.unique(first["cluster"].to_numpy(dtype=str), return_inverse=True)[1]
    return paired_difference(first[f"{scorer}.value"].to_numpy(), second[f"{scorer}.value"].to_numpy(), clusters)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder for the module: nothing is asked twice."""
    return tmp_path_factory.mktemp("results")


def test_seeing_beats_guessing_on_phantom(results: Path) -> None:
    """pixel-prior is better than question-prior, and the paired 95 % interval excludes zero."""
    found = difference(
        run("phantom", "pixel-prior", results=results), run("phantom", "question-prior", results=results)
    )
    assert found.low is not None
    assert found.low > 0.1


def test_without_pictures_seeing_falls_to_guessing(results: Path) -> None:
    """Under blank pictures pixel-prior is question-prior: the paired interval holds zero."""
    blank = run("phantom", "pixel-prior", settings=Settings(results=results, ablation="blank"))
    found = difference(blank, run("phantom", "question-prior", results=results))
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 0 <= found.high


def test_other_pictures_are_worth_less_than_the_right_ones(results: Path) -> None:
    """Shown another sample's picture, pixel-prior loses what it saw."""
    shuffled = run("phantom", "pixel-prior", settings=Settings(results=results, ablation="shuffled"))
    found = difference(run("phantom", "pixel-prior", results=results), shuffled)
    assert found.low is not None
    assert found.low > 0.1


@pytest.mark.shared
def test_majority_on_slake_is_the_known_number(shared: Path, results: Path) -> None:
    """The most frequent train answer to the same question scores 54.0 exact match, 66.1 on CLOSED (± 0.5)."""
    found = run("slake", "majority", data=shared / "data", results=results)
    assert found.estimate("exact_match").value == pytest.approx(0.540, abs=0.005)
    assert found.estimate("exact_match", "answer_type=CLOSED").value == pytest.approx(0.661, abs=0.005)


@pytest.mark.shared
def test_real_runs_have_the_known_denominators(shared: Path, results: Path) -> None:
    """VQA-RAD and SLAKE run on the real files with the published counts in every slice."""
    rad, slake = (run(name, "majority", data=shared / "data", results=results) for name in ("vqa_rad", "slake"))

    def n(found: Run, name: str) -> int:
        return found.estimate("exact_match", name).n

    assert [n(rad, each) for each in ("all", "answer_type=CLOSED", "answer_type=OPEN")] == [451, 272, 179]
    assert [n(rad, each) for each in ("gold=yes_no", "gold=other")] == [251, 200]
    assert [n(slake, each) for each in ("all", "answer_type=CLOSED", "answer_type=OPEN")] == [1061, 416, 645]
    assert n(slake, "gold=yes_no") == 355
    leaks = [n(rad, f"leak={each}") for each in ("reframed-in-train", "image-in-train", "clean")]
    assert leaks == [284, 165, 2]
    assert n(rad, "reframed=no") == 167
    assert (rad.estimate("closed").n, slake.estimate("closed").n) == (272, 416)


def test_the_task_is_what_its_file_pins() -> None:
    """The phantoms are drawn alike on every machine: their fingerprint is the pinned one."""
    task = load_task("phantom")
    assert task.layout.rows is not None
    assert task.fingerprint.gold_sha256 == task.layout.rows.gold_sha256
