"""Counting marks while they stream by, a few bytes a sample, and the estimates that come of them."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evalkit.stats import estimate
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
class _Column:
    """The marks of one scorer: the sample's number, the value and the bucket of each."""

    samples: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    buckets: array[int] = field(default_factory=lambda: array("b"))


@dataclass
class Tally:
    """Marks by scorer, with each sample's cluster and slices."""

    clustered: bool
    _columns: dict[str, _Column] = field(default_factory=dict)
    _clusters: array[int] = field(default_factory=lambda: array("q"))
    _cluster_numbers: dict[str, int] = field(default_factory=dict)
    _slices: dict[str, array[int]] = field(default_factory=dict)
    _size: int = 0
    first: Counter[str] = field(default_factory=Counter)

    def add(self, sample: Sample, marks: Mapping[str, Mark]) -> None:
        """Counts one sample; `marks` holds the scorers that mark this kind of sample, in the task's order."""
        number = self._size
        self._size += 1
        self._clusters.append(self._cluster_numbers.setdefault(sample.cluster or f"\x00{number}", number))
        for tag, value in sample.tags.items():
            self._slices.setdefault(f"{tag}={value}", array("q")).append(number)
        for scorer, mark in marks.items():
            column = self._columns.setdefault(scorer, _Column())
            column.samples.append(number)
            column.values.append(0.0 if mark is None else mark.value)
            column.buckets.append(MISSING if mark is None else BUCKETS.index(mark.bucket))
        # The run's own counts follow the first scorer that marks the sample: the task's strict one.
        leading = next(iter(marks.values()), None)
        self.first["missing" if marks and leading is None else leading.bucket if leading else "parsed"] += 1

    def estimates(self) -> list[SliceEstimate]:
        """By scorer in the task's order, and by slice: all, then tag by tag."""
        clusters = np.frombuffer(self._clusters, dtype=np.int64)
        found = []
        for scorer, column in self._columns.items():
            for name, members in self._members():
                one = self._estimate(column, clusters, members)
                if one is not None:
                    found.append(SliceEstimate(scorer, name, one))
        return found

    def _members(self) -> Iterable[tuple[str, NDArray[np.bool_] | None]]:
        yield ALL, None
        for name in sorted(self._slices):
            inside = np.zeros(self._size, dtype=np.bool_)
            inside[np.frombuffer(self._slices[name], dtype=np.int64)] = True
            yield name, inside

    def _estimate(
        self, column: _Column, clusters: NDArray[np.int64], members: NDArray[np.bool_] | None
    ) -> Estimate | None:
        samples = np.frombuffer(column.samples, dtype=np.int64)
        values = np.frombuffer(column.values, dtype=np.float64)
        buckets = np.frombuffer(column.buckets, dtype=np.int8)
        if members is not None:
            keep = members[samples]
            samples, values, buckets = samples[keep], values[keep], buckets[keep]
        if not len(samples):
            return None
        marked = buckets != MISSING
        counts = {name: int((buckets == BUCKETS.index(name)).sum()) for name in BUCKETS if name != "parsed"}
        groups = clusters[samples][marked] if self.clustered else None
        return estimate(values[marked], groups, **counts)
