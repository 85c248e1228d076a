"""Which rules mark, and with which options."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from evalkit.errors import EvalkitError
from evalkit.plugins import find
from evalkit.rules import STRICT, build_rules, options_of_file, published_rules
from evalkit.scorers.base import Scorer
from evalkit.scorers.published.base import Published

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
    ("file", "column", "data"),
    [
        ("slake.en1061.x.jsonl", "lang", "slake"),
        ("VQA-RAD.test.jsonl", "content_type", "vqa_rad"),
        ("x.jsonl", "content_type", "slake"),
        ("x.jsonl", "phrase_type", "vqa_rad"),
        ("x.jsonl", "lang", None),
    ],
)
def test_a_file_tells_its_data_set(tmp_path: Path, file: str, column: str, data: str | None) -> None:
    """A rule that treats data sets differently is told the one that the file's name, or else a column, declares."""
    (tmp_path / file).write_text(f'{{"id": "1", "gold": "x", "response": "y", "{column}": "z"}}\n')
    assert options_of_file(tmp_path / file)["medevalkit"] == ({"data": data} if data else {})
