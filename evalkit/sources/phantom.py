"""A data set that needs no download: pictures that evalkit draws itself, with questions whose answers it knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np

from evalkit.errors import DataError, UsageError
from evalkit.phantom.atlas import View, atlas
from evalkit.phantom.questions import questions
from evalkit.phantom.scenes import Scene, scene
from evalkit.sources.base import Inside, Row, Source

_SPLITS: Final = MappingProxyType({"train": 0, "test": 1})
_IMAGES: Final = MappingProxyType({"train": 240, "test": 80})


@dataclass(frozen=True)
class Phantom(Source):
    """CT-, MR- and X-ray-like phantoms of one split, ten questions each; the same seed gives the same bytes everywhere.

    `split` is "train" or "test", which share no picture. `images` is how many pictures; None: 240 to learn from, 80 to
    be tested on. More pictures leave the first ones as they are.
    """

    split: str = "test"
    seed: int = 0
    images: int | None = None

    def __post_init__(self) -> None:
        """Raises UsageError when there is no such split, or when nothing could be drawn."""
        if self.split not in _SPLITS:
            raise UsageError(f"split: {self.split!r} is not a split of the phantoms; it is one of {', '.join(_SPLITS)}")
        if self.seed < 0:
            raise UsageError(f"seed: {self.seed} is below 0; any whole number from 0 is a seed")
        if self.images is not None and not 1 <= self.images <= 9999:
            raise UsageError(f"images: {self.images} pictures cannot be drawn; it is 1 to 9999")

    def find(self, folders: Sequence[Path]) -> Path:
        """The empty path: pictures that are drawn lie in no folder."""
        return Path()

    def whereabouts(self) -> str:
        """Nowhere: there is nothing to fetch."""
        return "nothing; evalkit draws the phantoms itself"

    def rows(self, found: Path) -> Iterator[Row]:
        """Ten rows a picture, all values strings but `options`, a tuple of them; no picture is painted."""
        for index in range(self._count):
            shown = self._scene(index)
            rng = np.random.Generator(np.random.PCG64([self.seed, _SPLITS[self.split], index, 2]))
            for number, question in enumerate(questions(shown, rng)):
                yield {
                    "id": f"{self.split}-{index:04}-{number:02}",
                    "question": question.text,
                    "answer": question.answer,
                    "options": question.options,
                    "kind": question.kind,
                    "image": Inside(f"{self.split}/{index:04}.png"),
                    "modality": shown.modality,
                    "region": shown.region,
                    "plane": shown.plane,
                    "topic": question.topic,
                }

    def read_image(self, found: Path, name: str) -> bytes:
        """The picture, painted now, as a grey PNG file. Raises DataError when the split has no such picture."""
        match = re.fullmatch(rf"{self.split}/([0-9]{{4}})\.png", name)
        if match is None or int(match[1]) >= self._count:
            last = f"{self.split}/{self._count - 1:04}.png"
            raise DataError(f"{name}: there is no such phantom; there are {self.split}/0000.png to {last}")
        return self._scene(int(match[1])).drawing.png()

    @property
    def _count(self) -> int:
        return _IMAGES[self.split] if self.images is None else self.images

    @cached_property
    def _atlas(self) -> tuple[View, ...]:
        return atlas()

    def _scene(self, index: int) -> Scene:
        return scene(self._atlas, self.seed, _SPLITS[self.split], index)
