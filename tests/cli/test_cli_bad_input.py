"""Bad input: one line that says what was found, where, and what would be right; exit code 2; nothing half-written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from conftest import ROWS, TASK, MakeTask, png
from program import TINY, Done, Program

RUN = ("run", "-M", "scripted", *TINY)


@pytest.fixture
def evalkit(evalkit: Program) -> Program:
    """The program, where there is a run of the tiny task already: what a bad command must leave as it is."""
    assert evalkit("run", "-M", "majority", *TINY).code == 0
    return evalkit


def contents(folder: Path) -> dict[str, bytes]:
    """Every file and folder below a folder, with what is in it."""
    paths = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in paths}


def refused(evalkit: Program, *arguments: object) -> Done:
    """What a command that must be refused said; nothing in the results folder may have changed."""
    before = contents(Path("results"))
    done = evalkit(*arguments)
    assert done.code == 2, done.out + done.err
    assert contents(Path("results")) == before
    assert (done.out, done.err[:9]) == ("", "evalkit: ")
    assert len(done.err.splitlines()) == 1
    assert len(done.err) < 500
    return done


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "-M", "scripted", "-t", "fantom"), ("unknown task 'fantom'", "did you mean phantom?")),
        (("run", "-M", "scripted", "-t", ""), ("unknown task ''", "phantom")),
        (("run", "-M", "scripted", "-t", "slake@officiel"), ("slake", "'officiel'", "official")),
        (("run", "-M", "majorty", *TINY), ("unknown model 'majorty'", "did you mean majority?", "provider/name")),
        (("run", "-M", "", *TINY), ("unknown model ''", "majority")),
        (("run", "-M", "opnai/gpt", *TINY), ("unknown model 'opnai/gpt'", "openai")),
        (("run", "-M", "openai", *TINY), ("openai", "needs model")),
        (("run", "-M", "openai/x", *TINY), ("x: no key", "OPENAI_API_KEY")),
        (("run", "-M", "no.such:Model", *TINY), ("no.such:Model", "no module no")),
        (("run", "-M", "json:Model", *TINY), ("json:Model", "no Model class of that name")),
        (("run", "-M", ":Model", *TINY), (":Model", "module")),
        (("run", "-M", "evalkit.models.base:Model", *TINY), ("evalkit.models.base:Model",)),
        ((*RUN, "-a", "repply=no"), ("scripted", "'repply'", "did you mean reply?")),
        ((*RUN, "-a", "latency=soon"), ("scripted", "latency", "'soon'", "number")),
        ((*RUN, "--dry-run", "-a", "latency=nan"), ("scripted", "latency", "'nan'")),
        ((*RUN, "-a", "reply"), ("--model-args", "'reply'", "key=value")),
        ((*RUN, "-a", "reply=a", "-a", "reply=b"), ("reply", "twice")),
        ((*RUN, "--base-url", "http://localhost"), ("scripted", "'base_url'")),
        ((*RUN, "-M", "majority", "-a", "reply=b"), ("--model-args", "one by one")),
        ((*RUN, "--sampling", "temprature=0"), ("--sampling", "'temprature'", "did you mean temperature?")),
        ((*RUN, "--sampling", "temperature=hot"), ("--sampling", "temperature", "'hot'", "number")),
        ((*RUN, "--sampling", "temperature=nan"), ("--sampling", "temperature", "'nan'")),
        ((*RUN, "--sampling", "hot"), ("--sampling", "'hot'", "key=value")),
        ((*RUN, "--sample-id", "zz"), ("tiny", "'zz'", "--sample-id", "a, b, c")),
        (("score", "results/nothing"), ("results/nothing", "no run there", "run.json")),
        (("score",), ("--predictions", "one of them is needed")),
        (("score", "results", "-p", "x"), ("--predictions", "one of them is needed")),
        (("score", "-p", "absent.jsonl", *TINY), ("absent.jsonl", "no such file")),
        (("score", "-p", "absent.jsonl", *TINY, "-s", "exact_mach"), ("unknown scorer 'exact_mach'", "exact_match")),
        (("show", "task", "fantom"), ("unknown task 'fantom'", "did you mean phantom?")),
        (("show", "model", "fantom"), ("unknown model 'fantom'",)),
        (("show", "run", "nowhere"), ("nowhere", "no run there")),
        (("data", "verify", "fantom"), ("unknown task 'fantom'", "did you mean phantom?")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_name_that_does_not_exist(evalkit: Program, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    """A wrong name or value is refused with what was found and what would be right, before anything is done."""
    done = refused(evalkit, *arguments)
    assert [word for word in words if word not in done.err] == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("cluster: image", "clutser: image", ("clutser", "unknown field", "did you mean cluster?")),
        ("license: Apache-2.0\n", "", ("license", "is missing")),
        ("name: tiny", "name: [tiny]", ("name", "string")),
        ("name: tiny", "name: ../tiny", ("name", "../tiny")),
        ("name: tiny", "name: tiny\nname: tiny", ("line 2", "stands twice")),
        ("homepage: nowhere", "homepage: [", ("line",)),
        ("[exact_match, closed]", "[exact_mach]", ("unknown scorer 'exact_mach'", "did you mean exact_match?")),
        ("[exact_match, closed]", "[closed, closed]", ("scorer closed", "twice")),
        ("[exact_match, closed]", "[{exact_match: {keep_cas: yes}}]", ("'keep_cas'", "did you mean keep_case?")),
        ("prompt: short_answer", "prompt: shrt_answer", ("unknown prompt 'shrt_answer'", "short_answer")),
        ("{jsonl: tiny/test.jsonl}", "{jsnl: tiny/test.jsonl}", ("unknown source 'jsnl'", "did you mean json")),
        ("{jsonl: tiny/test.jsonl}", "{jsonl: {pth: x}}", ("splits.test.jsonl", "'pth'", "did you mean path?")),
        ("{jsonl: tiny/test.jsonl}", "{jsonl: a, json: b}", ("splits.test", "one source")),
        ("max_tokens: 16", "max_tokens: many", ("sampling.max_tokens", "integer", "'many'")),
        ("max_tokens: 16", "temperature: .nan", ("sampling.temperature", "nan")),
        ("third_party_api: allowed", "third_party_api: perhaps", ("data_use.third_party_api", "allowed", "'perhaps'")),
    ],
)
def test_a_task_file_that_is_wrong(
    evalkit: Program, make_task: MakeTask, old: str, new: str, words: tuple[str, ...]
) -> None:
    """A task file that does not say what it must is refused with the file's name, the key and the nearest right one."""
    make_task(TASK.replace(old, new))

    done = refused(evalkit, *RUN)

    assert [word for word in (*words, "tiny") if word not in done.err] == []
    assert "tiny.yaml" in done.err or "tiny: splits" in done.err


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("question: question", "question: qestion", ("row 1", "no column 'qestion'", "did you mean question?")),
        ("tags: [side]", "tags: [sides]", ("row 1", "no column 'sides'", "did you mean side?")),
        ("cluster: image", "cluster: patient", ("row 1", "no column 'patient'")),
        ("cluster: image", "cluster: image\nkind: {column: side}", ("row 1", "side is 'left'", "yes_no")),
        ("cluster: image", "cluster: image\nrows: {count: 7}", ("3 rows instead of 7", "official")),
        ("cluster: image", "cluster: image\nwhere: {side: up}", ("no test rows",)),
    ],
)
def test_data_that_the_task_does_not_expect(
    evalkit: Program, make_task: MakeTask, old: str, new: str, words: tuple[str, ...]
) -> None:
    """Data that lacks what the task names is refused with its file, the row, and what is there."""
    make_task(TASK.replace(old, new))

    done = refused(evalkit, *RUN)

    assert [word for word in (*words, "test.jsonl") if word not in done.err] == []


