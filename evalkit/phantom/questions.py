"""Asks about a phantom: questions whose answers follow from its scene, so that every answer is true by construction.

A question's words recur over many pictures with different answers: something can be learned from the words alone, and
more from the picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

import numpy as np

from evalkit.phantom.scenes import Scene

T = TypeVar("T")

PER_IMAGE: Final = 10
"""Questions about each picture."""

_ORGANS: Final = ("liver", "stomach", "spleen", "kidneys", "lungs", "heart", "brain", "ventricles", "spine")
_OPTIONAL: Final = ("stomach", "spleen", "kidneys", "heart", "ventricles")
_HOSTS: Final = ("liver", "spleen", "kidneys", "lungs", "brain")
_MODALITIES: Final = ("CT", "MRI", "X-ray")
_SIZES: Final = ("small", "large")
_NUMBERED: Final = ("0", "1", "2", "3")


@dataclass(frozen=True, slots=True)
class Question:
    """One question with its answer; `options` are declared for a choice only."""

    text: str
    answer: str
    kind: Literal["yes_no", "choice", "open"]
    topic: str
    options: tuple[str, ...] = ()


def questions(scene: Scene, rng: np.random.Generator) -> tuple[Question, ...]:
    """PER_IMAGE questions about the scene, no two the same: what is particular to it first, then what fits any."""
    asked: dict[str, Question] = {}
    for question in (*_particular(scene, rng), *_shuffled(rng, tuple(_general(scene, rng))), *_plain(scene)):
        asked.setdefault(question.text, question)
    return _shuffled(rng, tuple(asked.values())[:PER_IMAGE])


def _particular(scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    """What is asked first: about the lesions, and what only some views have."""
    yield _abnormal(scene, rng)
    yield _lesion_in(scene, rng)
    if rng.random() < 0.6:
        yield _count(scene, rng)
    if scene.lesions and rng.random() < 0.6:
        yield _organ(scene, rng)
    if scene.lesions and rng.random() < 0.6:
        yield _look(scene, rng)
    if scene.lesions and scene.plane != "sagittal" and rng.random() < 0.7:
        yield _side(scene, rng)
    for organ, be in (("heart", "Is"), ("ventricles", "Are")):
        if organ in scene.organs and scene.plane != "sagittal":
            yield _yes_no(f"{be} the {organ} enlarged?", scene.enlarged == organ, "size")
    if scene.weighting and rng.random() < 0.6:
        yield Question("Is this MRI weighted by T1 or T2?", scene.weighting, "choice", "modality", ("T1", "T2"))


def _general(scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    """What the remaining questions are drawn from; some may repeat the first ones."""
    yield _modality(scene, rng)
    yield _modality(scene, rng)
    yield _region(scene, rng)
    yield _plane(scene, rng)
    yield _shown(scene, rng, _ORGANS)
    yield _shown(scene, rng, _OPTIONAL)
    yield _lesion_in(scene, rng)
    if scene.plane != "sagittal":
        yield _lesion_on_side(scene, rng)


def _plain(scene: Scene) -> Iterator[Question]:
    """One question an organ, never the same words twice: pictures of which there is little to say are filled up."""
    for organ in _ORGANS:
        yield _yes_no(f"Does this image show the {organ}?", organ in scene.organs, "organ")


def _modality(scene: Scene, rng: np.random.Generator) -> Question:
    if rng.random() < 0.4:
        name = scene.modality if rng.random() < 0.3 else _pick(rng, _MODALITIES)
        article = "a" if name == "CT" else "an"
        return _yes_no(f"Is this {article} {name} image?", scene.modality == name, "modality")
    text = _pick(rng, ("Which modality was used to make this image?", "How was this image taken?"))
    return Question(text, scene.modality, "choice", "modality", _MODALITIES)


def _region(scene: Scene, rng: np.random.Generator) -> Question:
    text = _pick(rng, ("Which part of the body is shown?", "What part of the body does this image show?"))
    return Question(text, scene.region, "open", "region")


def _plane(scene: Scene, rng: np.random.Generator) -> Question:
    text = _pick(rng, ("Which plane is this image in?", "In which plane was this image taken?"))
    return Question(text, scene.plane, "choice", "plane", ("axial", "coronal", "sagittal"))


def _shown(scene: Scene, rng: np.random.Generator, organs: Sequence[str]) -> Question:
    """As often about an organ that is there as about one that is not, where there are both."""
    there = [organ for organ in organs if organ in scene.organs]
    elsewhere = [organ for organ in organs if organ not in scene.organs]
    organ = _pick(rng, there if there and (rng.random() < 0.5 or not elsewhere) else elsewhere)
    text = _pick(rng, (f"Does this image show the {organ}?", f"Can the {organ} be seen?"))
    return _yes_no(text, organ in scene.organs, "organ")


def _abnormal(scene: Scene, rng: np.random.Generator) -> Question:
    if rng.random() < 0.3:
        return _yes_no("Is this image free of lesions?", not scene.lesions, "lesion")
    text = _pick(rng, ("Is there a lesion in this image?", "Does this image show a lesion?"))
    return _yes_no(text, bool(scene.lesions), "lesion")


def _lesion_in(scene: Scene, rng: np.random.Generator) -> Question:
    """About half the time, where there is a lesion, about the organ that has it."""
    organ = scene.lesions[0].organ if scene.lesions and rng.random() < 0.55 else _pick(rng, _HOSTS)
    do = "Do" if organ.endswith("s") else "Does"
    text = _pick(rng, (f"Is there a lesion in the {organ}?", f"{do} the {organ} contain a lesion?"))
    return _yes_no(text, any(lesion.organ == organ for lesion in scene.lesions), "lesion")


def _count(scene: Scene, rng: np.random.Generator) -> Question:
    text = _pick(rng, ("How many lesions are there?", "What is the number of lesions in this image?"))
    return Question(text, _NUMBERED[len(scene.lesions)], "open", "count")


def _organ(scene: Scene, rng: np.random.Generator) -> Question:
    text = _pick(rng, ("Which organ contains a lesion?", "Which organ is affected?"))
    return Question(text, scene.lesions[0].organ, "open", "organ")


def _side(scene: Scene, rng: np.random.Generator) -> Question:
    sides = {lesion.side for lesion in scene.lesions}
    text = _pick(rng, ("On which side of the patient is the lesion?", "Which side of the patient is affected?"))
    return Question(text, "both" if len(sides) > 1 else sides.pop(), "choice", "side", ("left", "right", "both"))


def _lesion_on_side(scene: Scene, rng: np.random.Generator) -> Question:
    side = _pick(rng, ("left", "right"))
    text = f"Is there a lesion on the patient's {side} side?"
    return _yes_no(text, any(lesion.side == side for lesion in scene.lesions), "side")


def _look(scene: Scene, rng: np.random.Generator) -> Question:
    lesion = scene.lesions[0]
    if rng.random() < 0.5:
        text = "Is the lesion brighter or darker than the organ around it?"
        return Question(text, "brighter" if lesion.bright else "darker", "choice", "brightness", ("brighter", "darker"))
    return Question("Is the lesion small or large?", "large" if lesion.large else "small", "choice", "size", _SIZES)


def _yes_no(text: str, truth: bool, topic: str) -> Question:
    return Question(text, "Yes" if truth else "No", "yes_no", topic)


def _pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.random() * len(choices))]


def _shuffled(rng: np.random.Generator, values: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(sorted(values, key=lambda _: rng.random()))
