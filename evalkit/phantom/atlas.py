"""The anatomy that phantoms are drawn from: for each view of the body, its ellipses from back to front.

The patient's right is on the left of the picture, as radiologists look at it; the midline is x = 0. The anatomy is
only as true as it must be. Nothing is kept between calls: each view is made anew when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import sqrt
from types import MappingProxyType
from typing import Final

from evalkit.phantom.drawing import Ellipse, Half

Tissues = Mapping[str, float]

_CT: Final[Tissues] = MappingProxyType(
    {"fat": 58, "muscle": 118, "liver": 142, "spleen": 150, "kidney": 172, "stomach": 108, "blood": 170, "bone": 240}
    | {"marrow": 192, "cord": 110, "lung": 18, "heart": 156, "grey": 122, "white": 102, "csf": 46, "air": 4}
)
_T1: Final[Tissues] = MappingProxyType(
    {"fat": 205, "muscle": 92, "liver": 132, "spleen": 98, "kidney": 112, "stomach": 60, "blood": 34, "bone": 18}
    | {"marrow": 140, "cord": 120, "grey": 108, "white": 150, "csf": 28, "air": 4}
)
_T2: Final[Tissues] = MappingProxyType(
    {"fat": 172, "muscle": 50, "liver": 84, "spleen": 138, "kidney": 168, "stomach": 190, "blood": 22, "bone": 14}
    | {"marrow": 98, "cord": 104, "grey": 142, "white": 100, "csf": 225, "air": 4}
)

_RIB_HALVES: Final[tuple[tuple[Half, float], ...]] = (("upper", 0.22), ("lower", 0.10))
"""The back half of a rib is nearer to the detector, and clearer, than its front half."""


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at one part of the body, with the organs that it shows.

    `optional` organs are missing from some slices; the `growing` organ is enlarged in some, by `growth`; `hosts` are
    where lesions may lie, named after their organ, clear of the midline.
    """

    modality: str
    region: str
    plane: str
    weighting: str
    organs: tuple[str, ...]
    parts: tuple[Ellipse, ...]
    hosts: tuple[Ellipse, ...]
    optional: tuple[str, ...] = ()
    growing: str = ""
    growth: float = 1.0
    noise: float = 6.0


def atlas() -> tuple[View, ...]:
    """Every view, the common ones more than once: a picture shows one of them, each equally likely."""
    abdomen, chest, radiograph = _abdomen("CT", "", _CT), _chest("CT", "", _CT), _radiograph()
    return (
        *(abdomen, abdomen, chest, chest, _head("CT", "", _CT)),
        *(radiograph, radiograph, radiograph),
        *(_abdomen("MRI", "T1", _T1), _abdomen("MRI", "T2", _T2), _head("MRI", "T1", _T1), _head("MRI", "T2", _T2)),
        *(_sagittal_head("T1", _T1), _sagittal_head("T2", _T2)),
    )


def _abdomen(modality: str, weighting: str, tissue: Tissues) -> View:
    parts = (
        Ellipse("", 0, 0, 0.88, 0.66, tissue["fat"]),
        Ellipse("", 0, 0.01, 0.79, 0.57, tissue["muscle"]),
        Ellipse("", 0, -0.02, 0.735, 0.515, tissue["fat"]),
        *_pair(Ellipse("", 0.25, 0.44, 0.2, 0.1, tissue["muscle"], 0.08)),
        *_pair(Ellipse("", 0.17, 0.27, 0.07, 0.09, tissue["muscle"])),
        *_ribs(0.765, 0.545, tissue["bone"]),
        *(_bowel(tissue)),
        Ellipse("liver", -0.36, -0.09, 0.34, 0.35, tissue["liver"], 0.12),
        Ellipse("liver", -0.10, -0.27, 0.27, 0.15, tissue["liver"], -0.1),
        Ellipse("liver", -0.27, -0.05, 0.09, 0.018, tissue["blood"], 0.25),
        Ellipse("liver", -0.42, -0.19, 0.07, 0.014, tissue["blood"], -0.3),
        Ellipse("stomach", 0.30, -0.23, 0.23, 0.15, tissue["muscle"], 0.2),
        Ellipse("stomach", 0.30, -0.23, 0.20, 0.125, tissue["stomach"], 0.2),
        Ellipse("stomach", 0.29, -0.29, 0.12, 0.045, tissue["air"], 0.1),
        Ellipse("spleen", 0.545, 0.05, 0.12, 0.25, tissue["spleen"], -0.12),
        *_pair(Ellipse("kidneys", 0.36, 0.26, 0.125, 0.15, tissue["kidney"], 0.2)),
        *_pair(Ellipse("kidneys", 0.33, 0.26, 0.045, 0.06, tissue["fat"], 0.2)),
        Ellipse("aorta", 0.06, 0.09, 0.052, 0.052, tissue["blood"]),
        Ellipse("", -0.09, 0.10, 0.066, 0.046, tissue["blood"]),
        *_spine(0.25, tissue),
    )
    hosts = (
        Ellipse("liver", -0.42, -0.10, 0.24, 0.26, tissue["liver"], 0.12),
        Ellipse("spleen", 0.545, 0.05, 0.09, 0.22, tissue["spleen"], -0.12),
        *_pair(Ellipse("kidneys", 0.36, 0.26, 0.115, 0.14, tissue["kidney"], 0.2)),
    )
    organs = ("liver", "stomach", "spleen", "kidneys", "aorta", "spine")
    return View(modality, "abdomen", "axial", weighting, organs, parts, hosts, ("stomach", "spleen", "kidneys"))