def without(row: Mapping[str, object], name: str) -> dict[str, object]:
    """A row without one of its columns."""
    return {key: value for key, value in row.items() if key != name}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([ROWS[0], without(ROWS[1], "id")], ("row 2", "no id", "'id'")),
        ([ROWS[0], {**ROWS[1], "id": None}], ("row 2", "no id")),
        ([ROWS[0], {**ROWS[1], "id": " "}], ("row 2", "no id")),
        ([ROWS[0], ROWS[1], ROWS[0]], ("tiny", "'a'", "twice")),
        ([ROWS[0], without(ROWS[1], "answer")], ("row 2", "no column 'answer'")),
        ([ROWS[0], {**ROWS[1], "image": "three.png"}], ("three.png", "cannot be read")),
        ([], ("no test rows",)),
    ],
    ids=["no id", "null id", "blank id", "twice", "no answer", "no such image", "no rows"],
)
def test_rows_that_cannot_be_samples(
    evalkit: Program, make_task: MakeTask, rows: list[dict[str, object]], words: tuple[str, ...]
) -> None:
    """A row that cannot be a sample, or a second one of its id, is refused with its number."""
    make_task(rows=rows)

    done = refused(evalkit, *RUN)

    assert [word for word in words if word not in done.err] == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"id": "a"', ("test.jsonl", "line 1", "not whole JSON")),
        (b"[1]\n", ("test.jsonl", "is a list", "an object")),
        (b"\x89PNG\r\n\x1a\n\xff\x00", ("test.jsonl", "line 1")),
        (None, ("tiny", "no data in data", "tiny/test.jsonl")),
    ],
    ids=["cut off", "a list", "binary", "absent"],
)
def test_a_data_file_that_is_damaged(evalkit: Program, content: bytes | None, words: tuple[str, ...]) -> None:
    """A data file that is cut off, of another kind or not there is refused with its name and line."""
    file = Path("data/tiny/test.jsonl")
    file.write_bytes(content) if content is not None else file.unlink()

    before = contents(Path("results"))
    done = evalkit(*RUN)

    assert (done.code, contents(Path("results"))) == (2, before)
    assert [word for word in words if word not in done.err] == []


