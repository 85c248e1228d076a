"""A model that says what it is told to: for tests, and for trying a pipeline without a model."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from evalkit.errors import CallError
from evalkit.models.base import Model
from evalkit.types import Prompt, Response, Usage


@dataclass(kw_only=True)
class Scripted(Model):
    """Answers with the first of `replies` whose key occurs in the prompt's text, else with `reply`.

    A prompt that holds one of `fails` is a failed call. `latency` is in seconds.
    """

    reply: str = "yes"
    replies: dict[str, str] = field(default_factory=dict)
    fails: tuple[str, ...] = ()
    latency: float = field(default=0.0, metadata={"identity": False})
    asked: list[Prompt] = field(default_factory=list, init=False, repr=False, metadata={"identity": False})

    async def generate(self, prompt: Prompt) -> Response:
        """The scripted answer."""
        self.asked.append(prompt)
        if self.latency:
            await asyncio.sleep(self.latency)
        if any(part in prompt.text for part in self.fails):
            raise CallError("scripted to fail", retryable=False)
        text = next((reply for part, reply in self.replies.items() if part in prompt.text), self.reply)
        return Response(text, "stop", usage=Usage(len(prompt.text.split()), len(text.split())))
