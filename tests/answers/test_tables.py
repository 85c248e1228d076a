"""A table of clinical words says one thing about each phrase, or is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.answers.concepts import read
from evalkit.answers.tables import read_vocabulary
from evalkit.errors import ConfigError

TABLE = """\
version: small
spellings: {tumour: tumor, aem: em}
plurals: {apices: apex}
synonyms:
  ct: cat scan, computed tomography
  tumor: neoplasm
  left: l
  right: r
  "0": none
  larger: bigger
  lung: pulmonary
names: deep vein
expansions:
  both: left right
  plain: not contrast
axes:
  side: {place: true, poles: [left, right]}
implied: {left apex: lung}
organs: lung
ranks: {grade: [], nyha: nyha class}
comparisons: {more: larger, less: smaller, over: larger than, under: smaller than, than: than}
cues: {alone: "0", before: "no, without", after: "absent, not seen", next: non, ends: but, neutral: not only}
joins: {both: and, either: or, cause: by}
verbs: is
fillers: the of
general: image side
units:
  mm: {names: [millimeter]}
  cm: {base: mm, factor: 10}
"""


def said(folder: Path, text: str, table: str = TABLE) -> str:
    """What a text says by a table, in one line."""
    path = folder / "small.yaml"
    path.write_text(table, encoding="utf-8")
    return str(read(read_vocabulary(path), text))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("CAT scan of the tumours", "ct; tumor"),
        ("neoplasms in both apices", "apex; in; left; right; tumor"),
        ("haematomas", "hematoma"),
        ("plain ct", "ct; not contrast"),
        ("deep veins", "deep vein"),
        ("2 cm", "20 mm"),
        ("not only ct", "ct"),
        ("the image", "image"),
        ("the side of the image", "image; side"),
        ("of the", "of; the"),
        ("not seen", "0"),
        ("absent", "0"),
        ("no", "0"),
        ("tumor? no, ct", "ct; not tumor"),
        ("grade II", "grade 2"),
        ("Grade two tumor", "grade 2; tumor"),
        ("NYHA class IV", "nyha 4"),
        ("II", "ii"),
        ("left smaller than right", "larger; left; right"),
        ("smaller than", "smaller"),
        ("left apex", "apex; left"),
        ("tumor by ct", "ct; tumor"),
        ("patient's opacities", "opacity; patient"),
        ("masses, boxes, viruses, stenoses, pelvis", "box; mass; pelvis; stenosis; virus"),
        ("", ""),
    ],
)
def test_a_table_at_work(tmp_path: Path, text: str, line: str) -> None:
    """Phrases, spellings, plurals, expansions and units become concepts; words without content only where alone."""
    assert said(tmp_path, text) == line


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("tumor: neoplasm", "tumor: neoplasm, ct", "stands already for ct"),
        ("tumor: neoplasm", "tumor: neoplasms\n  neoplasm: growth", "stands already for tumor"),
        ("tumor: neoplasm", "tumor: is", "stands already for tumor"),
        ("tumor: neoplasm", "tumor: neoplasm,, growth", "found no words"),
        ("fillers: the of", "fillers: the of no", "stands already for 0 (before)"),
        ("both: left right", "ct: left right", "stands already for ct"),
        ("plain: not contrast", "plain: the", "found no words"),
        ("poles: [left, right]", "poles: [left, r]", "one concept's name would be right"),
        ("organs: lung", "organs: lungs", "one concept's name would be right"),
        ("left apex: lung", "left apex: left lung", "one concept's name would be right"),
        ("left apex: lung", "ct: lung", "stands already for ct"),
        ("over: larger than", "over: larger", "stands already for larger"),
        ("base: mm", "base: m", "a base unit would be right"),
        ("names: [millimeter]", "names: [cm]", "names another unit already"),
        ("version: small", "version: large", "'small' would be right"),
        ("fillers:", "filler:", "unknown field; did you mean fillers?"),
        ("place: true", "plaice: true", "unknown field; did you mean place?"),
        ("verbs: is\n", "", "is missing"),
    ],
)
def test_a_table_is_read_strictly(tmp_path: Path, before: str, after: str, told: str) -> None:
    """A phrase in two groups, an unknown key, unit or pole, and another version than the file's name are errors."""
    assert before in TABLE
    with pytest.raises(ConfigError, match=r"small") as raised:
        said(tmp_path, "ct", TABLE.replace(before, after, 1))
    assert told in str(raised.value)
