"""One option, only where the answer names just one."""

from __future__ import annotations

import pytest

from evalkit.answers import choose, option_of

SCANS = ("CT", "MRI", "X-ray of the chest", "Ultrasound")
SIDES = ("left", "right")
LOBES = ("left", "left lower lobe", "right lower lobe")


@pytest.mark.parametrize(
    "text",
    [
        "B",
        "b",
        "B.",
        "(B)",
        "(b)",
        "B)",
        "B. MRI",
        "B: MRI",
        "B MRI",
        "b) mri",
        "Option b",
        "OPTION B IS CORRECT.",
        "The answer is (B).",
        "The answer is B because of the T2 signal on the CT.",
        "I think the answer is B",
        "I believe it is MRI.",
        "A T2-weighted MRI, so B",
        "It is not CT; MRI is correct.",
        "It is not A. B is right.",
        "Final answer: B) MRI, not A) CT",
        r"\boxed{B}",
        r"\boxed{\text{B}}",
        "<think>maybe A</think><answer>B</answer>",
        "MRI",
        "An MRI image.",
        "B. MRI. A CT would show bone.",
        "Could be A. Final answer: B",
        "A) CT\nB) MRI\nC) X-ray of the chest\nD) Ultrasound\n\nB) MRI",
        "Ｂ",
        "答案是B",
        "我认为选B。",
        "选项B",
        "It's B",
    ],
)
def test_names_one(text: str) -> None:
    """A letter in any usual form, or an option's words, or both in agreement, names it."""
    found = choose(text, SCANS)

    assert found is not None and found.answer == "MRI"
    assert text[slice(*found.span)].strip()


@pytest.mark.parametrize(
    "text",
    [
        "B or C",
        "B/C",
        "B, C",
        "B. CT",
        "B) CT",
        "CT or MRI",
        "not A",
        "Not CT",
        "It is not typical of ultrasound, CT, or MRI.",
        "A nodule is present.",
        "A",
        "I am unsure.",
        "E",
        "B or E",
        "B OR C",
        "Hepatitis B",
        "MRI was ruled out.",
        "Answer with the option, e.g. B)",
        "Please choose: A) CT, B) MRI, C) X-ray of the chest, or D) Ultrasound",
        "A) CT\nB) MRI\nC) X-ray of the chest\nD) Ultrasound",
        "Magnetic resonance imaging",
        "<think>B",
        "",
    ],
)
def test_does_not_name_the_second(text: str) -> None:
    """Two options, a denied one, an example, a listed question, an article and another name never give the second."""
    found = choose(text, SCANS)

    assert found is None or found.answer != "MRI"
    assert text == "A" or found is None


def test_article_and_pronoun() -> None:
    """The letter "A" before a noun is an article and "I" before a verb a pronoun; alone they are letters."""
    nine = tuple(f"finding {n}" for n in "abcdefghi")

    assert choose("A nodule in the lung", nine) is None
    assert choose("I think so", nine) is None
    assert option_of("A", nine) == nine[0]
    assert option_of("I", nine) == nine[8]
    assert option_of("(I)", nine) == nine[8]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("left lower lobe", "left lower lobe"),
        ("The left lower lobe is affected.", "left lower lobe"),
        ("left", "left"),
        ("on the left side", "left"),
        ("right", None),
        ("left lower lobe, and right lower lobe", None),
        ("left and right lower lobe", None),
    ],
)
def test_longest_wins(text: str, answer: str | None) -> None:
    """The longer of two options that fit wins."""
    assert option_of(text, LOBES) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The lesion is on the left.", "left"),
        ("Not left but right", "right"),
        ("not left", None),
        ("left and right", None),
        ("The left one. Final answer: right", "right"),
        ("It is on the left, not right", "left"),
    ],
)
def test_sides(text: str, answer: str | None) -> None:
    """Both sides named is no answer, unless a marker says which; a denied side does not count."""
    assert option_of(text, SIDES) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [("left lung", "left lung"), ("the right lung", None), ("right, that is the left lung", None), ("left", None)],
)
def test_opposite_side_vetoes(text: str, answer: str | None) -> None:
    """The opposite of the side in the chosen words vetoes them."""
    assert option_of(text, ("left lung", "heart")) == answer


@pytest.mark.parametrize(
    ("text", "options", "answer"),
    [
        ("E. coli", ("A. niger", "E. coli", "S. aureus", "none", "C. albicans"), "E. coli"),
        ("The CT", ("MRI", "CT scan"), "CT scan"),
        ("Lungs", ("lung", "heart"), "lung"),
        ("two", ("1", "2"), "2"),
        ("A", ("O", "A", "B", "AB"), None),
        ("AB", ("O", "A", "B", "AB"), "AB"),
        ("肝脏更大", ("肺", "肝脏"), "肝脏"),
        ("肺不大，肝脏和肺", ("肺", "肝脏"), None),
        ("左边", ("左侧", "右侧"), "左侧"),
        ("不是左侧", ("左侧", "右侧"), None),
        ("Yes, it is", ("Yes", "No"), "Yes"),
        ("There is no sign", ("Yes", "No"), None),
        ("No", ("yes", "no", "maybe"), "no"),
        ("maybe", ("yes", "no", "maybe"), "maybe"),
        ("B", (), None),
        ("CT", ("CT", "CT"), None),
    ],
)
def test_options_of_every_sort(text: str, options: tuple[str, ...], answer: str | None) -> None:
    """General nouns, plurals and number words fit; a letter that is also another option's words says nothing."""
    found = choose(text, options)

    assert (found.answer if found else None) == answer


@pytest.mark.parametrize(
    ("target", "answer"), [("MRI", "MRI"), ("B", "MRI"), ("b) mri", "MRI"), ("PET", None), ("", None)]
)
def test_targets(target: str, answer: str | None) -> None:
    """A target is an option by its words first, then by the same rules as an answer."""
    assert option_of(target, SCANS) == answer


def test_target_that_is_an_options_words() -> None:
    """A target that spells an option out means it, though it is another's letter."""
    assert option_of("A", ("O", "A", "B", "AB")) == "A"
