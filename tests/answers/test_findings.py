"""How far a negation reaches, and where the items of a list end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.answers.findings import Item, Piece, Role, companions, offers, read_items, read_order

ROLES: dict[str, Role] = {
    "no": "before",
    "unseen": "after",
    "non": "next",
    "but": "end",
    "and": "and",
    "or": "or",
    ",": "comma",
    ".": "stop",
    "by": "part",
    "more": "more",
    "less": "less",
    "than": "than",
    "is": "verb",
    "the": "filler",
}


def items(line: str) -> list[Item]:
    """The items of a line of words, cues and signs, with spaces between them."""
    return read_items([Piece(ROLES.get(word, "word"), (word,)) for word in line.split()])


def negated(line: str) -> str:
    """The words of a line that are negated."""
    return " ".join(word for item in items(line) for word in item.negated)


def affirmed(line: str) -> str:
    """The words of a line that are affirmed."""
    return " ".join(word for item in items(line) for word in item.affirmed)


@pytest.mark.parametrize(
    ("line", "no", "yes"),
    [
        ("no mass", "mass", ""),
        ("the mass", "", "mass"),
        ("no mass or nodule but effusion", "mass nodule", "effusion"),
        ("no mass , nodule , or cyst", "mass nodule cyst", ""),
        ("no mass , nodule", "mass", "nodule"),
        ("no mass and nodule", "mass nodule", ""),
        ("no mass and the heart is large", "mass", "heart large"),
        ("no mass , the heart is large or wide", "mass", "heart large wide"),
        ("no mass . nodule", "mass", "nodule"),
        ("lung , no mass", "mass", "lung"),
        ("mass unseen", "mass", ""),
        ("heart , mass unseen", "mass", "heart"),
        ("heart . mass unseen", "mass", "heart"),
        ("mass and nodule unseen", "mass nodule", ""),
        ("mass , nodule and cyst unseen", "mass nodule cyst", ""),
        ("heart is large , mass and nodule unseen", "mass nodule", "heart large"),
        ("heart but mass unseen", "mass", "heart"),
        ("unseen lung", "lung", ""),
        ("mass unseen lung", "mass", "lung"),
        ("non calcified mass", "calcified", "mass"),
        ("no mass but no nodule", "mass nodule", ""),
        ("liver . no , spleen", "liver", "spleen"),
        ("liver , no , spleen or lung", "liver", "spleen lung"),
        ("heart . liver no", "liver", "heart"),
        ("heart . liver . no", "liver", "heart"),
        ("liver or no", "", "liver"),
        ("no , spleen", "", "spleen"),
        ("no mass by stone", "mass stone", ""),
        ("no", "", ""),
        ("", "", ""),
    ],
)
def test_the_reach_of_a_negation(line: str, no: str, yes: str) -> None:
    """A negation ends with its clause, a "but", a new verb, or a comma that no "or" follows; and reaches back alike."""
    assert (negated(line), affirmed(line)) == (no, yes)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("left lung", ["left lung"]),
        ("left lung , right", ["left lung", "right"]),
        ("left and right lung", ["left", "+right lung"]),
        ("left or right", ["left", "+right"]),
        ("left . right", ["left", "right"]),
        ("left , and right", ["left", "+right"]),
        (", , left , ,", ["left"]),
        ("mass by stone", ["mass", "stone"]),
    ],
)
def test_the_items_of_a_list(line: str, parts: list[str]) -> None:
    """Signs and conjunctions part items; only a conjunction ties one to the item before."""
    assert ["+" * item.tied + " ".join(item.affirmed) for item in items(line)] == parts


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("left more right", "left > right"),
        ("left less right", "right > left"),
        ("left heart than right heart", "heart left > heart right"),
        ("lung . left more right , heart", "left > right"),
        ("left more", ""),
        ("more right", ""),
        ("left right", ""),
    ],
)
def test_what_is_compared_with_what(line: str, order: str) -> None:
    """A comparison puts what stands before it above or below what stands behind it, where both sides say something."""
    found = read_order([Piece(ROLES.get(word, "word"), (word,)) for word in line.split()])[1]
    assert " > ".join(" ".join(sorted(side)) for side in found or ()) == order


def test_a_comparison_turned_round_says_the_other() -> None:
    """A "smaller than" with both sides says "larger", and its own word where a side is missing."""
    less = Piece("less", ("smaller", "larger"))
    left, right = Piece("word", ("left",)), Piece("word", ("right",))
    assert read_order([left, less, right])[0][1] == Piece("word", ("larger",))
    assert read_order([left, less])[0][1] == Piece("word", ("smaller",))


@pytest.mark.parametrize(
    ("line", "alternatives"),
    [
        ("left or right", "left|right"),
        ("left or right lung", "left|right"),
        ("left lung or right lung", "left|right"),
        ("mass liver or spleen", "liver|spleen"),
        ("liver , spleen or lung", "liver|spleen|lung"),
        ("liver or spleen . liver", ""),
        ("liver or liver", ""),
        ("no liver or spleen", ""),
        ("liver , spleen and lung", ""),
    ],
)
def test_the_alternatives_of_a_text(line: str, alternatives: str) -> None:
    """Round an "or" stand alternatives, each with what it has for itself, unless one is named elsewhere."""
    assert "|".join(" ".join(sorted(each)) for each in offers(items(line))) == alternatives


def test_what_stands_beside_a_concept() -> None:
    """A concept's companions are those of its items; an "and" may share those of an item of one word."""
    own, near = companions(items("mass and cyst liver , nodule lung"))
    assert {name: " ".join(sorted(each)) for name, each in own.items()} == {
        "mass": "mass",
        "cyst": "cyst liver",
        "liver": "cyst liver",
        "nodule": "lung nodule",
        "lung": "lung nodule",
    }
    assert {name: " ".join(sorted(near[name])) for name in ("mass", "lung")} == {
        "mass": "cyst liver mass",
        "lung": "lung nodule",
    }


def test_a_phrase_may_negate_itself() -> None:
    """A piece whose phrase negates its concepts is negated outside any reach."""
    assert read_items([Piece("word", ("contrast",), negated=True), Piece("word", ("ct",))]) == [
        Item(("ct",), ("contrast",), False)
    ]


@given(st.lists(st.sampled_from([*ROLES, "mass", "nodule", "lung"]), max_size=30))
def test_every_word_is_said_once(words: list[str]) -> None:
    """Whatever the order of words and cues, each word is either affirmed or negated, and none is lost."""
    line = " ".join(words)
    said = [word for item in items(line) for word in (*item.affirmed, *item.negated)]
    assert sorted(said) == sorted(word for word in words if word not in ROLES)


@given(st.lists(st.sampled_from(["mass", "nodule", "and", "or", ",", "."]), max_size=30))
def test_without_a_cue_nothing_is_negated(words: list[str]) -> None:
    """Where no word negates, nothing is negated."""
    assert negated(" ".join(words)) == ""
