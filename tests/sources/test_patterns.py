"""Which files a path with `*` or `{a,b}` stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.sources.base import shards

FILES = ("Liver/dev-0.x", "Liver/test-0.x", "Liver/test-1.x", "Heart/test-0.x", "Skin/test-0.x", "a{b,c}d/test-0.x")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with subjects, each in files of several splits."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("Liver/test-0.x", ["Liver/test-0.x"]),
        ("Liver/test-*.x", ["Liver/test-0.x", "Liver/test-1.x"]),
        ("{Liver,Heart}/test-*.x", ["Heart/test-0.x", "Liver/test-0.x", "Liver/test-1.x"]),
        ("{Liver,Heart,Lung}/test-0.x", ["Heart/test-0.x", "Liver/test-0.x"]),
        ("{Liver,Skin}/{dev,test}-0.x", ["Liver/dev-0.x", "Liver/test-0.x", "Skin/test-0.x"]),
        ("{Lung,Brain}/test-*.x", []),
        ("{Liver}/test-0.x", []),
        ("a{b,c}d/test-0.x", ["a{b,c}d/test-0.x"]),
        ("Liver", []),
    ],
)
def test_a_pattern_stands_for_files_by_name(folder: Path, pattern: str, found: list[str]) -> None:
    """`*` stands for any text in the last part and `{a,b}` for either; a file of that very name goes before."""
    assert shards(folder / pattern) == [folder / name for name in found]
