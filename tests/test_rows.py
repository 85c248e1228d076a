"""From a row to a sample: ids, columns, kinds, tags, targets, options, pictures and clusters."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ROWS, TASK, MakeTask, png

from evalkit.errors import DataError
from evalkit.task import load_task
from evalkit.types import Kind, Sample

Row = Mapping[str, object]
Read = Callable[..., list[Sample]]
ROW = ROWS[0]


@pytest.fixture
def read(make_task: MakeTask, data: Path) -> Read:
    """The samples of the tiny task with these rows, and with this text in the place of another."""

    def read(rows: Sequence[Row] = ROWS, **changes: str) -> list[Sample]:
        text = TASK
        for key, value in changes.items():
            lines = [line for line in text.splitlines() if not line.startswith(f"{key}:")]
            text = "\n".join([*lines, f"{key}: {value}", ""])
        return list(load_task("tiny", [data], make_task(text, rows)).samples())

    return read


def fields(**more: str) -> str:
    """The columns of the tiny task, some of them otherwise."""
    columns = {"id": "id", "question": "question", "target": "answer", "image": "image", **more}
    return "{" + ", ".join(f"{key}: {value}" for key, value in columns.items()) + "}"


def test_a_row_becomes_a_sample(read: Read) -> None:
    """Id, question, target, picture, kind, tags and cluster are those of the row."""
    first = read()[0]

    assert (first.id, first.question, first.targets) == ("a", "Is there a nodule?", ("Yes",))
    assert ([image.name for image in first.images], first.options) == (["one.png"], ())
    assert (first.kind, dict(first.tags), first.cluster) == ("yes_no", {"side": "left"}, "one.png")
    assert first.images[0].read() == png(60)


def test_samples_come_in_the_order_of_the_data(read: Read) -> None:
    """Samples come in the order of the file, whatever their ids."""
    assert [sample.id for sample in read(tuple(reversed(ROWS)))] == ["c", "b", "a"]


@pytest.mark.parametrize("broken", [{"id": None}, {"id": ""}, {"id": "  "}, {"id": "NULL"}])
def test_a_row_without_an_id_is_named(read: Read, broken: Row) -> None:
    """A row whose id is empty raises DataError naming file, row and column."""
    with pytest.raises(DataError, match=r"tiny/test\.jsonl: row 2 has no id \(column 'id'\)"):
        read([ROW, {**ROW, **broken}])


def test_a_missing_id_column_is_named(read: Read) -> None:
    """A row without the column of the ids raises DataError naming that column."""
    with pytest.raises(DataError, match=r"row 1 has no id \(column 'qid'\)"):
        read(fields=fields(id="qid"))


@pytest.mark.parametrize("column", ["question", "answer", "image", "side"])
def test_a_missing_column_is_named(read: Read, column: str) -> None:
    """A row that lacks a column which the task reads raises DataError naming file, row and column."""
    short = {key: value for key, value in ROW.items() if key != column}

    with pytest.raises(DataError, match=rf"tiny/test\.jsonl: row 2 has no column '{column}'"):
        read([ROW, short])


def test_a_misspelt_column_is_answered_with_the_nearest(read: Read) -> None:
    """A column that no row has is answered with the nearest that it has."""
    with pytest.raises(DataError, match=r"has no column 'anwser'; did you mean answer\?"):
        read(fields=fields(target="anwser"))


def test_the_row_that_is_named_is_the_files(read: Read) -> None:
    """The number in a message counts the rows of the file, those that `where` leaves out too."""
    short = {key: value for key, value in ROWS[2].items() if key != "answer"}

    with pytest.raises(DataError, match=r"row 3 has no column 'answer'"):
        read([ROWS[1], ROWS[0], short], where="{side: left}")


def test_where_keeps_the_rows_that_have_one_of_the_values(read: Read) -> None:
    """`where` keeps a row whose column, without spaces around it, is one of the values."""
    rows = [*ROWS, {**ROW, "id": "d", "side": " left "}, {**ROW, "id": "e", "side": "both"}]

    assert [sample.id for sample in read(rows, where="{side: left}")] == ["a", "c", "d"]
    assert [sample.id for sample in read(rows, where="{side: [right, both]}")] == ["b", "e"]
    assert read(rows, where="{side: nowhere}") == []


def test_where_of_a_split_goes_before_the_tasks(read: Read) -> None:
    """A split's own `where` takes the place of the task's for the same column and stands beside it for others."""
    found = read(
        where="{side: left}",
        splits="{test: {jsonl: tiny/test.jsonl, where: {side: [left, right], image: two.png}}}",
    )

    assert [sample.id for sample in found] == ["b"]


def test_where_on_a_missing_column_is_named(read: Read) -> None:
    """A `where` on a column that the rows do not have raises DataError instead of keeping none."""
    with pytest.raises(DataError, match=r"has no column 'sdie'; did you mean side\?"):
        read(where="{sdie: left}")


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Is there a nodule?", "yes_no"),
        ("Which organ is shown?", "open"),
        ("Is the mass in the left or right lung?", "closed"),
        ("图中有肺吗?", "yes_no"),
    ],
)
def test_the_kind_is_told_by_the_question(read: Read, question: str, kind: Kind) -> None:
    """Where no column declares it, the question's words say how it wants to be answered, never the gold answer."""
    for answer in ("Yes", "Liver"):
        assert read([{**ROW, "question": question, "answer": answer}])[0].kind == kind


