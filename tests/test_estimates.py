"""From marks to estimates: what is in which denominator, by scorer and by slice."""

from __future__ import annotations

import pytest

from evalkit.estimates import estimates
from evalkit.stats import estimate
from evalkit.tally import Mark, Tally
from evalkit.types import Bucket, Estimate, Sample, Score


def sample(number: int, cluster: str = "", **tags: str) -> Sample:
    """A sample of a cluster with tags."""
    return Sample(str(number), "?", ("yes",), tags=tags, cluster=cluster)


def score(value: float, bucket: Bucket = "parsed") -> Score:
    """A mark in a bucket."""
    return Score(value, bucket=bucket)


def found(tally: Tally) -> dict[tuple[str, str], Estimate]:
    """Every estimate of a tally by scorer and slice."""
    return {(each.scorer, each.slice): each.estimate for each in estimates(tally)}


def counted(*marks: Mark, clustered: bool = False) -> Tally:
    """A tally of one scorer's marks."""
    tally = Tally(clustered)
    for number, mark in enumerate(marks):
        tally.add(sample(number), {"strict": mark})
    return tally


def test_every_bucket_is_counted() -> None:
    """Unparsed, refused and blank answers are counted and are among the n, as the 0 that they were marked."""
    tally = counted(score(1), score(0, "unparsed"), score(0, "unparsed"), score(0, "refused"), score(0, "blank"))

    total = found(tally)["strict", "all"]

    assert (total.n, total.unparsed, total.refused, total.blank, total.missing) == (5, 2, 1, 1, 0)
    assert total.value == pytest.approx(0.2)


def test_missing_is_not_wrong() -> None:
    """A failed call is counted as missing, and is in neither n nor the mean."""
    total = found(counted(score(1), None, score(1), None))["strict", "all"]

    assert (total.value, total.n, total.missing) == (1.0, 2, 2)


def test_all_missing_has_no_value() -> None:
    """Where every call failed there is an estimate with n = 0 and no value, never a 0."""
    total = found(counted(None, None))["strict", "all"]

    assert (total.value, total.low, total.n, total.missing, total.clusters) == (None, None, 0, 2, 0)


def test_nothing_counted_has_no_estimates() -> None:
    """A tally of no samples has no estimates."""
    assert estimates(Tally(clustered=True)) == []


def test_slices_are_by_tag() -> None:
    """Each tag's value is a slice with its own n, missing and counts; a sample without the tag is in none of them."""
    tally = Tally(clustered=False)
    tally.add(sample(0, side="left", organ="lung"), {"strict": score(1)})
    tally.add(sample(1, side="left"), {"strict": score(0, "refused")})
    tally.add(sample(2, side="right"), {"strict": None})
    tally.add(sample(3), {"strict": score(1)})

    by_slice = {name: each for (_, name), each in found(tally).items()}

    assert list(by_slice) == ["all", "organ=lung", "side=left", "side=right"]
    assert {name: (each.n, each.missing, each.refused) for name, each in by_slice.items()} == {
        "all": (3, 1, 1),
        "organ=lung": (1, 0, 0),
        "side=left": (2, 0, 1),
        "side=right": (0, 1, 0),
    }
    assert by_slice["side=left"].value == 0.5


def test_a_scorer_counts_only_what_it_marks() -> None:
    """A scorer that leaves out a kind has only the others in n, and no line for a slice that it never marks."""
    tally = Tally(clustered=False)
    tally.add(sample(0, kind="closed"), {"strict": score(1), "closed": score(1)})
    tally.add(sample(1, kind="open"), {"strict": score(0)})
    tally.add(sample(2, kind="closed"), {"strict": None, "closed": None})

    by_name = found(tally)

    assert (by_name["strict", "all"].n, by_name["strict", "all"].missing) == (2, 1)
    assert (by_name["closed", "all"].n, by_name["closed", "all"].missing) == (1, 1)
    assert ("closed", "kind=open") not in by_name
    assert by_name["strict", "kind=open"].value == 0.0


def test_scorers_stand_in_the_tasks_order() -> None:
    """Estimates come scorer by scorer in the order of the task, `all` first."""
    tally = Tally(clustered=False)
    tally.add(sample(0, side="left"), {"z": score(1), "a": score(1)})

    assert [(each.scorer, each.slice) for each in estimates(tally)] == [
        ("z", "all"),
        ("z", "side=left"),
        ("a", "all"),
        ("a", "side=left"),
    ]


def test_clusters_are_those_of_the_samples() -> None:
    """A clustered tally's estimate is that of its marks by cluster, in whatever order they came."""
    clusters = ["x", "y", "x", "z", "y", "x"]
    values = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    tally = Tally(clustered=True)
    for number, (cluster, value) in enumerate(zip(clusters, values, strict=True)):
        tally.add(sample(number, cluster), {"strict": score(value)})

    assert found(tally)["strict", "all"] == estimate(values, [0, 1, 0, 2, 1, 0])


def test_clusters_count_only_where_samples_are_marked() -> None:
    """A cluster whose samples are all missing, or outside the slice, is not among the clusters."""
    tally = Tally(clustered=True)
    tally.add(sample(0, "x", side="left"), {"strict": score(1)})
    tally.add(sample(1, "y", side="right"), {"strict": score(0)})
    tally.add(sample(2, "z", side="left"), {"strict": None})

    assert found(tally)["strict", "all"].clusters == 2
    assert found(tally)["strict", "side=left"].clusters == 1


def test_a_sample_without_a_cluster_is_its_own() -> None:
    """In a clustered tally a sample that names no cluster shares one with nobody."""
    tally = counted(score(1), score(0), score(1), clustered=True)

    assert found(tally)["strict", "all"].clusters == 3


def test_an_unclustered_tally_takes_samples_for_independent() -> None:
    """Where the task declares no clusters, the estimate is that of independent marks, whatever the samples say."""
    tally = Tally(clustered=False)
    for number in range(4):
        tally.add(sample(number, "same"), {"strict": score(number % 2)})

    assert found(tally)["strict", "all"] == estimate([0, 1, 0, 1], None)


def test_the_runs_counts_are_of_samples() -> None:
    """The run's own counts put each sample once, into the worst bucket that any scorer found for it."""
    tally = Tally(clustered=False)
    tally.add(sample(0), {"strict": score(1), "loose": score(1, "unparsed")})
    tally.add(sample(1), {"strict": score(0, "blank"), "loose": score(1)})
    tally.add(sample(2), {"strict": None, "loose": None})
    tally.add(sample(3), {})

    assert tally.size == 4
    assert dict(tally.buckets) == {"parsed": 1, "unparsed": 1, "blank": 1, "missing": 1}
