"""A results folder that cannot be written: one line, exit code 2, nothing half-written, nothing lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-c", "from evalkit.cli import main; main()"]
RUN = [*PROGRAM, "run", "--model", "majority", "--task", "phantom", "--quiet", "--results"]


def on_small_disk(script: str, folder: Path, kilobytes: int) -> subprocess.CompletedProcess[str]:
    """Runs a shell script with `folder` on a file system of that size, in a mount namespace of its own."""
    mount = f"mount -t tmpfs -o size={kilobytes}k tmpfs {folder} || exit 77\n"
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount + script]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("NO FULL DISK HERE: unshare is not installed")
    if done.returncode == 77 or "unshare:" in done.stderr:
        pytest.skip("NO FULL DISK HERE: this machine lets nobody mount a small file system")
    return done


@pytest.mark.parametrize("kilobytes", [60, 300], ids=["in the store", "in the run folder"])
def test_a_full_disk_is_one_line(tmp_path: Path, kilobytes: int) -> None:
    """A disk that fills up ends the run with exit code 2, a line that says what to do, and no run folder."""
    command = " ".join(f"'{part}'" for part in [*RUN, str(tmp_path)])

    done = on_small_disk(
        f"{command}; echo exit $?; find {tmp_path} -name 'run.json' -o -name '*.jsonl'", tmp_path, kilobytes
    )

    assert done.stdout.split() == ["exit", "2"]
    assert done.stderr.startswith("evalkit: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert "the same command" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_resumed_from(tmp_path: Path) -> None:
    """Answers stored before the disk was full are not asked again once there is room."""
    command = " ".join(f"'{part}'" for part in [*RUN, str(tmp_path)])
    ballast = f"head -c 19700K /dev/zero > {tmp_path}/ballast"

    done = on_small_disk(f"{ballast}; {command}; rm {tmp_path}/ballast; {command} --json", tmp_path, 20_000)

    assert "No space left" in done.stderr
    assert '"asked": 0' in done.stdout


def test_results_that_is_a_file(tmp_path: Path) -> None:
    """A results path that is a file is refused with its name."""
    file = tmp_path / "results"
    file.write_text("mine")

    done = subprocess.run([*RUN, str(file)], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert str(file) in done.stderr
    assert file.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_results_without_permission(tmp_path: Path) -> None:
    """A results folder that may not be written is refused with its name."""
    tmp_path.chmod(0o500)

    done = subprocess.run([*RUN, str(tmp_path / "results")], capture_output=True, text=True, check=False)

    tmp_path.chmod(0o700)
    assert done.returncode == 2
    assert "ermission denied" in done.stderr


def test_results_with_another_store(tmp_path: Path) -> None:
    """A store.sqlite that is no store of evalkit's is refused, and left as it is."""
    (tmp_path / "store.sqlite").write_bytes(b"not a database" * 100)

    done = subprocess.run([*RUN, str(tmp_path)], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "not a store of evalkit's" in done.stderr
    assert (tmp_path / "store.sqlite").read_bytes() == b"not a database" * 100
