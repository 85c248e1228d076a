"""From a tally to estimates, by scorer and slice. Imported when the answers are in: numpy can wait till then."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from evalkit.stats import estimate
from evalkit.tally import ALL, BUCKETS, MISSING, Column, SliceEstimate, Tally
from evalkit.types import Estimate


def estimates(tally: Tally) -> list[SliceEstimate]:
    """By scorer in the task's order, and by slice: all samples first, then tag by tag."""
    slices = list(_slices(tally))
    return [
        SliceEstimate(scorer, name, found)
        for scorer, column in tally.columns.items()
        for name, members in slices
        if (found := _estimate(tally, column, members)) is not None
    ]


def _slices(tally: Tally) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Each slice's name, and the numbers of the samples in it, ascending."""
    yield ALL, np.arange(tally.size, dtype=np.int64)
    for name in sorted(tally.slices):
        yield name, np.frombuffer(tally.slices[name], dtype=np.int64)


def _estimate(tally: Tally, column: Column, members: NDArray[np.int64]) -> Estimate | None:
    """One scorer on one slice, None where it marks nothing there."""
    marked_samples = np.frombuffer(column.samples, dtype=np.int64)
    samples, inside, _ = np.intersect1d(marked_samples, members, assume_unique=True, return_indices=True)
    if not len(samples):
        return None
    values = np.frombuffer(column.values, dtype=np.float64)[inside]
    buckets = np.frombuffer(column.buckets, dtype=np.int8)[inside]
    marked = buckets != MISSING
    counts = {name: int((buckets == BUCKETS.index(name)).sum()) for name in BUCKETS if name != "parsed"}
    clusters = np.frombuffer(tally.clusters, dtype=np.int64)[samples][marked] if tally.clustered else None
    return estimate(values[marked], clusters, **counts)
