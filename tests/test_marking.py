"""One answer under many rules: names of marks, what counts as refused, and what is no mark."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pytest

from evalkit.estimates import estimates
from evalkit.marking import columns, mark
from evalkit.rules import build_rules
from evalkit.scorers.base import Scorer
from evalkit.scorers.exact_match import ExactMatch
from evalkit.scorers.published.base import CRASH, Published, plain
from evalkit.tally import Tally
from evalkit.types import Response, Sample, Score


@dataclass(frozen=True)
class Theirs(Published):
    """A rule that crashes on "boom", draws on "any", and takes everything else."""

    source: ClassVar[str] = "somebody/else @0000000"
    texts: ClassVar[tuple[str, ...]] = ("right", "never")
    choices: ClassVar[tuple[str, ...]] = ("choice", "correct")

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """One mark of the two."""
        name = "correct" if sample.options else "right"
        if response.text == "any":
            return {name: Score(math.nan, bucket="random")}
        return {name: CRASH if response.text == "boom" else Score(1.0, "B") if sample.options else plain(1)}

    def details(self, score: Score) -> Mapping[str, object]:
        """What was chosen."""
        return {"choice": score.answer or None}


RULES: dict[str, Scorer] = {"published/theirs": Theirs(), "exact_match": ExactMatch()}
SAMPLE = Sample("1", "Is there a mass?", ("yes",), tags={"side": "left"})
CHOICE = Sample("2", "Which?", ("CT",), options=("MRI", "CT"), kind="choice")


def test_a_mark_is_named_by_rule_and_mark() -> None:
    """A published rule's marks are columns `<rule>.<mark>`; a scorer with one mark has its own name."""
    assert list(mark(RULES, SAMPLE, Response("yes")).marks) == ["theirs.right", "exact_match"]


@pytest.mark.parametrize(
    ("text", "bucket"), [("I'm sorry, but I can't help with that.", "refused"), (" ", "blank"), ("yes", "parsed")]
)
def test_a_published_mark_stays_and_is_counted_as_what_it_is(text: str, bucket: str) -> None:
    """A published rule's mark of a refusal is the original's, even 1; it is counted as a refusal all the same."""
    found = mark(RULES, SAMPLE, Response(text)).marks["theirs.right"]
    assert found is not None
    assert (found.value, found.bucket) == (1.0, bucket)


def test_a_crash_and_a_draw_are_in_no_mean() -> None:
    """Where the original would raise or draw there is no mark: both are counted beside the n, not in it."""
    tally = Tally(clustered=False)
    for text in ("yes", "boom", "any", "any"):
        marked = mark(RULES, SAMPLE, Response(text))
        tally.add(marked.sample, marked.marks)
    found = next(each.estimate for each in estimates(tally) if each.scorer == "theirs.right" and each.slice == "all")
    assert (found.value, found.n, found.crash, found.random) == (1.0, 1, 1, 2)
    assert tally.buckets["parsed"] == 4


def test_a_failed_call_is_missing_under_every_mark() -> None:
    """A failed call has no mark under any rule, and every mark that an answer would have got is missing."""
    assert mark(RULES, SAMPLE, Response(error="timeout")).marks == {"theirs.right": None, "exact_match": None}


@pytest.mark.parametrize(
    ("text", "value"), [("yes", 1.0), ("boom", "crash"), ("any", None)], ids=["mark", "crash", "draw"]
)
def test_columns_are_what_the_original_gives(text: str, value: object) -> None:
    """A published rule's columns hold a number, "crash" or nothing; a mark that it does not give is there, empty."""
    found = columns(RULES, mark(RULES, SAMPLE, Response(text)))
    assert (found["theirs.right"], found["theirs.never"]) == (value, None)
    assert {"exact_match.value", "exact_match.bucket", "exact_match.answer", "exact_match.rule"} <= set(found)


def test_a_choice_comes_with_its_details() -> None:
    """Beside a choice's mark stands what was chosen."""
    found = columns(RULES, mark(RULES, CHOICE, Response("B")))
    assert (found["theirs.correct"], found["theirs.choice"]) == (1.0, "B")


def test_slices_are_the_tags_unless_given() -> None:
    """A marked sample counts in the slices of its tags, or in those that are given instead."""
    assert mark(RULES, SAMPLE, Response("yes")).slices == {"side": "left"}
    assert mark(RULES, SAMPLE, Response("yes"), {"in_task": "no"}).slices == {"in_task": "no"}


def test_a_tally_keeps_values_as_they_are() -> None:
    """Zeros, ones and fractions come out of a tally as they went in, with gaps where a rule gives no mark."""
    tally = Tally(clustered=False)
    for number, value in enumerate((0.0, 1.0, 0.25, None, 1 / 3)):
        marks = {} if value is None else {"f1": Score(value)}
        tally.add(Sample(str(number), "?", ()), {"all": Score(0.0), **marks})
    found = {each.scorer: each.estimate for each in estimates(tally)}
    assert found["f1"].n == 4
    assert found["f1"].value == pytest.approx((1.25 + 1 / 3) / 4, abs=1e-15)
    assert found["all"].n == 5


def test_a_blank_choice_keeps_the_originals_details() -> None:
    """What a blank or refused answer counts as does not change what the original says of it."""
    rules = build_rules(["vlmevalkit,multimedeval"], {})
    for text in ("", "I'm sorry, I can't help with that."):
        found = columns(rules, mark(rules, CHOICE, Response(text)))
        assert found["vlmevalkit.to_llm"] is True
        assert found["gold_letter"] == "B"
    found = columns(rules, mark(rules, CHOICE, Response("")))
    assert found["multimedeval.choice"] == "Invalid answer"
