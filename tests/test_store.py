"""The store: an answer that was acknowledged is never lost, and what cannot be stored stops the run with a reason."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.digest import digest
from evalkit.errors import StoreError
from evalkit.store import SCHEMA, Store, response_from, response_values
from evalkit.types import Response, Usage

FULL = Response(
    text="Yes, é 是\n\x00",
    finish_reason="length",
    refused=True,
    usage=Usage(0, 7, 3),
    model="some-model",
    sent={"messages": [{"role": "user", "content": ["a", 1, None]}], "temperature": 0.0},
    error="time-out",
)

WRITER = """
import asyncio, sys
from pathlib import Path
from evalkit.digest import digest
from evalkit.store import Store
from evalkit.types import Response

async def write():
    store = Store(Path(sys.argv[1]))
    async def lane(number):
        for turn in range(10**6):
            name = f"{number}-{turn}"
            await store.put(digest(name), Response(name))
            print(name, flush=True)
    await asyncio.gather(*(lane(number) for number in range(8)))

asyncio.run(write())
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store(tmp_path / "results") as made:
        yield made


def kept(path: Path) -> int:
    """How many answers another connection sees in a store's file."""
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM responses").fetchone()[0])
    finally:
        connection.close()


def test_nothing_is_there_before_it_is_put(store: Store) -> None:
    """An unknown key has no answer, and a new store makes its folder."""
    assert store.get(digest("x")) is None
    assert store.path.is_file()


def test_every_field_comes_back(store: Store) -> None:
    """A stored response comes back equal in every field."""
    assert all(getattr(FULL, each.name) != getattr(Response(), each.name) for each in dataclasses.fields(Response))

    asyncio.run(store.put(digest("x"), FULL))

    assert store.get(digest("x")) == FULL


@given(
    st.builds(
        Response,
        text=st.text(),
        finish_reason=st.text(max_size=5),
        refused=st.booleans(),
        usage=st.builds(Usage, *[st.none() | st.integers(0, 10**9)] * 3),
        model=st.text(max_size=5),
        sent=st.dictionaries(st.text(max_size=5), st.none() | st.integers(0, 9) | st.text(max_size=5), max_size=3),
        error=st.text(max_size=5),
    )
)
def test_taking_apart_and_putting_together_changes_nothing(response: Response) -> None:
    """`response_from` undoes `response_values`, and a field at its default takes no room."""
    values = response_values(response)

    assert response_from(values) == response
    assert response_values(Response()) == {}


def test_half_a_character_is_stored_as_it_came(store: Store) -> None:
    r"""A text cut off inside an emoji, as JSON may hold it (`"\ud83d"`), is stored and does not stop the run."""
    asyncio.run(store.put(digest("x"), Response("ok \ud83d")))

    found = store.get(digest("x"))

    assert found is not None
    assert found.text.startswith("ok ")


def test_a_later_answer_takes_the_place_of_an_earlier(store: Store) -> None:
    """Putting a key again replaces its answer."""

    async def twice() -> None:
        await store.put(digest("x"), Response("first"))
        await store.put(digest("x"), Response("second"))

    asyncio.run(twice())

    assert store.get(digest("x")) == Response("second")
    assert kept(store.path) == 1


def test_put_is_durable_on_return(store: Store) -> None:
    """As soon as `put` returns, another process finds the answer."""
    script = (
        "import sys; from pathlib import Path; from evalkit.store import Store; from evalkit.digest import digest;"
        "print(Store(Path(sys.argv[1])).get(digest('x')).text)"
    )

    async def put() -> str:
        await store.put(digest("x"), Response("there"))
        command = [sys.executable, "-c", script, str(store.path.parent)]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    assert asyncio.run(put()) == "there"


