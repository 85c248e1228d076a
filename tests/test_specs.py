"""YAML files: strict, so that a slip of the pen is an error that names file, key and the nearest right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.specs import CardSpec, Layout, Rows, Split, TaskSpec, read_spec, read_yaml

ROOT = Path(__file__).parent.parent
SLAKE = (ROOT / "tasks" / "slake.yaml").read_text(encoding="utf-8")

SMALL = """\
name: small
license: Apache-2.0
data_use: {redistribute: yes, third_party_api: ask}
prompt: short_answer
scorers: [exact_match]
splits: {test: {jsonl: small.jsonl}}
fields: {id: id, question: q, target: a}
where: {lang: en}
cluster: image
number_rows: false
"""


def refusal(folder: Path, text: str, name: str = "slake.yaml") -> str:
    """What is said of a task file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        read_spec(path, TaskSpec)
    return str(raised.value)


def small(folder: Path, text: str = SMALL) -> TaskSpec:
    """The spec of a task file with this text."""
    path = folder / "small.yaml"
    path.write_text(text, encoding="utf-8")
    return read_spec(path, TaskSpec)


def test_a_misspelt_key_is_named_with_the_nearest(tmp_path: Path) -> None:
    """`slake.yaml: clutser: unknown field; did you mean cluster?`, with the file's whole path behind it."""
    said = refusal(tmp_path, SLAKE.replace("cluster: image", "clutser: image"))

    assert said == f"slake.yaml: clutser: unknown field; did you mean cluster? (in {tmp_path / 'slake.yaml'})"


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("redistribute: yes", "redistibute: yes", "data_use.redistibute: unknown field; did you mean redistribute?"),
        ("max_tokens: 64", "max_token: 64", "sampling.max_token: unknown field; did you mean max_tokens?"),
        ("{count: 1061,", "{cuont: 1061,", "rows.cuont: unknown field; did you mean count?"),
        ("target: answer", "tagret: answer", "fields.tagret: unknown field; did you mean target?"),
        ("    about: the authors' files", "    abuot: x", "layouts.official.abuot: unknown field; did you mean about?"),
        ("scorers: [", "scorer: [", "scorer: unknown field; did you mean scorers?"),
        ("license: CC-BY-4.0", "licence: CC-BY-4.0", "licence: unknown field; did you mean license?"),
    ],
)
def test_a_misspelt_key_inside_is_named_by_its_path(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    """A misspelt key is named by its whole path and answered with the nearest key of the part that it stands in."""
    assert right in SLAKE

    assert f"slake.yaml: {said}" in refusal(tmp_path, SLAKE.replace(right, wrong))


def test_a_misspelt_key_of_the_kind_is_answered_with_the_nearest(tmp_path: Path) -> None:
    """Where a value may be one of several forms, a misspelt key of one of them still finds the nearest."""
    said = refusal(tmp_path, SLAKE.replace("kind: {column:", "kind: {colum:"))

    assert "colum: unknown field; did you mean column?" in said


@pytest.mark.parametrize("key", ["name", "license", "data_use", "prompt", "scorers"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    """A key without which a task is none is said to be missing."""
    text = "".join(line for line in SMALL.splitlines(keepends=True) if not line.startswith(f"{key}:"))

    assert f"slake.yaml: {key}: is missing" in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (
            "scorers: [exact_match]",
            "scorers: exact_match",
            "scorers: input should be a valid list (found 'exact_match')",
        ),
        ("third_party_api: ask", "third_party_api: maybe", "data_use.third_party_api: input should be 'allowed'"),
        ("redistribute: yes", "redistribute: perhaps", "data_use.redistribute: input should be a valid boolean"),
        ("name: small", "name: [small]", "name: input should be a valid string (found ['small'])"),
        ("number_rows: false", "number_rows: 7", "number_rows: input should be a valid boolean"),
        ("where: {lang: en}", "where: [lang]", "where: input should be a valid dictionary"),
        ("splits: {test: {jsonl: small.jsonl}}", "splits: small.jsonl", "splits: input should be a valid dictionary"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    """A value of the wrong type is named by its key, with what would be right and what was found."""
    assert right in SMALL

    assert f"slake.yaml: {said}" in refusal(tmp_path, SMALL.replace(right, wrong))


def test_a_key_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    """The same key twice in one mapping is an error naming the line of the second, never the last one winning."""
    assert "line 11: the key 'name' stands twice" in refusal(tmp_path, SMALL + "name: other\n")
    assert "the key 'lang' stands twice" in refusal(tmp_path, SMALL.replace("{lang: en}", "{lang: en, lang: zh}"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n- b\n", "found list"),
        ("just words\n", "found str"),
        ("", "found NoneType"),
        ("# a comment\n", "NoneType"),
    ],
)
def test_a_file_that_is_no_mapping_is_an_error(tmp_path: Path, text: str, said: str) -> None:
    """A file that holds something other than keys and values is an error that says what it holds."""
    answer = refusal(tmp_path, text)

    assert "keys and values would be right" in answer
    assert said in answer


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name: x\ntags: [a, b\nprompt: p\n", 3),
        ("name: x\n\ttags: a\n", 2),
        ("name: x\n  prompt: p\n", 2),
        ('name: x\nabout: "no end\n', 3),
        ("name: x\nabout: *nobody\n", 2),
        ("name: x\nabout: !!python/name:os.system\n", 2),
    ],
)
def test_broken_yaml_names_file_and_line(tmp_path: Path, text: str, line: int) -> None:
    """A file that is no YAML, or wants more than plain YAML, is an error naming the file and the line."""
    said = refusal(tmp_path, text)

    assert said.startswith(f"{tmp_path / 'slake.yaml'}: line {line}: ")


@pytest.mark.parametrize("text", ["name: {{ name }}\n", "? [a, b]\n: 1\n", "name: x\nabout: {{a: 1}: 2}\n"])
def test_a_key_that_is_no_name_names_file_and_line(tmp_path: Path, text: str) -> None:
    """A list or mapping in the place of a key (`{{ … }}` without quotes) is an error naming the file and the line."""
    said = refusal(tmp_path, text)

    assert said.startswith(f"{tmp_path / 'slake.yaml'}: line ")


def test_a_date_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    """What looks like a date and is none is an error naming the file."""
    assert "slake.yaml: " in refusal(tmp_path, SMALL + "about: 2018-13-45\n")


def test_anchors_and_merge_keys_are_yaml_as_everybody_writes_it(tmp_path: Path) -> None:
    """`<<: *base` takes over a mapping's keys, and a key that stands beside it goes before."""
    path = tmp_path / "merged.yaml"
    path.write_text("base: &base {x: 1, y: 2}\nmore: {<<: *base, y: 3}\n", encoding="utf-8")

    assert read_yaml(path)["more"] == {"x": 1, "y": 3}


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A file that is absent, or is not UTF-8, raises ConfigError naming it."""
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("name: Rö".encode("latin-1"))

    for path in (tmp_path / "absent.yaml", latin):
        with pytest.raises(ConfigError, match=f"{path.name}: cannot be read"):
            read_yaml(path)


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    """A YAML file that begins with a byte order mark is read as one without."""
    path = tmp_path / "marked.yaml"
    path.write_text("\ufeffname: x\n", encoding="utf-8")

    assert read_yaml(path) == {"name": "x"}


@pytest.mark.parametrize(
    ("split", "source"),
    [
        ({"json": "a.json"}, ("json", {"path": "a.json"})),
        ({"csv": {"path": "a.csv", "delimiter": ";"}}, ("csv", {"path": "a.csv", "delimiter": ";"})),
        ({"json": "a.json", "where": {"lang": "en"}}, ("json", {"path": "a.json"})),
    ],
)
def test_a_split_names_one_source(split: dict[str, object], source: tuple[str, dict[str, str]]) -> None:
    """A split is a source's name with its options; a bare string is the path."""
    assert Split.model_validate(split).source() == source


@pytest.mark.parametrize(
    ("split", "found"), [({}, "none"), ({"json": "a", "wheer": {"x": "y"}}, "json, wheer"), ({"where": {}}, "none")]
)
def test_a_split_with_no_source_or_several_is_an_error(split: dict[str, object], found: str) -> None:
    """A split that names no source, or something beside it, is an error that lists what it names."""
    with pytest.raises(ValueError, match=f"one source .* found {found}"):
        Split.model_validate(split).source()


def test_one_name_stands_for_a_list_of_one(tmp_path: Path) -> None:
    """Where several names may stand, one may stand without brackets."""
    spec = small(tmp_path, SMALL.replace("target: a}", "target: a, image: img, options: [A, B]}"))

    assert spec.fields is not None
    assert (spec.fields.image, spec.fields.options) == (["img"], ["A", "B"])
    assert spec.where == {"lang": ["en"]}
    assert spec.images == ["."]


def test_a_task_without_layouts_is_its_own(tmp_path: Path) -> None:
    """A task that names no layouts has one, called default, which is what the file says."""
    spec = small(tmp_path)

    assert spec.named_layouts() == {"default": spec}


def test_layouts_inherit_and_override(tmp_path: Path) -> None:
    """A layout has what it says, else what the task says, else the default; in the order in which they stand."""
    spec = small(
        tmp_path,
        SMALL
        + """\
about: the task's own words
tags: [side]
layouts:
  second:
    about: a copy
    splits: {test: {csv: small.csv}}
    where: {}
    cluster: null
    number_rows: true
  first: {fields: {question: other, target: a}}
""",
    )

    layouts = spec.named_layouts()

    assert list(layouts) == ["second", "first"]
    second, first = layouts["second"], layouts["first"]
    assert (second.about, second.where, second.cluster, second.number_rows) == ("a copy", {}, None, True)
    assert second.splits["test"].source() == ("csv", {"path": "small.csv"})
    assert (second.fields, second.tags) == (spec.fields, ["side"])
    assert (first.about, first.where, first.cluster, first.number_rows) == ("", {"lang": ["en"]}, "image", False)
    assert first.splits == spec.splits
    assert first.fields is not None
    assert (first.fields.question, first.fields.id) == ("other", None)
    assert (first.kind, first.images, first.lacks) == ("by_question", ["."], [])


def test_published_rules_have_options_by_data_set(tmp_path: Path) -> None:
    """`published` holds a published rule's options on this data set; a task that says nothing has none."""
    spec = small(tmp_path, SMALL + "published: {medevalkit: {data: slake}}\n")

    assert spec.published == {"medevalkit": {"data": "slake"}}
    assert small(tmp_path).published == {}
    assert "published: input should be a valid dictionary" in refusal(tmp_path, SMALL + "published: [medevalkit]\n")


@pytest.mark.parametrize(("name", "data"), [("vqa_rad", "vqa_rad"), ("slake", "slake"), ("slake_zh", "slake")])
def test_shipped_tasks_name_published_rules(name: str, data: str) -> None:
    """The tasks whose data set a published rule treats in a way of its own say which one they are."""
    spec = read_spec(ROOT / "tasks" / f"{name}.yaml", TaskSpec)

    assert spec.published == {"medevalkit": {"data": data}, "karma": {"data": data}}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ((3, 2, "ab"), []),
        ((4, 2, "ab"), ["4 rows instead of 3"]),
        ((3, 1, "ab"), ["1 images instead of 2"]),
        ((4, 1, "cd" * 8), ["4 rows instead of 3", "1 images instead of 2", "digest cdcdcdcdcdcd… instead of ab…"]),
    ],
)
def test_a_pin_says_what_differs(found: tuple[int, int, str], said: list[str]) -> None:
    """A pin is held against rows, pictures and digest, and names each that differs."""
    assert Rows(count=3, images=2, gold_sha256="ab").differences(*found) == said
    assert Rows(count=found[0]).differences(*found) == []


@pytest.mark.parametrize("path", sorted((ROOT / "tasks").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_tasks_are_whole(path: Path) -> None:
    """Every shipped task file is valid, is named after its file, and has layouts with fields and a test split."""
    spec = read_spec(path, TaskSpec)

    assert spec.name == path.stem
    for layout in spec.named_layouts().values():
        assert isinstance(layout, Layout)
        assert layout.fields is not None
        assert "test" in layout.splits


def test_a_card_is_checked_like_a_task(tmp_path: Path) -> None:
    """The same rules hold for every kind of file: a model card's misspelt key is named with the nearest."""
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nabout: x\nadaptor: openai\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"^mine\.yaml: adaptor: unknown field; did you mean adapter\?"):
        read_spec(path, CardSpec)
