"""Named files that a physician or a reviewer may write: tasks, prompts, leaderboards and model cards.

The user's own folders are searched first, then those that ship with evalkit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from evalkit.errors import UsageError, did_you_mean

Folder = Literal["tasks", "prompts", "leaderboards", "cards"]

SUFFIX = MappingProxyType({"tasks": ".yaml", "prompts": ".j2", "leaderboards": ".yaml", "cards": ".yaml"})


@dataclass(frozen=True)
class Catalogue:
    """Where named files are looked for. `include` holds folders with `tasks/`, `prompts/` … in them, in order."""

    include: tuple[Path, ...] = ()

    def find(self, folder: Folder, name: str) -> Path:
        """The file of that name, or the path itself where `name` is one. Raises UsageError with the nearest names."""
        if name.endswith((".yaml", ".yml")) and Path(name).is_file():
            return Path(name)
        found = self.files(folder)
        stem = name.removesuffix(SUFFIX[folder])
        if stem not in found:
            raise UsageError(f"unknown {folder.removesuffix('s')} {stem!r}; {did_you_mean(stem, found)}")
        return found[stem]

    def files(self, folder: Folder) -> dict[str, Path]:
        """Every file of a kind by its name (`rubrics/diagnosis` for one in a folder), sorted."""
        found: dict[str, Path] = {}
        for root in (*self.include, _shipped(folder)):
            base = root / folder
            for path in base.rglob(f"*{SUFFIX[folder]}"):
                found.setdefault(path.relative_to(base).with_suffix("").as_posix(), path)
        return dict(sorted(found.items()))


def _shipped(folder: Folder) -> Path:
    package = Path(__file__).parent
    if folder == "cards":
        return package / "models"
    inside = package / "shipped"
    return inside if inside.is_dir() else package.parent