def test_a_killed_writer_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """After kill -9 in the middle of writing, every answer whose `put` had returned is in the store."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline() for _ in range(300)]
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged += writer.stdout.readlines()

    assert writer.returncode == -signal.SIGKILL
    whole = [line.strip() for line in acknowledged if line.endswith("\n")]
    assert len(whole) >= 300
    with Store(tmp_path) as store:
        assert [name for name in whole if store.get(digest(name)) != Response(name)] == []


def test_many_answers_at_once_are_few_transactions(store: Store) -> None:
    """A thousand answers that arrive together are written in a handful of transactions."""
    statements: list[str] = []
    store._writer.set_trace_callback(statements.append)

    async def put() -> None:
        await asyncio.gather(*(store.put(digest(number), Response(str(number))) for number in range(1000)))

    asyncio.run(put())

    assert kept(store.path) == 1000
    assert sum(statement.startswith("BEGIN") for statement in statements) <= 3


def test_a_cancelled_question_takes_no_other_answer_with_it(store: Store) -> None:
    """Cancelling one waiting `put` leaves the others to be written."""

    async def put() -> None:
        puts = [asyncio.create_task(store.put(digest(number), Response(str(number)))) for number in range(10)]
        await asyncio.sleep(0)
        puts[0].cancel()
        done = await asyncio.gather(*puts, return_exceptions=True)
        assert [isinstance(each, asyncio.CancelledError) for each in done] == [True] + [False] * 9
        await store.drain()

    asyncio.run(put())

    assert all(store.get(digest(number)) for number in range(1, 10))


def test_a_store_is_used_by_one_event_loop_after_another(store: Store) -> None:
    """A store outlives the loop in which it was first written."""
    for number in range(3):
        asyncio.run(store.put(digest(number), Response(str(number))))

    assert kept(store.path) == 3


def test_closing_folds_the_log_into_the_file(tmp_path: Path) -> None:
    """A closed store is one file."""
    with Store(tmp_path) as store:
        asyncio.run(store.put(digest("x"), FULL))

    assert [path.name for path in tmp_path.iterdir()] == ["store.sqlite"]
    with Store(tmp_path) as store:
        assert store.get(digest("x")) == FULL


def test_another_file_is_not_taken_for_a_store(tmp_path: Path) -> None:
    """A file that is no database raises StoreError naming it and what to do, and is left as it was."""
    (tmp_path / "store.sqlite").write_bytes(b"These are my notes.\n" * 100)

    with pytest.raises(StoreError, match=r"store\.sqlite: this is not a store of evalkit's; .*--results"):
        Store(tmp_path)
    assert (tmp_path / "store.sqlite").read_bytes() == b"These are my notes.\n" * 100


def test_a_damaged_store_is_reported(tmp_path: Path) -> None:
    """A store whose pages were overwritten raises StoreError and no other error."""
    with Store(tmp_path) as store:
        for number in range(50):
            asyncio.run(store.put(digest(number), Response("x" * 2000)))
    data = bytearray((tmp_path / "store.sqlite").read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    (tmp_path / "store.sqlite").write_bytes(data)

    with pytest.raises(StoreError, match=r"store\.sqlite: "), Store(tmp_path) as store:
        [store.get(digest(number)) for number in range(50)]


@pytest.mark.parametrize("version", [SCHEMA + 1, 99])
def test_a_store_of_another_schema_is_refused(tmp_path: Path, version: int) -> None:
    """A store written with another schema raises StoreError naming both numbers."""
    connection = sqlite3.connect(tmp_path / "store.sqlite")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()

    with pytest.raises(StoreError, match=rf"another evalkit \(schema {version}, this one reads {SCHEMA}\)"):
        Store(tmp_path)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """Where a file is in the way, or the file system refuses, StoreError names the path."""
    (tmp_path / "file").write_text("")
    (tmp_path / "taken" / "store.sqlite").mkdir(parents=True)

    for folder in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "taken", Path("/proc/evalkit")):
        with pytest.raises(StoreError, match=f"^{folder}/store.sqlite: "):
            Store(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    """A folder that must not be written raises StoreError naming it."""
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError, match=f"^{tmp_path}/store.sqlite: "):
            Store(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_a_full_disk_stops_everyone_who_waits(store: Store) -> None:
    """When the file cannot grow, every waiting `put` raises StoreError that says so; what was stored before is kept."""
    asyncio.run(store.put(digest("before"), Response("before")))
    store._writer.execute("PRAGMA max_page_count = 4")

    async def put() -> list[BaseException | None]:
        puts = (store.put(digest(number), Response("x" * 5000)) for number in range(20))
        return await asyncio.gather(*puts, return_exceptions=True)

    done = asyncio.run(put())

    assert all(isinstance(each, StoreError) and "the disk is full" in str(each) for each in done)
    assert store.get(digest("before")) == Response("before")


def test_a_store_can_be_written_again_when_there_is_room(store: Store) -> None:
    """After a failed write the next one is tried afresh."""
    store._writer.execute("PRAGMA max_page_count = 4")
    with pytest.raises(StoreError):
        asyncio.run(store.put(digest("x"), Response("x" * 50000)))
    store._writer.execute("PRAGMA max_page_count = 100000")

    asyncio.run(store.put(digest("x"), Response("x")))

    assert store.get(digest("x")) == Response("x")


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Reading a store after it was closed raises StoreError, as any other failure of the file does."""
    store = Store(tmp_path)
    store.close()

    with pytest.raises(StoreError, match="closed"):
        store.get(digest("x"))
