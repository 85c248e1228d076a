"""PMC-VQA, version 1: choices without their heads (`A: `), and the text of the choice that the label names.

What is malformed is quarantined: a label that is no letter, a choice headed by another's letter, empty or equal
choices, and an answer in words that is not the labelled choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from evalkit.choices import lettered

Row = Mapping[str, object]

CHOICES = ("Choice A", "Choice B", "Choice C", "Choice D")


def rows(split: str, read: Callable[[str], Iterator[Row]]) -> Iterator[Row]:
    """The rows of a split, each with its options and with the right one as its answer."""
    for row in read(split):
        yield lettered(row, [row[choice] for choice in CHOICES], row["Answer_label"], row.get("Answer", ""))