def _chest(modality: str, weighting: str, tissue: Tissues) -> View:
    parts = (
        Ellipse("", 0, 0, 0.9, 0.64, tissue["fat"]),
        Ellipse("", 0, 0.02, 0.83, 0.56, tissue["muscle"]),
        *_pair(Ellipse("", 0.44, -0.47, 0.26, 0.045, tissue["muscle"], 0.14)),
        *_ribs(0.765, 0.535, tissue["bone"]),
        *_pair(Ellipse("lungs", 0.40, 0.0, 0.315, 0.455, tissue["lung"], -0.06)),
        *(vessel for side in (-1, 1) for vessel in _vessels(side, tissue["muscle"])),
        Ellipse("", 0, 0.02, 0.13, 0.40, tissue["fat"]),
        Ellipse("heart", 0.10, -0.12, 0.25, 0.19, tissue["fat"], 0.25),
        Ellipse("heart", 0.10, -0.12, 0.235, 0.175, tissue["heart"], 0.25),
        Ellipse("heart", 0.15, -0.11, 0.09, 0.065, tissue["blood"], 0.25),
        Ellipse("aorta", 0.12, 0.18, 0.06, 0.06, tissue["blood"]),
        Ellipse("", 0.02, 0.12, 0.035, 0.028, tissue["muscle"]),
        Ellipse("", 0, -0.47, 0.11, 0.032, tissue["bone"]),
        *_spine(0.30, tissue),
    )
    hosts = (
        Ellipse("lungs", -0.46, 0.06, 0.19, 0.36, tissue["lung"], 0.06),
        Ellipse("lungs", 0.52, 0.12, 0.15, 0.30, tissue["lung"], -0.06),
    )
    organs = ("lungs", "heart", "aorta", "spine")
    return View(modality, "chest", "axial", weighting, organs, parts, hosts, ("heart",), "heart", 1.35)


def _head(modality: str, weighting: str, tissue: Tissues) -> View:
    sulci = (
        Ellipse("", 0.545 * x, 0.70 * y, 0.075, 0.013, tissue["csf"], _half_angle(x, y), cover=0.8)
        for x, y in _circle(30)
        if abs(x) > 0.1
    )
    parts = (
        Ellipse("", 0, 0, 0.68, 0.84, tissue["fat"]),
        Ellipse("", 0, 0, 0.645, 0.805, tissue["bone"]),
        Ellipse("", 0, 0, 0.585, 0.745, tissue["csf"]),
        Ellipse("", 0, 0, 0.57, 0.73, tissue["grey"]),
        *_pair(Ellipse("", 0.25, 0.0, 0.225, 0.58, tissue["white"], -0.03)),
        *sulci,
        Ellipse("", 0, -0.48, 0.01, 0.25, tissue["csf"]),
        Ellipse("", 0, 0.50, 0.01, 0.23, tissue["csf"]),
        *_pair(Ellipse("", 0.17, -0.02, 0.055, 0.13, tissue["grey"], 0.1)),
        *_pair(Ellipse("", 0.09, 0.08, 0.07, 0.09, tissue["grey"], -0.1)),
        *_pair(Ellipse("ventricles", 0.085, -0.15, 0.048, 0.15, tissue["csf"], -0.14)),
        *_pair(Ellipse("ventricles", 0.125, 0.22, 0.045, 0.14, tissue["csf"], 0.16)),
        Ellipse("ventricles", 0, 0.06, 0.016, 0.085, tissue["csf"]),
    )
    hosts = _pair(Ellipse("brain", 0.33, 0.0, 0.15, 0.46, tissue["white"], -0.03))
    return View(
        modality,
        "head",
        "axial",
        weighting,
        ("brain", "ventricles"),
        parts,
        hosts,
        ("ventricles",),
        "ventricles",
        1.55,
    )


