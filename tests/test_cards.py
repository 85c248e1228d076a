"""From a name to a model: a card, a provider's model, an adapter; with options and decoding."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.cards import open_model
from evalkit.catalogue import Catalogue
from evalkit.errors import ConfigError, UsageError
from evalkit.models.openai import OpenAI
from evalkit.models.scripted import Scripted
from evalkit.types import Sampling

CARD = """\
name: mine
about: Says maybe.
adapter: scripted
options: {reply: maybe, latency: 0.5}
sampling: {temperature: 0, max_tokens: 5}
trained_on: [slake]
"""


def cards(tmp_path: Path, text: str = CARD, name: str = "mine") -> Catalogue:
    """A folder of the user's with one card in it."""
    file = tmp_path / "cards" / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return Catalogue((tmp_path,))


def test_a_card_names_a_model(tmp_path: Path) -> None:
    """A file in `cards/` of a folder of the user's is a model by the file's name, with its options and decoding."""
    found = open_model("mine", {}, cards(tmp_path))

    assert (found.name, found.model) == ("mine", Scripted(reply="maybe", latency=0.5))
    assert found.sampling == Sampling(temperature=0, max_tokens=5)
    assert found.card is not None
    assert found.card.trained_on == ["slake"]


def test_given_options_win_over_the_cards(tmp_path: Path) -> None:
    """An option given by the user replaces the card's; the others stay."""
    assert open_model("mine", {"reply": "no"}, cards(tmp_path)).model == Scripted(reply="no", latency=0.5)


def test_a_card_may_have_an_adapters_name(tmp_path: Path) -> None:
    """A card goes before an adapter of the same name, so that a user can give an adapter other defaults."""
    found = open_model("scripted", {}, cards(tmp_path, CARD.replace("name: mine", "name: scripted"), "scripted"))
    assert found.model == Scripted(reply="maybe", latency=0.5)


def test_a_card_may_lie_in_a_folder(tmp_path: Path) -> None:
    """A card at `cards/lab/mine.yaml` is the model `lab/mine`."""
    assert open_model(
        "lab/mine", {}, cards(tmp_path, CARD.replace("name: mine", "name: lab/mine"), "lab/mine")
    ).model == Scripted(reply="maybe", latency=0.5)


def test_an_adapter_is_a_model() -> None:
    """Without a card an adapter's name is a model with the given options, and no decoding of its own."""
    found = open_model("scripted", {"reply": "no", "latency": "0.25"})
    assert (found.name, found.model, found.sampling, found.card) == (
        "scripted",
        Scripted(reply="no", latency=0.25),
        Sampling(),
        None,
    )


@pytest.mark.parametrize("name", ["openai/gpt-4o", "openai/meta/llama-3:8b"])
def test_a_providers_model_is_written_with_a_slash(name: str) -> None:
    """`provider/name` is the provider's adapter with that model, however many slashes the name has."""
    found = open_model(name, {"base_url": "http://localhost:1/v1"})
    assert isinstance(found.model, OpenAI)
    assert (found.name, found.model.model) == (name, name.removeprefix("openai/"))


def test_a_class_from_outside_is_a_model() -> None:
    """`module:Class` is a model of one's own."""
    assert open_model("evalkit.models.scripted:Scripted", {"reply": "x"}).model == Scripted(reply="x")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("majorty", {}, r"unknown model 'majorty'; did you mean majority\?"),
        ("", {}, "unknown model ''; known: "),
        ("openay/gpt", {}, "unknown model 'openay/gpt'"),
        ("openai/", {}, "unknown model 'openai/'"),
        ("openai", {}, "openai: needs model"),
        ("scripted", {"repply": 1}, r"scripted: unknown option 'repply'; did you mean reply\?"),
        ("scripted", {"latency": "soon"}, "scripted: latency: 'soon' will not do"),
        ("scripted", {"latency": "nan"}, "scripted: latency: 'nan' will not do"),
        ("scripted", {"asked": []}, "unknown option 'asked'"),
        ("majority", {"lesson": None}, "unknown option 'lesson'"),
        ("recorded", {}, "recorded: needs file"),
        ("no_such_module:Model", {}, "no module no_such_module"),
        ("json:loads", {}, "json has no Model class of that name"),
        (":Model", {}, "module"),
        ("evalkit.models.base:Model", {}, "Model"),
        ("evalkit.models.layers:Layer", {}, "Layer"),
    ],
)
def test_what_does_not_exist_is_answered_with_the_nearest(name: str, options: dict[str, object], message: str) -> None:
    """An unknown model or option raises UsageError with what was found and what would be right."""
    with pytest.raises(UsageError, match=message):
        open_model(name, options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CARD.replace("adapter: scripted", "adapter: scriptd"), r"unknown model 'scriptd'; did you mean scripted\?"),
        (CARD.replace("reply", "repply"), r"mine: unknown option 'repply'; did you mean reply\?"),
        (CARD.replace("about", "abuot"), r"mine\.yaml: abuot: unknown field; did you mean about\?"),
        (CARD.replace("about: Says maybe.\n", ""), r"mine\.yaml: about: is missing"),
        (CARD.replace("temperature: 0", "temperature: hot"), r"mine\.yaml: sampling\.temperature: .*'hot'"),
        (CARD.replace("reply: maybe", "reply: no"), "reply: False will not do"),
        ("- a", "keys and values"),
    ],
)
def test_a_card_that_is_wrong_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """A card that does not say what it must is refused by its name and key."""
    with pytest.raises(UsageError, match=message):
        open_model("mine", {}, cards(tmp_path, text))


def test_a_bad_card_is_no_other_models_trouble(tmp_path: Path) -> None:
    """A model opens though another card is broken."""
    catalogue = cards(tmp_path, "- a")
    assert open_model("scripted", {}, catalogue).model == Scripted()
    with pytest.raises(ConfigError):
        open_model("mine", {}, catalogue)


def test_opening_connects_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model can be opened without its key and without its server."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert open_model("openai/gpt-x").model.third_party