@pytest.mark.parametrize(
    ("content", "word"),
    [(None, "cannot be read"), (b"", "empty"), (b"<html>", "not an image"), (png()[:-20], "damaged image")],
    ids=["missing", "empty", "no image", "truncated"],
)
def test_a_picture_that_is_none(evalkit: Program, content: bytes | None, word: str) -> None:
    """A picture that is missing, empty, cut off or none is refused by its path before the first question."""
    file = Path("data/tiny/two.png")
    file.write_bytes(content) if content is not None else file.unlink()

    done = refused(evalkit, *RUN)

    assert "data/tiny/two.png" in done.err
    assert word in done.err


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (b"{{ questoin }}", ("'questoin'", "did you mean question?")),
        (b"{{ question", ("line 1", "unexpected end")),
        (b"{{ question }}\n{% fi %}", ("line 2", "fi")),
        (b"{{ tags.nope }}", ("nope", "sample a")),
        (b"{{ images[5] }}", ("5", "sample a")),
        (b"{{ question.__class__ }}", ("unsafe", "sample a")),
        (b"---\nsistem: x\n---\n{{ question }}", ("sistem", "did you mean system?")),
        (b"\xff\xfe\x00", ("cannot be read",)),
    ],
    ids=str,
)
def test_a_prompt_that_does_not_render(evalkit: Program, template: bytes, words: tuple[str, ...]) -> None:
    """A prompt that asks for what does not exist is refused with its file, and the nearest name or the sample."""
    Path("mine/prompts").mkdir()
    Path("mine/prompts/short_answer.j2").write_bytes(template)

    done = refused(evalkit, *RUN)

    assert [word for word in (*words, "short_answer.j2") if word not in done.err] == []


def as_file(path: Path) -> None:
    """A file where the results folder should be."""
    path.write_text("mine")


