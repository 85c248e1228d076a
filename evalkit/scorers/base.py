"""What every scorer is: a dataclass whose fields are its options."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from evalkit.types import Response, Sample, Score


class Scorer(ABC):
    """Turns a response into a score. Never sees a failed call, never guesses."""

    version: ClassVar[str] = "1"

    def marks(self, sample: Sample) -> bool:
        """Whether the rule marks this kind of sample at all; what it does not mark is in no denominator of its."""
        return True

    @abstractmethod
    def score(self, sample: Sample, response: Response) -> Score:
        """The mark of this answer to a sample that the rule marks."""
