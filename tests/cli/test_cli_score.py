"""evalkit score: a run's answers, or another tool's, marked again; joined by id, counted honestly, no model asked."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import ROWS, TASK, MakeTask
from program import TINY, Done, Program

HERE = ("--include-path", "mine", "--data", "data")
KEYS = {"rule", "slice", "value", "n", "missing", "unparsed", "refused", "crash", "random"}
PHANTOM = ("-t", "phantom")


def predictions(rows: Sequence[Mapping[str, object]], name: str = "p.jsonl") -> str:
    """A predictions file of these rows."""
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return name


def answers(**texts: str | None) -> list[dict[str, object]]:
    """Rows with nothing but id and response."""
    return [{"id": name, "response": text} for name, text in texts.items()]


def found(done: Done, rule: str, name: str = "all") -> dict[str, Any]:
    """The record of one rule on one slice in `--json`."""
    assert done.code == 0, done.err
    (record,) = [each for each in done.json if (each["rule"], each["slice"]) == (rule, name)]
    return dict(record)


def kept_run(evalkit: Program, *options: object) -> Path:
    """The folder of a run on the tiny task."""
    assert evalkit("run", "-M", "scripted", "--max-missing", 1, *options, *TINY).code == 0
    (folder,) = Path("results").glob("*/*/*/")
    return folder


def test_a_run_is_marked_again_as_it_was(evalkit: Program) -> None:
    """The task's own scorers give a run's answers the run's own numbers, interval and counts included."""
    folder = kept_run(evalkit, "-a", 'replies={nodule: "yes", mass: "maybe"}', "-a", "fails=[organ]")
    (run,) = evalkit(
        "run", "-M", "scripted", "-a", 'replies={nodule: "yes", mass: "maybe"}', "-a", "fails=[organ]", *TINY, "--json"
    ).json

    done = evalkit("score", folder, *HERE, "--json")

    again = [{"scorer": each.pop("rule"), **each} for each in done.json]
    assert again == run["estimates"]


def test_a_run_is_marked_by_other_scorers(evalkit: Program) -> None:
    """`--scorer` marks a run's answers by rules that its task does not have; the run stays as it was."""
    folder = kept_run(evalkit)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    done = evalkit("score", folder, *HERE, "-s", "recall", "-s", "token_f1", "--json")

    assert {each["rule"] for each in done.json} == {"recall", "token_f1"}
    assert found(done, "recall")["n"] == 3
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_part_of_a_run_is_marked_as_a_part(evalkit: Program) -> None:
    """Samples that a limited run never asked are not missing from it."""
    folder = kept_run(evalkit, "--limit", 2)
    record = found(evalkit("score", folder, *HERE, "--json"), "exact_match")
    assert (record["n"], record["missing"]) == (2, 0)


def test_a_refusal_stays_one(evalkit: Program, make_task: MakeTask) -> None:
    """What the provider flagged as refused is refused when it is marked again, whatever its words."""
    from loopback import Loopback, completion, serving

    with serving(Loopback(lambda *_: completion(None, refusal="Yes."))) as server:
        (run,) = evalkit("run", "-M", "openai/x", "--base-url", server.url, *TINY, "--json").json
    (folder,) = Path("results").glob("*/*/*/")

    record = found(evalkit("score", folder, *HERE, "--json"), "exact_match")

    assert run["counts"]["refused"] == 3
    assert (record["refused"], record["value"]) == (3, 0.0)


@pytest.mark.parametrize("order", ["abc", "cba", "bca"])
def test_answers_are_joined_by_id(evalkit: Program, order: str) -> None:
    """The order of a predictions file makes no difference; its samples come out in the order of the data."""
    texts = {"a": "Yes", "b": "Yes", "c": "liver"}
    file = predictions([{"id": name, "response": texts[name], "more": 1} for name in order])

    done = evalkit("score", "-p", file, *TINY, "--json", "--samples-out", "out.jsonl")

    assert found(done, "exact_match")["value"] == pytest.approx(2 / 3)
    rows = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [(row["id"], row["exact_match.value"]) for row in rows] == [("a", 1.0), ("b", 0.0), ("c", 1.0)]


def test_ids_may_be_numbers(evalkit: Program, make_task: MakeTask) -> None:
    """An id that is a number in one file and a text in the other is the same id."""
    make_task(rows=[{**row, "id": number} for number, row in enumerate(ROWS)])
    file = predictions([{"id": str(number), "response": "Yes"} for number in range(3)])
    assert found(evalkit("score", "-p", file, *TINY, "--json"), "exact_match")["n"] == 3


def test_what_is_not_answered_is_missing(evalkit: Program) -> None:
    """A sample without a row is missing and in no mean; it is never wrong."""
    done = evalkit("score", "-p", predictions(answers(a="yes")), *TINY, "--json")

    record = found(done, "exact_match")
    assert (record["value"], record["n"], record["missing"]) == (1.0, 1, 2)
    right = found(done, "exact_match", "side=right")
    assert (right["value"], right["n"], right["missing"]) == (None, 0, 1)


