"""Taking the picture away, or giving another one: what is left of a score is what the model never saw.

Published practice: blind baselines of VQA (Goyal et al. 2017, arXiv 1612.00837); blank images in SLAKE reruns.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from evalkit.errors import UsageError
from evalkit.images import blank_like
from evalkit.types import Image, Prompt, Sample

Ablation = Literal["blank", "shuffled", "text-only"]

Change = Callable[[Prompt], Prompt]


def ablate(ablation: Ablation | None, samples: Callable[[], Iterable[Sample]], seed: int) -> Change:
    """What is done to every prompt: nothing; pictures blackened, exchanged by a seeded derangement, or left out."""
    if ablation is None:
        return lambda prompt: prompt
    if ablation == "text-only":
        return lambda prompt: replace(prompt, parts=tuple(part for part in prompt.parts if isinstance(part, str)))
    if ablation == "blank":
        return lambda prompt: _with_images(prompt, _blank)
    others = _derangement([image for sample in samples() for image in sample.images], seed)
    return lambda prompt: _with_images(prompt, lambda image: others[image])


@dataclass(frozen=True, slots=True)
class Blank:
    """Reads an image as a black one of the same size."""

    image: Image

    def read(self, name: str) -> bytes:
        """A black PNG."""
        return blank_like(self.image.read(), name)


def _blank(image: Image) -> Image:
    return Image(f"blank:{image.name}", Blank(image).read)


def _derangement(images: list[Image], seed: int) -> dict[Image, Image]:
    """Every distinct image → another one: each goes to its successor in a shuffled circle."""
    circle = sorted(set(images), key=lambda image: image.name)
    if len(circle) == 1:
        raise UsageError("shuffled: all samples share one picture, and there is no other to show; blank would do")
    random.Random(seed).shuffle(circle)
    return dict(zip(circle, circle[1:] + circle[:1], strict=True))


def _with_images(prompt: Prompt, change: Callable[[Image], Image]) -> Prompt:
    return replace(prompt, parts=tuple(part if isinstance(part, str) else change(part) for part in prompt.parts))
