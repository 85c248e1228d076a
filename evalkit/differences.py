"""Why two rules give one set of answers different numbers, in words: computed, row by row."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evalkit.answers import bucket_of, normalise, words
from evalkit.estimates import Marks, marks_of, slices_of
from evalkit.tally import ALL, FRACTION, KINDS, Tally
from evalkit.types import Response, Sample

FORMS = (
    "refusals and blank answers",
    "answers that are the gold but for case, punctuation or spaces",
    "answers longer than the gold",
    "other wording",
)
REFUSED, SAME, LONGER, OTHER = range(4)
FEW = 20  # scoring.md: smaller slices are not ranked


@dataclass
class Forms:
    """The form of each answer beside its gold, one byte a sample."""

    codes: array[int] = field(default_factory=lambda: array("b"))

    def add(self, sample: Sample, response: Response) -> None:
        """One more answer, in the order of the tally."""
        self.codes.append(_form(sample, response))


def _form(sample: Sample, response: Response) -> int:
    if bucket_of(response) is not None:
        return REFUSED
    said = normalise(response.text)
    if any(said == normalise(target) for target in sample.targets):
        return SAME
    longest = max((len(words(target)) for target in sample.targets), default=0)
    return LONGER if len(words(response.text)) > longest else OTHER


def explained(tally: Tally, forms: Forms, slice_name: str = ALL) -> str:
    """One sentence: which two rules lie furthest apart on a slice, and what share of it each cause has.

    Compared are marks that are right or wrong on at least half of the slice. The difference falls into the denominator
    (rows that only one of the two marks) and, on the rows that both mark, into the forms of the answers on which they
    disagree. Empty where fewer than two such rules are there, or where they agree.
    """
    members = next((found for name, found in slices_of(tally) if name == slice_name), None)
    if members is None or len(members) < FEW:
        return ""
    found = {
        name: marks_of(column, tally.size)
        for name, column in tally.columns.items()
        if not any(code >= 0 and code % KINDS == FRACTION for code in set(column.codes))
    }
    means = {
        name: float(marks.values[members][marks.marked[members]].mean())
        for name, marks in found.items()
        if 2 * marks.marked[members].sum() >= len(members)
    }
    if len(means) < 2 or max(means.values()) == min(means.values()):
        return ""
    high, low = max(means, key=lambda name: means[name]), min(means, key=lambda name: means[name])
    causes = _causes(found[high], found[low], np.frombuffer(forms.codes, dtype=np.int8), members)
    gap = 100 * (means[high] - means[low])
    parts = "; ".join(f"{100 * share:+.1f} {why}" for why, share in causes.items() if abs(share) >= 0.0005)
    numbers = [f"{name} ({100 * means[name]:.1f} on n = {found[name].marked[members].sum():,})" for name in (high, low)]
    where = "" if slice_name == ALL else f"On {slice_name}, "
    return f"{where}{numbers[0]} and {numbers[1]} lie furthest apart, by {gap:.1f} points: {parts}."


def _causes(high: Marks, low: Marks, forms: NDArray[np.int8], members: NDArray[np.intp]) -> dict[str, float]:
    """The parts of the difference of two means; they add up to it."""
    in_high, in_low = high.marked[members], low.marked[members]
    both = in_high & in_low
    gaps = (high.values[members] - low.values[members])[both]
    whole = high.values[members][in_high].mean() - low.values[members][in_low].mean()
    shares = {
        why: float(gaps[forms[members][both] == form].sum() / max(1, len(gaps))) for form, why in enumerate(FORMS)
    }
    text = f"from the denominator ({in_high.sum():,} rows against {in_low.sum():,}, {both.sum():,} in both)"
    return {text: float(whole) - sum(shares.values())} | {f"from {why}": share for why, share in shares.items()}
