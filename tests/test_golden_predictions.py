"""What a user gets: `evalkit score --rules all` on real predictions, value by value as the original functions give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from program import Program

FILES = (
    "medqa.pmc-llama",
    "omnimedvqa.covid19_tianchi.medgemma",
    "omnimedvqa.covid19_tianchi.medllava",
    "slake.en1061.huatuogpt-vision-7b-qwen2.5vl.black",
    "slake.en1061.huatuogpt-vision-7b-qwen2.5vl.original",
    "vqa-rad.closed1299.gpt-4o",
    "vqa-rad.closed1299.llama3.2-vision-11b",
    "vqa-rad.hf451.qwen2-vl-2b",
    "vqa-rad.hf451.qwen2-vl-2b-lora-r4",
    "vqa-rad.hf451.qwen3-vl-8b-lora",
    "vqa-rad.test451.llava-med-answer-file",
)
TOLERANCE = 1e-6


def lines(file: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def differing(ours: dict[str, Any], theirs: dict[str, Any]) -> Iterator[str]:
    """The columns in which a row differs, a missing one included."""
    for column, value in theirs.items():
        mine = ours.get(column, "no such column")
        number = isinstance(value, int | float) and isinstance(mine, int | float) and not isinstance(value, bool)
        if abs(value - mine) > TOLERANCE if number else value != mine:
            yield f"{theirs['id']}: {column}: {mine!r} instead of {value!r}"


@pytest.mark.shared
@pytest.mark.parametrize("name", FILES)
def test_every_value_is_the_originals(evalkit: Program, shared: Path, name: str) -> None:
    """Every column of every golden row, null and "crash" included, comes out of `--samples-out` as it is there."""
    file, golden = (shared / "predictions" / folder / f"{name}.jsonl" for folder in ("", "golden"))

    done = evalkit("score", "-p", file, "--rules", "all", "--samples-out", "out.jsonl", "--json")

    assert done.code == 0, done.err
    ours, theirs = lines(Path("out.jsonl")), lines(golden)
    assert [row["id"] for row in ours] == [row["id"] for row in theirs]
    assert [each for pair in zip(ours, theirs, strict=True) for each in differing(*pair)] == []


@pytest.mark.shared
def test_every_pair_is_the_originals(evalkit: Program, shared: Path) -> None:
    """The hand-made pairs, closed, open and of multiple choice in one file, come out as the originals mark them."""
    theirs = lines(shared / "predictions" / "golden" / "pairs.jsonl")
    own = ("type", "gold", "gold_text", "options", "prediction")
    rows = []
    for pair in theirs:
        row = {"id": pair["id"], "response": pair["prediction"], "gold": pair["gold_text"] or pair["gold"]}
        label = {} if pair["options"] else {"answer_type": pair["type"].upper()}
        rows.append({**row, **label, **({"options": pair["options"]} if pair["options"] else {})})
    Path("pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    done = evalkit("score", "-p", "pairs.jsonl", "--rules", "all", "--samples-out", "out.jsonl", "--json")

    assert done.code == 0, done.err
    wanted = [{k: v for k, v in pair.items() if k not in own} for pair in theirs]
    ours = lines(Path("out.jsonl"))
    assert [each for pair in zip(ours, wanted, strict=True) for each in differing(*pair)] == []


@pytest.mark.shared
def test_the_numbers_of_the_test_split(evalkit: Program, shared: Path) -> None:
    """GPT-4o's answers to VQA-RAD: per cent by rule on the 272 CLOSED test rows, and on all 1,193 yes/no rows."""
    file = shared / "predictions" / "vqa-rad.closed1299.gpt-4o.jsonl"
    command = ("score", "-p", file, "--task", "vqa_rad", "--data", shared / "data", "--rules", "all")

    found = {(each["rule"], each["slice"]): each for each in evalkit(*command, "--json").json}

    def number(rule: str, name: str, decimals: int) -> tuple[float, int]:
        each = found[rule, name]
        return round(100 * each["value"], decimals), each["n"]

    assert number("llava_med.run_eval_closed", "in_task=yes", 1) == (63.6, 272)
    assert number("medevalkit.closed", "in_task=yes", 1) == (68.9, 251)
    assert number("lmms_eval.slake", "in_task=yes", 1) == (62.9, 272)
    assert number("karma.exact_match", "in_task=yes", 1) == (0.0, 272)
    assert number("lsi_ufcg.strict", "all", 2) == (71.02, 1180)
    assert number("lsi_ufcg.strict_all", "all", 2) == (70.24, 1193)
    printed = evalkit(*command).out
    assert "71.02 ±" in printed
    assert "lie furthest apart" in printed
