"""Models wrapped round a model: `Cached(Retrying(Limited(adapter)))`. Each is short and unaware of the others."""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from evalkit.digest import digest
from evalkit.errors import CallError
from evalkit.images import picture_of
from evalkit.models.base import Model
from evalkit.store import Store
from evalkit.types import Prompt, Response


@dataclass(kw_only=True)
class Layer(Model):
    """A model that is another model in all but how it is called."""

    inner: Model

    @property
    def identity(self) -> Mapping[str, object]:
        """The inner model's: a layer decides no answer."""
        return self.inner.identity

    @property
    def by_sample(self) -> bool:
        """As the inner model's answers."""
        return self.inner.by_sample

    async def aclose(self) -> None:
        """Closes the inner model."""
        await self.inner.aclose()


@dataclass(kw_only=True)
class Limited(Layer):
    """At most `connections` calls at a time, none longer than `timeout` seconds, not counting the wait for a turn."""

    connections: int
    timeout: float | None = None
    _slots: asyncio.Semaphore = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.connections)

    async def generate(self, prompt: Prompt) -> Response:
        """The inner model's answer, once there is a free slot. Raises CallError for one that takes too long."""
        async with self._slots:
            try:
                async with asyncio.timeout(self.timeout):
                    return await self.inner.generate(prompt)
            except TimeoutError as error:
                raise CallError(f"no answer within {self.timeout or 0:g} s", retryable=True) from error


@dataclass(kw_only=True)
class Retrying(Layer):
    """Asks again while that can help, waiting twice as long each time; what fails for good becomes data.

    A wait is 0.5 s · 2^attempt, spread by ±50 % so that clients do not come back together, at most `longest` seconds
    and never shorter than the server's own Retry-After.
    """

    retries: int = 6
    longest: float = 60.0
    seed: int = 0
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    async def generate(self, prompt: Prompt) -> Response:
        """The inner model's answer, or a Response whose `error` says why there is none."""
        for attempt in range(self.retries + 1):
            try:
                return await self.inner.generate(prompt)
            except CallError as failed:
                error = failed
            if not error.retryable or attempt == self.retries:
                break
            await asyncio.sleep(self._wait(attempt, error.retry_after))
        tries = f" (asked {attempt + 1} times)" if attempt else ""
        return Response(error=f"{error}{tries}")

    def _wait(self, attempt: int, retry_after: float | None) -> float:
        wait = min(self.longest, 0.5 * float(2**attempt)) * self._random.uniform(0.5, 1.5)
        return max(wait, retry_after or 0.0)


@dataclass(kw_only=True)
class Cached(Layer):
    """Answers from the store what was answered before; what is asked is stored before it is returned.

    Equal prompts under way at the same time are asked once. `asked` and `found` count the calls of either kind.
    """

    store: Store
    refresh: bool = False
    asked: int = 0
    found: int = 0
    _fresh: set[bytes] = field(default_factory=set, repr=False)
    _under_way: dict[bytes, asyncio.Future[Response]] = field(default_factory=dict, repr=False)

    def key(self, prompt: Prompt) -> bytes:
        """What decides the answer, digested: model, words, picture bytes, decoding, repeat, adapter version."""
        parts = [part if isinstance(part, str) else {"image": picture_of(part).sha256} for part in prompt.parts]
        what: list[object] = [self._identity, prompt.system, parts, prompt.sampling, prompt.repeat]
        return digest([*what, prompt.sample_id] if self.inner.by_sample else what)

    async def generate(self, prompt: Prompt) -> Response:
        """The stored answer, or the inner model's, durable by the time it is returned."""
        return await self.fetch(self.key(prompt), prompt)

    async def fetch(self, key: bytes, prompt: Prompt) -> Response:
        """As `generate`, for a prompt whose key is known already."""
        known = None if self.refresh and key not in self._fresh else self.store.get(key)
        if known is not None:
            self.found += 1
            return known
        under_way = self._under_way.get(key)
        if under_way is not None:
            self.found += 1
            return await asyncio.shield(under_way)
        asking = self._under_way[key] = asyncio.ensure_future(self._ask(key, prompt))
        try:
            return await asking
        finally:
            del self._under_way[key]

    async def _ask(self, key: bytes, prompt: Prompt) -> Response:
        self.asked += 1
        response = await self.inner.generate(prompt)
        if not response.error:
            await self.store.put(key, response)
            self._fresh |= {key} if self.refresh else set()
        return response

    @functools.cached_property
    def _identity(self) -> str:
        return digest(self.inner.identity).hex()
