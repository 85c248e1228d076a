"""VQA-RAD's rows with their question types spelt one way and, on the official file, what of each leaked into train.

`leak` of a test question, the strongest that applies:
    reframed-in-train   the popular 3,064-row train file holds this question about this image in other words (the
                        official file's `question_frame`), or in these very words
    image-in-train      the image, though not the question, is in the official train set
    clean               neither
`reframed` says the first alone: its `no` is the subset on which a model trained on that file was not told the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

Row = Mapping[str, object]

MISSPELT = {"ATRIB": "ATTRIB", "PRSE": "PRES"}


def rows(split: str, read: Callable[[str], Iterator[Row]]) -> Iterator[Row]:
    """The rows of a split; those of the official test set carry `leak` and `reframed`."""
    leak = None
    for row in read(split):
        if "question_type" not in row:
            yield row
            continue
        corrected = {**row, "question_type": _question_type(str(row["question_type"]))}
        if "question_frame" in row:
            leak = leak or (_leaks(read) if split == "test" else lambda _: "")
            found = leak(row)
            corrected |= {"leak": found, "reframed": _reframed(found)}
        yield corrected


def _leaks(read: Callable[[str], Iterator[Row]]) -> Callable[[Row], str]:
    train, test = list(read("train")), list(read("test"))
    images = {row["image_name"] for row in train}
    texts = {(row["image_name"], _words(row["question"])) for row in train}
    texts |= {(row["image_name"], _words(row["question_frame"])) for row in (*train, *test) if _has_frame(row)}

    def leak(row: Row) -> str:
        if _has_frame(row) or (row["image_name"], _words(row["question"])) in texts:
            return "reframed-in-train"
        return "image-in-train" if row["image_name"] in images else "clean"

    return leak


def _reframed(leak: str) -> str:
    return {"": "", "reframed-in-train": "yes"}.get(leak, "no")


def _has_frame(row: Row) -> bool:
    return str(row["question_frame"]).strip() not in ("NULL", "")


def _words(text: object) -> str:
    return " ".join(re.findall(r"\w+", str(text).lower()))


def _question_type(text: str) -> str:
    parts = [part.strip().upper() for part in text.split(",")]
    return "+".join(sorted(MISSPELT.get(part, part) for part in parts))
