"""What answers cost: pictures in tokens by the providers' rules, the price before and after, the bill of a run."""

from __future__ import annotations

import datetime

import pytest
from conftest import png
from hypothesis import given
from hypothesis import strategies as st

from evalkit.images import to_picture
from evalkit.prices import UNREADABLE, Bill, Price, image_tokens, size_of, usd
from evalkit.specs import Context, ImageTokens, Prices
from evalkit.types import Image, Prompt, Sampling, Usage

TILES = ImageTokens(rule="tiles", source="s", size=512, each=170, base=85, edge=2048, short=768)
PATCHES = ImageTokens(rule="patches", source="s", size=32, most=1536)
CLAUDE = ImageTokens(rule="patches", source="s", size=28, edge=1568, most=1568)
AREA = ImageTokens(rule="area", source="s", size=750, edge=1568, most=1600)
FIXED = ImageTokens(rule="fixed", source="s", base=576)
PRICES = Prices(date=datetime.date(2026, 11, 23), source="s", input=2, output=10, cached=0.5, batch=0.5)
PAID = Price(prices=PRICES, images=FIXED)


def picture(size: tuple[int, int] = (8, 8), name: str = "a.png") -> Image:
    """A grey picture of that size."""
    return Image(name, lambda _: png(size=size))


@pytest.mark.parametrize(
    ("rule", "size", "tokens"),
    [
        # The examples of the providers' own pages.
        (TILES, (1024, 1024), 765),
        (TILES, (2048, 4096), 1105),
        (TILES, (100, 100), 255),
        (PATCHES, (1024, 1024), 1024),
        (PATCHES, (1800, 2400), 1452),
        (PATCHES.model_copy(update={"each": 1.62}), (1024, 1024), 1659),
        (AREA, (1000, 1000), 1334),
        (AREA, (200, 200), 54),
        (AREA, (8000, 8000), 1600),
        (CLAUDE, (1000, 1000), 1296),
        (FIXED, (9, 9000), 576),
    ],
)
def test_a_picture_is_so_many_tokens(rule: ImageTokens, size: tuple[int, int], tokens: int) -> None:
    """A picture's tokens are what the provider's page says of that size."""
    assert image_tokens(rule, size) == tokens


def test_a_picture_without_detail_is_cheap() -> None:
    """With `detail: low` a tiled picture costs its base, whatever its size."""
    assert image_tokens(TILES, (4096, 8192), "low") == 85


@given(st.tuples(st.integers(1, 20000), st.integers(1, 20000)))
def test_a_picture_never_takes_more_than_the_most(size: tuple[int, int]) -> None:
    """No size and no shape gets over a rule's most, and none is free."""
    assert 1 <= image_tokens(PATCHES, size) <= 1536
    assert 1 <= image_tokens(CLAUDE, size) <= 1568
    assert 1 <= image_tokens(AREA, size) <= 1600
    assert 255 <= image_tokens(TILES, size) <= 85 + 170 * 8


def test_an_answer_costs_what_was_counted() -> None:
    """What an answer cost: new input, cached input and output, each at its own price."""
    assert PAID.of(Usage(1000, 100, 400)) == pytest.approx((600 * 2 + 400 * 0.5 + 100 * 10) / 1e6)


@pytest.mark.parametrize(
    ("price", "usage", "cost"),
    [
        (PAID, Usage(), None),
        (PAID, Usage(1000, None), None),
        (Price(), Usage(1000, 100), None),
        (Price(free=True), Usage(), 0.0),
        (Price(prices=PRICES.model_copy(update={"cached": None})), Usage(1000, 0, 1000), 0.002),
        (PAID, Usage(1000, 0, 2000), 0.0005),
    ],
    ids=["no usage", "half a usage", "no price", "free", "no price of cached", "more cached than there is"],
)
def test_what_is_not_known_is_not_guessed(price: Price, usage: Usage, cost: float | None) -> None:
    """Without a price or without tokens there is no cost; without a price of cached input it costs as any."""
    assert price.of(usage) == (None if cost is None else pytest.approx(cost))


@given(st.text(max_size=200), st.integers(0, 50))
def test_the_most_is_no_less_than_any_answer_of_it(text: str, output: int) -> None:
    """The most that a call can cost covers a token for every byte of text, every picture, and the longest answer."""
    prompt = Prompt((picture(), text), sampling=Sampling(max_tokens=50))
    worst = Usage(len(text.encode()) + 576, output)
    assert PAID.most(prompt) >= (PAID.of(worst) or 0)


