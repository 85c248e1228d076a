"""The multiple-choice protocol of HuatuoGPT-Vision: what is asked, with which options, and what is left out."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import png

from evalkit.catalogue import Catalogue
from evalkit.errors import DataError
from evalkit.specs import TaskSpec, read_spec
from evalkit.task import Task, load_task

Row = Mapping[str, object]

PROTOCOL = ("vqa_rad_mcq", "slake_mcq", "pathvqa_mcq", "pmc_vqa_mcq", "huatuo_collection")
COLLECTION: Sequence[Row] = (
    {
        "question": "What is drawn?",
        "options": ["a line", "a dot"],
        "answer": "a dot",
        "image": ["images/0.png"],
        "dataset": "OmniMedVQA",
        "subset": "Pencil",
    },
    {
        "question": "Is it there?",
        "options": "['No', 'Yes']",
        "answer": "Yes",
        "image": ["images/0.png", "images/1.png"],
        "dataset": "SLAKE_test",
    },
    {
        "question": "Describe <image 1>.",
        "options": [],
        "answer": "a line",
        "image": ["images/1.png"],
        "dataset": "MMMU",
        "subset": "Pharmacy",
        "question_type": "open",
    },
)
HUB_TEXTS = "vqa-rad.hf451.qwen2-vl-2b.jsonl"
PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """The collection's layout with invented content."""
    folder = tmp_path / "Medical_Multimodal_Evaluation_Data"
    (folder / "images").mkdir(parents=True)
    for number in (0, 1):
        (folder / "images" / f"{number}.png").write_bytes(png(number))
    (folder / "medical_multimodel_evaluation_data.json").write_text(json.dumps(COLLECTION), encoding="utf-8")
    return tmp_path


def slake(folder: Path, rows: Sequence[Row]) -> Task:
    """The task on SLAKE's official layout with these rows."""
    (folder / "slake").mkdir()
    whole = [{"q_lang": "en", "answer_type": "CLOSED", "img_name": "xmlab1/source.jpg", **row} for row in rows]
    tags = {"content_type": "Organ", "modality": "CT"}
    text = json.dumps([{**row, **tags, "qid": number} for number, row in enumerate(whole)])
    (folder / "slake" / "test.json").write_text(text, encoding="utf-8")
    return load_task("slake_mcq", [folder])


@pytest.mark.parametrize("name", PROTOCOL)
def test_the_protocol_is_one(name: str) -> None:
    """Every task of the protocol asks for a letter, allows 256 tokens, has options in their order and its rules."""
    spec = read_spec(Catalogue().find("tasks", name), TaskSpec)

    assert (spec.prompt, spec.sampling.model_dump(exclude_none=True)) == ("options_letter", {"max_tokens": 256})
    assert (spec.kind, spec.shuffle_options, spec.cluster) == ("choice", False, "image")
    assert spec.scorers == ["closed", "published/huatuo"]


def test_the_collection_is_read(collection: Path) -> None:
    """Options are a list or spelt as one, the gold is an option's text, and each part is a slice."""
    task = load_task("huatuo_collection", [collection])

    first, second = task.samples()

    assert (first.id, first.options, first.targets) == ("0", ("a line", "a dot"), ("a dot",))
    assert dict(first.tags) == {"dataset": "OmniMedVQA", "subset": "Pencil", "gold_position": "B"}
    assert (second.id, second.options, second.targets) == ("1", ("No", "Yes"), ("Yes",))
    assert dict(second.tags) == {"dataset": "SLAKE_test", "gold_position": "B"}
    assert [image.name for image in second.images] == ["images/0.png", "images/1.png"]
    task.check_images()


def test_open_questions_of_the_collection_are_quarantined(collection: Path) -> None:
    """A row without options is left out, as the reference leaves it out, and counts towards the 17,303."""
    task = load_task("huatuo_collection", [collection])

    assert task.quarantined() == [("2", "it offers no options")]
    with pytest.raises(DataError, match="3 rows instead of 17303"):
        task.survey()


def test_the_collections_prompt(collection: Path) -> None:
    """Pictures come first, then the question, a line for each option, and the request for the letter."""
    task = load_task("huatuo_collection", [collection])
    _, second = task.samples()

    *pictures, text = task.prompt(second).parts

    assert tuple(pictures) == second.images
    assert text == "Is it there?\nA. No\nB. Yes\nGive the letter of the right option, and nothing else."


def test_slakes_options_are_the_collections_where_it_is_at_hand(collection: Path) -> None:
    """Where the collection is found its part of SLAKE is asked with its own options; else the authors' files are."""
    slake(collection, [{"question": "Is it there?", "answer": "Yes"}])

    task = load_task("slake_mcq", [collection])

    assert task.layout_name == "collection"
    assert [(sample.id, sample.options) for sample in task.samples()] == [("1", ("No", "Yes"))]
    assert load_task("slake_mcq@official", [collection]).layout_name == "official"


