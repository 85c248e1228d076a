"""PathVQA's rows with their picture's file; the official pickles name a picture `test_0167`.

A row of the pickles that repeats an earlier one (image, question and answer) is quarantined: the copy on the hub, which
most papers use, leaves it out too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

Row = Mapping[str, object]

PICTURE = re.compile(r"(train|val|test)_\d+")


def rows(split: str, read: Callable[[str], Iterator[Row]]) -> Iterator[Row]:
    """The rows of a split."""
    seen: set[tuple[object, ...]] = set()
    for row in read(split):
        picture = PICTURE.fullmatch(str(row["image"]))
        if picture is None:
            yield row
            continue
        key = (row["image"], row["question"], row["answer"])
        repeats = "it repeats an earlier row" if key in seen else ""
        seen.add(key)
        yield {**row, "image": f"images/{picture[1]}/{picture[0]}.jpg", "quarantine": repeats}