@pytest.mark.parametrize(
    ("price", "sampling", "tokens"),
    [
        (Price(longest=1024), Sampling(max_tokens=64), 64),
        (Price(longest=1024), Sampling(), 1024),
        (Price(), Sampling(), None),
        (Price(at_least=500), Sampling(max_tokens=64), 500),
        (Price(choices=3), Sampling(max_tokens=64), 192),
    ],
)
def test_an_answer_is_bounded(price: Price, sampling: Sampling, tokens: int | None) -> None:
    """The sampling bounds an answer, else the model; what was set past the sampling holds, for every choice."""
    assert price.output_tokens(Prompt(("a",), sampling=sampling)) == tokens


@pytest.mark.parametrize(
    ("text", "each", "tokens"), [("", 4, 0), ("abcde", 4, 2), ("这是什么", 4, 4), ("CT 肺", 4, 2), ("abcdef", 3, 2)]
)
def test_text_is_estimated(text: str, each: float, tokens: int) -> None:
    """Text is so many characters a token as the card says, four where it does not; one of Chinese is one."""
    assert Price(context=Context(characters_per_token=each)).text_tokens(text) == tokens


def test_a_forecast_adds_up() -> None:
    """A forecast counts calls, text, pictures and the longest answers, and prices them."""
    prompts = [Prompt((picture(), "abcdefgh"), sampling=Sampling(max_tokens=10)), Prompt(("abcd",))]
    price = Price(prices=PRICES, images=FIXED, longest=20)

    found = price.forecast(prompts)

    assert (found.calls, found.text, found.pictures, found.picture_tokens, found.output) == (2, 3, 1, 576, 30)
    assert found.usd == pytest.approx((579 * 2 + 30 * 10) / 1e6)


@pytest.mark.parametrize(
    "price",
    [Price(), Price(prices=PRICES, longest=5), Price(prices=PRICES, images=FIXED)],
    ids=["no price", "no rule for pictures", "no bound of the answers"],
)
def test_a_forecast_without_all_it_needs_has_no_price(price: Price) -> None:
    """Where the price, the tokens of a picture or the longest answer are unknown, so is the price of the run."""
    assert price.forecast([Prompt((picture(), "a"))]).usd is None


def test_a_forecast_of_what_is_free_is_nothing() -> None:
    """Where nothing is paid the price is 0, whatever else is unknown."""
    assert Price(free=True).forecast([Prompt((picture(), "a"))]).usd == 0


def test_a_picture_tells_its_size() -> None:
    """Width and height come from a picture's header; one without a readable header counts as large."""
    assert size_of(picture((30, 20))) == (30, 20)
    assert size_of(Image("b.png", lambda _: png()[:12] + bytes(20))) == UNREADABLE
    assert to_picture(png(), "a").media_type == "image/png"


def test_a_bill_counts_an_answer_once() -> None:
    """Samples that share an answer have paid for it once; what was paid before is the rest."""
    bill = Bill(PAID)
    for key in (b"a", b"a", b"b"):
        bill.add(key, Usage(1000, 100))
    bill.add(b"c", Usage())

    assert bill.record(0.003) == {
        "usd": 0.006,
        "now": 0.003,
        "earlier": 0.003,
        "input_tokens": 2000,
        "output_tokens": 200,
        "unpriced": 1,
        "prices_date": "2026-11-23",
    }


def test_a_bill_without_a_price_has_none() -> None:
    """Where the price is unknown the bill says so, and still counts the tokens."""
    bill = Bill(Price())
    bill.add(b"a", Usage(7, 2))
    record = bill.record(0.0)
    assert (record["usd"], record["now"], record["earlier"], record["prices_date"]) == (None, None, None, None)
    assert (record["input_tokens"], record["output_tokens"]) == (7, 2)


@pytest.mark.parametrize(
    ("amount", "text"), [(0.0, "$0.00"), (1234.5, "$1,234.50"), (0.25, "$0.25"), (0.00003, "$0.000030")]
)
def test_money_is_readable(amount: float, text: str) -> None:
    """An amount is shown in dollars, a small one with more digits."""
    assert usd(amount) == text
