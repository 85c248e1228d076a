"""From a name to a model: a card, `provider/name`, or an adapter itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evalkit.catalogue import Catalogue
from evalkit.errors import ConfigError, UsageError, did_you_mean
from evalkit.models.base import Model
from evalkit.plugins import build, find, names
from evalkit.specs import CardSpec, read_spec
from evalkit.types import Sampling


@dataclass(frozen=True)
class NamedModel:
    """A model by the name that the user gave it, with the decoding that its card asks for."""

    name: str
    model: Model
    sampling: Sampling = Sampling()
    card: CardSpec | None = None


def open_model(
    name: str, options: Mapping[str, object] | None = None, catalogue: Catalogue | None = None
) -> NamedModel:
    """The model of that name, its options checked; loads no weights and opens no connection.

    Raises UsageError for an unknown name or option, MissingPackageError when the adapter's package is not installed.
    """
    catalogue = catalogue or Catalogue()
    given = dict(options or {})
    cards = catalogue.files("cards")
    if name in cards:
        card = read_spec(cards[name], CardSpec)
        if card.name != name:
            raise ConfigError(f"{cards[name]}: name: {card.name!r} would be found under {name!r}; one must give way")
        adapter: type[Model] = find(Model, card.adapter)  # type: ignore[type-abstract]
        model = build(adapter, {**card.options, **given}, f"model {name}")
        return NamedModel(name, model, Sampling(**card.sampling.model_dump()), card)
    provider, _, rest = name.partition("/")
    adapters = names(Model)
    if rest and provider in adapters:
        made = find(Model, provider)  # type: ignore[type-abstract]
        return NamedModel(name, build(made, {"model": rest, **given}, f"model {name}"))
    if name not in adapters and ":" not in name:
        hint = did_you_mean(name, {*cards, *adapters})
        raise UsageError(f"unknown model {name!r}; {hint} (a provider's model is written provider/name)")
    return NamedModel(name, build(find(Model, name), given, f"model {name}"))  # type: ignore[type-abstract]
