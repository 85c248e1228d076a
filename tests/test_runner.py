"""A run: every sample asked once, marked by all scorers, counted honestly, written whole."""

from __future__ import annotations

import asyncio
import fcntl
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import ROWS, TASK, MakeTask, png
from loopback import Loopback, completion, serving

from evalkit.cards import NamedModel
from evalkit.errors import DataError, ModelError, RefusedError, StoreError, UsageError
from evalkit.models.base import Model
from evalkit.models.openai import OpenAI
from evalkit.models.recorded import Recorded
from evalkit.models.scripted import Scripted
from evalkit.planning import Settings, plan
from evalkit.runner import arun
from evalkit.runs import Run, find_runs, load_run
from evalkit.task import Task, load_task
from evalkit.types import Prompt, Response, Sampling

ANSWERS = {"nodule": "Yes.", "mass": "Yes, there is.", "organ": "liver"}


@pytest.fixture
def task(make_task: MakeTask, data: Path) -> Task:
    """The tiny task: one right yes, one wrong yes, one open question."""
    return load_task("tiny", [data], make_task())


def run(task: Task, model: Model, folder: Path, **settings: object) -> Run:
    """One run of a model by hand."""
    return asyncio.run(arun(task, NamedModel("me", model), Settings(results=folder, **settings)))  # type: ignore[arg-type]


def test_one_generation_is_marked_by_every_scorer(task: Task, tmp_path: Path) -> None:
    """Each sample is asked once; each scorer has its own denominator and mean."""
    model = Scripted(replies=ANSWERS)

    found = run(task, model, tmp_path)

    assert len(model.asked) == 3
    assert found.estimate("exact_match").value == pytest.approx(2 / 3)
    assert (found.estimate("closed").value, found.estimate("closed").n) == (0.5, 2)
    assert found.estimate("exact_match", "side=left").n == 2
    assert found.counts == {
        "asked": 3,
        "cached": 0,
        "answered": 3,
        "missing": 0,
        "refused": 0,
        "unparsed": 0,
        "blank": 0,
    }


def test_a_failed_call_is_missing_and_never_wrong(task: Task, tmp_path: Path) -> None:
    """A sample whose call failed is in no mean; it is counted, and its row says why."""
    found = run(task, Scripted(replies=ANSWERS, fails=("mass",)), tmp_path)

    estimate = found.estimate("closed")
    assert (estimate.value, estimate.n, estimate.missing) == (1.0, 1, 1)
    assert (found.counts["missing"], found.counts["answered"]) == (1, 2)
    row = next(row for row in found.samples() if row["id"] == "b")
    assert row["error"] == "scripted to fail"
    assert row["scores"]["closed"] == {"value": None, "bucket": "missing"}


def test_a_missing_sample_is_asked_again(task: Task, tmp_path: Path) -> None:
    """Running again asks what is missing, and only that."""
    run(task, Scripted(fails=("mass",)), tmp_path)
    again = Flaky()

    found = run(task, again, tmp_path / "other")
    more = Flaky()
    run(task, more, tmp_path / "other")

    assert found.counts["missing"] == 1
    assert [prompt.sample_id for prompt in again.asked] == ["a", "c", "b"]
    assert [prompt.sample_id for prompt in more.asked] == ["b"]


@dataclass(kw_only=True)
class Flaky(Scripted):
    """Fails on the mass, like a scripted model, but asked in the order of the pictures."""

    fails: tuple[str, ...] = ("mass",)


def test_samples_that_share_an_image_are_asked_together(task: Task, tmp_path: Path) -> None:
    """Questions about one picture are neighbours when asked, and in the order of the data when written."""
    model = Scripted()

    found = run(task, model, tmp_path, connections=1)

    assert [prompt.sample_id for prompt in model.asked] == ["a", "c", "b"]
    assert [row["id"] for row in found.samples()] == ["a", "b", "c"]


