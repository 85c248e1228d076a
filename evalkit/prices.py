"""What answers cost: before they are asked for (an estimate, or the most that it can be), and once they are there.

How many tokens a picture is, by provider, as documented in November 2026:

- `tiles`, OpenAI's GPT-4 Turbo and GPT-4o families (https://platform.openai.com/docs/guides/images-vision): scaled down
  into a square of 2,048 pixels, then to a shorter side of 768; 170 tokens for every tile of 512 pixels that is begun,
  and 85 for the picture. `detail: low` is the 85 alone.
- `patches`, OpenAI's later families: patches of 32 pixels, scaled down to a model's most, times a model's factor;
  Anthropic's from Claude 4 on (https://platform.claude.com/docs/en/build-with-claude/vision): patches of 28 pixels,
  scaled down to a longer side of 1,568 pixels, 2,576 for later models.
- `area`, Claude 3: width · height / 750 after the same scaling.
- `fixed`: one number, as of encoders that see every picture in one size.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from evalkit.images import picture_of
from evalkit.specs import Context, ImageTokens, Prices
from evalkit.types import Image, Prompt, Usage

MILLION = 1_000_000
AROUND = 128
"""Tokens of a call that are in nobody's words: roles, separators, what a provider adds."""
UNREADABLE = (4096, 4096)

Size = tuple[int, int]


@dataclass(frozen=True)
class Price:
    """What a model's answers cost: by its card's prices, nothing (`free`), or nobody knows.

    `longest` bounds an answer where the sampling does not; `at_least` is a bound that was set past the sampling, and
    `choices` how many answers a call gives.
    """

    prices: Prices | None = None
    free: bool = False
    images: ImageTokens | None = None
    context: Context = field(default_factory=Context)
    detail: str | None = None
    longest: int | None = None
    at_least: int = 0
    choices: int = 1

    @property
    def known(self) -> bool:
        """Whether it can be said at all."""
        return self.free or self.prices is not None

    @property
    def batch(self) -> float:
        """The share of the price that the provider's batch API asks; all of it where no card says so."""
        return (self.prices.batch or 1.0) if self.prices else 1.0

    def of(self, usage: Usage, batched: bool = False) -> float | None:
        """What an answer cost in USD, by the tokens that the provider counted; None where one of the two is unknown."""
        if self.free:
            return 0.0
        if self.prices is None or usage.input_tokens is None or usage.output_tokens is None:
            return None
        cached = min(usage.cached_tokens or 0, usage.input_tokens) if self.prices.cached is not None else 0
        usd = self._usd(usage.input_tokens - cached, usage.output_tokens, cached)
        return usd * self.batch if batched else usd

    def most(self, prompt: Prompt) -> float:
        """The most that an answer can cost in USD: a token a byte of text, nothing cached, the longest answer."""
        if self.prices is None:
            return 0.0
        words = len((prompt.system + prompt.text).encode())
        pictures = sum(self.image_tokens(size_of(image)) or 0 for image in prompt.images)
        return self._usd(AROUND + words + pictures, self.output_tokens(prompt) or 0)

    def _usd(self, new: int, output: int, cached: int = 0) -> float:
        prices = self.prices
        if prices is None:
            return 0.0
        return (new * prices.input + cached * (prices.cached or 0.0) + output * prices.output) / MILLION

    def text_tokens(self, text: str) -> int:
        """About how many tokens a text is: four characters each (or as the card says), one of Chinese and its like."""
        wide = sum(each > "\u2e7f" for each in text)
        return math.ceil((len(text) - wide) / self.context.characters_per_token) + wide

    def image_tokens(self, size: Size) -> int | None:
        """How many tokens a picture of that width and height is; None where the card has no rule."""
        return None if self.images is None else image_tokens(self.images, size, self.detail)

    def output_tokens(self, prompt: Prompt) -> int | None:
        """The most tokens of an answer; None where nothing bounds it."""
        longest = prompt.sampling.max_tokens if prompt.sampling.max_tokens is not None else self.longest
        return None if longest is None else max(longest, self.at_least) * self.choices

    def forecast(self, prompts: Iterable[Prompt]) -> Forecast:
        """What asking all of them would take, were none of them answered yet."""
        sizes: dict[Image, Size] = {}
        found = Forecast(self)
        for prompt in prompts:
            found.calls += 1
            found.text += self.text_tokens(prompt.system + prompt.text)
            for image in prompt.images:
                found.pictures += 1
                if self.images is not None:
                    fixed = self.images.rule == "fixed"
                    size = sizes.get(image) or (UNREADABLE if fixed else sizes.setdefault(image, size_of(image)))
                    found.picture_tokens += self.image_tokens(size) or 0
            longest = self.output_tokens(prompt)
            found.output = None if longest is None or found.output is None else found.output + longest
        return found


