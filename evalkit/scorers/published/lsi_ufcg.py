"""The strict accuracy of a study of radiological visual questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from evalkit.scorers.published.base import Published, gold_of, is_choice, plain
from evalkit.types import Response, Sample, Score

POLAR = frozenset({"yes", "no"})


@dataclass(frozen=True)
class LsiUfcg(Published):
    """Equality of yes and no, in lower case and without full stops at the end.

    `strict` is the published number. It is given only where gold and response are both yes or no: refusals and longer
    answers fall out of its denominator, so that answering nothing but what one is sure of raises it. `strict_all` is
    ours: of every row whose gold is yes or no, where any other response is wrong. The original keeps no program; the
    rule was found from the rows that it kept.
    """

    source: ClassVar[str] = "lsi-ufcg/radiology-vqa-mllms @009b55c, its kept rows and numbers (no licence)"
    texts: ClassVar[tuple[str, ...]] = ("strict", "strict_all")

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """None, one or both, as gold and response are yes or no."""
        gold = normalise(gold_of(sample))
        if is_choice(sample) or gold not in POLAR:
            return {}
        said = normalise(response.text)
        mark = plain(said == gold)
        return {"strict": mark, "strict_all": mark} if said in POLAR else {"strict_all": mark}


def normalise(text: str) -> str:
    """A text stripped, in lower case, without full stops at its end."""
    return text.strip().lower().rstrip(".")
