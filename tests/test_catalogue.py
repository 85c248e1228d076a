"""The catalogue: the user's folders first, then what ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.catalogue import Catalogue, Folder
from evalkit.errors import UsageError

ROOT = Path(__file__).parent.parent


def write(root: Path, name: str, text: str = "") -> Path:
    """A file below a folder."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("folder", "name"), [("tasks", "vqa_rad"), ("tasks", "slake"), ("tasks", "phantom"), ("prompts", "short_answer")]
)
def test_shipped_files_are_found(folder: Folder, name: str) -> None:
    """What ships is found by its bare name without any folder being named."""
    found = Catalogue().find(folder, name)

    assert found.is_file()
    assert found.stem == name


def test_a_suffix_makes_no_difference() -> None:
    """A name may be written with its suffix."""
    assert Catalogue().find("tasks", "slake.yaml") == Catalogue().find("tasks", "slake")
    assert Catalogue().find("prompts", "short_answer.j2") == Catalogue().find("prompts", "short_answer")


def test_the_users_folders_come_first(tmp_path: Path) -> None:
    """A file of the user's goes before a shipped one of the same name, and the first folder before the second."""
    second = write(tmp_path / "two", "tasks/slake.yaml")
    first = write(tmp_path / "one", "tasks/slake.yaml")

    assert Catalogue((tmp_path / "two",)).find("tasks", "slake") == second
    assert Catalogue((tmp_path / "one", tmp_path / "two")).find("tasks", "slake") == first
    assert Catalogue((tmp_path / "one",)).find("tasks", "vqa_rad") == Catalogue().find("tasks", "vqa_rad")


def test_a_file_in_a_folder_has_the_folder_in_its_name(tmp_path: Path) -> None:
    """A prompt at `prompts/rubrics/x.j2` is `rubrics/x`, and not `x`."""
    path = write(tmp_path, "prompts/rubrics/x.j2")
    catalogue = Catalogue((tmp_path,))

    assert catalogue.find("prompts", "rubrics/x") == path
    assert catalogue.find("prompts", "rubrics/x.j2") == path
    with pytest.raises(UsageError, match=r"unknown prompt 'x'"):
        catalogue.find("prompts", "x")


def test_names_may_hold_dots(tmp_path: Path) -> None:
    """Only the suffix is taken off a file's name: `llava-1.5-7b.yaml` is `llava-1.5-7b`."""
    path = write(tmp_path, "cards/llava-1.5-7b.yaml")

    assert Catalogue((tmp_path,)).find("cards", "llava-1.5-7b") == path


def test_files_are_listed_by_name_and_suffix(tmp_path: Path) -> None:
    """All files of the kind are listed, sorted by name, those of another suffix left out."""
    for name in ("tasks/zz.yaml", "tasks/aa.yaml", "tasks/aa.py", "tasks/notes.txt", "prompts/pp.j2"):
        write(tmp_path, name)

    found = Catalogue((tmp_path,)).files("tasks")

    assert list(found) == sorted(found)
    assert {"zz", "aa", "slake"} <= found.keys()
    assert not {"notes", "pp"} & found.keys()
    assert all(path.suffix == ".yaml" for path in found.values())


def test_a_folder_without_files_of_the_kind_is_passed_over(tmp_path: Path) -> None:
    """A folder of the user's that has no tasks, or does not exist, hides nothing."""
    empty = Catalogue((tmp_path, tmp_path / "absent"))

    assert empty.files("tasks") == Catalogue().files("tasks")


def test_a_path_is_itself(tmp_path: Path) -> None:
    """Where the name is a YAML file's path, that file is meant."""
    path = write(tmp_path, "slake.yaml")

    assert Catalogue().find("tasks", str(path)) == path


@pytest.mark.parametrize(
    ("folder", "name", "said"),
    [
        ("tasks", "slak", "unknown task 'slak'; did you mean slake?"),
        ("prompts", "short_anser", "unknown prompt 'short_anser'; did you mean short_answer?"),
        ("tasks", "no/such/file.yaml", "unknown task 'no/such/file'"),
        ("tasks", "../tasks/slake", "unknown task '../tasks/slake'"),
        ("tasks", "", "unknown task ''"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(folder: Folder, name: str, said: str) -> None:
    """A name that nothing has raises UsageError with its kind and the nearest name."""
    with pytest.raises(UsageError) as raised:
        Catalogue().find(folder, name)

    assert said in str(raised.value)
