"""SLAKE's CLOSED questions with options: those of HuatuoGPT-Vision's collection, or yes and no, or the question's own.

Which of the last two is told by the question's words alone. A question whose answer lies outside the options that it
names ("kidney or spleen?", Liver) is quarantined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from evalkit.answers import asks_yes_no, named_options, option_of
from evalkit.choices import YES_NO, literal_list, offered

Row = Mapping[str, object]


def rows(split: str, read: Callable[[str], Iterator[Row]]) -> Iterator[Row]:
    """The rows of a split, each with its options and with the right one as its answer."""
    for row in read(split):
        if "q_lang" in row:
            question, answer = str(row["question"]), str(row["answer"])
            options = YES_NO if asks_yes_no(question) else named_options(question)
            form = {"form": "yes_no" if options is YES_NO else "named"}
            yield offered({**row, **form}, options, option_of(answer, options, question, lettered=False) or answer)
        elif str(row["dataset"]).casefold().startswith("slake"):
            yield offered(row, literal_list(row["options"]) or (), row["answer"])
