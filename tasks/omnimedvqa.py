"""OmniMedVQA's rows with two to four options in one list; the gold is an option's text.

One row says `modality` for `modality_type`. A row whose answer is none of its options, or stands twice among them, is
quarantined; wrong options may repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from evalkit.choices import offered

Row = Mapping[str, object]

OPTIONS = ("option_A", "option_B", "option_C", "option_D")


def rows(split: str, read: Callable[[str], Iterator[Row]]) -> Iterator[Row]:
    """The rows of a split, each with its options and its modality."""
    for row in read(split):
        options = [row[option] for option in OPTIONS if row.get(option) not in (None, "")]
        modality = row["modality"] if "modality" in row else row["modality_type"]
        yield offered({**row, "modality_type": modality}, options, row["gt_answer"])
