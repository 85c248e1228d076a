"""The most frequent answer: what is right without looking at the picture, or even at the meaning of the words."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar

from evalkit.models.base import Example, Learner
from evalkit.types import Prompt, Response

T = TypeVar("T")


class Once(Generic[T]):
    """A value that is made at the first asking, in a thread, and once however many ask meanwhile."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._made: list[T] = []

    async def get(self, make: Callable[[], T]) -> T:
        """The value. Where `make` raises, all who wait try it again and see it raise."""
        if not self._made:
            async with self._lock:
                if not self._made:
                    self._made.append(await asyncio.to_thread(make))
        return self._made[0]


@dataclass(frozen=True)
class Frequent:
    """The most frequent answer to each question's words, and of all; of equally frequent ones the first seen."""

    by_text: Mapping[str, str]
    overall: str

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Frequent:
        """Counted over `examples`; of none at all the answer is blank."""
        targets: dict[str, list[str]] = {}
        for example in examples:
            targets.setdefault(example.prompt.text, []).append(example.target)
        return cls(
            by_text={text: most_frequent(each) for text, each in targets.items()},
            overall=most_frequent(example.target for example in examples),
        )

    def answer(self, text: str) -> str:
        """The most frequent answer to exactly this text, else of all."""
        return self.by_text.get(text, self.overall)


def most_frequent(targets: Iterable[str]) -> str:
    """The most frequent target, of equally frequent ones the first; "" where there is none."""
    return next((target for target, _ in Counter(targets).most_common(1)), "")


@dataclass(kw_only=True)
class Majority(Learner):
    """Answers as most of the train split did to exactly the same prompt text, else as most of the whole split did."""

    sees: ClassVar[bool] = False

    _frequent: Once[Frequent] = field(
        default_factory=Once, init=False, repr=False, compare=False, metadata={"identity": False, "option": False}
    )

    async def generate(self, prompt: Prompt) -> Response:
        """The answer, with no call to anything. Raises UsageError when there is no train split."""
        frequent = await self._frequent.get(lambda: Frequent.of(self.examples()))
        return Response(text=frequent.answer(prompt.text), finish_reason="stop", model="majority")
