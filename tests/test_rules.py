"""Which rules mark, and with which options."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from evalkit.errors import EvalkitError
from evalkit.plugins import find
from evalkit.rules import STRICT, build_rules, options_of_file, published_rules
from evalkit.scorers.base import Scorer
from evalkit.scorers.published.base import Published, data_set
from evalkit.types import Sample

NAMED = ("llava_med", "medevalkit", "multimedeval", "lmms_eval", "helm", "karma", "huatuo", "vlmevalkit", "mmmu")


def test_all_is_every_rule() -> None:
    """`all` is the strict scorers and every published rule, each once."""
    found = build_rules(["all"], {})
    assert list(found) == [*STRICT, *(f"published/{name}" for name in published_rules())]
    assert set(NAMED) <= set(published_rules())


@pytest.mark.parametrize("name", published_rules())
def test_every_published_rule_names_its_source(name: str) -> None:
    """A published rule says repository, commit, file and licence, and lists its marks."""
    rule = find(Scorer, f"published/{name}")  # type: ignore[type-abstract]
    assert issubclass(rule, Published)
    assert "/" in rule.source
    assert " @" in rule.source
    assert rule.texts or rule.choices
    assert dataclasses.is_dataclass(rule)


def test_rules_are_named_with_their_options() -> None:
    """Names are separated by commas, options follow a colon, and they win over the data set's own."""
    found = build_rules(["llava_med,medevalkit:data=slake", "closed"], {"medevalkit": {"data": "vqa_rad"}})
    assert list(found) == ["published/llava_med", "published/medevalkit", "closed"]
    assert getattr(found["published/medevalkit"], "data") == "slake"  # noqa: B009


def test_all_with_one_changed() -> None:
    """A rule named beside `all` keeps the options that it is given."""
    found = build_rules(["all", "medevalkit:data=slake"], {})
    assert getattr(found["published/medevalkit"], "data") == "slake"  # noqa: B009


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("llava_mod", "unknown rule 'llava_mod'.*llava_med"),
        ("medevalkit:dta=slake", "unknown option 'dta'.*data"),
        ("medevalkit:data=path", "data"),
        ("medevalkit:slake", "name:option=value would be right"),
        (",", "names no rule"),
    ],
)
def test_unknown_rules_are_refused(wanted: str, message: str) -> None:
    """An unknown rule, option or value is one line that names the nearest known one."""
    with pytest.raises(EvalkitError, match=message):
        build_rules([wanted], {})


@pytest.mark.parametrize(
    ("file", "data"),
    [("slake.en1061.x.jsonl", "slake"), ("VQA-RAD.test.jsonl", "vqa_rad"), ("x.jsonl", None)],
)
def test_the_name_of_a_file_tells_its_data_set(file: str, data: str | None) -> None:
    """A rule that treats data sets differently is told the one that the file's name begins with, where it does."""
    assert options_of_file(Path("some") / file).get("medevalkit", {}) == ({"data": data} if data else {})


@pytest.mark.parametrize(
    ("column", "declared", "data"),
    [
        ("content_type", None, "slake"),
        ("phrase_type", None, "vqa_rad"),
        ("lang", None, None),
        ("content_type", "vqa_rad", "vqa_rad"),
    ],
)
def test_a_row_tells_its_data_set(column: str, declared: str | None, data: str | None) -> None:
    """Where nothing is declared, a column that only one data set has says of which a row is."""
    assert data_set(Sample("1", "?", ("yes",), tags={column: "x"}), declared) == data