@pytest.mark.parametrize(
    ("question", "answer", "options", "target"),
    [
        ("Is there a drawing?", "No", ("yes", "no"), "no"),
        ("Which is bigger, kidney or spleen?", "Spleen", ("kidney", "spleen"), "spleen"),
        ("Is this a T1 weighted or T2 weighted image?", "T2", ("T1 weighted", "T2 weighted"), "T2 weighted"),
        ("Which is it, CT, MRI or X-Ray?", "X-ray", ("CT", "MRI", "X-Ray"), "X-Ray"),
    ],
)
def test_slakes_options_are_read_from_the_question(
    tmp_path: Path, question: str, answer: str, options: tuple[str, ...], target: str
) -> None:
    """A yes/no question has these two, any other the options that it names; the gold is the one that it means."""
    (found,) = slake(tmp_path, [{"question": question, "answer": answer}]).samples()

    assert (found.options, found.targets) == (options, (target,))
    assert found.tags["form"] == ("yes_no" if options == ("yes", "no") else "named")


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ("Which is bigger, kidney or spleen?", "Liver", "its answer is none of its options"),
        ("Is there a drawing?", "Liver", "its answer is none of its options"),
        ("Which organ is drawn?", "Liver", "it offers no options"),
    ],
)
def test_what_does_not_fit_is_quarantined(tmp_path: Path, question: str, answer: str, reason: str) -> None:
    """A gold outside the options, or a question that names none, is left out under its own id."""
    task = slake(tmp_path, [{"question": "Is it?", "answer": "Yes"}, {"question": question, "answer": answer}])

    assert [sample.id for sample in task.samples()] == ["0"]
    assert task.quarantined() == [("1", reason)]


@pytest.mark.shared
def test_slakes_61_questions_of_their_own(shared: Path) -> None:
    """Of the 416 real questions 355 are yes/no and 60 of the 61 others have their gold among the options they name."""
    task = load_task("slake_mcq@official", [shared / "data"])

    survey = task.survey()

    assert survey.fingerprint.count + len(survey.quarantined) == 416
    assert survey.quarantined == (("12130", "its answer is none of its options"),)
    assert Counter(sample.tags["form"] for sample in task.samples()) == {"yes_no": 355, "named": 60}
    assert all(sample.targets[0] in sample.options for sample in task.samples())
    task.check_images()


@pytest.mark.shared
@pytest.mark.parametrize("layout", ["official", "mevf"])
def test_vqa_rads_251_questions(shared: Path, layout: str) -> None:
    """The 251 real yes/no questions are asked under the ids of `vqa_rad`, with its leak where the layout shows it."""
    task = load_task(f"vqa_rad_mcq@{layout}", [shared / "data"])
    whole = {sample.id: sample for sample in load_task(f"vqa_rad@{layout}", [shared / "data"]).samples()}

    assert (task.fingerprint.count, task.quarantined()) == (251, [])
    for sample in task.samples():
        twin = whole[sample.id]
        assert (sample.question, sample.images, sample.options) == (twin.question, twin.images, ("yes", "no"))
        assert twin.targets[0].strip().lower() == sample.targets[0]
        assert sample.tags.get("leak") == twin.tags.get("leak")
    assert {sample.id for sample in whole.values() if sample.tags["gold"] == "yes_no"} == {
        sample.id for sample in task.samples()
    }


@pytest.mark.shared
def test_vqa_rads_251_questions_on_the_hub(shared: Path, tmp_path: Path) -> None:
    """The hub's texts in the hub's order give the same 251 questions, and the pin holds."""
    source = shared / "data" / "vqa-rad"
    pictures: defaultdict[str, list[str]] = defaultdict(list)
    for row in json.loads((source / "VQA_RAD Dataset Public.json").read_text(encoding="utf-8")):
        if row["phrase_type"].startswith("test_"):
            pictures[_words(row["question"], row["answer"])].append(row["image_name"])
    lines = (shared / "predictions" / HUB_TEXTS).read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line) for line in lines]
    names = [pictures[_words(each["question"], each["gold"])].pop(0) for each in texts]
    cells = [{"bytes": (source / "images" / name).read_bytes(), "path": None} for name in names]
    columns = {"question": [each["question"] for each in texts], "answer": [each["gold"] for each in texts]}
    file = tmp_path / "vqa-rad" / "data" / "test-00000-of-00001.parquet"
    file.parent.mkdir(parents=True)
    pq.write_table(pa.table({"image": pa.array(cells, PICTURE), **columns}), file)

    task = load_task("vqa_rad_mcq", [tmp_path])

    assert (task.layout_name, task.fingerprint.count, task.fingerprint.images) == ("hub", 251, 135)


def _words(*texts: object) -> str:
    return " ".join(re.findall(r"\w+", " ".join(map(str, texts)).lower()))