def _sagittal_head(weighting: str, tissue: Tissues) -> View:
    folds = (
        Ellipse("", 0.60 * x, -0.22 + 0.45 * y, 0.09, 0.014, tissue["csf"], _half_angle(x, y), cover=0.8)
        for x, y in _circle(26)
        if y < 0.35
    )
    parts = (
        Ellipse("", -0.42, 0.38, 0.27, 0.42, tissue["fat"], 0.1),
        Ellipse("", -0.70, 0.28, 0.10, 0.13, tissue["fat"], 0.3),
        Ellipse("", 0.14, 0.66, 0.34, 0.48, tissue["muscle"]),
        Ellipse("", -0.38, 0.52, 0.20, 0.20, tissue["muscle"]),
        Ellipse("", -0.40, 0.24, 0.20, 0.07, tissue["air"], 0.1),
        Ellipse("", 0, -0.2, 0.78, 0.66, tissue["fat"]),
        Ellipse("", 0, -0.2, 0.735, 0.615, tissue["bone"]),
        Ellipse("", 0, -0.21, 0.67, 0.55, tissue["csf"]),
        Ellipse("", 0, -0.22, 0.655, 0.52, tissue["grey"]),
        Ellipse("", 0, -0.22, 0.50, 0.37, tissue["white"]),
        *folds,
        Ellipse("ventricles", 0.0, -0.14, 0.24, 0.13, tissue["csf"], 0.06, half="upper"),
        Ellipse("", 0.0, -0.13, 0.29, 0.21, tissue["white"] * 1.15, 0.06, rim=0.27, half="upper"),
        Ellipse("", 0.0, -0.02, 0.14, 0.09, tissue["grey"]),
        Ellipse("", 0.36, 0.20, 0.22, 0.155, tissue["grey"], -0.2),
        Ellipse("", 0.34, 0.20, 0.10, 0.05, tissue["white"], -0.2),
        Ellipse("", 0.10, 0.20, 0.095, 0.20, tissue["white"], -0.12),
        Ellipse("", 0.20, 0.66, 0.11, 0.50, tissue["csf"], -0.03),
        Ellipse("", 0.20, 0.62, 0.055, 0.52, tissue["cord"], -0.03),
        *(Ellipse("spine", 0.01 + 0.03 * i, 0.52 + 0.14 * i, 0.085, 0.05, tissue["marrow"], 0.1) for i in range(4)),
    )
    hosts = (
        Ellipse("brain", -0.36, -0.30, 0.16, 0.16, tissue["white"]),
        Ellipse("brain", 0.36, -0.28, 0.14, 0.16, tissue["white"]),
    )
    organs = ("brain", "ventricles", "spine")
    return View("MRI", "head", "sagittal", weighting, organs, parts, hosts, ("ventricles",))