def test_each_picture_is_read_once(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many questions share a picture, its file is read once while they are asked."""
    read: list[str] = []
    original = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path.name) or original(path))

    run(task, Scripted(), tmp_path)

    assert sorted(name for name in read if name.endswith(".png")) == ["one.png", "two.png"]


def test_the_same_work_has_the_same_folder_and_bytes(task: Task, tmp_path: Path) -> None:
    """A run's folder and samples follow from what was asked of whom; another model is another folder."""
    one, two = (run(task, Scripted(replies=ANSWERS), tmp_path / name) for name in ("one", "two"))
    other = run(task, Scripted(reply="no"), tmp_path / "one")

    assert one.path.name == two.path.name != other.path.name
    assert (one.path / "samples.jsonl").read_bytes() == (two.path / "samples.jsonl").read_bytes()


@pytest.mark.parametrize(
    "settings",
    [{"limit": 2}, {"sample_ids": ("a",)}, {"ablation": "blank"}, {"sampling": Sampling(temperature=0)}],
    ids=str,
)
def test_other_work_has_another_folder(task: Task, tmp_path: Path, settings: Mapping[str, object]) -> None:
    """A part of the samples, other pictures or other decoding never overwrite the whole run."""
    whole = run(task, Scripted(), tmp_path)
    part = run(task, Scripted(), tmp_path, **settings)
    assert whole.path != part.path
    assert load_run(whole.path).record["comparable"]


def test_a_part_is_stamped(task: Task, tmp_path: Path) -> None:
    """What was limited, chosen or ablated says so, and is not comparable."""
    found = run(task, Scripted(), tmp_path, limit=0.5)
    assert (found.counts["answered"], found.record["limit"], found.record["comparable"]) == (2, 0.5, False)


def test_parquet_says_the_same(task: Task, tmp_path: Path) -> None:
    """samples.parquet holds the rows of samples.jsonl."""
    found = run(task, Scripted(replies=ANSWERS, fails=("mass",)), tmp_path)
    rows = pq.read_table(found.path / "samples.parquet").to_pylist()
    assert [row["id"] for row in rows] == ["a", "b", "c"]
    assert [row["scores"]["exact_match"]["value"] for row in rows] == [1.0, None, 1.0]
    assert rows[0]["tags"] == {"side": "left"}


def test_a_frame_has_one_row_a_sample(task: Task, tmp_path: Path) -> None:
    """Run.frame() is a DataFrame with plain columns."""
    frame = run(task, Scripted(replies=ANSWERS), tmp_path).frame()
    assert list(frame["id"]) == ["a", "b", "c"]
    assert list(frame["exact_match.value"]) == [1.0, 0.0, 1.0]
    assert list(frame["tag.side"]) == ["left", "right", "left"]


def test_text_stays_where_it_may_not_go(make_task: MakeTask, data: Path, tmp_path: Path) -> None:
    """A run on data that may not be redistributed holds neither questions nor targets."""
    catalogue = make_task(TASK.replace("redistribute: yes", "redistribute: no"))
    found = run(load_task("tiny", [data], catalogue), Scripted(), tmp_path)
    assert "nodule" not in (found.path / "samples.jsonl").read_text()


def test_no_picture_is_kept(task: Task, tmp_path: Path) -> None:
    """Pictures are in the run by digest alone."""
    found = run(task, Scripted(), tmp_path)
    row = next(found.samples())
    assert [len(each) for each in row["images"]] == [64]
    assert b"PNG" not in (tmp_path / "store.sqlite").read_bytes()


@dataclass(kw_only=True)
class Blind(Scripted):
    """Sees no pictures."""

    sees = False


def test_a_blind_model_needs_no_pictures(task: Task, data: Path, tmp_path: Path) -> None:
    """A model that sees nothing is asked without pictures, and runs where there are none."""
    (data / "tiny" / "one.png").unlink()
    model = Blind()
    run(task, model, tmp_path)
    assert all(prompt.images == () for prompt in model.asked)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("two.png", None, "cannot be read"),
        ("two.png", b"", "is empty"),
        ("two.png", b"<html>not found</html>", "not an image"),
        ("two.png", png()[:-20], "damaged image"),
    ],
    ids=["missing", "empty", "no image", "truncated"],
)
def test_bad_pictures_are_found_before_the_first_question(
    make_task: MakeTask, data: Path, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    """One bad file among many stops the run before anything is asked, paid for or written."""
    images = {"one.png": png(), "two.png": png()} | ({name: content} if content is not None else {})
    task = load_task("tiny", [data], make_task(images=images))
    if content is None:
        (data / "tiny" / name).unlink()
    model = Scripted()

    with pytest.raises(DataError, match=rf"two\.png.*{message}"):
        run(task, model, tmp_path / "results")

    assert model.asked == []
    assert not (tmp_path / "results").exists()


def test_an_error_that_stops_leaves_no_run(task: Task, tmp_path: Path) -> None:
    """What would fail for every sample stops the run at once; no run folder appears."""

    @dataclass(kw_only=True)
    class Locked(Model):
        calls: list[str] = field(default_factory=list, metadata={"identity": False})

        async def generate(self, prompt: Prompt) -> Response:
            self.calls.append(prompt.text)
            await asyncio.sleep(0.001)
            raise ModelError("401 no such key")

    model = Locked()
    with pytest.raises(ModelError, match="401"):
        run(task, model, tmp_path, connections=1)
    assert len(model.calls) <= 2
    assert find_runs(tmp_path) == []


def test_recorded_answers_join_by_id(task: Task, tmp_path: Path) -> None:
    """Recorded answers find their sample whatever their order; one without an answer is missing."""
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(json.dumps({"id": i, "response": r}) + "\n" for i, r in (("c", "Liver"), ("a", "no"))))

    found = run(task, Recorded(file=file), tmp_path)

    assert {row["id"]: row["response"] for row in found.samples()} == {"a": "no", "b": "", "c": "Liver"}
    assert found.counts["missing"] == 1


