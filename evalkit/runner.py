"""run(task, model) → Run. Ask everything, then mark everything.

Asking: workers pull from one shared iterator; every answer is in the store before it counts. Marking: a pure function
of the samples and the stored answers, in the order of the data, so that a run that was killed and started again ends
with the same bytes as one that was not.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from evalkit.batches import Collected, collect
from evalkit.cards import NamedModel
from evalkit.errors import EvalkitError, ModelError, RefusedError
from evalkit.images import Pictures, picture_of
from evalkit.marking import mark, row_of
from evalkit.models._budget import Budgeted, Ledger
from evalkit.models.layers import Cached, Limited, Retrying
from evalkit.planning import Plan, Settings, plan
from evalkit.prices import Bill
from evalkit.record import batch_record, environment_record, model_record, result_record, task_record
from evalkit.runs import Run, RunWriter
from evalkit.store import Store
from evalkit.submissions import answered_by_batch
from evalkit.tally import Tally
from evalkit.task import Task
from evalkit.types import Response, Usage

HOPELESS = 20
"""So many calls failed and none answered: the server is not there, and the rest need not wait for it."""

Progress = Callable[[int, int], None]
"""Called with the number of answers so far and the number of samples."""


@dataclass
class Asked:
    """What asking left behind, sample by sample in the order of the data, a few bytes each.

    `keys` are the answers' in the store, `pictures` the sha256 of what was shown (32 bytes a picture, joined).
    """

    keys: list[bytes]
    pictures: list[bytes]
    failed: dict[int, Response]


async def arun(task: Task, named: NamedModel, settings: Settings, progress: Progress | None = None) -> Run:
    """Plans and executes one run. Raises an EvalkitError that stops; failed calls are counted as missing."""
    return await execute(plan(task, named, settings), progress)


async def execute(
    planned: Plan, progress: Progress | None = None, ledger: Ledger | None = None, *, close: bool = True
) -> Run:
    """Asks, marks and writes what was planned. Runs that share a ledger share its cap.

    Without `close` the model stays as it is (weights loaded, connections open) for the next task; the caller closes it.
    Raises RefusedError where asking on could cost more than that; what was answered is kept.
    """
    started, settings = datetime.now(UTC), planned.settings
    ledger = ledger or Ledger(settings.max_cost)
    planned.model.check()
    with Store(settings.results) as store:
        limited = Limited(inner=planned.model, connections=settings.connections, timeout=settings.timeout)
        budgeted = Budgeted(inner=limited, price=planned.named.price, ledger=ledger)
        retrying = Retrying(inner=budgeted, retries=settings.retries, seed=settings.seed)
        cached = Cached(inner=retrying, store=store, refresh=settings.refresh)
        try:
            collected = Collected()
            if settings.batch is not None:
                collected = await collect(planned, cached, ledger, progress, settings.batch)
            asked = await _ask(planned, cached, progress, collected.failed)
        finally:
            await store.drain()
            if close:
                await planned.model.aclose()
        return _write(planned, asked, cached, collected, paid=collected.paid + budgeted.paid, started=started)


async def _ask(planned: Plan, cached: Cached, progress: Progress | None, settled: Mapping[bytes, Response]) -> Asked:
    asked = Asked([b""] * planned.total, [b""] * planned.total, {})
    pictures = Pictures()
    prompts = planned.prompts()
    outcomes: Counter[str] = Counter()

    async def work() -> None:
        for number, prompt in prompts:
            loaded = pictures.load(prompt)
            key = asked.keys[number] = cached.key(loaded)
            asked.pictures[number] = b"".join(bytes.fromhex(picture_of(image).sha256) for image in loaded.images)
            response = settled.get(key) or await cached.fetch(key, loaded)
            outcomes["failed" if response.error else "answered"] += 1
            if response.error:
                asked.failed[number] = response
                _check_alive(planned, outcomes, response)
            if progress:
                progress(outcomes.total(), planned.total)

    # As many workers as connections: what a kill can lose, sent and not yet on the disk, is never more.
    try:
        await _together(work, min(planned.total, planned.settings.most_connections))
    except RefusedError as refused:
        raise RefusedError(
            f"{planned.task.name} · {planned.named.name}: stopped after {outcomes['answered']:,} of {planned.total:,} "
            f"samples. {refused}. Every answer is kept and costs nothing more: the same command with a higher "
            "--max-cost goes on from here"
        ) from refused
    return asked


def _check_alive(planned: Plan, outcomes: Counter[str], last: Response) -> None:
    """Raises ModelError when nothing was ever answered and as many calls as fit at once have failed for good."""
    hopeless = outcomes["failed"] >= max(HOPELESS, planned.settings.most_connections)
    if hopeless and not outcomes["answered"] and planned.model.known_ids is None:
        count = outcomes["failed"]
        raise ModelError(f"{planned.named.name}: the first {count} calls all failed; the last said: {last.error}")


async def _together(work: Callable[[], Coroutine[None, None, None]], workers: int) -> None:
    """Runs `work` that many times at once; the first error stops all and is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())
    except ExceptionGroup as group:
        # Not `except*`: before Python 3.11.4 what is raised there comes out wrapped in a group.
        known = group.subgroup(EvalkitError)
        if known is None:
            raise
        raise known.exceptions[0] from None