def as_store(path: Path) -> None:
    """A folder where the store's file should be."""
    (path / "store.sqlite").mkdir(parents=True)


def as_run(path: Path) -> None:
    """A file where the task's folder should be."""
    path.mkdir()
    (path / "tiny").write_text("mine")


@pytest.mark.parametrize("make", [as_file, as_store], ids=["a file", "a folder for the store"])
def test_a_results_folder_that_is_none(evalkit: Program, make: Callable[[Path], None]) -> None:
    """What cannot be a results folder is refused with its name, and left as it is."""
    make(Path("other"))
    before = contents(Path("other"))

    done = refused(evalkit, *RUN, "--results", "other")

    assert "other" in done.err
    assert contents(Path("other")) == before


def test_a_run_folder_that_cannot_be_made(evalkit: Program) -> None:
    """Where a run's folder cannot be made the line names it; what was there is left, and nothing half-written."""
    as_run(Path("other"))

    done = refused(evalkit, *RUN, "--quiet", "--results", "other")

    assert "other/tiny" in done.err
    assert sorted(path.name for path in Path("other").iterdir() if not path.name.startswith("store")) == ["tiny"]
    assert Path("other/tiny").read_text() == "mine"


PREDICTIONS = [
    ([{"id": "a", "response": "x"}, {"id": "zz", "response": "x"}], ("tiny", "'zz'", "a, b, c")),
    ([{"id": "a", "response": "x"}, {"id": "a", "response": "y"}], ("row 2", "'a'", "twice")),
    ([{"id": "a", "response": "x"}, {"id": "b", "answer": "y"}], ("row 2", "'response'", "answer")),
    ([{"id": "a", "response": "x"}, {"response": "y"}], ("row 2", "'id'", "response")),
    (['{"id": "a", "response": "x"}', '{"id": "b", "resp'], ("line 2", "not whole JSON")),
    (["[1, 2]"], ("line 1", "is a list", "an object")),
    (["\x00\x01"], ("line 1", "not whole JSON")),
]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        *PREDICTIONS,
        ([{"id": None, "response": "x"}], ("row 1", "no id")),
        ([{"id": "", "response": "x"}], ("row 1", "no id")),
    ],
    ids=str,
)
@pytest.mark.parametrize("how", ["score", "recorded"])
def test_answers_that_do_not_fit(
    evalkit: Program, how: str, rows: list[str | dict[str, object]], words: tuple[str, ...]
) -> None:
    """Answers without an id, with an id twice or unknown, or in a broken file are refused with file and row."""
    Path("p.jsonl").write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    command = ("score", "-p", "p.jsonl") if how == "score" else ("run", "-M", "recorded", "-a", "file=p.jsonl")
    Path("out.jsonl").write_text("mine")

    done = refused(evalkit, *command, *TINY, *(("--samples-out", "out.jsonl") if how == "score" else ()))

    assert [word for word in words if word not in done.err] == []
    assert ("p.jsonl" in done.err) or "the answers file" in done.err
    assert Path("out.jsonl").read_text() == "mine"
    assert list(Path().glob(".*")) == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"id": "a", "response": "x", "question": "y"}, ("row 1", "'gold'")),
        ({"id": "a", "response": None, "gold": "z"}, ("row 1", "response is null")),
        ({"id": "a", "response": "x", "gold": None}, ("row 1", "gold is null")),
        ({"id": None, "response": "x", "gold": "z"}, ("row 1", "no id")),
        ({"id": "a", "response": {"text": "x"}, "gold": "z"}, ("row 1", "response is a dict", "text")),
        ({"id": "a", "response": "x", "question": "y", "gold": "z", "options": "A or B"}, ("row 1", "options", "list")),
        ({"id": "a", "response": "x", "gold": "z", "options": 3}, ("row 1", "options is a int", "list")),
    ],
    ids=str,
)
def test_rows_that_do_not_stand_alone(evalkit: Program, row: dict[str, object], words: tuple[str, ...]) -> None:
    """Without a task a row needs gold and response, both texts; what is missing is named."""
    Path("p.jsonl").write_text(json.dumps(row) + "\n")

    done = refused(evalkit, "score", "-p", "p.jsonl")

    assert [word for word in (*words, "p.jsonl") if word not in done.err] == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("run.json", b"{", ("run.json", "cannot be read")),
        ("run.json", b"[1]", ("run.json",)),
        ("run.json", b'{"schema": 99}', ("schema 99", "reads 1")),
        ("run.json", b'{"schema": 1}', ("run.json",)),
        ("samples.jsonl", b'{"id": "a", "resp', ("samples.jsonl",)),
        ("samples.jsonl", b'{"id": "a"}\n', ("samples.jsonl",)),
        ("samples.jsonl", None, ("samples.jsonl",)),
    ],
    ids=str,
)
def test_a_run_that_is_damaged(evalkit: Program, name: str, content: bytes | None, words: tuple[str, ...]) -> None:
    """A damaged run is refused with the file that is damaged, by whatever reads it."""
    (folder,) = Path("results").glob("*/*/*/")
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)

    done = refused(evalkit, "score", folder, "--include-path", "mine", "--data", "data")
    shown = evalkit("show", "run", folder, "--wrong")

    assert [word for word in words if word not in done.err or word not in shown.err] == []
    assert shown.code == 2


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"- a", b"a: [", b"", b"name: tiny"], ids=str)
@pytest.mark.parametrize("command", [("show", "task", "tiny"), ("run", "-M", "scripted", "-t", "tiny"), ("check",)])
def test_a_file_that_is_no_task(evalkit: Program, command: tuple[str, ...], content: bytes) -> None:
    """A task file that is binary, empty, no mapping or no task is refused with its name by every command."""
    Path("mine/tasks/tiny.yaml").write_bytes(content)

    done = evalkit(*command, "--include-path", "mine")

    assert done.code == 2
    assert "tiny.yaml" in done.out + done.err


