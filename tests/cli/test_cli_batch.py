"""evalkit run --batch: what is submitted, what is kept, what is said; killed, interrupted, capped."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback, Reply, completion, failure, message, serving, text_of
from loopback_batch import Outcome, Provider
from program import TINY, Program

FAST = ("--batch", "--batch-poll", "0.01")
EACH = (4 * 1000 + 3 * 100 + 2 * 10000) / 1e6
CARD = """\
name: paid
about: Costs something.
adapter: openai
options: {{model: m-1, base_url: "{url}"}}
prices: {{date: 2026-11-23, source: a page, input: 1000, output: 10000, cached: 100, batch: 0.5}}
images: {{rule: fixed, base: 100, source: a page}}
"""
ADAPTERS = ("openai", "anthropic")


def says(adapter: str, text: str) -> Reply:
    """An answer in the adapter's form."""
    return completion(text) if adapter == "openai" else message(text)


@contextmanager
def provider(
    adapter: str = "openai", outcome: Callable[[int, dict[str, Any]], Outcome] | None = None, **options: Any
) -> Iterator[tuple[Loopback, Provider, tuple[object, ...]]]:
    """A server with batch APIs whose answers depend on the question alone, and the arguments that ask it."""

    def answer(body: dict[str, Any], attempt: int = 0) -> Reply:
        return says(adapter, "yes" if len(text_of(body)) % 2 else "no\u2028liver")

    made = Provider(outcome or (lambda number, body: answer(body)), **options)
    with serving(Loopback(answer, provider=made)) as server:
        yield server, made, ("run", "-M", f"{adapter}/m-1", "--base-url", server.url)


def rows(results: str = "results") -> bytes:
    """The samples.jsonl of the one run in a results folder."""
    (file,) = Path(results).glob("*/*/*/samples.jsonl")
    return file.read_bytes()


def start(*command: object) -> subprocess.Popen[str]:
    """`evalkit …` as a process of its own."""
    program = [sys.executable, "-c", "from evalkit.cli import main; main()", *map(str, command)]
    return subprocess.Popen(
        program, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"}
    )