def test_options_make_a_choice(read: Read) -> None:
    """A question with options is a choice, whatever its words."""
    assert read([{**ROW, "options": ["yes", "no"]}], fields=fields(options="options"))[0].kind == "choice"


@pytest.mark.parametrize(
    ("rule", "word", "kind"),
    [
        ("open", "x", "open"),
        ("choice", "x", "choice"),
        ("{column: type}", "yes_no", "yes_no"),
        ("{column: type, values: {CLOSED: closed, OPEN: open}}", "CLOSED", "closed"),
        ("{column: type, values: {CLOSED: closed, OPEN: open}}", "CLOSED ", "closed"),
        ("{column: type, values: {CLOSED: closed, OPEN: open}}", "OPEN", "open"),
    ],
)
def test_the_kind_is_what_the_task_declares(read: Read, rule: str, word: str, kind: Kind) -> None:
    """A kind for the whole task, or one by column, its words translated, is taken over; spaces make no difference."""
    assert read([{**ROW, "type": word}], kind=rule)[0].kind == kind


def test_an_unknown_word_for_a_kind_is_named(read: Read) -> None:
    """A word that the task does not translate raises DataError naming row, column, word and the nearest."""
    with pytest.raises(DataError, match=r"row 2: type is 'CLOSE'; did you mean CLOSED\?"):
        read(
            [{**ROW, "type": "OPEN"}, {**ROW, "type": "CLOSE"}],
            kind="{column: type, values: {CLOSED: closed, OPEN: open}}",
        )


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        ("CLOSED ", {"side": "CLOSED"}),
        ("  two \n words ", {"side": "two words"}),
        (7, {"side": "7"}),
        ("NULL", {}),
        ("", {}),
        (" ", {}),
        (None, {}),
        ("nan", {}),
        ("N/A", {}),
    ],
)
def test_tags_are_cleaned(read: Read, value: object, tags: dict[str, str]) -> None:
    """A tag has no spaces around it or doubled, and a value that says nothing is no tag."""
    assert dict(read([{**ROW, "side": value}])[0].tags) == tags


def test_a_tag_may_have_another_name_than_its_column(read: Read) -> None:
    """Tags given as a mapping are read from the columns that it names."""
    assert dict(read(tags="{lung: side, about: image}")[0].tags) == {"lung": "left", "about": "one.png"}


@pytest.mark.parametrize(
    ("answer", "gold"), [("Yes", "yes_no"), ("no ", "yes_no"), ("Liver", "other"), (["yes", "liver"], "other")]
)
def test_the_gold_tag_says_whether_the_answer_is_yes_or_no(read: Read, answer: object, gold: str) -> None:
    """With `gold_tag`, samples are tagged `yes_no` where every target says yes or no, else `other`."""
    assert read([{**ROW, "answer": answer}], gold_tag="true")[0].tags["gold"] == gold


@pytest.mark.parametrize(
    ("answer", "targets"),
    [
        ("  Yes ", ("Yes",)),
        (3, ("3",)),
        (0, ("0",)),
        (2.5, ("2.5",)),
        (["lung", " left lung "], ("lung", "left lung")),
        ([1, 2], ("1", "2")),
        ("NULL", ("NULL",)),
        ("None", ("None",)),
    ],
)
def test_targets_are_text(read: Read, answer: object, targets: tuple[str, ...]) -> None:
    """A number is its digits, a list several targets, and a word that looks like nothing is still the answer."""
    assert read([{**ROW, "answer": answer}])[0].targets == targets


