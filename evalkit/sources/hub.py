"""A data set of the Hugging Face hub, as it lies on this machine: a downloaded folder, or the hub's own cache.

Nothing is downloaded: the message says which command does. Layouts after
https://huggingface.co/docs/huggingface_hub/guides/manage-cache.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from evalkit.errors import ConfigError
from evalkit.plugins import find
from evalkit.sources.base import FileSource, Row, Source, shards

SUFFIXES = MappingProxyType({".json": "json", ".jsonl": "jsonl", ".csv": "csv", ".parquet": "parquet"})


@dataclass(frozen=True)
class Hub(Source):
    """`file` (a pattern, if in shards) of the data set `repo`, at `revision` where one is named."""

    repo: str
    file: str
    revision: str | None = None

    def find(self, folders: Sequence[Path]) -> Path | None:
        """The file in a data folder (`name`, `owner/name` or `owner--name`), else in the hub's cache."""
        owner, _, name = self.repo.partition("/")
        roots = [folder / each for folder in folders for each in (self.repo, f"{owner}--{name}", name)]
        snapshots = _cache() / f"datasets--{owner}--{name}" / "snapshots"
        ref = snapshots.parent / "refs" / (self.revision or "main")
        roots += [snapshots / ref.read_text(encoding="utf-8").strip()] if ref.is_file() else []
        roots += [snapshots / self.revision] if self.revision else sorted(snapshots.glob("*"))
        return next((root / self.file for root in roots if shards(root / self.file)), None)

    def rows(self, found: Path) -> Iterator[Row]:
        """The rows of the file, read by the source of its kind."""
        return self._inner(found).rows(found)

    def read_image(self, found: Path, name: str) -> bytes:
        """A picture inside the file."""
        return self._inner(found).read_image(found, name)

    def whereabouts(self) -> str:
        """The command that downloads it."""
        return f"hf download --repo-type dataset {self.repo} --local-dir DATA/{self.repo}"

    def _inner(self, found: Path) -> Source:
        kind = SUFFIXES.get(found.suffix)
        if kind is None:
            raise ConfigError(f"hub file {self.file!r}: {', '.join(SUFFIXES)} can be read")
        made: type[FileSource] = find(Source, kind)  # type: ignore[type-abstract]
        return made(str(found))


def _cache() -> Path:
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
