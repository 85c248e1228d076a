"""The real benchmark files: what the shipped tasks make of them, and what they refuse."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalkit.errors import DataError
from evalkit.task import Task, load_task
from evalkit.types import Sample

pytestmark = pytest.mark.shared

OFFICIAL = "VQA_RAD Dataset Public.json"
HUB_TEXTS = "vqa-rad.hf451.qwen2-vl-2b.jsonl"
PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def words(text: object) -> str:
    """The words of a text alone, in lower case."""
    return " ".join(re.findall(r"\w+", str(text).lower()))


def pair(sample: Sample) -> tuple[str, str]:
    """Question and gold answer of a sample, words only."""
    return words(sample.question), words(sample.targets[0])


def tagged(task: Task, tag: str) -> Counter[str]:
    """How many test samples have each value of a tag."""
    return Counter(sample.tags.get(tag, "") for sample in task.samples())


@pytest.fixture
def official(shared: Path) -> Task:
    """VQA-RAD as its authors published it."""
    return load_task("vqa_rad@official", [shared / "data"])


@pytest.fixture
def hub(shared: Path, tmp_path: Path) -> Task:
    """VQA-RAD as it lies on the hub: its texts and order, with the official pictures, in one Parquet file."""
    source = shared / "data" / "vqa-rad"
    pictures: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in json.loads((source / OFFICIAL).read_text(encoding="utf-8")):
        if row["phrase_type"].startswith("test_"):
            pictures[words(row["question"]), words(row["answer"])].append(row["image_name"])
    lines = (shared / "predictions" / HUB_TEXTS).read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line) for line in lines]
    names = [pictures[words(each["question"]), words(each["gold"])].pop(0) for each in texts]
    images = [{"bytes": (source / "images" / name).read_bytes(), "path": None} for name in names]
    table = pa.table(
        {
            "image": pa.array(images, PICTURE),
            "question": [each["question"] for each in texts],
            "answer": [each["gold"] for each in texts],
        }
    )
    file = tmp_path / "flaviagiammarino" / "vqa-rad" / "data" / "test-00000-of-00001.parquet"
    file.parent.mkdir(parents=True)
    pq.write_table(table, file, row_group_size=100)
    return load_task("vqa_rad", [tmp_path])


@pytest.mark.parametrize(
    ("name", "count", "images"),
    [("vqa_rad", 451, 203), ("vqa_rad@mevf", 451, 203), ("slake", 1061, 96), ("slake_zh", 1033, 96)],
)
def test_a_test_set_has_its_published_size(shared: Path, name: str, count: int, images: int) -> None:
    """Rows and pictures are as many as were published, and the pin holds."""
    fingerprint = load_task(name, [shared / "data"]).fingerprint

    assert (fingerprint.count, fingerprint.images) == (count, images)


@pytest.mark.parametrize(
    ("name", "closed", "opened", "yes_no"),
    [("vqa_rad", 272, 179, 251), ("vqa_rad@mevf", 272, 179, 251), ("slake", 416, 645, 355)],
)
def test_kinds_and_gold_answers_are_as_many_as_published(
    shared: Path, name: str, closed: int, opened: int, yes_no: int
) -> None:
    """Closed and open questions, and those whose answer is yes or no, are as many as were published."""
    task = load_task(name, [shared / "data"])

    assert Counter(sample.kind for sample in task.samples()) == {"closed": closed, "open": opened}
    assert tagged(task, "gold") == {"yes_no": yes_no, "other": closed + opened - yes_no}


def test_the_official_layout_is_found_first(shared: Path) -> None:
    """Where several layouts of VQA-RAD are there, the authors' own is taken."""
    assert load_task("vqa_rad", [shared / "data"]).layout_name == "official"


def test_the_answer_types_are_vqa_rads_own(official: Task) -> None:
    """272 test questions are CLOSED and 179 OPEN, though the file writes `CLOSED ` in places."""
    assert tagged(official, "answer_type") == {"CLOSED": 272, "OPEN": 179}


def test_question_types_are_spelt_one_way(official: Task) -> None:
    """Question types are upper case, corrected and in order, so that no type stands in two spellings."""
    types = tagged(official, "question_type")

    assert all(re.fullmatch(r"[A-Z]+(\+[A-Z]+)*", each) for each in types)
    assert not {"ATRIB", "PRSE"} & {part for each in types for part in each.split("+")}


@pytest.mark.parametrize("name", ["vqa_rad", "vqa_rad@mevf", "slake", "slake_zh"])
@pytest.mark.parametrize("split", ["test", "train"])
def test_all_pictures_are_there_and_whole(shared: Path, name: str, split: str) -> None:
    """Every picture of every split is there and whole, and each sample has one."""
    task = load_task(name, [shared / "data"])

    task.check_images(split)

    assert {len(sample.images) for sample in task.samples(split)} == {1}


