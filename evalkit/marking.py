"""One answer, marked by many scorers, and the line of samples.jsonl that keeps it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalkit.scorers.base import Scorer
from evalkit.tally import Mark
from evalkit.types import Response, Sample, Score, Usage


@dataclass(frozen=True, slots=True)
class Marked:
    """A sample, its response, and its mark by every scorer that marks such samples (None: the call failed)."""

    sample: Sample
    response: Response
    marks: Mapping[str, Mark]


def mark(scorers: Mapping[str, Scorer], sample: Sample, response: Response) -> Marked:
    """Marks one answer. A failed call is missing under every scorer, never wrong."""
    marks = {
        name: None if response.error else scorer.score(sample, response)
        for name, scorer in scorers.items()
        if scorer.marks(sample)
    }
    return Marked(sample, response, marks)


def row_of(marked: Marked, key: bytes, pictures: bytes, with_text: bool) -> dict[str, Any]:
    """The line of samples.jsonl. `pictures` are the digests of what was shown, 32 bytes each.

    `with_text` keeps question and targets too: only where data may be redistributed, for a run may be handed on.
    """
    sample, response = marked.sample, marked.response
    row: dict[str, Any] = {
        "id": sample.id,
        "kind": sample.kind,
        "cluster": sample.cluster,
        "tags": dict(sample.tags),
        "images": [pictures[at : at + 32].hex() for at in range(0, len(pictures), 32)],
        "prompt": key.hex(),
    }
    if with_text:
        row |= {"question": sample.question, "targets": list(sample.targets)}
    row |= {
        "response": response.text,
        "finish_reason": response.finish_reason,
        "refused": response.refused,
        "usage": _usage(response.usage),
        "error": response.error or None,
        "scores": {name: _score(score, with_text) for name, score in marked.marks.items()},
    }
    return row


def _usage(usage: Usage) -> dict[str, int]:
    return {name: value for name, value in dataclasses.asdict(usage).items() if value is not None}


def _score(score: Mark, with_text: bool) -> dict[str, Any]:
    if score is None:
        return {"value": None, "bucket": "missing"}
    # What was compared may be an option's own words.
    hidden = () if with_text else ("answer", "reason")
    values = {name: getattr(score, name) for name in Score.__slots__ if name not in hidden}
    kept = {name: value for name, value in values.items() if value not in ("", None)}
    return kept | ({"span": list(score.span)} if score.span else {})
