"""The drawn data set as a source: its splits, its rows and its pictures."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from evalkit.errors import DataError, UsageError
from evalkit.sources.base import Inside
from evalkit.sources.phantom import Phantom

KEYS = ["id", "question", "answer", "options", "kind", "image", "modality", "region", "plane", "topic"]


def rows(source: Phantom) -> list[dict[str, object]]:
    """All rows of the source."""
    return [dict(row) for row in source.rows(Path())]


def test_it_needs_no_folder() -> None:
    """Drawn data is always found, whatever folders there are."""
    assert Phantom().find([]) == Path()
    assert Phantom().find([Path("/nowhere")]) == Path()


@pytest.mark.parametrize(("split", "images"), [("test", 80), ("train", 240)])
def test_a_split_has_ten_questions_about_each_picture(split: str, images: int) -> None:
    """The test split has 80 pictures and the train split 240, each with ten rows next to each other."""
    found = rows(Phantom(split))

    assert Counter(row["image"] for row in found) == dict.fromkeys((f"{split}/{i:04}.png" for i in range(images)), 10)
    assert [row["image"] for row in found] == sorted(str(row["image"]) for row in found)
    assert len({row["id"] for row in found}) == len(found)


def test_rows_have_the_same_keys_and_strings() -> None:
    """A row's values are strings, but for the tuple of options; its picture lives inside the source."""
    for row in rows(Phantom(images=5)):
        assert list(row) == KEYS
        assert isinstance(row["options"], tuple)
        assert isinstance(row["image"], Inside)
        assert all(isinstance(value, str) for key, value in row.items() if key != "options")


def test_the_same_seed_gives_the_same_rows_and_bytes() -> None:
    """Two sources with equal fields give equal rows and equal bytes."""
    assert rows(Phantom(seed=7, images=8)) == rows(Phantom(seed=7, images=8))
    assert Phantom(seed=7).read_image(Path(), "test/0003.png") == Phantom(seed=7).read_image(Path(), "test/0003.png")


def test_bytes_are_known() -> None:
    """The first test picture and the test split's rows are these, on every machine."""
    picture = hashlib.sha256(Phantom().read_image(Path(), "test/0000.png")).hexdigest()
    table = hashlib.sha256(repr([tuple(map(str, row.values())) for row in rows(Phantom())]).encode()).hexdigest()

    assert (picture[:16], table[:16]) == ("d6811143b774c7de", "986862d9e0545ee2")


def test_another_seed_gives_other_rows_and_bytes() -> None:
    """The seed decides both the questions and the pixels."""
    assert rows(Phantom(seed=1, images=8)) != rows(Phantom(seed=2, images=8))
    assert Phantom(seed=1).read_image(Path(), "test/0003.png") != Phantom(seed=2).read_image(Path(), "test/0003.png")


def test_splits_share_no_picture_and_no_id() -> None:
    """No picture and no id of the test split is in the train split."""
    test, train = Phantom(images=20), Phantom("train", images=20)

    pictures = [
        {source.read_image(Path(), str(row["image"])) for row in rows(source)[::10]} for source in (test, train)
    ]

    assert len(pictures[0]) == len(pictures[1]) == 20
    assert pictures[0].isdisjoint(pictures[1])
    assert {row["id"] for row in rows(test)}.isdisjoint(row["id"] for row in rows(train))


def test_more_pictures_leave_the_first_as_they_are() -> None:
    """A smaller data set is the beginning of a larger one."""
    assert rows(Phantom(images=3)) == rows(Phantom(images=6))[:30]


def test_test_questions_can_be_learned_from_train() -> None:
    """At least 95 % of the test questions were asked 15 times or more in the train split, in the same words."""
    taught = Counter(row["question"] for row in rows(Phantom("train")))

    often = [taught[row["question"]] >= 15 for row in rows(Phantom())]

    assert sum(often) / len(often) >= 0.95


def test_every_kind_and_both_answers_are_common() -> None:
    """Each kind of question is at least a tenth of the test split, and neither Yes nor No more than two thirds."""
    found = rows(Phantom())
    kinds = Counter(row["kind"] for row in found)
    answers = Counter(row["answer"] for row in found if row["kind"] == "yes_no")

    assert min(kinds[kind] for kind in ("yes_no", "choice", "open")) >= len(found) / 10
    assert max(answers.values()) <= sum(answers.values()) * 2 / 3


@pytest.mark.parametrize("name", ["test/0080.png", "train/0000.png", "0000.png", "test/0000.jpg"])
def test_an_unknown_picture_is_named(name: str) -> None:
    """A picture that the split does not have is an error that names it and those that there are."""
    with pytest.raises(DataError, match=rf"{name}.*test/0000\.png to test/0079\.png"):
        Phantom().read_image(Path(), name)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"split": "dev"}, "split: 'dev'"), ({"seed": -1}, "seed: -1"), ({"images": 0}, "images: 0")],
)
def test_impossible_options_are_refused(options: dict[str, object], message: str) -> None:
    """A split, a seed or a number of pictures that cannot be is an error that names the option."""
    with pytest.raises(UsageError, match=message):
        Phantom(**options)  # type: ignore[arg-type]