def _radiograph() -> View:
    ribs = (
        Ellipse(
            "", side * 0.39, -0.44 + 0.165 * i, 0.36, 0.20, 220, side * (0.05 + 0.012 * i), 0.16, half=half, cover=cover
        )
        for side in (-1, 1)
        for i in range(7)
        for half, cover in _RIB_HALVES
    )
    parts = (
        Ellipse("", 0, -0.95, 0.22, 0.45, 118),
        Ellipse("", 0, 0.35, 0.90, 1.15, 112),
        *_pair(Ellipse("", 0.72, -0.42, 0.28, 0.32, 118, 0.2)),
        *_pair(Ellipse("lungs", 0.37, 0.02, 0.29, 0.64, 42, -0.05)),
        *(vessel for side in (-1, 1) for vessel in _vessels(side, 120)),
        Ellipse("liver", -0.40, 0.84, 0.46, 0.36, 188, 0.05),
        Ellipse("", 0.40, 0.92, 0.46, 0.36, 180, -0.05),
        Ellipse("stomach", 0.36, 0.75, 0.13, 0.06, 70),
        Ellipse("", 0, 0.05, 0.115, 0.98, 176, cover=0.85),
        Ellipse("aorta", 0.10, -0.26, 0.085, 0.085, 182, cover=0.8),
        Ellipse("heart", 0.13, 0.36, 0.245, 0.245, 190, 0.25, cover=0.93),
        *(ribs),
        *(Ellipse("spine", 0, -0.85 + 0.14 * i, 0.075, 0.055, 222, cover=0.3) for i in range(13)),
        Ellipse("", 0, -0.62, 0.035, 0.26, 120, cover=0.5),
        *_pair(Ellipse("", 0.36, -0.60, 0.31, 0.032, 226, -0.08, cover=0.55)),
    )
    hosts = (
        Ellipse("lungs", -0.40, -0.02, 0.17, 0.42, 52),
        Ellipse("lungs", 0.43, -0.18, 0.15, 0.28, 52),
    )
    organs = ("lungs", "heart", "liver", "stomach", "aorta", "spine")
    return View("X-ray", "chest", "coronal", "", organs, parts, hosts, ("stomach",), "heart", 1.4, 5.0)


def _pair(left: Ellipse) -> tuple[Ellipse, Ellipse]:
    """One on each side of the patient, mirrored: the right one, then the left."""
    return replace(left, x=-left.x, tilt=-left.tilt), left


def _spine(y: float, tissue: Tissues) -> Iterator[Ellipse]:
    yield from _pair(Ellipse("", 0.12, y + 0.15, 0.11, 0.028, tissue["bone"], -0.12))
    yield Ellipse("spine", 0, y + 0.24, 0.03, 0.11, tissue["bone"])
    yield Ellipse("spine", 0, y + 0.13, 0.085, 0.07, tissue["bone"])
    yield Ellipse("spine", 0, y, 0.145, 0.115, tissue["bone"])
    yield Ellipse("spine", 0, y, 0.12, 0.09, tissue["marrow"])
    yield Ellipse("spine", 0, y + 0.13, 0.055, 0.045, tissue["cord"])


def _ribs(rx: float, ry: float, value: float) -> Iterator[Ellipse]:
    """Cut ribs along the body's wall, none over the spine."""
    for x, y in _circle(18):
        if abs(x) > 0.3:
            yield Ellipse("", rx * x, ry * y, 0.06, 0.021, value, _half_angle(-y, x))


def _bowel(tissue: Tissues) -> Iterator[Ellipse]:
    for x, y in ((0.05, -0.06), (0.22, -0.02), (0.36, 0.05), (0.14, -0.38), (0.0, -0.42)):
        yield Ellipse("", x, y, 0.09, 0.065, tissue["muscle"])
        yield Ellipse("", x, y, 0.055, 0.035, tissue["stomach"])


def _vessels(side: int, value: float) -> Iterator[Ellipse]:
    """Vessels of one lung, thinner the farther from its root."""
    for i, (x, y) in enumerate(_circle(14)):
        if x > -0.5:
            reach = 0.08 + 0.035 * (i % 4)
            tilt = side * _half_angle(x, y)
            yield Ellipse(
                "lungs", side * (0.27 + reach * x), 1.6 * reach * y, reach * 0.8, 0.009, value, tilt, cover=0.5
            )


def _circle(count: int) -> Iterator[tuple[float, float]]:
    """Points spread over the unit circle, by exact arithmetic alone."""
    for step in range(count):
        quarter, rest = divmod(4 * (step + 0.5) / count, 1.0)
        x, y = 1 - rest, rest
        length = sqrt(x * x + y * y)
        turned = ((x, y), (-y, x), (-x, -y), (y, -x))[int(quarter)]
        yield turned[0] / length, turned[1] / length


def _half_angle(x: float, y: float) -> float:
    """The tilt of an ellipse whose first axis points along (x, y)."""
    if x < 0:
        x, y = -x, -y
    length = sqrt(x * x + y * y)
    return y / (length + x)
