"""Money: a layer that lets no call out that could go over what the user is ready to pay."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from evalkit.errors import CallError, ModelError, RefusedError
from evalkit.models.layers import Layer
from evalkit.prices import Price, usd
from evalkit.types import Prompt, Response


@dataclass
class Ledger:
    """The money of one command, in USD, over all its runs: what is `spent`, and what calls under way may cost (`held`).

    Spent and held together are never more than `cap`, as long as no answer costs more than the most that was held.
    """

    cap: float | None = None
    spent: float = field(default=0.0, init=False)
    held: float = field(default=0.0, init=False)
    under_way: int = field(default=0, init=False)
    _waiting: list[asyncio.Future[None]] = field(default_factory=list, init=False, repr=False)

    async def hold(self, most: float) -> None:
        """Sets money aside for a call, once what is under way leaves room. Raises RefusedError when nothing can."""
        while self.cap is not None and self.spent + self.held + most > self.cap:
            if not self.under_way:
                raise RefusedError(
                    f"--max-cost {self.cap:g}: the next call may cost up to {usd(most)}, and {usd(self.spent)} is spent"
                )
            freed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(freed)
            await freed
        self.under_way += 1
        self.held += most

    def settle(self, most: float, paid: float) -> None:
        """Books what a call cost in the place of the most that it could."""
        self.under_way -= 1
        # Not what adding and taking away left over.
        self.held = self.held - most if self.under_way else 0.0
        self.spent += paid
        waiting, self._waiting = self._waiting, []
        for freed in waiting:
            if not freed.done():
                freed.set_result(None)


@dataclass(kw_only=True)
class Budgeted(Layer):
    """Asks only what the ledger has money for. `paid` is what the answers cost that came through here."""

    price: Price
    ledger: Ledger
    paid: float = field(default=0.0, init=False)

    async def generate(self, prompt: Prompt) -> Response:
        """The inner model's answer. Raises RefusedError where it could cost more than is left.

        What a failed call cost is seldom known: nothing where the server refused it, else the most that it could.
        """
        if self.price.prices is None:
            return await self.inner.generate(prompt)
        # Without a cap nothing is held, and the pictures' sizes need not be known.
        most = self.price.most(prompt) if self.ledger.cap is not None else 0.0
        await self.ledger.hold(most)
        cost = most
        try:
            response = await self.inner.generate(prompt)
            known = self.price.of(response.usage)
            cost = most if known is None else known
            self.paid += known or 0.0
            return response
        except ModelError:
            cost = 0.0
            raise
        except CallError as error:
            cost = 0.0 if hasattr(error.__cause__, "status_code") else most
            raise
        finally:
            self.ledger.settle(most, cost)