@pytest.mark.parametrize("command", [("list", "tasks"), ("data", "status"), ("data", "verify")], ids=" ".join)
def test_one_bad_file_hides_no_other(evalkit: Program, command: tuple[str, ...]) -> None:
    """A listing shows what is good beside the file that is not, and what is wrong with it."""
    Path("mine/tasks/bad.yaml").write_text("nmae: x")

    done = evalkit(*command, "--include-path", "mine", *(("--data", "data") if command[0] == "data" else ()))

    assert all(name in done.out for name in ("phantom", "tiny", "nmae"))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def rows(split, read:\n", ("line 1",)),
        ("import no_such_package\n", ("no_such_package",)),
        ("x = 1\n", ("rows(split, read)",)),
        ("def rows(split, read):\n    return read('valid')\n", ("'valid'",)),
    ],
)
def test_a_file_beside_the_task_that_does_not_load(evalkit: Program, code: str, words: tuple[str, ...]) -> None:
    """Python beside a task that does not load, or asks for a split that is not there, is refused with its name."""
    Path("mine/tasks/tiny.py").write_text(code)

    done = refused(evalkit, *RUN)

    assert [word for word in (*words, "tiny") if word not in done.err] == []


def test_nothing_is_asked_where_the_last_task_is_bad(evalkit: Program) -> None:
    """Of several tasks all are checked before the first question of any."""
    Path("data/tiny/two.png").unlink()

    done = refused(evalkit, "run", "-M", "scripted", "-t", "phantom", "-L", "2", *TINY)

    assert "two.png" in done.err


def test_a_table_file_that_cannot_be_written(evalkit: Program) -> None:
    """`--samples-out` that cannot be written is refused with its path."""
    Path("p.jsonl").write_text(json.dumps({"id": "a", "response": "yes"}) + "\n")
    for target in ("absent/out.jsonl", "data"):
        done = refused(evalkit, "score", "-p", "p.jsonl", *TINY, "--samples-out", target)
        assert target in done.err