@pytest.mark.parametrize(
    ("text", "bucket"),
    [
        ("", "blank"),
        (" .\n", "blank"),
        ("I'm sorry, but I cannot help with that.", "refused"),
        ("It might be either.", "unparsed"),
        ("<think>Is it? Yes, it", "unparsed"),
        ("No.", "parsed"),
    ],
)
def test_every_answer_is_in_its_bucket(evalkit: Program, text: str, bucket: str) -> None:
    """Blank, refused and unreadable answers are marked 0, in the denominator, and counted apart."""
    file = predictions(answers(a=text, b="no"))

    done = evalkit("score", "-p", file, *TINY, "--json", "--samples-out", "out.jsonl")

    record = found(done, "closed")
    assert (record["value"], record["n"]) == (0.5, 2)
    assert {name: record[name] for name in ("unparsed", "refused", "blank")} == {
        name: int(name == bucket) for name in ("unparsed", "refused", "blank")
    }
    assert json.loads(Path("out.jsonl").read_text().splitlines()[0])["closed.bucket"] == bucket


def test_json_has_the_documented_keys(evalkit: Program) -> None:
    """Every record of `--json` names rule, slice, value, n and what became of the rest."""
    done = evalkit("score", "-p", predictions(answers(a="yes")), *TINY, "--json")

    assert all(each.keys() >= KEYS for each in done.json)
    assert {(each["rule"], each["slice"]) for each in done.json} == {
        (rule, name) for rule in ("exact_match", "closed") for name in ("all", "side=left", "side=right")
    }


SELF = (
    {"id": "1", "question": "Is there a nodule?", "gold": "yes", "response": "Yes.", "answer_type": "CLOSED "},
    {
        "id": "2",
        "question": "What is shown?",
        "gold": ["liver", "the liver"],
        "response": "The liver",
        "answer_type": "OPEN",
    },
    {
        "id": "3",
        "question": "Which?",
        "gold": "CT",
        "response": "B",
        "options": {"A": "MRI", "B": "CT"},
        "answer_type": None,
    },
    {"id": "4", "question": "Which?", "gold": "MRI", "response": "MRI", "options": ["MRI", "CT"], "lang": "en"},
)


def test_rows_can_stand_alone(evalkit: Program) -> None:
    """Rows that bring question and gold are marked without a task, each by its kind; `--by` makes slices of columns."""
    file = predictions(SELF)

    done = evalkit("score", "-p", file, "--by", "answer_type", "--by", "lang", "--json", "--samples-out", "out.jsonl")

    assert (found(done, "closed")["value"], found(done, "closed")["n"]) == (1.0, 3)
    assert found(done, "exact_match")["n"] == 4
    assert {each["slice"] for each in done.json} >= {"all", "answer_type=CLOSED", "answer_type=OPEN", "lang=en"}
    assert [json.loads(line)["id"] for line in Path("out.jsonl").read_text().splitlines()] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("gold", ["", []], ids=str)
def test_an_empty_gold_is_no_gift(evalkit: Program, gold: object) -> None:
    """Where the gold is empty no answer earns anything, and the question counts as no yes/no question."""
    file = predictions(
        [{"id": "1", "question": "Is there a mass?", "gold": gold, "response": text} for text in ("yes",)]
    )

    done = evalkit("score", "-p", file, "--json")

    assert found(done, "exact_match")["value"] == 0.0
    assert "gold=yes_no" not in {each["slice"] for each in done.json}


def test_rows_out_have_a_column_a_mark(evalkit: Program) -> None:
    """`--samples-out` has one object a row with `<rule>.<mark>` for every rule that marks it; missing ones say so."""
    evalkit("score", "-p", predictions(answers(a="Yes", c="liver")), *TINY, "--samples-out", "out.jsonl")

    rows = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == ["a", "b", "c"]
    marks = ("value", "bucket", "answer", "rule")
    assert list(rows[0]) == ["id", *(f"{rule}.{mark}" for rule in ("exact_match", "closed") for mark in marks)]
    assert (rows[1]["closed.value"], rows[1]["closed.bucket"]) == (None, "missing")
    assert not any(name.startswith("closed.") for name in rows[2])


def test_rows_out_are_written_whole_or_not_at_all(evalkit: Program) -> None:
    """Where marking fails, a file that was there before is still there, and nothing lies beside it."""
    Path("out.jsonl").write_text("before")

    done = evalkit("score", "-p", predictions(answers(a="x", zz="x")), *TINY, "--samples-out", "out.jsonl")

    assert done.code == 2
    assert Path("out.jsonl").read_text() == "before"
    assert [path.name for path in Path().iterdir() if "part" in path.name] == []


def test_nothing_scored_is_a_failure(evalkit: Program) -> None:
    """Where there is no answer to mark the exit code is 1, with and without a task, and the line says so."""
    file = predictions([{"id": "c", "question": "Which organ is shown?", "gold": "liver", "response": "liver"}])
    only = ("-s", "closed")
    for command in (("score", "-p", file, *TINY), ("score", "-p", file), ("score", "-p", file, "--json")):
        done = evalkit(*command, *only)
        assert done.code == 1
        assert "nothing was scored" in done.err


