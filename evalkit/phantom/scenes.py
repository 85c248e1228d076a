"""Makes up what a phantom shows: a view of the body, which organs lie in the slice, and which lesions are in them.

A scene knows the answers to every question about its picture; its pixels are painted only when they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from evalkit.phantom.atlas import View
from evalkit.phantom.drawing import Drawing, Ellipse

Side = Literal["left", "right", ""]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion, in words. `bright`: brighter than its organ; `large`: twice as wide as a small one.

    `side` is the patient's, "" in a sagittal picture, which has none.
    """

    organ: str
    side: Side
    bright: bool
    large: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """What a phantom shows, in words, and the drawing that shows it. `enlarged` is an organ that is too big, or ""."""

    modality: str
    region: str
    plane: str
    weighting: str
    organs: frozenset[str]
    enlarged: str
    lesions: tuple[Lesion, ...]
    drawing: Drawing


@dataclass(frozen=True, slots=True)
class Shift:
    """How an organ differs from the atlas: its size, how far it lies away from the midline, and how far down."""

    size: float
    away: float
    down: float


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the patient lies in the picture: everything is scaled about the centre, then moved."""

    scale: float
    dx: float
    dy: float


def scene(atlas: Sequence[View], seed: int, split: int, index: int) -> Scene:
    """The scene of one picture: it depends on these three numbers only, and none of its pixels is painted."""
    rng = np.random.Generator(np.random.PCG64([seed, split, index]))
    view = _pick(rng, atlas)
    missing = {organ for organ in view.optional if rng.random() < 0.3}
    enlarged = view.growing if view.growing not in missing and rng.random() < 0.4 else ""
    shifts = {organ: _shift(rng) for organ in ("", *view.organs)}
    growth = {enlarged: view.growth} if enlarged else {}
    frame = Frame(0.88 + 0.16 * rng.random(), 0.12 * rng.random() - 0.06, 0.12 * rng.random() - 0.06)
    spots = tuple(_lesions(rng, view, tuple(host for host in view.hosts if host.organ not in missing)))
    placed = [_moved(spot, shifts[lesion.organ], growth.get(lesion.organ, 1.0), frame) for lesion, spot in spots]
    parts = [
        _moved(part, shifts[part.organ], growth.get(part.organ, 1.0), frame)
        for part in view.parts
        if part.organ not in missing
    ]
    return Scene(
        modality=view.modality,
        region=view.region,
        plane=view.plane,
        weighting=view.weighting,
        organs=frozenset(view.organs) - missing,
        enlarged=enlarged,
        lesions=tuple(lesion for lesion, _ in spots),
        drawing=Drawing((*parts, *placed), view.noise * (0.8 + 0.5 * rng.random()), 0.05, (seed, split, index, 1)),
    )


def _lesions(rng: np.random.Generator, view: View, hosts: tuple[Ellipse, ...]) -> Iterator[tuple[Lesion, Ellipse]]:
    """No lesion to three of one kind, in one organ, apart from each other, where the atlas has the organ."""
    count = _pick(rng, (0, 0, 0, 0, 1, 1, 1, 2, 2, 3))
    organ = _pick(rng, tuple(dict.fromkeys(host.organ for host in hosts)))
    places = tuple(host for host in hosts if host.organ == organ)
    brightness = places[0].value
    bright = brightness < 75 or (brightness < 175 and rng.random() < 0.5)
    large = rng.random() < 0.45
    taken: list[Ellipse] = []
    # A small organ has no room for many large lesions: it is tried, and the picture has as many as there was room for.
    for _ in range(40):
        if len(taken) == count:
            break
        host = _pick(rng, places)
        radius = (0.088 if large else 0.042) * (0.9 + 0.25 * rng.random())
        # Uniform over the square in the unit circle: never on the organ's border.
        x, y = host.within(1.4 * rng.random() - 0.7, 1.4 * rng.random() - 0.7)
        if any((x - other.x) ** 2 + (y - other.y) ** 2 < (2.4 * radius) ** 2 for other in taken):
            continue
        value = brightness + (62 if bright else -62) * (0.85 + 0.3 * rng.random())
        spot = Ellipse("lesion", x, y, radius, radius * (0.8 + 0.3 * rng.random()), value, rng.random() - 0.5)
        taken.append(spot)
        side: Side = "" if view.plane == "sagittal" else "right" if x < 0 else "left"
        yield Lesion(organ, side, bright, large), spot


def _shift(rng: np.random.Generator) -> Shift:
    """How one organ differs from the atlas."""
    return Shift(0.97 + 0.06 * rng.random(), 0.03 * rng.random(), 0.04 * rng.random() - 0.02)


def _moved(part: Ellipse, shift: Shift, growth: float, frame: Frame) -> Ellipse:
    """The part of the atlas in this patient and this picture."""
    away = 0.0 if abs(part.x) < 0.04 else shift.away if part.x > 0 else -shift.away
    size = frame.scale if part.organ == "lesion" else frame.scale * shift.size * growth
    return Ellipse(
        part.organ,
        (part.x + away) * frame.scale + frame.dx,
        (part.y + shift.down) * frame.scale + frame.dy,
        part.rx * size,
        part.ry * size,
        part.value,
        part.tilt,
        part.rim,
        part.half,
        part.cover,
    )


def _pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.random() * len(choices))]