@pytest.mark.parametrize("name", ["vqa_rad", "vqa_rad@mevf", "slake", "slake_zh"])
def test_ids_are_distinct_in_every_split(shared: Path, name: str) -> None:
    """No id stands twice in any split."""
    task = load_task(name, [shared / "data"])

    assert {split: task.survey(split).fingerprint.count > 0 for split in task.reader.found} == dict.fromkeys(
        task.reader.found, True
    )


def test_every_layout_has_the_same_questions(official: Task, hub: Task, shared: Path) -> None:
    """The official, the MEVF and the hub layout have the same 451 questions with the same answers, words only."""
    mevf = load_task("vqa_rad@mevf", [shared / "data"])
    expected = Counter(map(pair, official.samples()))

    assert (official.layout_name, mevf.layout_name, hub.layout_name) == ("official", "mevf", "hub")
    assert expected.total() == 451
    assert Counter(map(pair, mevf.samples())) == expected
    assert Counter(map(pair, hub.samples())) == expected


def test_mevf_asks_about_the_same_pictures(official: Task, shared: Path) -> None:
    """A question has the same picture in the MEVF layout as in the official one."""
    mevf = load_task("vqa_rad@mevf", [shared / "data"])

    assert Counter((pair(each), each.images[0].name) for each in mevf.samples()) == Counter(
        (pair(each), each.images[0].name) for each in official.samples()
    )


def test_the_hub_layout_is_the_pinned_one(hub: Task) -> None:
    """The hub's texts in the hub's order pass the pin; rows are numbered, and each has its picture inside the file."""
    assert hub.fingerprint.count == 451
    samples = list(hub.samples())
    assert [sample.id for sample in samples[:3]] == ["0", "1", "2"]
    assert len({sample.cluster for sample in samples}) == hub.fingerprint.images == 203
    assert samples[450].images[0].read()[:3] == b"\xff\xd8\xff"
    assert tagged(hub, "gold") == {"yes_no": 251, "other": 200}


def test_the_hub_layout_says_what_it_lacks(hub: Task) -> None:
    """The notes of the hub layout say that it has no ids, answer types and leak tag."""
    notes = "\n".join(hub.notes())

    assert all(f"layout hub lacks {each}" in notes for each in ("ids", "answer_type", "question types"))


def test_leaks_are_tagged(official: Task) -> None:
    """About 285 test questions stand in the popular train file in other words; of the rest one has a new picture."""
    leaks = tagged(official, "leak")
    train = {sample.images[0].name for sample in official.samples("train")}
    unseen = {sample.images[0].name for sample in official.samples()} - train

    assert 284 <= leaks["reframed-in-train"] <= 286
    assert set(leaks) == {"reframed-in-train", "image-in-train", "clean"}
    assert leaks.total() == 451
    assert len(unseen) == 1
    assert {sample.images[0].name for sample in official.samples() if sample.tags["leak"] == "clean"} <= unseen
    assert tagged(official, "reframed") == {
        "yes": leaks["reframed-in-train"],
        "no": leaks["image-in-train"] + leaks["clean"],
    }


def test_leaks_are_a_matter_of_the_test_split(official: Task) -> None:
    """Train samples carry no leak tag."""
    assert not {"leak", "reframed"} & {tag for sample in official.samples("train") for tag in sample.tags}


def test_a_shortened_test_set_is_refused(shared: Path, tmp_path: Path) -> None:
    """A test set of 450 rows is not taken for the official one: the message names both numbers and the source."""
    rows = json.loads((shared / "data" / "vqa-rad" / "testset.json").read_text(encoding="utf-8"))
    (tmp_path / "vqa-rad").mkdir()
    (tmp_path / "vqa-rad" / "testset.json").write_text(json.dumps(rows[:-1]), encoding="utf-8")
    task = load_task("vqa_rad", [tmp_path])

    with pytest.raises(DataError) as raised:
        task.survey()

    assert task.layout_name == "mevf"
    assert "450 rows instead of 451" in str(raised.value)
    assert "https://osf.io/89kps" in str(raised.value)


@pytest.mark.parametrize("column", ["answer", "question"])
def test_a_changed_test_set_is_refused(shared: Path, tmp_path: Path, column: str) -> None:
    """A test set of the right size with one other answer or question is not taken for the official one."""
    rows = json.loads((shared / "data" / "vqa-rad" / "testset.json").read_text(encoding="utf-8"))
    rows[7][column] = "something else"
    (tmp_path / "vqa-rad").mkdir()
    (tmp_path / "vqa-rad" / "testset.json").write_text(json.dumps(rows), encoding="utf-8")

    with pytest.raises(DataError, match="is not the official test set: digest"):
        load_task("vqa_rad", [tmp_path]).survey()