def test_an_unknown_recorded_id_is_refused(task: Task, tmp_path: Path) -> None:
    """An id in the answers that the task does not have stops the run before it starts."""
    file = tmp_path / "answers.jsonl"
    file.write_text(json.dumps({"id": "zz", "response": "no"}) + "\n")
    with pytest.raises(UsageError, match="no sample 'zz'"):
        run(task, Recorded(file=file), tmp_path)


@dataclass(kw_only=True)
class Outside(Scripted):
    """Somebody else's server."""

    @property
    def third_party(self) -> bool:
        """It is."""
        return True


@pytest.mark.parametrize("rule", ["ask", "forbidden"])
def test_data_leaves_only_with_permission(make_task: MakeTask, data: Path, tmp_path: Path, rule: str) -> None:
    """Data whose rule asks for it goes to another's server with the user's word only; forbidden data never does."""
    text = TASK.replace("third_party_api: allowed", f"third_party_api: {rule}, why: credentialed")
    task = load_task("tiny", [data], make_task(text))
    assert run(task, Scripted(), tmp_path).counts["answered"] == 3
    with pytest.raises(RefusedError, match="credentialed") as caught:
        run(task, Outside(), tmp_path)
    assert caught.value.exit_code == 5
    if rule == "ask":
        assert run(task, Outside(), tmp_path, permitted=True).record["permitted"] is True
    else:
        with pytest.raises(RefusedError):
            run(task, Outside(), tmp_path, permitted=True)


@pytest.mark.parametrize(("limit", "total"), [(None, 3), (2, 2), (0.5, 2), (1, 1), (99, 3)])
def test_a_limit_is_a_count_or_a_fraction(task: Task, tmp_path: Path, limit: float | None, total: int) -> None:
    """A whole number is a count, a number below 1 a share, rounded up."""
    assert plan(task, NamedModel("me", Scripted()), Settings(limit=limit, results=tmp_path)).total == total


