"""HuatuoGPT-Vision's collection: options as a list, the gold an option's text, `dataset` and `subset` to report by.

A row without options (MMMU's open questions) is quarantined, as the reference leaves it out of its scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from evalkit.choices import literal_list, offered

Row = Mapping[str, object]


def rows(split: str, read: Callable[[str], Iterator[Row]]) -> Iterator[Row]:
    """The rows of a split, each with its options."""
    for row in read(split):
        yield offered({"subset": "", **row}, literal_list(row["options"]) or (), row["answer"])
