"""What every scorer is: a dataclass whose fields are its options."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from evalkit.types import Response, Sample, Score


class Scorer(ABC):
    """Turns a response into a score. Never sees a failed call, never guesses."""

    version: ClassVar[str] = "1"

    @abstractmethod
    def score(self, sample: Sample, response: Response) -> Score | None:
        """The mark of this answer, or None where the rule does not mark this kind of sample."""