def _write(  # noqa: PLR0913  (all that asking left behind)
    planned: Plan, asked: Asked, cached: Cached, collected: Collected, *, paid: float, started: datetime
) -> Run:
    task, bill = planned.task, Bill(planned.named.price)
    tally = Tally(clustered=task.layout.cluster is not None, scorers=task.scorers)
    batched = answered_by_batch(cached.store, asked.keys, cached.refresh)
    tokens: Counter[str] = Counter()
    reported: set[str] = set()
    missing = 0
    writer = RunWriter(planned.place(asked.keys))
    try:
        for number, sample in enumerate(planned.samples()):
            response = _outcome(number, asked, cached.store, cached.refresh)
            if response is None:
                raise ModelError(f"the answer to {sample.id} left the store; run the same command again")
            marked = mark(task.scorers, sample, response)
            tally.add(sample, marked.marks)
            writer.add(row_of(marked, asked.keys[number], asked.pictures[number], task.data_use.redistribute))
            missing += bool(response.error)
            tokens.update({name: getattr(response.usage, name) or 0 for name in Usage.__slots__})
            reported.add(response.model)
            if not response.error:
                bill.add(asked.keys[number], response.usage, asked.keys[number] in batched)
        counts = {
            "asked": collected.wanted or cached.asked,
            "cached": planned.total - (collected.wanted or cached.asked),
            "answered": planned.total - missing,
            "missing": missing,
        }
        return writer.finish(
            {
                "task": task.name,
                "model": planned.named.name,
                **task_record(task, planned.survey.fingerprint),
                **model_record(planned.model, planned.named.card, planned.sampling, sorted(reported - {""})),
                **_conditions(planned.settings),
                **result_record(tally, counts),
                "tokens": dict(tokens),
                "cost": bill.record(paid),
                **batch_record(batched),
                **environment_record(started),
            }
        )
    finally:
        writer.close()


def _outcome(number: int, asked: Asked, store: Store, refreshed: bool) -> Response | None:
    """What became of a sample: its failed call counts only where no equal question was answered."""
    failed = asked.failed.get(number)
    if failed is not None and refreshed:
        return failed
    return store.get(asked.keys[number]) or failed


def _conditions(settings: Settings) -> dict[str, object]:
    """What makes a run incomparable with a plain one, and whose word allowed it."""
    return {
        "limit": settings.limit,
        "sample_ids": list(settings.sample_ids),
        "ablation": settings.ablation,
        "seed": settings.seed,
        "permitted": settings.permitted,
        "comparable": settings.limit is None and not settings.sample_ids and settings.ablation is None,
    }