@pytest.mark.parametrize("settings", [Settings(limit=0), Settings(limit=-1), Settings(sample_ids=("zz",))], ids=str)
def test_a_choice_of_nothing_is_refused(task: Task, settings: Settings) -> None:
    """A limit that leaves nothing, or an id that the task does not have, is wrong usage."""
    with pytest.raises(UsageError):
        plan(task, NamedModel("me", Scripted()), settings)


def test_a_learner_is_taught_by_the_train_split(make_task: MakeTask, data: Path, tmp_path: Path) -> None:
    """A model that learns gets the task's train split as it would be asked, and is another model for another split."""
    from evalkit.models.majority import Majority

    one = run(load_task("tiny", [data], make_task()), Majority(), tmp_path)
    other_train = [{**row, "answer": "No"} for row in ROWS]
    other = run(load_task("tiny", [data], make_task(train=other_train)), Majority(), tmp_path)

    assert one.estimate("exact_match").value == 1.0
    assert other.estimate("exact_match").value == pytest.approx(1 / 3)
    assert one.path != other.path


def test_a_learner_without_a_train_split_is_refused(make_task: MakeTask, data: Path, tmp_path: Path) -> None:
    """A model that learns cannot run where there is nothing to learn from."""
    from evalkit.models.majority import Majority

    text = TASK.replace(", train: {jsonl: tiny/train.jsonl}", "")
    with pytest.raises(UsageError, match="learns from a train split"):
        run(load_task("tiny", [data], make_task(text)), Majority(), tmp_path)


def test_what_a_killed_writer_left_is_cleaned_up(task: Task, tmp_path: Path) -> None:
    """The half-written folder of a process that is no more goes when the run is written; a living one's stays."""
    place = run(task, Scripted(), tmp_path).path
    dead, alive = (place.with_name(f".{place.name}-{name}") for name in ("dead", "alive"))
    for folder in (dead, alive):
        folder.mkdir()
        (folder / "samples.jsonl").write_text("half a li")

    with (alive / "samples.jsonl").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        run(task, Scripted(), tmp_path)

    assert (dead.exists(), alive.exists()) == (False, True)