def until(holds: Callable[[], bool]) -> None:
    """Waits for it, a minute at most."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_batch_ends_as_a_plain_run_does(evalkit: Program, adapter: str) -> None:
    """The same bytes of samples.jsonl, one batch, no plain call, and the same stored answers: pictures by digest."""
    with provider(adapter, looks=2) as (server, batches, command):
        done = evalkit(*command, *TINY, *FAST, "--results", "batch", "--json")
        assert server.requests == []
        plain = evalkit(*command, *TINY, "--results", "plain", "--json")

    assert done.code == plain.code == 0, done.err
    assert rows("batch") == rows("plain")
    assert len(batches.batches) == 1
    assert sorted(map(json.dumps, batches.batches[0].requests.values())) == sorted(map(json.dumps, server.requests))
    (run,), (other,) = done.json, plain.json
    assert run["counts"] == other["counts"]
    assert run["estimates"] == other["estimates"]
    assert run["batch"]["ids"] == ["batch_0"]
    assert run["batch"]["answers"] == 3
    assert "batch" not in other


def test_what_a_batch_means_is_said(evalkit: Program) -> None:
    """Standard error says how long it takes, how long answers are kept, and that the same command continues."""
    with provider() as (_, _, command):
        err = evalkit(*command, *TINY, *FAST).err
    assert all(word in err for word in ("24 hours", "29 days", "data-use rules", "the same command continues"))
    assert "batch batch_0: 3 questions submitted" in err
    assert "batch batch_0: 3 of 3 answered" in err


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_running_again_submits_nothing(evalkit: Program, adapter: str) -> None:
    """What the store has is in no batch; run.json still says which batch it came from."""
    with provider(adapter) as (_, batches, command):
        evalkit(*command, *TINY, *FAST, "--limit", 2)
        (run,) = evalkit(*command, *TINY, *FAST, "--json").json
        again = evalkit(*command, *TINY, *FAST, "--json").json[0]
    assert [len(each.requests) for each in batches.batches] == [2, 1]
    assert (run["counts"]["asked"], run["counts"]["cached"]) == (1, 2)
    assert again["batch"] == run["batch"]
    assert run["batch"]["ids"] == ["batch_0", "batch_1"]


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("hang", [False, True], ids=["while it waits", "between submission and record"])
def test_killed_and_started_again_submits_once(evalkit: Program, adapter: str, hang: bool) -> None:
    """Killed by signal 9 with the batch recorded, or made and not yet recorded: the same command finds that batch."""
    with provider(adapter, looks=10**9, hang=hang) as (_, batches, command):
        process = start(*command, *TINY, *FAST)
        until(lambda: bool(batches.batches) and (hang or batches.polls > 0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        batches.hang, batches.batches[0].left = False, 3
        done = evalkit(*command, *TINY, *FAST)
        evalkit(*command, *TINY, "--results", "plain")
    assert done.code == 0, done.err
    assert len(batches.batches) == 1
    assert rows() == rows("plain")
    assert ("found at the provider" if hang else "submitted before, now waited for") in done.err


def test_killed_before_the_provider_got_it_submits(evalkit: Program) -> None:
    """An intent that the provider never heard of is forgotten, and the questions are submitted."""
    with provider() as (_, batches, command):
        evalkit(*command, *TINY, *FAST)
        batches.batches.clear()
        with sqlite3.connect("results/store.sqlite") as store:
            store.execute("DELETE FROM responses")
            store.execute("UPDATE batches SET id = NULL, submitted_at = NULL, ended_at = NULL")
            store.execute("UPDATE batch_requests SET sent = '{}'")
        store.close()
        assert evalkit(*command, *TINY, *FAST).code == 0
    assert len(batches.batches) == 1


def test_interrupted_leaves_the_batch(evalkit: Program) -> None:
    """Ctrl-C exits with 130, says that the batch goes on and how to come back; the same command waits for it."""
    with provider(looks=10**9) as (_, batches, command):
        process = start(*command, *TINY, *FAST)
        until(lambda: batches.polls > 0)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
        assert process.returncode == 130
        assert "goes on at the provider" in err
        assert "--batch" in err.splitlines()[-1]
        batches.batches[0].left = 0
        assert evalkit(*command, *TINY, *FAST).code == 0
    assert len(batches.batches) == 1


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("what", ["expired", "lost", 500])
def test_what_asking_again_can_help_is_asked_by_plain_calls(evalkit: Program, adapter: str, what: object) -> None:
    """An expired, lost or failed request that may succeed is asked by a plain call, and that is said."""
    bad = what if isinstance(what, str) else failure(500, type="api_error")
    with provider(adapter) as (server, batches, command):
        good = batches.outcome
        batches.outcome = lambda number, body: bad if number == 1 else good(number, body)
        done = evalkit(*command, *TINY, *FAST, "--json")
    (run,) = done.json
    assert done.code == 0, done.err
    assert len(server.requests) == 1
    assert "2 of 3 answered; 1 failed with" in done.err
    assert "asked again by plain calls: 1" in done.err
    assert (run["counts"]["answered"], run["batch"]["answers"]) == (3, 2)


def refused(adapter: str) -> Reply:
    """An error that asking again does not help."""
    kind = "invalid_request_error" if adapter == "anthropic" else "x"
    return failure(400, message="image too large", type=kind)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("what", ["canceled", 400])
def test_what_asking_again_cannot_help_is_missing(evalkit: Program, adapter: str, what: object) -> None:
    """A refused or canceled request is a missing sample that names its error; the same command submits it again."""
    with provider(adapter) as (server, batches, command):
        good = batches.outcome
        bad = what if isinstance(what, str) else refused(adapter)
        batches.outcome = lambda number, body: bad if number == 1 else good(number, body)
        (run,) = evalkit(*command, *TINY, *FAST, "--max-missing", 1, "--json").json
        batches.outcome = good
        (again,) = evalkit(*command, *TINY, *FAST, "--json").json
    assert server.requests == []
    assert run["counts"]["missing"] == 1
    assert again["counts"]["missing"] == 0
    assert [len(each.requests) for each in batches.batches] == [3, 1]


def test_without_retries_no_plain_call_is_made(evalkit: Program) -> None:
    """`--max-retries 0`: what a batch leaves over stays missing."""
    with provider(outcome=lambda number, body: "expired" if number else completion("yes")) as (server, _, command):
        (run,) = evalkit(*command, *TINY, *FAST, "--max-retries", 0, "--max-missing", 1, "--json").json
    assert server.requests == []
    assert run["counts"]["missing"] == 2


def test_a_batch_that_fails_whole_stops(evalkit: Program) -> None:
    """One that the provider refuses as a whole stops with its reason and asks nothing at the full price."""
    with provider(status="failed") as (server, batches, command):
        done = evalkit(*command, *TINY, *FAST)
        batches.status = "completed"
        assert evalkit(*command, *TINY, *FAST).code == 0
    assert done.code == 1
    assert "token_limit_exceeded: too many tokens" in done.err
    assert server.requests == []
    assert len(batches.batches) == 2


def test_a_submission_that_fails_is_tried_again(evalkit: Program) -> None:
    """A server that is busy gets the batch a little later, once."""
    with provider(refuse=[failure(503), failure(429)]) as (_, batches, command):
        assert evalkit(*command, *TINY, *FAST).code == 0
    assert len(batches.batches) == 1


def test_a_submission_that_is_refused_stops(evalkit: Program) -> None:
    """A key that may not submit stops the run; nothing is left behind that the next command would wait for."""
    with provider(refuse=[failure(401)]) as (_, batches, command):
        assert evalkit(*command, *TINY, *FAST).code == 1
        assert evalkit(*command, *TINY, *FAST).code == 0
    assert len(batches.batches) == 1


def test_what_fails_every_request_stops(evalkit: Program) -> None:
    """Where every request says that there is no such model, the run stops with the remedy, as plain calls would."""
    with provider(outcome=lambda number, body: failure(404)) as (server, _, command):
        done = evalkit(*command, *TINY, *FAST)
    assert done.code == 1
    assert "is 'm-1' the model's name there" in done.err
    assert server.requests == []


def test_a_batch_that_is_gone_is_not_submitted_again(evalkit: Program) -> None:
    """One that the provider no longer shows (another account's key) stops the run and says what would help."""
    with provider(looks=10**9) as (_, batches, command):
        process = start(*command, *TINY, *FAST)
        until(lambda: batches.polls > 0)
        process.kill()
        process.communicate()
        batches.refuse_looks = failure(404)
        done = evalkit(*command, *TINY, *FAST)
        plain = evalkit(*command, *TINY)
    assert (done.code, plain.code) == (1, 0)
    assert "Without --batch plain calls ask its questions" in done.err
    assert len(batches.batches) == 1


@pytest.mark.parametrize(
    "model", [("-M", "scripted"), ("-M", "openai/m", "-a", "api_version=1", "--base-url", "http://127.0.0.1:1")]
)
def test_a_model_without_a_batch_api_is_refused(evalkit: Program, model: tuple[str, ...]) -> None:
    """Exit code 2 and one line that names those that have one."""
    done = evalkit("run", *model, *TINY, *FAST)
    assert done.code == 2
    assert "openai/" in done.err
    assert "anthropic/" in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("more", [("--refresh",), ("--batch-poll", "0"), ("--batch-poll", "9-3")])
def test_what_does_not_fit_is_refused(evalkit: Program, more: tuple[str, ...]) -> None:
    """`--refresh` with a batch, and waits that are none, are wrong usage."""
    model = ("-M", "openai/m", "--base-url", "http://127.0.0.1:1/v1")
    assert evalkit("run", *model, *TINY, *FAST, *more).code == 2


def test_a_batch_is_priced_as_one(evalkit: Program) -> None:
    """Over the cap nothing is submitted (exit code 5); within it the card's batch share is what the answers cost."""
    with provider() as (server, batches, _):
        Path("mine/cards").mkdir(parents=True)
        Path("mine/cards/paid.yaml").write_text(CARD.format(url=server.url))
        command = ("run", "-M", "paid", *TINY, *FAST, "--sampling", "max_tokens=2")
        capped = evalkit(*command, "--max-cost", 0.3)
        files = dict(batches.files)
        (run,) = evalkit(*command, "--max-cost", 8, "--json").json
        (again,) = evalkit(*command, "--max-cost", 0, "--json").json
    assert capped.code == 5
    assert "nothing was submitted" in capped.err
    assert files == {}
    assert run["cost"]["usd"] == pytest.approx(3 * EACH / 2)
    assert run["cost"]["now"] == pytest.approx(3 * EACH / 2)
    assert (again["cost"]["now"], again["cost"]["earlier"]) == (0, pytest.approx(3 * EACH / 2))