@pytest.mark.parametrize(
    ("row", "columns", "options"),
    [
        ({"A": "liver", "B": "lung "}, "[A, B]", ("liver", "lung")),
        ({"A": "liver", "B": None, "C": ""}, "[A, B, C]", ("liver",)),
        ({"A": ["liver", "lung"]}, "A", ("liver", "lung")),
        ({"A": [1, 2]}, "A", ("1", "2")),
        ({"A": []}, "A", ()),
        ({"A": "liver", "B": "None"}, "[A, B]", ("liver", "None")),
        ({"A": ["liver", "N/A"]}, "A", ("liver", "N/A")),
    ],
)
def test_options_come_from_columns(read: Read, row: Row, columns: str, options: tuple[str, ...]) -> None:
    """Options are several columns or one list; what is empty behind the last one is no option, and "None" is one."""
    assert read([{**ROW, **row}], fields=fields(options=columns))[0].options == options


@pytest.mark.parametrize(
    ("row", "columns", "names"),
    [
        ({"image": ["one.png", "two.png"]}, "image", ["one.png", "two.png"]),
        ({"second": "two.png"}, "[image, second]", ["one.png", "two.png"]),
        ({"second": None}, "[image, second]", ["one.png"]),
        ({"image": ""}, "image", []),
        ({"image": "two  spaces.png"}, "image", ["two  spaces.png"]),
    ],
)
def test_pictures_come_from_columns(read: Read, row: Row, columns: str, names: list[str]) -> None:
    """Pictures are several columns or a list of names; an empty cell is none; a file's name is taken as it is."""
    assert [image.name for image in read([{**ROW, **row}], fields=fields(image=columns))[0].images] == names


def test_a_task_may_have_no_pictures(read: Read) -> None:
    """Where no column is named, samples have no pictures, and no cluster by them."""
    found = read(fields="{id: id, question: question, target: answer}")

    assert [(sample.images, sample.cluster) for sample in found] == [((), "")] * 3


def test_pictures_lie_in_the_first_folder_that_exists(read: Read, data: Path) -> None:
    """Of the folders for pictures, beside the data file, the first that exists is used."""
    (data / "tiny" / "second").mkdir(parents=True)
    (data / "tiny" / "second" / "one.png").write_bytes(png(7))

    assert read(images="[first, second, .]")[0].images[0].read() == png(7)


def test_a_cell_of_parquet_without_a_picture_is_none(make_task: MakeTask, data: Path) -> None:
    """A row of Parquet whose picture is null has no picture, as one whose file name is empty has none."""
    catalogue = make_task(TASK.replace("jsonl: tiny/test.jsonl", "parquet: tiny/test.parquet"))
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array([{"bytes": png(60), "path": None}, None, {"bytes": png(60), "path": None}], kind)
    table = pa.Table.from_pylist([{k: v for k, v in row.items() if k != "image"} for row in ROWS])
    pq.write_table(table.append_column("image", images), data / "tiny" / "test.parquet")

    found = list(load_task("tiny", [data], catalogue).samples())

    assert [len(sample.images) for sample in found] == [1, 0, 1]
    assert found[0].images == found[2].images
    assert found[0].images[0].read() == png(60)


@pytest.mark.parametrize(
    ("cluster", "clusters"), [("image", ["one.png", "two.png", "one.png"]), ("side", ["left", "right", "left"])]
)
def test_samples_are_clustered_as_declared(read: Read, cluster: str, clusters: list[str]) -> None:
    """Samples of one picture, or with one value of a tag, are a cluster."""
    assert [sample.cluster for sample in read(cluster=cluster)] == clusters


def test_a_cluster_may_be_a_column_that_is_no_tag(read: Read) -> None:
    """A cluster is read from its column, though the column be no tag."""
    rows = [{**row, "patient": f"p{number // 2}"} for number, row in enumerate(ROWS)]

    assert [sample.cluster for sample in read(rows, cluster="patient")] == ["p0", "p0", "p1"]


def test_without_clusters_samples_stand_alone(read: Read) -> None:
    """A task that declares no cluster has none."""
    assert {sample.cluster for sample in read(cluster="null")} == {""}


