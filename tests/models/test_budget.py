"""The layer that lets no call out that could go over what the user is ready to pay."""

from __future__ import annotations

import asyncio
import datetime
import random
from dataclasses import dataclass, field

import pytest

from evalkit.errors import CallError, ModelError, RefusedError
from evalkit.models._budget import Budgeted, Ledger
from evalkit.models.base import Model
from evalkit.models.layers import Limited
from evalkit.prices import Price
from evalkit.specs import Prices
from evalkit.types import Prompt, Response, Sampling, Usage

# An answer of ten tokens costs a cent at the most: input is free, so that what a call may cost is a round number.
PRICES = Prices(date=datetime.date(2026, 11, 23), source="s", input=0, output=1000)
PRICE = Price(prices=PRICES, longest=10)
MOST = 0.01


@dataclass(kw_only=True)
class Shop(Model):
    """Answers with a usage after a while, or fails; knows how many calls are under way."""

    tokens: int | None = 10
    wait: float = 0.0
    fails: Exception | None = None
    asked: int = field(default=0, init=False)

    async def generate(self, prompt: Prompt) -> Response:
        """The answer that costs `tokens`."""
        self.asked += 1
        await asyncio.sleep(self.wait)
        if self.fails:
            raise self.fails
        return Response(text="yes", usage=Usage(1, self.tokens))


def ask(layer: Budgeted, times: int) -> list[Response | BaseException]:
    """So many questions at once."""

    async def all_of_them() -> list[Response | BaseException]:
        return await asyncio.gather(*(layer.generate(Prompt((str(n),))) for n in range(times)), return_exceptions=True)

    return asyncio.run(all_of_them())


def budgeted(cap: float | None, price: Price = PRICE, **shop: object) -> tuple[Budgeted, Shop]:
    """A budget round a shop."""
    inner = Shop(**shop)  # type: ignore[arg-type]
    return Budgeted(inner=inner, price=price, ledger=Ledger(cap)), inner


def test_what_fits_is_asked_and_no_more() -> None:
    """With money for three answers three of ten questions are asked, however many come at once."""
    layer, shop = budgeted(3 * MOST)

    replies = ask(layer, 10)

    assert shop.asked == 3
    assert sum(isinstance(each, Response) for each in replies) == 3
    assert all(isinstance(each, Response | RefusedError) for each in replies)
    assert layer.ledger.spent == pytest.approx(3 * MOST)


def test_a_cap_of_nothing_asks_nothing() -> None:
    """With no money at all nothing is asked."""
    layer, shop = budgeted(0.0)
    assert all(isinstance(each, RefusedError) for each in ask(layer, 2))
    assert shop.asked == 0


def test_without_a_cap_everything_is_asked_and_counted() -> None:
    """Without a cap nothing waits, and what was paid is known all the same."""
    layer, shop = budgeted(None)
    ask(layer, 20)
    assert (shop.asked, layer.paid) == (20, pytest.approx(20 * MOST))


def test_what_was_held_and_not_needed_is_free_again() -> None:
    """Answers shorter than they might be leave room: ten that cost a tenth fit where two of the dearest would."""
    layer, shop = budgeted(2 * MOST, tokens=1, wait=0.001)

    replies = ask(layer, 10)

    assert shop.asked == 10
    assert all(isinstance(each, Response) for each in replies)
    assert layer.ledger.spent == pytest.approx(MOST)


@pytest.mark.parametrize("seed", range(5))
def test_the_cap_holds_at_every_moment(seed: int) -> None:
    """What is spent and what is held for calls under way are never more than the cap, in whatever order they end."""
    draw, ledger = random.Random(seed), Ledger(10 * MOST)
    highest = 0.0

    async def call() -> None:
        nonlocal highest
        await ledger.hold(MOST)
        highest = max(highest, ledger.spent + ledger.held)
        await asyncio.sleep(draw.random() / 500)
        ledger.settle(MOST, draw.random() * MOST)

    async def many() -> list[BaseException | None]:
        return await asyncio.gather(*(call() for _ in range(100)), return_exceptions=True)

    left = asyncio.run(many())

    assert highest <= 10 * MOST + 1e-12
    assert 9 * MOST < ledger.spent <= 10 * MOST
    assert {type(each) for each in left} == {type(None), RefusedError}
    assert (ledger.held, ledger.under_way) == (0, 0)


