"""VQA-RAD's yes/no questions, as HuatuoGPT-Vision asks them: A is yes, B is no."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from evalkit.choices import yes_or_no

Row = Mapping[str, object]


def rows(split: str, read: Callable[[str], Iterator[Row]]) -> Iterator[Row]:
    """The rows of a split whose answer is yes or no, with these two as options."""
    return yes_or_no(read(split))
