"""Batches out of single questions: who asks waits; those of nearly one length are answered together.

While one batch is answered, the next is made ready in another thread. Knows nothing of what answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Hashable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Generic, Protocol, TypeVar

from evalkit.errors import CallError
from evalkit.types import Response

LINGER: Final = 0.02
"""Seconds without a new question after which a batch that is not full is answered: questions come in flocks."""


@dataclass(eq=False)
class Job:
    """A question that waits: only those of one `group` share a batch; `length` is a guess, for sorting."""

    group: Hashable
    length: float
    cancelled: bool = field(default=False, init=False)


J = TypeVar("J", bound=Job)
J_contra = TypeVar("J_contra", bound=Job, contravariant=True)
P = TypeVar("P")


class Engine(Protocol[J_contra, P]):
    """What answers batches, in threads: `prepare` in one, `answer` in another, at the same time."""

    @property
    def limit(self) -> int:
        """So many questions go into one batch at most; falls when memory runs out."""

    def prepare(self, jobs: Sequence[J_contra]) -> P:
        """What can be done without the accelerator."""

    def answer(self, batch: P) -> list[Response | CallError]:
        """One outcome a job, in their order. A job that was cancelled meanwhile may get anything."""


class Batcher(Generic[J, P]):
    """Collects questions and has them answered in batches; belongs to the event loop that it is made in."""

    def __init__(self, engine: Engine[J, P], thread: Executor, window: int) -> None:
        self.loop = asyncio.get_running_loop()
        self._engine, self._thread, self._window = engine, thread, window
        self._preparer = ThreadPoolExecutor(1, "evalkit-prepare")
        self._waiting: list[J] = []
        self._answers: dict[J, asyncio.Future[Response]] = {}
        self._changed = asyncio.Event()
        self._failed: BaseException | None = None
        self._serving = self._watched(self._serve())

    async def ask(self, job: J) -> Response:
        """The answer to one question; who stops waiting takes the question back. Raises CallError for a failed one."""
        if self._failed is not None:
            raise self._failed
        answer: asyncio.Future[Response] = self.loop.create_future()
        self._answers[job] = answer
        self._waiting.append(job)
        self._changed.set()
        try:
            return await answer
        finally:
            job.cancelled = True
            del self._answers[job]
            if job in self._waiting:
                self._waiting.remove(job)

    async def aclose(self) -> None:
        """Takes all questions back and ends what runs."""
        self.abandon()
        self._serving.cancel()
        await asyncio.gather(self._serving, return_exceptions=True)

    def abandon(self) -> None:
        """Has what runs end soon; for a loop that is closed already."""
        for job, answer in self._answers.items():
            job.cancelled = True
            if not self.loop.is_closed():
                answer.cancel()
        self._preparer.shutdown(wait=False, cancel_futures=True)

    async def _serve(self) -> None:
        running: asyncio.Task[None] | None = None
        while True:
            jobs = await self._gather(running)
            batch = await self.loop.run_in_executor(self._preparer, self._engine.prepare, jobs)
            if running is not None:
                await running
            running = self._watched(self._answer(jobs, batch))

    async def _answer(self, jobs: list[J], batch: P) -> None:
        outcomes = await self.loop.run_in_executor(self._thread, self._engine.answer, batch)
        for job, outcome in zip(jobs, outcomes, strict=True):
            answer = self._answers.get(job)
            if answer is None or answer.done():
                continue
            if isinstance(outcome, Response):
                answer.set_result(outcome)
            else:
                answer.set_exception(outcome)

    async def _gather(self, running: asyncio.Task[None] | None) -> list[J]:
        """The next batch: a full one at once, another when nothing is being answered and nobody comes any more."""
        while True:
            self._changed.clear()
            jobs = self._chosen()
            idle = running is None or running.done()
            if len(jobs) < self._engine.limit:
                try:
                    async with asyncio.timeout(LINGER if jobs and idle else None):
                        await self._changed.wait()
                    continue
                except TimeoutError:
                    jobs = self._chosen()
            if jobs:
                taken = set(jobs)
                self._waiting = [job for job in self._waiting if job not in taken]
                return jobs

    def _chosen(self) -> list[J]:
        """The batch that holds the longest waiting question and those nearest to it in length, sorted by length."""
        if not self._waiting:
            return []
        oldest = self._waiting[0]
        alike = [job for job in islice(self._waiting, self._window) if job.group == oldest.group]
        alike.sort(key=lambda job: job.length)
        size, at = min(self._engine.limit, len(alike)), alike.index(oldest)
        starts = range(max(0, at - size + 1), min(at, len(alike) - size) + 1)
        start = min(starts, key=lambda first: alike[first + size - 1].length - alike[first].length)
        return alike[start : start + size]

    def _watched(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self.loop.create_task(work)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        """What ends with an error ends the waiting of all: there is nobody left to answer them."""
        self._changed.set()
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        self._failed = error
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)
