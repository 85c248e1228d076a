"""How an answer is decoded by transformers: our Sampling as its settings, batched so that no row sees another.

Two of transformers' own ways depend on what else is in a batch, and are done here instead: its repetition penalty also
punishes the padding of a shorter prompt (with pad = eos it would punish ending), and its sampling draws from one
generator for all rows.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from evalkit.errors import UsageError
from evalkit.models._batches import Job
from evalkit.types import Sampling

TOP_K: Final = 50
"""What transformers takes where neither the checkpoint nor the user says anything."""

DRAWING: Final = ("do_sample", "temperature", "top_p", "top_k")
OTHER_WAYS: Final = (
    *("min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff", "penalty_alpha"),
    *("num_beams", "num_beam_groups", "num_return_sequences", "early_stopping", "length_penalty"),
)
"""Ways to decode that a Sampling cannot ask for; what a checkpoint says of them is not followed."""

LENGTHS: Final = ("max_length", "max_new_tokens")


@dataclass(frozen=True)
class Decoding:
    """How to decode, complete and checked. `temperature` None is greedy; prompts of one Decoding share a batch."""

    max_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    repetition_penalty: float | None = None
    stop: tuple[str, ...] = ()
    seeded: bool = False


def decoding(sampling: Sampling, longest: int, label: str) -> Decoding:
    """The Decoding of a Sampling; `longest` tokens where it sets none. Raises UsageError for what cannot be done.

    Greedy unless there is a temperature above 0; at 0 there is nothing to draw, so that top_p, top_k and seed change
    nothing and are left out.
    """
    hot = (sampling.temperature or 0) > 0
    wrong = {
        "temperature": sampling.temperature is not None and sampling.temperature < 0,
        "top_p": sampling.top_p is not None and not 0 < sampling.top_p <= 1,
        "top_k": sampling.top_k is not None and sampling.top_k < -1,
        "max_tokens": sampling.max_tokens is not None and sampling.max_tokens < 1,
        "repetition_penalty": sampling.repetition_penalty is not None and sampling.repetition_penalty <= 0,
        "stop": not all(sampling.stop or ()),
    }
    for name in (name for name, is_wrong in wrong.items() if is_wrong):
        raise UsageError(f"{label}: {name} {getattr(sampling, name)!r} cannot be decoded with")
    if sampling.temperature is None:
        for name in (name for name in ("top_p", "top_k") if getattr(sampling, name) is not None):
            raise UsageError(f"{label}: {name} draws nothing without a temperature; set one, or leave {name} out")
    return Decoding(
        max_tokens=sampling.max_tokens or longest,
        temperature=sampling.temperature if hot else None,
        top_p=sampling.top_p if hot else None,
        top_k=sampling.top_k if hot else None,
        repetition_penalty=sampling.repetition_penalty,
        stop=sampling.stop or (),
        seeded=hot and sampling.seed is not None,
    )


def without_drawing(config: Any) -> dict[str, Any]:
    """Takes out of a checkpoint's generation settings what a Decoding decides, and returns it.

    What is left (eos, forbidden words, …) holds for every answer.
    """
    own = {name: getattr(config, name, None) for name in (*DRAWING, "repetition_penalty")}
    for name in (*DRAWING, *OTHER_WAYS, *LENGTHS, "repetition_penalty"):
        if hasattr(config, name):
            setattr(config, name, None)
    return {name: value for name, value in own.items() if value is not None}


def applied(wanted: Decoding, own: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in transformers' words: those asked for, then the checkpoint's own, then transformers' defaults."""
    settings: dict[str, Any] = {"max_new_tokens": wanted.max_tokens, "do_sample": wanted.temperature is not None}
    penalty = wanted.repetition_penalty or own.get("repetition_penalty") or 1.0
    settings |= {"repetition_penalty": penalty} if penalty != 1 else {}
    settings |= {"stop_strings": list(wanted.stop)} if wanted.stop else {}
    if wanted.temperature is None:
        return settings
    top_k = own.get("top_k", TOP_K) if wanted.top_k is None else max(0, wanted.top_k)
    top_p = own.get("top_p", 1.0) if wanted.top_p is None else wanted.top_p
    return settings | {"temperature": wanted.temperature, "top_k": top_k, "top_p": top_p}


def arguments(
    settings: Mapping[str, Any], real: Any, seeds: Sequence[int] | None, jobs: Sequence[Job]
) -> dict[str, Any]:
    """The arguments of `generate` for a batch. `real` is its attention mask, (rows, tokens) of 0 and 1.

    With `seeds`, one a row, a row's draws are its own generator's: alone or in company, it draws the same.
    """
    given = {name: value for name, value in settings.items() if name != "repetition_penalty"}
    processors: list[Any] = []
    if "repetition_penalty" in settings:
        processors.append(Penalty(settings["repetition_penalty"], real))
    if seeds is not None:
        processors.append(Draw(given, seeds, real.device))
        given = {name: value for name, value in given.items() if name not in DRAWING} | {"do_sample": False}
    return given | {"logits_processor": processors, "stopping_criteria": [Taken(jobs, real)]}


class Penalty:
    """transformers' repetition penalty over the tokens of a row, those that pad it excepted."""

    def __init__(self, penalty: float, real: Any) -> None:
        self._penalise: Any = _logits().RepetitionPenaltyLogitsProcessor(penalty)
        self._real = real.bool()

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """The scores, (rows, vocabulary), of tokens that the row has already brought nearer to not being chosen."""
        ids, width = input_ids.clone(), self._real.shape[1]
        # Padding is on the left, so the last token of every prompt is a real one: punishing it twice is once.
        ids[:, :width] = ids[:, :width].where(self._real, ids[:, width - 1 : width])
        return self._penalise(ids, scores)


class Draw:
    """Sampling with a generator a row: the drawn token's score is made the highest, for a greedy choice after it.

    Adding standard Gumbel noise to log-probabilities and taking the largest is drawing from them (Gumbel-max).
    """

    def __init__(self, settings: Mapping[str, Any], seeds: Sequence[int], device: Any) -> None:
        torch, logits = importlib.import_module("torch"), _logits()
        self._torch = torch
        self._warpers: list[Any] = [logits.TemperatureLogitsWarper(settings["temperature"])]
        self._warpers += [logits.TopKLogitsWarper(settings["top_k"])] if settings["top_k"] else []
        self._warpers += [logits.TopPLogitsWarper(settings["top_p"])] if settings["top_p"] < 1 else []
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """The warped scores, (rows, vocabulary), with a row's own noise."""
        for warper in self._warpers:
            scores = warper(input_ids, scores)
        waits = self._torch.empty_like(scores)
        for row, generator in zip(waits, self._generators, strict=True):
            row.exponential_(generator=generator)
        # A wait of exactly 0 would make a forbidden token's score (minus infinity) no number at all.
        return scores - waits.clamp_min(self._torch.finfo(waits.dtype).tiny).log()


class Taken:
    """Ends the rows whose question was taken back, so that nothing runs on for nobody."""

    def __init__(self, jobs: Sequence[Job], real: Any) -> None:
        self._jobs = jobs
        self._none = real.new_zeros(len(jobs)).bool()

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """True for every row, (rows,), that nobody waits for."""
        gone = [row for row, job in enumerate(self._jobs) if job.cancelled]
        if not gone:
            return self._none
        done = self._none.clone()
        done[gone] = True
        return done


def _logits() -> Any:
    return importlib.import_module("transformers.generation.logits_process")
