"""The painting of phantoms, their anatomy, and the truth of what is asked about them."""

from __future__ import annotations

import io
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from evalkit.phantom.atlas import atlas
from evalkit.phantom.drawing import SIZE, Drawing, Ellipse
from evalkit.phantom.questions import PER_IMAGE, Question, questions
from evalkit.phantom.scenes import Scene, scene

ATLAS = atlas()
SCENES = tuple(scene(ATLAS, seed=3, split=1, index=index) for index in range(120))


def painted(*ellipses: Ellipse) -> np.ndarray:
    """The ellipses with neither noise nor unevenness."""
    return Drawing(ellipses, noise=0, mottle=0, grain=(0,)).pixels()


def lesion_pixels(shown: Scene) -> np.ndarray:
    """Which pixels the lesions change: the picture against the same one without them, noise and all."""
    healthy = tuple(each for each in shown.drawing.ellipses if each.organ != "lesion")
    without = replace(shown.drawing, ellipses=healthy)
    return np.abs(shown.drawing.pixels().astype(int) - without.pixels()) > 20


def asked(shown: Scene, seed: int = 0) -> tuple[Question, ...]:
    """Some questions about the scene."""
    return questions(shown, np.random.Generator(np.random.PCG64(seed)))


def test_an_ellipse_is_painted_where_it_lies() -> None:
    """The centre of an ellipse has its value and a place outside it has the background's."""
    pixels = painted(Ellipse("", 0.5, -0.5, 0.2, 0.1, 200))

    assert pixels[SIZE // 4, 3 * SIZE // 4] == 200
    assert pixels[3 * SIZE // 4, SIZE // 4] == 0


def test_later_ellipses_cover_earlier_ones() -> None:
    """Painting goes from back to front, and `cover` lets what lies below shine through."""
    below, above = Ellipse("", 0, 0, 0.5, 0.5, 100), Ellipse("", 0, 0, 0.2, 0.2, 200, cover=0.5)

    assert painted(below, above)[SIZE // 2, SIZE // 2] == 150
    assert painted(above, below)[SIZE // 2, SIZE // 2] == 100


def test_rims_and_halves_leave_the_rest_free() -> None:
    """A rim has no middle, and an upper half nothing below its centre."""
    rim = painted(Ellipse("", 0, 0, 0.5, 0.5, 200, rim=0.2))
    half = painted(Ellipse("", 0, 0, 0.5, 0.5, 200, half="upper"))

    assert (rim[SIZE // 2, SIZE // 2], rim[SIZE // 2, SIZE // 2 - 58]) == (0, 200)
    assert (half[SIZE // 2 + 20, SIZE // 2], half[SIZE // 2 - 20, SIZE // 2]) == (0, 200)


def test_tilt_turns_clockwise() -> None:
    """An ellipse with a tilt of tan(22.5°) lies along the diagonal that falls to the right."""
    pixels = painted(Ellipse("", 0, 0, 0.6, 0.05, 200, tilt=2**0.5 - 1))

    assert pixels[SIZE // 2 + 40, SIZE // 2 + 40] == 200
    assert pixels[SIZE // 2 - 40, SIZE // 2 + 40] == 0


def test_ellipses_outside_the_picture_paint_nothing() -> None:
    """What lies wholly outside is skipped, and what lies half outside is cut."""
    assert painted(Ellipse("", 3, 3, 0.2, 0.2, 200)).max() == 0
    assert painted(Ellipse("", -1, 0, 0.2, 0.2, 200))[SIZE // 2, 0] == 200


def test_a_picture_is_a_grey_png() -> None:
    """A phantom is an 8-bit grey PNG of SIZE × SIZE pixels, the same as its pixels."""
    drawing = SCENES[0].drawing

    with Image.open(io.BytesIO(drawing.png())) as opened:
        assert (opened.format, opened.mode, opened.size) == ("PNG", "L", (SIZE, SIZE))
        assert np.array_equal(np.asarray(opened), drawing.pixels())


def test_the_same_numbers_give_the_same_scene_and_picture() -> None:
    """A scene depends on seed, split and index, on each of them, and on nothing else."""
    first = scene(ATLAS, 0, 1, 5)

    assert scene(atlas(), 0, 1, 5) == first
    assert scene(atlas(), 0, 1, 5).drawing.png() == first.drawing.png()
    others = [scene(ATLAS, *numbers).drawing.png() for numbers in ((1, 1, 5), (0, 0, 5), (0, 1, 6))]
    assert len({first.drawing.png(), *others}) == 4


def test_noise_has_the_deviation_that_it_says() -> None:
    """The noise of a drawing is its standard deviation in grey levels."""
    ellipse = Ellipse("", 0, 0, 3, 3, 128)

    noisy = Drawing((ellipse,), noise=10, mottle=0, grain=(1,)).pixels()

    assert float(noisy.std()) == pytest.approx(10, rel=0.02)
    assert float(noisy.mean()) == pytest.approx(128, abs=0.3)


@pytest.mark.parametrize(("side", "columns"), [("left", slice(SIZE // 2, None)), ("right", slice(0, SIZE // 2))])
def test_sides_are_the_patients(side: str, columns: slice) -> None:
    """A lesion on the patient's left changes pixels in the right half of the picture only, and the other way round."""
    one_sided = [each for each in SCENES if each.lesions and {lesion.side for lesion in each.lesions} == {side}]

    assert len(one_sided) >= 10
    for shown in one_sided:
        changed = lesion_pixels(shown)
        assert changed[:, columns].sum() > 20
        assert changed.sum() == changed[:, columns].sum()


def test_the_liver_is_on_the_patients_right_and_the_spleen_on_the_left() -> None:
    """Anatomy follows the radiologists' convention: liver on the picture's left, spleen on its right."""
    sides = {(lesion.organ, lesion.side) for shown in SCENES for lesion in shown.lesions}

    assert {pair for pair in sides if pair[0] in {"liver", "spleen"}} == {("liver", "right"), ("spleen", "left")}


def test_bright_lesions_brighten_and_dark_ones_darken() -> None:
    """What is called bright is brighter than the same picture without it, and dark darker."""
    for shown in SCENES:
        if shown.lesions:
            healthy = tuple(each for each in shown.drawing.ellipses if each.organ != "lesion")
            without = replace(shown.drawing, ellipses=healthy).pixels().astype(int)
            change = (shown.drawing.pixels() - without)[lesion_pixels(shown)]
            assert {lesion.bright for lesion in shown.lesions} == {bool(np.median(change) > 0)}


def test_as_many_lesions_are_drawn_as_are_told() -> None:
    """A scene has one ellipse for each of its lesions, from none to three."""
    for shown in SCENES:
        assert len(shown.lesions) == sum(each.organ == "lesion" for each in shown.drawing.ellipses)
    assert {len(shown.lesions) for shown in SCENES} == {0, 1, 2, 3}


def test_large_lesions_are_larger_than_small_ones() -> None:
    """No small lesion is as wide as a large one."""
    radii: dict[bool, list[float]] = {True: [], False: []}
    for shown in SCENES:
        spots = [each for each in shown.drawing.ellipses if each.organ == "lesion"]
        for lesion, spot in zip(shown.lesions, spots, strict=True):
            radii[lesion.large].append(spot.rx)

    assert min(radii[True]) > 1.3 * max(radii[False])


def test_missing_organs_are_not_drawn() -> None:
    """An organ is painted where the scene says that it is shown, and has lesions only there."""
    for shown in SCENES:
        drawn = {each.organ for each in shown.drawing.ellipses} - {"", "lesion"}
        assert drawn <= shown.organs
        assert {lesion.organ for lesion in shown.lesions} <= shown.organs
    assert any("spleen" not in shown.organs for shown in SCENES if shown.region == "abdomen")


def test_questions_are_as_many_as_promised_and_all_different() -> None:
    """Every picture has PER_IMAGE questions, no two with the same words."""
    for shown in SCENES:
        assert len({question.text for question in asked(shown)}) == len(asked(shown)) == PER_IMAGE


def test_answers_fit_their_kind() -> None:
    """A yes/no question is answered so, a choice by one of its options, and only a choice has options."""
    for shown in SCENES:
        for question in asked(shown):
            assert question.answer
            assert bool(question.options) == (question.kind == "choice")
            if question.kind == "yes_no":
                assert question.answer in {"Yes", "No"}
            if question.kind == "choice":
                assert question.answer in question.options


def test_answers_are_true() -> None:
    """What is asked about lesions, sides, organs and modality is answered as the scene has it."""
    for shown in SCENES:
        sides = {lesion.side for lesion in shown.lesions}
        truth = {
            "How many lesions are there?": str(len(shown.lesions)),
            "Is there a lesion in this image?": "Yes" if shown.lesions else "No",
            "Is this image free of lesions?": "No" if shown.lesions else "Yes",
            "Is there a lesion on the patient's left side?": "Yes" if "left" in sides else "No",
            "Is there a lesion on the patient's right side?": "Yes" if "right" in sides else "No",
            "On which side of the patient is the lesion?": "both" if len(sides) > 1 else "".join(sides),
            "Does this image show the spleen?": "Yes" if "spleen" in shown.organs else "No",
            "Is there a lesion in the liver?": "Yes" if "liver" in {each.organ for each in shown.lesions} else "No",
            "How was this image taken?": shown.modality,
            "Is the heart enlarged?": "Yes" if shown.enlarged == "heart" else "No",
        }
        for question in asked(shown):
            assert truth.get(question.text, question.answer) == question.answer


def test_sagittal_pictures_are_not_asked_about_sides() -> None:
    """A sagittal picture has no left and right, so nothing is asked about them."""
    sagittal = [shown for shown in SCENES if shown.plane == "sagittal"]

    assert sagittal
    assert not any(question.topic == "side" for shown in sagittal for question in asked(shown))


def test_painting_is_quick() -> None:
    """A picture is painted in a few milliseconds: the best of three stays below 50 even on a busy machine."""
    took = []
    for _ in range(3):
        start = time.perf_counter()
        SCENES[0].drawing.png()
        took.append(time.perf_counter() - start)

    assert min(took) < 0.05