@dataclass
class Forecast:
    """Calls, pictures and tokens of a run to come; `output` is the most, None where nothing bounds the answers."""

    price: Price
    calls: int = 0
    text: int = 0
    pictures: int = 0
    picture_tokens: int = 0
    output: int | None = 0

    @property
    def usd(self) -> float | None:
        """The price if every answer is as long as it may be; None where it cannot be said."""
        if self.price.free:
            return 0.0
        lacking = self.pictures and self.price.images is None
        if self.price.prices is None or self.output is None or lacking:
            return None
        return self.price._usd(self.text + self.picture_tokens, self.output)


@dataclass
class Bill:
    """What a run's answers cost, each once, however many samples share it."""

    price: Price
    usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    unpriced: int = 0
    _seen: set[bytes] = field(default_factory=set, repr=False)

    def add(self, key: bytes, usage: Usage, batched: bool = False) -> None:
        """An answer by its key in the store."""
        if key in self._seen:
            return
        self._seen.add(key)
        self.input_tokens += usage.input_tokens or 0
        self.output_tokens += usage.output_tokens or 0
        usd = self.price.of(usage, batched)
        self.unpriced += usd is None
        self.usd += usd or 0.0

    def record(self, now: float) -> dict[str, Any]:
        """As it stands in run.json; `now` is what this command paid of it, the rest was paid before."""
        known = self.price.known
        return {
            "usd": round(self.usd, 9) if known else None,
            "now": round(now, 9) if known else None,
            "earlier": max(0.0, round(self.usd - now, 9)) if known else None,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "unpriced": self.unpriced,
            "prices_date": self.price.prices.date.isoformat() if self.price.prices else None,
        }


def usd(amount: float) -> str:
    """An amount of money, with as many digits as a small one needs."""
    return f"${amount:,.2f}" if amount >= 0.1 or not amount else f"${amount:.6f}"


def size_of(image: Image) -> Size:
    """A picture's width and height from its header; one that cannot be read counts as a large one."""
    from PIL import Image as Pillow  # noqa: PLC0415  (only where something is paid)
    from PIL import UnidentifiedImageError  # noqa: PLC0415

    try:
        with Pillow.open(io.BytesIO(picture_of(image).data)) as opened:
            return opened.size
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Pillow.DecompressionBombError):
        return UNREADABLE


def image_tokens(rule: ImageTokens, size: Size, detail: str | None = None) -> int:
    """How many tokens a picture of that width and height is by a provider's rule."""
    if rule.rule == "fixed" or (rule.rule == "tiles" and detail == "low"):
        return rule.base
    width, height = _within(size, rule.edge, rule.short)
    if rule.rule == "area":
        tokens = math.ceil(width * height / rule.size)
        return rule.base + (tokens if rule.most is None else min(tokens, rule.most))
    if rule.rule == "patches" and rule.most is not None:
        width, height = _patched(width, height, rule.size, rule.most)
    return rule.base + round(rule.each * _count(width, height, rule.size))


def _within(size: Size, edge: int | None, short: int | None) -> tuple[float, float]:
    width, height = float(size[0]), float(size[1])
    for bound, side in ((edge, max), (short, min)):
        scale = min(1.0, bound / side(width, height)) if bound else 1.0
        width, height = width * scale, height * scale
    return width, height


def _patched(width: float, height: float, size: int, most: int) -> tuple[float, float]:
    """Scaled down so that at most so many patches are begun, a whole number of them along one side."""
    if _count(width, height, size) <= most:
        return width, height
    scale = math.sqrt(size * size * most / (width * height))
    across, down = width * scale / size, height * scale / size
    scale *= min(max(1, math.floor(across)) / across, max(1, math.floor(down)) / down)
    return width * scale, height * scale


def _count(width: float, height: float, size: int) -> int:
    # Not one more for what rounding left over.
    return math.ceil(width / size - 1e-9) * math.ceil(height / size - 1e-9)