def test_a_refusal_waits_for_what_is_under_way() -> None:
    """Nobody is refused while a call is under way: it may cost less than was held for it."""
    layer, _ = budgeted(MOST, tokens=0, wait=0.01)
    assert all(isinstance(each, Response) for each in ask(layer, 5))


def test_an_answer_without_its_tokens_costs_the_most() -> None:
    """An answer whose tokens the server does not say is taken for the dearest."""
    layer, shop = budgeted(2.5 * MOST, tokens=None)
    ask(layer, 5)
    assert (shop.asked, layer.ledger.spent) == (2, pytest.approx(2 * MOST))


class Refused(Exception):
    """As an SDK's error for a reply with a status."""

    status_code = 429


def failed(cause: Exception | None) -> CallError:
    """A failed call, and why."""
    error = CallError("no", retryable=True)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("fails", "spent"),
    [(failed(Refused()), 0.0), (ModelError("no key"), 0.0), (failed(OSError("reset")), MOST), (failed(None), MOST)],
    ids=["refused by the server", "no key", "connection lost", "unknown"],
)
def test_a_failed_call_costs_what_it_may_have(fails: Exception, spent: float) -> None:
    """A call that the server refused costs nothing; one whose end nobody saw is taken for the dearest."""
    layer, _ = budgeted(5 * MOST, fails=fails)
    ask(layer, 1)
    assert (layer.ledger.spent, layer.ledger.held) == (pytest.approx(spent), 0)


def test_a_call_given_up_on_may_be_billed() -> None:
    """A call that ran into the time-out is taken for the dearest: the server may have finished it."""
    slow = Limited(inner=Shop(wait=5), connections=1, timeout=0.01)
    layer = Budgeted(inner=slow, price=PRICE, ledger=Ledger(1.0))
    assert isinstance(ask(layer, 1)[0], CallError)
    assert layer.ledger.spent == pytest.approx(MOST)


@pytest.mark.parametrize("price", [Price(free=True), Price()], ids=["free", "unknown"])
def test_what_has_no_price_is_not_held_up(price: Price) -> None:
    """What costs nothing, or nobody knows what, passes through."""
    layer, shop = budgeted(0.0, price)
    assert all(isinstance(each, Response) for each in ask(layer, 3))
    assert (shop.asked, layer.paid) == (3, 0)


def test_several_runs_share_one_ledger() -> None:
    """Runs of one command share its cap, though each has an event loop of its own."""
    first, shop = budgeted(3 * MOST)
    ask(first, 2)
    second = Budgeted(inner=shop, price=PRICE, ledger=first.ledger)
    ask(second, 5)
    assert (shop.asked, second.paid) == (3, pytest.approx(MOST))


def test_the_refusal_says_what_is_spent() -> None:
    """The message names the cap, what is spent and what the next call may cost; its exit code is 5."""
    layer, _ = budgeted(2.5 * MOST)
    refused = ask(layer, 3)[-1]
    assert isinstance(refused, RefusedError)
    assert refused.exit_code == 5
    assert all(word in str(refused) for word in ("--max-cost 0.025", "$0.010000", "$0.020000"))


def test_a_budget_decides_no_answer() -> None:
    """A model has the same identity with a budget round it as without."""
    layer, shop = budgeted(1.0)
    assert layer.identity == shop.identity
    assert layer.price.output_tokens(Prompt(("a",), sampling=Sampling(max_tokens=3))) == 3
