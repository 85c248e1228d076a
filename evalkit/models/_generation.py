"""The engine behind `hf`: batches through `generate` of transformers, halved when memory runs out."""

from __future__ import annotations

import copy
import gc
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from evalkit.errors import CallError, ModelError
from evalkit.images import Picture, picture_of
from evalkit.models._batches import Job
from evalkit.models._decoding import Decoding, applied, arguments
from evalkit.models._pixels import Pixels, size_of
from evalkit.models._pretrained import FAILURES, Pretrained, package
from evalkit.models._prompting import Wording
from evalkit.types import Prompt, Response, Usage

log = logging.getLogger(__name__)

MEMORY: Final = ("out of memory", "can't allocate memory", "cannot allocate memory", "ALLOC_FAILED")
ADVICE: Final = (
    "out of memory with a single question; dtype: bfloat16, fewer pixels in processor, a lower max_tokens, or "
    "device_map: auto over several cards would need less"
)


PATIENCE: Final = 32
"""Batches without a lack of memory, after which a larger one is tried again."""


@dataclass(eq=False)
class Question(Job):
    """A prompt as this checkpoint takes it."""

    text: str
    pictures: tuple[Picture, ...]
    sizes: tuple[tuple[int, int], ...]
    decoding: Decoding
    seed: int


@dataclass
class Batch:
    """Questions with their tensors, or with what went wrong on the way there."""

    questions: list[Question]
    inputs: Any = None
    problem: str = ""
    memory: bool = False
    failed: list[CallError] = field(default_factory=list)