def test_an_interrupted_write_leaves_the_old_run(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where writing a run again fails, what was there before is still there, whole."""
    before = run(task, Scripted(), tmp_path)
    content = (before.path / "samples.jsonl").read_bytes()
    monkeypatch.setattr("evalkit.runs.write_parquet", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))

    with pytest.raises(Exception, match="No space left"):
        run(task, Scripted(), tmp_path)

    assert (before.path / "samples.jsonl").read_bytes() == content
    assert [path.name for path in before.path.parent.iterdir()] == [before.path.name]


def test_a_server_model_runs_several_tasks(make_task: MakeTask, data: Path, tmp_path: Path) -> None:
    """A model whose connections were closed after one run opens new ones for the next."""
    catalogue = make_task()
    with serving(Loopback(lambda body, attempt: completion("yes"))) as server:
        model = OpenAI(model="m", base_url=server.url)
        first = run(load_task("tiny", [data], catalogue), model, tmp_path / "one")
        second = run(load_task("tiny", [data], catalogue), model, tmp_path / "two")
    assert first.counts["answered"] == second.counts["answered"] == 3


def test_a_server_that_is_not_there_is_given_up(make_task: MakeTask, data: Path, tmp_path: Path) -> None:
    """When the first calls have all failed and none was answered, the rest are not waited for."""
    rows = [{**ROWS[0], "id": str(number), "question": f"Is there a nodule in {number}?"} for number in range(200)]
    task = load_task("tiny", [data], make_task(rows=rows))
    model = Scripted(fails=("nodule",))
    with pytest.raises(ModelError, match="the first 20 calls all failed"):
        run(task, model, tmp_path, connections=4)
    assert len(model.asked) < 30


def test_a_dead_sample_among_living_ones_is_missing(make_task: MakeTask, data: Path, tmp_path: Path) -> None:
    """However many samples fail, once one was answered the run goes on to its end."""
    rows = [{**ROWS[0], "id": str(number), "question": f"Is it {number}?"} for number in range(100)]
    task = load_task("tiny", [data], make_task(rows=rows))
    model = Scripted(fails=tuple(f"it {number}" for number in range(1, 100)))
    assert run(task, model, tmp_path, connections=1).counts["missing"] == 99


def test_failed_calls_are_counted_whatever_is_marked(make_task: MakeTask, data: Path, tmp_path: Path) -> None:
    """A failed call counts as missing in the run even where no scorer would have marked its sample."""
    task = load_task("tiny", [data], make_task(TASK.replace("[exact_match, closed]", "[closed]")))
    assert run(task, Scripted(fails=("organ",)), tmp_path).counts["missing"] == 1


def test_equal_questions_share_an_answer(make_task: MakeTask, data: Path, tmp_path: Path) -> None:
    """Samples that ask the same of the same picture are asked once, and none of them is missing."""
    rows = [{**ROWS[0], "id": name} for name in ("a", "b")]
    model = Scripted()
    found = run(load_task("tiny", [data], make_task(rows=rows)), model, tmp_path)
    assert (len(model.asked), found.counts["answered"]) == (1, 2)


def test_refreshing_asks_each_prompt_once(make_task: MakeTask, data: Path, tmp_path: Path) -> None:
    """--refresh asks what is stored again, and equal prompts once."""
    rows = [{**ROWS[0], "id": name} for name in ("a", "b", "c")]
    task = load_task("tiny", [data], make_task(rows=rows))
    run(task, Scripted(), tmp_path)
    model = Scripted()
    run(task, model, tmp_path, refresh=True, connections=1)
    assert len(model.asked) == 1


@pytest.mark.parametrize("change", ["pictures", "options", "kind"])
def test_what_decides_the_answers_decides_the_folder(
    make_task: MakeTask, data: Path, tmp_path: Path, change: str
) -> None:
    """Other pictures under the same names, other options or another form of asking never overwrite a run."""
    text = TASK.replace("image: image}", "image: image, options: choices}")
    rows = [{**row, "choices": ["Yes", "No", "Liver"]} for row in ROWS]
    before = run(load_task("tiny", [data], make_task(text, rows=rows)), Scripted(), tmp_path)
    if change == "options":
        rows = [{**row, "choices": ["Yes", "No", "Lung"]} for row in rows]
    images = {"one.png": png(3), "two.png": png(4)} if change == "pictures" else None
    text = text.replace("cluster: image", "cluster: image\nkind: yes_no") if change == "kind" else text
    after = run(load_task("tiny", [data], make_task(text, rows=rows, images=images)), Scripted(), tmp_path)
    assert before.path != after.path


def test_words_for_people_leave_the_folder(make_task: MakeTask, data: Path, tmp_path: Path) -> None:
    """Another description of a task is the same work."""
    one = run(load_task("tiny", [data], make_task()), Scripted(), tmp_path)
    text = TASK.replace("Three questions", "A few questions")
    other = run(load_task("tiny", [data], make_task(text)), Scripted(), tmp_path)
    assert one.path == other.path


def test_changed_samples_are_noticed(task: Task, tmp_path: Path) -> None:
    """A samples.jsonl that is not the one its run.json was written with is an error when it is read."""
    found = run(task, Scripted(), tmp_path)
    file = found.path / "samples.jsonl"
    file.write_text(file.read_text().replace('"yes"', '"no"'))
    with pytest.raises(StoreError, match=r"is not what run\.json was written with"):
        list(found.samples())


def test_no_option_is_kept_where_text_may_not_be(make_task: MakeTask, data: Path, tmp_path: Path) -> None:
    """On data that may not be redistributed, no mark repeats what an option says."""
    text = TASK.replace("redistribute: yes", "redistribute: no").replace("image: image}", "image: image, options: o}")
    rows = [{**row, "o": ["alpha secret", "beta secret"], "answer": "alpha secret"} for row in ROWS]
    found = run(load_task("tiny", [data], make_task(text, rows=rows)), Scripted(reply="(A)"), tmp_path)
    assert "secret" not in (found.path / "samples.jsonl").read_text()
