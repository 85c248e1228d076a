"""Answers that were given before, by any tool: a JSON Lines file with `id` and `response`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from evalkit.digest import hex_digest
from evalkit.errors import CallError, DataError
from evalkit.models.base import Model
from evalkit.sources.jsonl import Jsonl
from evalkit.types import Prompt, Response


@dataclass(kw_only=True)
class Recorded(Model):
    """Answers a sample with what the file says under its id; a sample that is not in the file is missing."""

    sees: ClassVar[bool] = False
    by_sample: ClassVar[bool] = True

    file: Path
    id: str = "id"
    response: str = "response"

    @property
    def identity(self) -> Mapping[str, object]:
        """The digest of the answers: where the file lies and what its columns are called does not matter."""
        return {"adapter": "recorded", "version": self.version, "sha256": hex_digest(self._answers)}

    @property
    def known_ids(self) -> frozenset[str]:
        """The ids in the file."""
        return frozenset(self._answers)

    async def generate(self, prompt: Prompt) -> Response:
        """The recorded answer to the sample that asks."""
        text = self._answers.get(prompt.sample_id)
        if text is None:
            raise CallError(f"{self.file.name} has no answer to {prompt.sample_id}", retryable=False)
        return Response(text, "stop")

    @functools.cached_property
    def _answers(self) -> dict[str, str]:
        source = Jsonl(str(self.file))
        answers: dict[str, str] = {}
        for number, row in enumerate(source.read(self.file), 1):
            for column in (self.id, self.response):
                if column not in row:
                    raise DataError(f"{self.file}: row {number} has no {column!r}; found {', '.join(row)}")
            name = "" if row[self.id] is None else str(row[self.id])
            if not name:
                raise DataError(f"{self.file}: row {number} has no id; answers are joined by id, never by order")
            if name in answers:
                raise DataError(f"{self.file}: row {number}: the id {name!r} stands twice")
            text = row[self.response]
            answers[name] = "" if text is None else str(text)
        return answers