class Generation:
    """Answers batches of questions. `prepare` may run in one thread while `answer` runs in another."""

    def __init__(self, pretrained: Pretrained, batch_size: int) -> None:
        self.pretrained, self.limit = pretrained, batch_size
        self._largest, self._since = batch_size, 0
        self._wording = Wording(pretrained)
        self._pixels = Pixels(square=pretrained.setup.pad_to_square)
        # A fast tokenizer must not encode and decode at once.
        self._encoding = threading.Lock()
        self._decoder = copy.deepcopy(pretrained.tokenizer)
        self._facts = pretrained.facts
        eos = pretrained.model.generation_config.eos_token_id
        self._ends = frozenset(eos if isinstance(eos, list) else [eos])

    def question(self, prompt: Prompt, decoding: Decoding) -> Question:
        """The prompt as a question. Raises CallError for a picture that is none."""
        pictures = tuple(picture_of(image) for image in prompt.images)
        sizes = tuple(size_of(picture) for picture in pictures)
        text = self._wording.text(prompt)
        # A batch is of one kind: processors differ in what they make of rows without pictures among others with.
        return Question(
            (decoding, len(pictures)),
            len(text) / 4 + sum(map(self._patches, sizes)),
            text,
            pictures,
            sizes,
            decoding,
            (prompt.sampling.seed or 0) + prompt.repeat,
        )

    def prepare(self, jobs: Sequence[Question]) -> Batch:
        """Text and pixels as tensors, padded on the left; a failure is kept for `answer` to find its cause."""
        batch = Batch(list(jobs))
        try:
            batch.inputs = self._inputs(batch.questions)
        except CallError as error:
            batch.problem, batch.failed = str(error), [error]
        except FAILURES as error:
            batch.problem, batch.memory = _said(error), _is_memory(error)
        return batch

    def answer(self, batch: Batch) -> list[Response | CallError]:
        """One outcome a question. What fails for a batch is asked again in parts, to the single one that fails."""
        if len(batch.questions) <= self.limit and not batch.problem:
            answers = self._attempt(batch)
            if answers is not None:
                self._grow()
                return answers
        questions, size = batch.questions, min(len(batch.questions), self.limit)
        batch.inputs = None
        if len(questions) == 1 and batch.problem:
            return [self._failure(batch)]
        if batch.memory:
            self.limit = size = max(1, len(questions) // 2)
            self._since = 0
            log.warning("%s: out of memory; batches of %d for now", self.pretrained.setup.name, size)
            self._free()
        elif batch.problem:
            size = 1
        parts = [questions[start : start + size] for start in range(0, len(questions), size)]
        return [outcome for part in parts for outcome in self.answer(self.prepare(part))]

    def close(self) -> None:
        """Lets pictures, weights and memory go."""
        self._pixels.close()
        del self.pretrained, self._wording
        self._free()

    def _inputs(self, questions: list[Question]) -> Any:
        pretrained = self.pretrained
        images = [self._pixels.of(question.pictures) for question in questions]
        texts = [question.text for question in questions]
        bos = pretrained.tokenizer.bos_token
        # A chat template brings its own beginning of the sequence; two of them are one too many.
        alone = {"add_special_tokens": False} if bos and all(text.startswith(bos) for text in texts) else {}
        pictures = {"images": images} if questions[0].pictures else {}
        with self._encoding:
            inputs = pretrained.processor(text=texts, padding=True, return_tensors="pt", **pictures, **alone)
        inputs.pop("labels", None)
        ids = inputs["input_ids"]
        if pretrained.context and ids.shape[1] > pretrained.context:
            raise ValueError(f"the prompt has {ids.shape[1]:,} tokens; the model takes {pretrained.context:,}")
        return inputs

    def _attempt(self, batch: Batch) -> list[Response | CallError] | None:
        """The answers, or None, with what went wrong in `batch`."""
        try:
            return self._generated(batch)
        except FAILURES as error:
            batch.problem, batch.memory = _said(error), _is_memory(error)
            fatal = "CUDA error" in str(error) and not batch.memory
        if fatal:
            raise ModelError(f"{self.pretrained.setup.name}: {batch.problem}; the device answers nothing after that")
        return None

    def _generated(self, batch: Batch) -> list[Response | CallError]:
        model, torch = self.pretrained.model, package("torch")
        questions, decoding = batch.questions, batch.questions[0].decoding
        inputs = batch.inputs.to(model.device, dtype=model.dtype)
        settings = applied(decoding, self.pretrained.own)
        seeds = [question.seed for question in questions] if decoding.seeded else None
        given = arguments(settings, inputs["attention_mask"], seeds, questions)
        words = {"tokenizer": self._decoder} if decoding.stop else {}
        with torch.inference_mode():
            output = model.generate(**inputs, **given, **words)
        start = inputs["input_ids"].shape[1]
        lengths = inputs["attention_mask"].sum(dim=1).tolist()
        rows = output[:, start:].tolist()
        return [
            self._response(question, row, length, settings)
            for question, row, length in zip(questions, rows, lengths, strict=True)
        ]

    def _response(self, question: Question, row: list[int], length: int, settings: dict[str, Any]) -> Response:
        end = next((at for at, token in enumerate(row) if token in self._ends), None)
        tokens = row[: end + 1] if end is not None else row
        text = self._decoder.decode(tokens, skip_special_tokens=True)
        stops = [at for at in (text.find(stop) for stop in question.decoding.stop) if at >= 0]
        if stops:
            text = text[: min(stops)]
            if end is None:
                tokens = self._unpadded(tokens)
        seed = {"seed": question.seed} if question.decoding.seeded else {}
        pictures = zip(question.pictures, question.sizes, strict=True)
        return Response(
            text=text,
            finish_reason="stop" if stops or end is not None else "length",
            usage=Usage(length, len(tokens)),
            model=self.pretrained.setup.name,
            sent={
                "text": question.text,
                "images": [{"sha256": picture.sha256, "size": list(size)} for picture, size in pictures],
                "generation": settings | seed,
                **self._facts,
            },
        )

    def _unpadded(self, tokens: list[int]) -> list[int]:
        pad = self.pretrained.model.generation_config.pad_token_id
        while tokens and tokens[-1] == pad:
            tokens = tokens[:-1]
        return tokens

    def _failure(self, batch: Batch) -> CallError:
        if batch.failed:
            return batch.failed[0]
        return CallError(ADVICE if batch.memory else batch.problem, retryable=False)

    def _patches(self, size: tuple[int, int]) -> float:
        """How many patches a picture of that width and height becomes, where that depends on its size; else 0."""
        count = getattr(self.pretrained.processor.image_processor, "get_number_of_image_patches", None)
        try:
            return float(count(size[1], size[0], {})) if count else 0.0
        except FAILURES:
            # A guess for sorting; some image processors ask for more than a size.
            return 0.0

    def _grow(self) -> None:
        """Twice the batch after many that went well: one long prompt must not slow down all that follow."""
        self._since += 1
        if self.limit < self._largest and self._since >= PATIENCE:
            self.limit, self._since = min(self._largest, 2 * self.limit), 0

    def _free(self) -> None:
        gc.collect()
        torch = package("torch")
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _said(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def _is_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error) for words in MEMORY)