def test_a_task_file_by_its_path_is_found_again(evalkit: Program) -> None:
    """A run of a task that was given as a path is marked again with `--task` and that path."""
    Path("else").mkdir()
    Path("mine/tasks/tiny.yaml").rename("else/tiny.yaml")
    assert evalkit("run", "-M", "scripted", "-t", "else/tiny.yaml", "--data", "data").code == 0
    (folder,) = Path("results").glob("*/*/*/")

    bare, named = (evalkit("score", folder, "--data", "data", *more) for more in ((), ("-t", "else/tiny.yaml")))

    assert (bare.code, named.code) == (2, 0)
    assert "unknown task 'tiny'" in bare.err


def test_the_layout_is_the_runs(evalkit: Program, make_task: MakeTask) -> None:
    """A run is marked with the layout of the data that it was made on."""
    splits = "splits: {test: {jsonl: tiny/test.jsonl}, train: {jsonl: tiny/train.jsonl}}"
    assert splits in TASK
    layouts = (
        "layouts: {one: {splits: {test: {jsonl: tiny/test.jsonl}}}, two: {splits: {test: {jsonl: tiny/train.jsonl}}}}"
    )
    make_task(TASK.replace(splits, layouts), train=[{**row, "id": f"t{row['id']}"} for row in ROWS])
    assert evalkit("run", "-M", "scripted", *TINY[:-1], "tiny@two").code == 0
    (folder,) = Path("results").glob("*/*/*/")

    assert found(evalkit("score", folder, *HERE, "--json"), "exact_match")["n"] == 3


def test_the_table_names_what_was_marked(evalkit: Program) -> None:
    """Without `--json` the same numbers are a table under the file's name."""
    done = evalkit("score", "-p", predictions(answers(a="yes", b="no", c="liver")), *TINY)

    assert done.code == 0
    assert all(word in done.out for word in ("p.jsonl", "exact_match", "closed", "100.0", "side=right"))


def test_no_model_is_asked(evalkit: Program) -> None:
    """Scoring needs neither the model nor the pictures of a run."""
    folder = kept_run(evalkit)
    for image in Path("data/tiny").glob("*.png"):
        image.unlink()
    assert evalkit("score", folder, *HERE).code == 0


def test_the_marked_file_is_never_overwritten(evalkit: Program, tmp_path: Path) -> None:
    """--samples-out that names the predictions file itself is refused, and the file is left as it was."""
    file = tmp_path / "answers.jsonl"
    file.write_text('{"id": "a", "question": "Is it?", "gold": "yes", "response": "yes"}\n')
    before = file.read_text()

    done = evalkit("score", "--predictions", str(file), "--samples-out", str(file))

    assert (done.code, file.read_text()) == (2, before)
    assert "another name would be right" in done.err


def test_samples_out_is_a_regular_file(evalkit: Program, tmp_path: Path) -> None:
    """A link is followed and stays a link; a pipe or device is refused and left as it is."""
    file = predictions([{"id": "1", "gold": "yes", "response": "yes"}])
    Path("real.jsonl").write_text("old")
    Path("link.jsonl").symlink_to("real.jsonl")
    os.mkfifo("pipe")

    assert evalkit("score", "-p", file, "--samples-out", "link.jsonl").code == 0
    refused = evalkit("score", "-p", file, "--samples-out", "pipe")

    assert Path("link.jsonl").is_symlink()
    assert json.loads(Path("real.jsonl").read_text())["id"] == "1"
    assert (refused.code, Path("pipe").is_fifo()) == (2, True)
    assert "no regular file" in refused.err


def test_a_table_of_rules_is_whole(evalkit: Program) -> None:
    """Where there is no terminal no number of the table of rules is cut, however many slices there are."""
    rows = [
        {
            "id": str(n),
            "gold": "yes",
            "response": "Yes.",
            "answer_type": "CLOSED",
            "a_long_column_name": f"value {n % 6}",
        }
        for n in range(1200)
    ]
    done = evalkit("score", "-p", predictions(rows), "--rules", "all", "--by", "a_long_column_name")
    assert "a_long_column_name=value 4" in done.out
    assert "llava_med.run_eval_batch_closed  1,200" in done.out


def test_golds_outside_the_options_are_told(evalkit: Program) -> None:
    """Rows whose gold is none of their options are counted on standard error, with their ids."""
    rows = [{"id": "7", "question": "Which?", "options": ["CT", "MRI"], "gold": "mri", "response": "B"}]
    done = evalkit("score", "-p", predictions(rows), "--rules", "all")
    assert "the gold of 1 rows is none of their options" in done.err
    assert "7" in done.err


def test_data_is_found_near_the_answers(evalkit: Program, data: Path) -> None:
    """Where nothing says where the data is, a folder `data` beside the predictions or above them is looked into."""
    Path("kept/answers").mkdir(parents=True)
    data.rename("kept/data")
    file = Path(predictions(answers(a="yes"))).rename("kept/answers/p.jsonl")

    done = evalkit("score", "-p", file, "--include-path", "mine", "--task", "tiny", "--json")

    assert found(done, "exact_match")["n"] == 1
