"""Multiple choice as data sets write it: what can be asked, what cannot and why, and the order of options."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest

from evalkit.choices import YES_NO, lettered, literal_list, offered, shuffled, yes_or_no


@pytest.mark.parametrize(
    ("options", "answer", "right"),
    [
        (("liver", "lung"), "liver", "liver"),
        (("Liver ", "lung"), " liver.", "Liver"),
        (("left\u00a0lung", "right lung"), "Left  lung", "left lung"),
        (YES_NO, "Yes", "yes"),
        (("<5 mm", ">5 mm"), ">5 mm", ">5 mm"),
        (("None", "N/A"), "None", "None"),
        ((1, 2), 2, "2"),
        (("a", "a", "b"), "b", "b"),
    ],
)
def test_the_answer_is_the_option_that_it_spells(options: tuple[object, ...], answer: object, right: str) -> None:
    """Case, width, spaces and a full stop at the end make no other option, and other signs do."""
    row = offered({"id": 7}, options, answer)

    assert (row["answer"], row.get("quarantine"), row["id"]) == (right, None, 7)
    assert row["options"] == tuple(" ".join(str(option).split()) for option in options)


@pytest.mark.parametrize(
    ("options", "answer", "distinct", "reason"),
    [
        ((), "x", False, "it offers no options"),
        (("x",), "x", False, "it offers no options"),
        (("x", " "), "x", False, "one of its options is empty"),
        (("kidney", "spleen"), "Liver", False, "its answer is none of its options"),
        (("x", "X."), "x", False, "its answer stands twice among its options"),
        (("a", "a", "b"), "b", True, "two of its options are the same"),
        (("a", "b"), "?", False, "its answer is none of its options"),
        (("a", "b"), "", False, "its answer is none of its options"),
    ],
)
def test_a_question_without_one_right_option_is_quarantined(
    options: tuple[str, ...], answer: str, distinct: bool, reason: str
) -> None:
    """The reason says what is wrong in words that tell nothing of the data."""
    assert offered({}, options, answer, distinct=distinct)["quarantine"] == reason


def test_the_first_reason_stays() -> None:
    """A row that was quarantined before keeps its reason, whether there is another one or not."""
    row = {"quarantine": "it repeats an earlier row"}

    assert offered(row, ("x", "y"), "x")["quarantine"] == "it repeats an earlier row"
    assert offered(row, ("x", "y"), "z")["quarantine"] == "it repeats an earlier row"
    assert lettered(row, ("x", "y"), "?")["quarantine"] == "it repeats an earlier row"


CHOICES = (" A: Red ", " B:Blue", "C: Green ", "Yellow")


@pytest.mark.parametrize(("letter", "answer"), [("A", "Red"), (" B ", "Blue"), ("C", ""), ("D", "yellow.")])
def test_heads_are_taken_off_choices(letter: str, answer: str) -> None:
    """`A:` in front of the first choice is no part of it, with or without spaces, and the letter names the gold."""
    row = lettered({}, CHOICES, letter, answer)

    assert (row["options"], row.get("quarantine")) == (("Red", "Blue", "Green", "Yellow"), None)
    assert row["answer"] == dict(zip("ABCD", ("Red", "Blue", "Green", "Yellow"), strict=True))[letter.strip()]


@pytest.mark.parametrize("letter", ["'", '"', "", " ", "E", "AB", "a", "B'", "1", None, "Red"])
def test_a_label_that_is_no_letter_is_quarantined(letter: object) -> None:
    """A quote, a word, a letter without a choice or nothing at all is no label."""
    assert lettered({}, CHOICES, letter)["quarantine"] == "its label is no letter of a choice"


@pytest.mark.parametrize(
    ("choices", "answer", "reason"),
    [
        (("A: Red", "C: Blue", "C: Green", "D: x"), "", "a choice is headed by another choice's letter"),
        (("B: Red", "A: Blue"), "", "a choice is headed by another choice's letter"),
        (("A: Red", "B:", "C: Green", "D: x"), "", "one of its options is empty"),
        (("A: Red", "B: Blue", "C: blue ", "D: x"), "", "two of its options are the same"),
        (("A: Red", "B: Blue"), "Blue", "its label and its answer in words are two choices"),
        (("A: Red", "B: Blue"), "Pink", "its label and its answer in words are two choices"),
    ],
)
def test_malformed_choices_are_quarantined(choices: tuple[str, ...], answer: str, reason: str) -> None:
    """Swapped columns, empty and doubled choices, and a label that the answer in words contradicts are left out."""
    assert lettered({}, choices, "A", answer)["quarantine"] == reason


def test_a_letter_that_no_choice_has_is_no_head() -> None:
    """ "T: thymine" is a text; only the letters of the choices are heads."""
    assert lettered({}, ("A: adenine", "T: thymine"), "B")["answer"] == "T: thymine"


def test_rows_of_yes_and_no() -> None:
    """Rows whose answer is yes or no are offered these two, yes first; others are not given."""
    rows = [{"id": n, "answer": answer} for n, answer in enumerate(("Yes", "No ", "liver", "no.", "not seen", ""))]

    assert [(row["id"], row["answer"], row["options"]) for row in yes_or_no(rows)] == [
        (0, "yes", YES_NO),
        (1, "no", YES_NO),
        (3, "no", YES_NO),
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("['a', \"b's\"]", ["a", "b's"]),
        (" ('a', 'b') ", ["a", "b"]),
        (["a", "b"], ["a", "b"]),
        ("[]", []),
        ("", None),
        ("a, b", None),
        ("['a', 1]", None),
        ("['a', ['b']]", None),
        ("['a'", None),
        ("__import__('os').system('true')", None),
        ("['a' + 'b']", None),
        ("{'a': 'b'}", None),
        ("[" * 5000, None),
        ("['" + "a" * 100_000 + "']", None),
        (None, None),
        (7, None),
    ],
)
def test_a_list_in_pythons_spelling_is_read_and_nothing_else(text: object, found: list[str] | None) -> None:
    """Only a list of texts is one: an expression is not evaluated, and what is too deep or too long is none."""
    assert literal_list(text) == found


def test_an_order_is_the_keys_alone() -> None:
    """The same key gives the same order everywhere, whatever the options say; the order is pinned here."""
    assert shuffled(("one", "two", "three", "four"), "sample-1") == ("three", "two", "one", "four")
    assert shuffled(("un", "deux", "trois", "quatre"), "sample-1") == ("trois", "deux", "un", "quatre")


def test_every_order_is_as_likely() -> None:
    """Over many keys each of the orders comes up about as often."""
    orders = Counter(shuffled(("one", "two", "three"), str(number)) for number in range(6000))

    assert set(orders) == set(permutations(("one", "two", "three")))
    assert all(850 < count < 1150 for count in orders.values())


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (("Fibroblasts", "Giant cells", "Both A and B", "Neither"), True),
        (("Image A", "Image B", "Image C", "None of the images"), True),
        (("red", "blue", "green", "None of the above"), True),
        (("red", "blue", "green", "A and B"), True),
        (("A nodule", "A mass", "A cyst", "A fracture"), False),
        (("X-ray", "CT", "MRI", "PET"), False),
        (("Si", "S", "Cu", "Zn"), False),
        (("vitamin D", "iron", "zinc", "folate"), True),
    ],
)
def test_options_that_speak_of_others_keep_their_places(options: tuple[str, ...], kept: bool) -> None:
    """Where an option names a letter or the ones above, the order stays; an article, X-ray and S name none."""
    orders = {shuffled(options, str(number)) for number in range(40)}

    assert (orders == {options}) is kept
