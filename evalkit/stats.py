"""Statistics of marks. Every function cites its formula; all take and give fractions, not per cent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from evalkit.types import Estimate

Floats = NDArray[np.float64]

Z95 = float(ndtri(0.975))


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean with its standard errors: clustered, and naive (as if all samples were independent); None if undefined."""

    mean: float
    se: float | None
    se_naive: float | None
    clusters: int


def spread(values: Floats, clusters: NDArray[np.int64]) -> Spread:
    """The mean of `values` (shape [n]) and its errors, given each sample's cluster number (shape [n]).

    Clustered: sqrt(C/(C-1) · Σ_c (Σ_{i in c} (x_i - mean))² ) / n, after Miller 2024 (arXiv 2411.00640, eq. 4) with the
    small-sample factor C/(C-1). Naive: sample standard deviation / sqrt(n).
    """
    n = len(values)
    mean = float(values.mean())
    residuals = values - mean
    _, number = np.unique(clusters, return_inverse=True)
    sums = np.bincount(number, weights=residuals)
    count = len(sums)
    # A sum of squares, so never the root of a negative; rounding noise of a constant score is not an error.
    se = math.sqrt(count / (count - 1) * float(sums @ sums)) / n if count > 1 else None
    naive = math.sqrt(float(residuals @ residuals) / (n - 1) / n) if n > 1 else None
    return Spread(mean, se, naive, count)


def wilson(successes: float, n: float) -> tuple[float, float]:
    """The 95 % score interval of a proportion (Wilson 1927)."""
    p = successes / n
    centre = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def t_interval(mean: float, se: float, degrees: int) -> tuple[float, float]:
    """The 95 % interval mean ± t(0.975; degrees) · se."""
    half = float(stdtrit(degrees, 0.975)) * se
    return mean - half, mean + half


def estimate(  # noqa: PLR0913  (the counts are keyword-only and go straight into the value)
    values: Sequence[float] | Floats,
    clusters: Sequence[int] | NDArray[np.int64] | None,
    *,
    missing: int = 0,
    unparsed: int = 0,
    refused: int = 0,
    blank: int = 0,
) -> Estimate:
    """The mean of marks in [0, 1] with its 95 % interval; `clusters` None where the samples are independent.

    t at C-1 degrees of freedom on the clustered error. Wilson where there are no clusters and every mark is 0 or 1, and,
    on the number of clusters, where all marks are 0 or all are 1: there the clustered error is 0, which nobody believes.
    """
    marks = np.asarray(values, dtype=np.float64)
    counts = {"missing": missing, "unparsed": unparsed, "refused": refused, "blank": blank}
    n = len(marks)
    if n == 0:
        return Estimate(None, None, None, None, None, 0, 0, **counts)
    numbers = np.arange(n, dtype=np.int64) if clusters is None else np.asarray(clusters, dtype=np.int64)
    found = spread(marks, numbers)
    binary = bool(np.isin(marks, (0.0, 1.0)).all())
    low: float | None
    high: float | None
    if binary and (clusters is None or found.mean in (0.0, 1.0)):
        low, high = wilson(found.mean * found.clusters, found.clusters)
    elif found.se is None:
        low, high = None, None
    else:
        low, high = t_interval(found.mean, found.se, found.clusters - 1)
        low, high = max(0.0, low), min(1.0, high)
    return Estimate(found.mean, low, high, found.se, found.se_naive, n, found.clusters, **counts)


def paired_difference(
    first: Sequence[float] | Floats, second: Sequence[float] | Floats, clusters: Sequence[int] | NDArray[np.int64] | None
) -> Estimate:
    """The mean of `first - second`, sample by sample, with its clustered 95 % t interval (in [-1, 1])."""
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    n = len(differences)
    if n == 0:
        return Estimate(None, None, None, None, None, 0, 0)
    numbers = np.arange(n, dtype=np.int64) if clusters is None else np.asarray(clusters, dtype=np.int64)
    found = spread(differences, numbers)
    low, high = (None, None) if found.se is None else t_interval(found.mean, found.se, found.clusters - 1)
    return Estimate(found.mean, low, high, found.se, found.se_naive, n, found.clusters)
