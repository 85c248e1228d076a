"""Ablations: the same question with a black picture, another picture or none."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pytest
from conftest import png
from PIL import Image as Pillow

from evalkit.ablation import Ablation, ablate
from evalkit.errors import UsageError
from evalkit.types import Image, Prompt, Sample, Sampling


def drawn(name: str) -> bytes:
    """A grey picture whose size is in its name."""
    return png(200, (int(name), int(name) + 3))


def image(number: int) -> Image:
    """A picture of that many columns."""
    return Image(str(number), drawn)


def samples(count: int) -> list[Sample]:
    """Samples two by two about the same picture, and one without any."""
    asked = [Sample(str(n), "?", ("yes",), (image(n // 2 + 1),)) for n in range(2 * count)]
    return [*asked, Sample("blind", "?", ("yes",))]


def prompt(*numbers: int) -> Prompt:
    """A prompt with pictures between its words."""
    parts = [part for number in numbers for part in (f"Picture {number}: ", image(number))]
    return Prompt((*parts, "What?"), "system", Sampling(max_tokens=5), sample_id="a")


def exchanged(count: int, seed: int) -> dict[str, str]:
    """Picture → the picture that stands in its place."""
    change = ablate("shuffled", lambda: samples(count), seed)
    return {str(n): change(prompt(n)).images[0].name for n in range(1, count + 1)}


def refuse() -> Iterable[Sample]:
    """Samples that nobody may read."""
    raise AssertionError("the samples were read")


def test_without_an_ablation_nothing_changes() -> None:
    """No ablation leaves every prompt as it is."""
    asked = prompt(1, 2)

    assert ablate(None, refuse, 0)(asked) is asked


def test_text_only_leaves_the_pictures_out() -> None:
    """`text-only` asks the same words, system text and settings without pictures."""
    asked = prompt(1, 2)

    left = ablate("text-only", refuse, 0)(asked)

    assert left.images == ()
    assert (left.text, left.system, left.sampling, left.sample_id) == (asked.text, "system", asked.sampling, "a")


def test_blank_is_black_and_as_large() -> None:
    """`blank` puts a black PNG of the same size in each picture's place, under another name."""
    changed = ablate("blank", refuse, 0)(prompt(5, 9))

    assert [image.name for image in changed.images] == ["blank:5", "blank:9"]
    for number, made in zip((5, 9), changed.images, strict=True):
        with Pillow.open(io.BytesIO(made.read())) as opened:
            assert (opened.format, opened.size) == ("PNG", (number, number + 3))
            assert opened.getextrema() == ((0, 0), (0, 0), (0, 0))


@pytest.mark.parametrize("count", [2, 3, 10, 203])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_shuffled_gives_every_picture_another_one(count: int, seed: int) -> None:
    """`shuffled` exchanges all pictures: each goes to one place, and none to its own."""
    found = exchanged(count, seed)

    assert sorted(found.values()) == sorted(found)
    assert all(before != after for before, after in found.items())


def test_shuffled_is_seeded() -> None:
    """The same seed exchanges alike, whatever the order of the samples; another seed otherwise."""
    backwards = ablate("shuffled", lambda: reversed(samples(20)), 3)

    assert exchanged(20, 3) == exchanged(20, 3) != exchanged(20, 4)
    assert {str(n): backwards(prompt(n)).images[0].name for n in range(1, 21)} == exchanged(20, 3)


def test_questions_about_one_picture_get_the_same_other_one() -> None:
    """Everybody who asks about a picture is shown the same other one, and can read it."""
    change = ablate("shuffled", lambda: samples(5), 0)

    first, second = change(prompt(2)).images[0], change(prompt(2, 3)).images[0]

    assert first == second
    assert first.read() == drawn(first.name)


@pytest.mark.parametrize("ablation", ["blank", "shuffled"])
def test_the_words_stay_in_their_places(ablation: Ablation) -> None:
    """Words, their places, system text and settings stay; a prompt without pictures is itself."""
    change, asked, plain = ablate(ablation, lambda: samples(4), 0), prompt(1, 2), Prompt(("What?",))

    changed = change(asked)

    assert [isinstance(part, str) for part in changed.parts] == [isinstance(part, str) for part in asked.parts]
    assert (changed.text, changed.system, changed.sampling) == (asked.text, asked.system, asked.sampling)
    assert change(plain) == plain


def test_one_picture_alone_cannot_be_exchanged() -> None:
    """Where all samples share one picture, `shuffled` raises UsageError instead of showing the true one."""
    with pytest.raises(UsageError, match="shuffled"):
        ablate("shuffled", lambda: samples(1), 0)(prompt(1))
