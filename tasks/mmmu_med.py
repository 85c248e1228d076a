"""MMMU's rows with their options as a list, the right one as text, and their subject.

The copy on the hub writes options as Python writes a list, and several accepted answers of an open question so too. The
gold of a multiple-choice question is a letter. Where pictures are files they are named `<id>_1.png`, `<id>_2.png` …, as
many as question and options refer to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from evalkit.choices import lettered, literal_list

Row = Mapping[str, object]

REFERENCE = re.compile(r"<image (\d)>")


def rows(split: str, read: Callable[[str], Iterator[Row]]) -> Iterator[Row]:
    """The rows of a split."""
    for row in read(split):
        subject = re.sub(r"^[a-z]+_|_\d+$", "", str(row["id"]))
        yield from _made({"question_type": "multiple-choice", **row, "subject": subject})


def _made(row: Row) -> Iterator[Row]:
    options = literal_list(row["options"])
    if options is None:
        yield {**row, "quarantine": "its options are no list of texts"}
    elif row["question_type"] != "multiple-choice":
        answer = str(row["answer"])
        yield {**row, "options": [], "answer": literal_list(answer) or answer}
    else:
        named = REFERENCE.findall(" ".join((str(row["question"]), *options)))
        files = [f"{row['id']}_{number}.png" for number in sorted(set(named))]
        yield lettered({**row, "images": files}, options, row["answer"], distinct=False)
