"""Counting marks while they stream by, a few bytes a sample. What comes of them is in estimates.py."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import InitVar, dataclass, field

from evalkit.types import Estimate, Sample, Score

ALL = "all"
BUCKETS = ("parsed", "unparsed", "refused", "blank", "missing")
MISSING = BUCKETS.index("missing")

Mark = Score | None
"""A score, or None where the call failed: missing."""


@dataclass(frozen=True, slots=True)
class SliceEstimate:
    """An estimate with what it is of: a scorer, and `all` samples or those of one `tag=value`."""

    scorer: str
    slice: str
    estimate: Estimate


@dataclass
class Column:
    """The marks of one scorer: the sample's number, the value and the bucket of each."""

    samples: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    buckets: array[int] = field(default_factory=lambda: array("b"))


@dataclass
class Tally:
    """Marks by scorer, in the order of `scorers`, with each sample's cluster and slices.

    `buckets` counts samples: each in the worst bucket that any scorer put it in.
    """

    clustered: bool
    scorers: InitVar[Iterable[str]] = ()
    columns: dict[str, Column] = field(default_factory=dict)
    clusters: array[int] = field(default_factory=lambda: array("q"))
    _numbers: dict[str, int] = field(default_factory=dict)
    slices: dict[str, array[int]] = field(default_factory=dict)
    size: int = 0
    buckets: Counter[str] = field(default_factory=Counter)

    def __post_init__(self, scorers: Iterable[str]) -> None:
        self.columns |= {name: Column() for name in scorers}

    def add(self, sample: Sample, marks: Mapping[str, Mark]) -> None:
        """Counts one sample; `marks` holds the scorers that mark this kind of sample."""
        number = self.size
        self.size += 1
        self.clusters.append(self._numbers.setdefault(sample.cluster or f"\x00{number}", number))
        for tag, value in sample.tags.items():
            self.slices.setdefault(f"{tag}={value}", array("q")).append(number)
        for scorer, mark in marks.items():
            column = self.columns.setdefault(scorer, Column())
            column.samples.append(number)
            column.values.append(0.0 if mark is None else mark.value)
            column.buckets.append(MISSING if mark is None else BUCKETS.index(mark.bucket))
        found = [MISSING if mark is None else BUCKETS.index(mark.bucket) for mark in marks.values()]
        self.buckets[BUCKETS[max(found, default=0)]] += 1
