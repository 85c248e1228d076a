"""Statistics of marks, against brute force, against scipy and against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from evalkit.stats import estimate, paired_difference, spread, t_interval, t_quantile, wilson
from evalkit.types import Estimate

MARKS = st.lists(st.sampled_from([0.0, 1.0]) | st.floats(0, 1), min_size=1, max_size=40)


def brute_force(values: list[float], clusters: list[int]) -> float:
    """Miller 2024 (arXiv 2411.00640), eq. 4, pair by pair, with the factor C/(C-1)."""
    n, count = len(values), len(set(clusters))
    mean = math.fsum(values) / n
    pairs = math.fsum(
        (values[i] - mean) * (values[j] - mean) for i in range(n) for j in range(n) if clusters[i] == clusters[j]
    )
    return math.sqrt(max(pairs, 0.0) / n**2 * count / (count - 1))


@pytest.mark.parametrize("seed", range(20))
def test_the_clustered_error_is_the_published_formula(seed: int) -> None:
    """The clustered error equals the formula summed pair by pair, whatever numbers the clusters bear."""
    rng = np.random.default_rng(seed)
    values = rng.random(60) if seed % 2 else (rng.random(60) < 0.6).astype(float)
    clusters = rng.integers(0, 15, 60) * 1000 - 7

    found = spread(values, clusters)

    assert found.se == pytest.approx(brute_force(values.tolist(), clusters.tolist()), rel=1e-9)
    assert found.mean == pytest.approx(math.fsum(values) / 60)
    assert found.clusters == len(set(clusters.tolist()))


def test_the_naive_error_is_that_of_a_mean() -> None:
    """The naive error is the sample standard deviation over the root of n."""
    values = np.random.default_rng(1).random(50)

    assert spread(values, np.zeros(50, dtype=np.int64)).se_naive == pytest.approx(scipy_stats.sem(values))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_clusters_of_one_are_no_clusters(values: list[float]) -> None:
    """Where every sample is a cluster of its own, the clustered error is the naive one."""
    found = spread(np.array(values), np.arange(len(values)))

    assert found.se == pytest.approx(found.se_naive, abs=1e-12)


def test_copies_of_samples_tell_nothing_new() -> None:
    """Asking every sample three times leaves the clustered error as it was, while the naive one shrinks."""
    values = np.random.default_rng(2).random(40)
    once = spread(values, np.arange(40))

    thrice = spread(np.repeat(values, 3), np.repeat(np.arange(40), 3))

    assert thrice.se == pytest.approx(once.se)
    assert thrice.se_naive < once.se_naive  # type: ignore[operator]


@pytest.mark.parametrize("n", [1, 2, 3, 10, 100, 451, 5000])
def test_wilson_is_the_score_interval(n: int) -> None:
    """The interval of a proportion is scipy's Wilson interval, for every number of successes."""
    for k in sorted({0, 1, n // 3, n // 2, n - 1, n}):
        expected = scipy_stats.binomtest(k, n).proportion_ci(method="wilson")
        assert wilson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_ends_at_the_mean_where_all_are_alike() -> None:
    """The interval of 0 of n begins at exactly 0, and that of n of n ends at exactly 1, for every n."""
    assert [n for n in range(1, 2000) if wilson(0, n)[0] != 0.0] == []
    assert [n for n in range(1, 2000) if wilson(n, n)[1] != 1.0] == []


@pytest.mark.parametrize("degrees", [*range(1, 260), *range(260, 3000, 37), 10**4, 10**5, 10**6, 10**9])
def test_the_t_quantile_is_exact(degrees: int) -> None:
    """The 0.975 quantile of Student's t agrees with scipy's to 1e-9 at every number of degrees."""
    assert t_quantile(degrees) == pytest.approx(float(scipy_stats.t.ppf(0.975, degrees)), abs=1e-9)


def test_the_t_interval_is_symmetric() -> None:
    """The interval is mean ± t · se."""
    low, high = t_interval(0.5, 0.1, 9)

    assert (low, high) == pytest.approx(scipy_stats.t.interval(0.95, 9, loc=0.5, scale=0.1))


def test_no_samples_have_no_mean() -> None:
    """An estimate of nothing has no value, no interval and n = 0, and still counts what is missing."""
    assert estimate([], None, missing=3) == Estimate(None, None, None, None, None, 0, 0, missing=3)
    assert estimate([], []).value is None
    assert paired_difference([], [], None) == Estimate(None, None, None, None, None, 0, 0)


def test_counts_go_into_the_estimate() -> None:
    """What was missing, unparsed, refused and blank is part of the estimate and moves nothing else."""
    found = estimate([0, 1, 1], None, missing=1, unparsed=2, refused=3, blank=4)

    assert (found.missing, found.unparsed, found.refused, found.blank) == (1, 2, 3, 4)
    assert (found.value, found.n, found.clusters) == (pytest.approx(2 / 3), 3, 3)


@pytest.mark.parametrize("mark", [0.0, 1.0])
@pytest.mark.parametrize("n", [1, 2, 7, 200])
def test_all_wrong_or_all_right_is_not_certain(mark: float, n: int) -> None:
    """Where all marks are 0, or all 1, the interval is Wilson's on the number of clusters, and has a width."""
    alone, grouped = estimate([mark] * n, None), estimate([mark] * n, [number // 2 for number in range(n)])

    assert (alone.low, alone.high) == wilson(mark * n, n)
    assert (grouped.low, grouped.high) == wilson(mark * grouped.clusters, grouped.clusters)
    for found in (alone, grouped):
        assert found.value == mark
        assert found.low is not None
        assert found.high is not None
        assert found.high - found.low > 0.01


def test_one_sample_has_an_interval_but_no_error() -> None:
    """One mark of 0 or 1 has Wilson's interval; its standard errors are undefined, not 0."""
    found = estimate([1], None)

    assert (found.se, found.se_naive, found.n, found.clusters) == (None, None, 1, 1)
    assert (found.low, found.high) == wilson(1, 1)


def test_one_mark_between_has_no_error_and_a_wide_interval() -> None:
    """One mark that is neither 0 nor 1 has no error; its interval is that of one draw."""
    assert estimate([0.5], None) == Estimate(0.5, *wilson(0.5, 1), None, None, 1, 1)


def test_one_cluster_counts_as_one_draw() -> None:
    """Mixed marks in a single cluster have no clustered error; the interval is that of one draw, not of four."""
    found = estimate([0, 1, 1, 0], [5, 5, 5, 5])

    assert (found.value, found.low, found.high) == (0.5, *wilson(0.5, 1))
    assert (found.se, found.clusters) == (None, 1)
    assert found.se_naive == pytest.approx(scipy_stats.sem([0, 1, 1, 0]))


@pytest.mark.parametrize("mark", [0.1, 0.5, 1 / 3])
def test_clusters_that_are_all_alike_are_not_believed(mark: float) -> None:
    """Where every cluster has the same mean, the interval is Wilson's on the number of clusters."""
    found = estimate([mark] * 6, [0, 0, 1, 1, 2, 2])
    assert (found.low, found.high) == pytest.approx(wilson(3 * mark, 3))


def test_independent_binary_marks_have_wilsons_interval() -> None:
    """Marks of 0 and 1 without clusters have Wilson's interval."""
    found = estimate([1] * 30 + [0] * 10, None)

    assert (found.low, found.high) == pytest.approx(wilson(30, 40))


def test_clustered_marks_have_a_t_interval_on_the_clusters() -> None:
    """Clustered marks have a t interval on their clustered error, with one degree fewer than there are clusters."""
    values, clusters = [1, 1, 0, 1, 0, 0, 1, 1, 1, 0], [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]

    found = estimate(values, clusters)

    error = brute_force([float(value) for value in values], clusters)
    assert found.se == pytest.approx(error)
    low, high = scipy_stats.t.interval(0.95, 4, loc=0.6, scale=error)
    assert (found.low, found.high) == pytest.approx((max(0.0, low), min(1.0, high)))


@given(MARKS, st.data())
def test_an_interval_holds_its_value_and_stays_in_range(marks: list[float], data: st.DataObject) -> None:
    """Whatever the marks and clusters, 0 ≤ low ≤ value ≤ high ≤ 1 and nothing is NaN."""
    numbers = st.lists(st.integers(0, 5), min_size=len(marks), max_size=len(marks))
    found = estimate(marks, data.draw(st.none() | numbers))

    assert found.value is not None
    assert all(not math.isnan(each) for each in (found.value, found.se or 0.0, found.se_naive or 0.0))
    assert (found.low is None) == (found.high is None)
    if found.low is not None and found.high is not None:
        assert 0.0 <= found.low <= found.value <= found.high <= 1.0


@given(MARKS, st.randoms(use_true_random=False))
def test_the_order_of_samples_makes_no_difference(marks: list[float], shuffle: object) -> None:
    """An estimate is of a set of samples: another order gives the same numbers."""
    clusters = [number % 4 for number in range(len(marks))]
    order = list(range(len(marks)))
    shuffle.shuffle(order)  # type: ignore[attr-defined]

    first, second = estimate(marks, clusters), estimate([marks[i] for i in order], [clusters[i] for i in order])

    assert second.value == pytest.approx(first.value)
    assert (second.low is None) == (first.low is None)
    if first.low is not None:
        assert (second.low, second.high) == pytest.approx((first.low, first.high), abs=1e-7)


def test_the_interval_covers_the_truth() -> None:
    """On clustered data the 95 % interval holds the true rate about 95 times in 100; one without clusters does not."""
    rng = np.random.default_rng(20)
    truth, repeats = 0.6, 1500
    clusters = np.repeat(np.arange(80), 5)
    clustered = naive = 0
    for _ in range(repeats):
        rates = rng.beta(truth * 2, (1 - truth) * 2, 80)
        marks = (rng.random(400) < rates[clusters]).astype(float)
        for found, weight in ((estimate(marks, clusters), 1), (estimate(marks, None), 0)):
            inside = found.low <= truth <= found.high  # type: ignore[operator]
            clustered += inside * weight
            naive += inside * (1 - weight)

    assert 0.93 <= clustered / repeats <= 0.97
    assert naive / repeats < 0.90


@pytest.mark.parametrize("seed", range(5))
def test_a_paired_difference_is_the_paired_t_test(seed: int) -> None:
    """Without clusters, the difference of two models has scipy's paired t interval."""
    rng = np.random.default_rng(seed)
    first, second = (rng.random(80) < 0.7).astype(float), (rng.random(80) < 0.6).astype(float)

    found = paired_difference(first, second, None)

    expected = scipy_stats.ttest_rel(first, second).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.value == pytest.approx(float((first - second).mean()))


def test_a_paired_difference_counts_clusters() -> None:
    """With clusters, the difference has the clustered error and the degrees of its clusters."""
    first, second = [1.0, 1, 0, 1, 1, 0], [0.0, 1, 0, 0, 1, 1]
    clusters = [0, 0, 1, 1, 2, 2]

    found = paired_difference(first, second, clusters)

    error = brute_force([a - b for a, b in zip(first, second, strict=True)], clusters)
    assert (found.se, found.clusters, found.n) == (pytest.approx(error), 3, 6)


PAIRS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20)


@given(PAIRS)
def test_a_paired_difference_turns_with_its_models(pairs: list[tuple[float, float]]) -> None:
    """Exchanging the two models turns the sign of the difference and of its interval."""
    first, second = [a for a, _ in pairs], [b for _, b in pairs]

    there, back = paired_difference(first, second, None), paired_difference(second, first, None)

    assert there.value is not None
    assert back.value == pytest.approx(-there.value)
    if there.low is not None and there.high is not None:
        assert there.low <= there.value <= there.high
        assert (back.low, back.high) == pytest.approx((-there.high, -there.low))


@given(PAIRS)
def test_a_paired_difference_stays_in_range(pairs: list[tuple[float, float]]) -> None:
    """A difference of marks in [0, 1], and its interval, lie in [-1, 1]."""
    found = paired_difference([a for a, _ in pairs], [b for _, b in pairs], None)

    assert found.value is not None
    assert all(-1.0 <= each <= 1.0 for each in (found.value, found.low or 0.0, found.high or 0.0))


def test_a_mean_of_one_sample_has_no_difference_interval() -> None:
    """One pair has a difference and no interval."""
    assert paired_difference([1], [0], None) == Estimate(1.0, None, None, None, None, 1, 1)