def test_several_pictures_are_one_cluster_together(read: Read) -> None:
    """By picture, samples are a cluster where they share all their pictures."""
    rows = [{**row, "image": ["one.png", "two.png"]} for row in ROWS]

    assert {sample.cluster for sample in read(rows)} == {"one.png|two.png"}


def test_a_cluster_that_the_data_do_not_have_is_named(read: Read) -> None:
    """A cluster column that the rows lack raises DataError: intervals would be too narrow without anybody knowing."""
    with pytest.raises(DataError, match=r"has no column 'patient'"):
        read(cluster="patient")


def test_rows_may_be_numbered(read: Read) -> None:
    """With `number_rows`, ids count the rows that are kept from 0, and no id column is wanted."""
    rows = [{key: value for key, value in row.items() if key != "id"} for row in ROWS]

    found = read(rows, number_rows="true", fields="{question: question, target: answer, image: image}")

    assert [sample.id for sample in found] == ["0", "1", "2"]


def test_numbers_are_the_files(read: Read) -> None:
    """A numbered row has its place in the file, whether `where` leaves out rows before it or not."""
    found = read(number_rows="true", fields="{question: question, target: answer, image: image}", where="{side: left}")

    assert [sample.id for sample in found] == ["0", "2"]


CHOICE = tuple(
    {"id": str(number), "question": "Which?", "answer": "lung", "image": "", "side": "x", "options": ["liver", "lung"]}
    for number in range(40)
)


def test_options_stand_as_in_the_data(read: Read) -> None:
    """Without being asked to, nothing changes the order of options or says where the right one stands."""
    found = read(CHOICE, fields=fields(options="options"))

    assert {sample.options for sample in found} == {("liver", "lung")}
    assert {tag for sample in found for tag in sample.tags} == {"side"}


def test_options_are_shuffled_by_the_id(read: Read) -> None:
    """With `shuffle_options` the order is the id's alone, the same every time, and the targets stay what they are."""
    found = read(CHOICE, fields=fields(options="options"), shuffle_options="true")
    other = read(
        [{**row, "question": "Who?"} for row in reversed(CHOICE)],
        fields=fields(options="options"),
        shuffle_options="true",
    )

    assert {sample.options for sample in found} == {("liver", "lung"), ("lung", "liver")}
    assert {sample.id: sample.options for sample in found} == {sample.id: sample.options for sample in other}
    assert {sample.targets for sample in found} == {("lung",)}


@pytest.mark.parametrize("key", ["shuffle_options", "gold_tag"])
def test_the_place_of_the_right_option_is_a_slice(read: Read, key: str) -> None:
    """`gold_position` is the letter at which the right option stands, after shuffling."""
    for sample in read(CHOICE, fields=fields(options="options"), **{key: "true"}):
        assert sample.options["AB".index(sample.tags["gold_position"])] == "lung"
        assert "gold" not in sample.tags


def test_without_options_nothing_is_shuffled(read: Read) -> None:
    """A sample without options has no place of the right one."""
    assert [dict(sample.tags) for sample in read(shuffle_options="true")] == [{"side": row["side"]} for row in ROWS]


def test_only_texts_can_be_shuffled(read: Read) -> None:
    """A target that is no option's text, such as a letter, would be wrong after shuffling: DataError says so."""
    with pytest.raises(DataError, match=r"row 1: its target is none of its options, which shuffle_options asks for"):
        read([{**CHOICE[0], "answer": "B"}], fields=fields(options="options"), shuffle_options="true")


def test_nothing_is_opened_before_it_is_asked_for(read: Read, data: Path) -> None:
    """Making samples opens no picture: one that is not there is missed only when it is read."""
    sample = read([{**ROW, "image": "absent.png"}])[0]

    with pytest.raises(DataError, match=r"tiny/absent\.png: cannot be read"):
        sample.images[0].read()


def test_a_damaged_row_further_down_is_named(make_task: MakeTask, data: Path) -> None:
    """Rows before a damaged one are given; then the file and the line are named."""
    catalogue = make_task()
    with (data / "tiny" / "test.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(ROW)[:20])

    samples = load_task("tiny", [data], catalogue).samples()

    assert [next(samples).id for _ in range(3)] == ["a", "b", "c"]
    with pytest.raises(DataError, match=r"tiny/test\.jsonl: line 4 is not whole JSON"):
        next(samples)
