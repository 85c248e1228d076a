"""Prompt files: what a template may ask for, what it may not, and where pictures go."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit.errors import ConfigError, DataError
from evalkit.templates import Template, load_template
from evalkit.types import Image, Kind, Prompt, Sample, Sampling

ROOT = Path(__file__).parent.parent


def nothing(name: str) -> bytes:
    """No bytes: rendering reads no picture."""
    raise AssertionError(f"{name} was read")


ONE, TWO = Image("one.png", nothing), Image("two.png", nothing)
SAMPLE = Sample("a", "Is it?", ("yes",), (ONE,), ("liver", "heart"), "choice", {"side": "left"})

Write = Callable[[str], Template]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes and loads a prompt file."""

    def write(text: str) -> Template:
        path = tmp_path / "mine.j2"
        path.write_text(text, encoding="utf-8")
        return load_template(path)

    return write


def render(template: Template, sample: Sample = SAMPLE) -> Prompt:
    """The prompt for a sample with no decoding settings."""
    return template.render(sample, Sampling())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ question }}", "Is it?"),
        ("{% for o in options %}{{ o.letter }}. {{ o.text }}\n{% endfor %}", "A. liver\nB. heart"),
        ("{{ kind }} {{ tags.side }} {{ language }}", "choice left en"),
        ("{{ images | length }} picture", "1 picture"),
        ("\n  {{ question }}  \n\n", "Is it?"),
        ("{% if true %}\n{{ question }}\n{% endif %}\nNow.", "Is it?\nNow."),
        ("{{ tags.get('none', 'unknown') }}", "unknown"),
        ("a < b & 'c'", "a < b & 'c'"),
    ],
)
def test_a_template_sees_the_sample(write: Write, text: str, said: str) -> None:
    """Question, options, kind, tags, pictures and language can be written; blocks leave no empty lines; no HTML."""
    assert render(write(text)).text == said


def test_a_prompt_carries_sampling_and_sample(write: Write) -> None:
    """A prompt has the decoding settings it was given and says which sample asks."""
    prompt = write("{{ question }}").render(SAMPLE, Sampling(max_tokens=5))

    assert (prompt.sampling.max_tokens, prompt.sample_id, prompt.system) == (5, "a", "")


def test_an_unknown_variable_is_an_error_when_loading(write: Write) -> None:
    """A variable that no template sees is an error naming file, variable and the nearest right one, before any run."""
    with pytest.raises(ConfigError, match=r"mine\.j2: there is no variable 'qestion'; did you mean question\?"):
        write("{{ qestion }}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\n{{ question", 2),
        ("one\n\n{% if kind %}", 3),
        ("{% endif %}", 1),
        ("{{ question | nope }}", 1),
        ("{% nope %}", 1),
    ],
)
def test_bad_syntax_is_an_error_naming_the_line(write: Write, text: str, line: int) -> None:
    """A template that does not compile is an error naming the file and the line."""
    with pytest.raises(ConfigError, match=rf"mine\.j2: line {line}: "):
        write(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ tags.modality }}",
        "{{ images[1] }}",
        "{{ question.nope }}",
        "{% if tags.nope %}x{% endif %}",
        "{{ options[5] }}",
    ],
)
def test_what_the_sample_lacks_is_an_error(write: Write, text: str) -> None:
    """Asking for a tag, picture, option or attribute that is not there is an error naming file and sample, not ""."""
    with pytest.raises(ConfigError, match=r"mine\.j2: .* \(sample a\)"):
        render(write(text))


@pytest.mark.parametrize(
    "text",
    [
        "{{ question.__class__ }}",
        "{{ question.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''.__class__ }}",
        "{{ images.append('x') }}",
        "{{ tags.update({'a': 'b'}) }}",
        "{{ '{0.__class__}'.format(question) }}",
    ],
)
def test_the_sandbox_refuses_what_is_not_its_own(write: Write, text: str) -> None:
    """A template can reach neither Python's insides nor change what it was given."""
    with pytest.raises(ConfigError, match=r"\(sample a\)"):
        render(write(text))


@pytest.mark.parametrize(
    "text",
    ["{{ question + 1 }}", "{{ 1 / 0 }}", "{{ kind | int + kind }}", "{% for i in range(10 ** 9) %}{% endfor %}"],
)
def test_a_template_that_fails_is_an_error_naming_file_and_sample(write: Write, text: str) -> None:
    """Whatever goes wrong while a template is rendered is said of the file and the sample."""
    with pytest.raises(ConfigError, match=r"mine\.j2: .* \(sample a\)"):
        render(write(text))


@pytest.mark.parametrize("text", ["{% include 'other.j2' %}", "{% extends 'other.j2' %}", "{% import 'o.j2' as o %}x"])
def test_a_template_is_one_file(write: Write, text: str) -> None:
    """A template that wants another file is an error naming the template, and no file is opened."""
    with pytest.raises(ConfigError, match=r"mine\.j2: "):
        render(write(text))


def test_data_are_not_evaluated(write: Write) -> None:
    """Jinja in a question, an option or a tag is text like any other."""
    evil = "{{ 1 + 1 }} {% if x %} {# no #}"
    sample = Sample("a", evil, ("yes",), (), (evil,), "choice", {"side": evil})

    assert render(write("{{ question }}|{{ options[0].text }}|{{ tags.side }}"), sample).text == "|".join([evil] * 3)


def test_pictures_stand_in_front_of_the_text(write: Write) -> None:
    """A template that places no picture gets all of them, in order, in front of its text."""
    sample = dataclasses.replace(SAMPLE, images=(ONE, TWO))

    assert render(write("{{ question }}"), sample).parts == (ONE, TWO, "Is it?")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("{{ question }} {{ images[0] }}", ("Is it? ", ONE)),
        ("{{ images[0] }}{{ question }}", (ONE, "Is it?")),
        ("Before {{ images[1] }} and after {{ images[0] }}.", ("Before ", TWO, " and after ", ONE, ".")),
        ("{{ images[0] }}{{ images[1] }}", (ONE, TWO)),
        ("{{ images[0] }} {{ images[0] }}", (ONE, " ", ONE)),
        ("{% for image in images %}{{ loop.index }}: {{ image }}\n{% endfor %}?", ("1: ", ONE, "\n2: ", TWO, "\n?")),
    ],
)
def test_pictures_stand_where_they_are_placed(write: Write, text: str, parts: tuple[object, ...]) -> None:
    """`{{ images[0] }}` puts that picture in that place, as often as it is written."""
    sample = dataclasses.replace(SAMPLE, images=(ONE, TWO))

    assert render(write(text), sample).parts == parts


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("Here <image 1>?", ("Here ", ONE, "?")),
        ("<image 2> or <image 1>", (TWO, " or ", ONE)),
        ("<image 1> and <image 1>", (ONE, " and ", ONE)),
        ("<image 1> and <image 3>", (ONE, " and <image 3>")),
        ("<image 0> <image 03> <Image 1>", (ONE, TWO, "<image 0> <image 03> <Image 1>")),
    ],
)
def test_pictures_stand_where_the_text_refers_to_them(write: Write, question: str, parts: tuple[object, ...]) -> None:
    """`placed(images)` puts the first picture where a text says `<image 1>`; where there is none the words stay."""
    sample = dataclasses.replace(SAMPLE, question=question, images=(ONE, TWO))

    assert render(write("{{ question | placed(images) }}"), sample).parts == parts
    assert render(write("{{ question }}"), sample).parts == (ONE, TWO, question)
    blind = write("{{ question | placed(images) }}").render(sample, Sampling(), with_images=False)
    assert blind.parts == (question,)


@pytest.mark.parametrize("question", ["\x000\x00", "\x007\x00", "a \x000\x00 b"])
def test_no_question_places_a_picture(write: Write, question: str) -> None:
    """A question with control characters in it (JSON can hold them) places no picture and breaks nothing."""
    prompt = render(write("{{ question }}"), dataclasses.replace(SAMPLE, question=question))

    assert prompt.parts[0] is ONE
    assert prompt.images == (ONE,)


@pytest.mark.parametrize(
    "text", ["{{ question }}", "{{ images[0] }}{{ question }}", "{{ question }}{{ images | join }}"]
)
def test_a_blind_model_is_asked_without_pictures(write: Write, text: str) -> None:
    """Without pictures the same words are asked, wherever the template places the pictures."""
    prompt = write(text).render(SAMPLE, Sampling(), with_images=False)

    assert prompt.parts == ("Is it?",)


def test_front_matter_holds_the_system_text(write: Write) -> None:
    """`system` between two lines `---` is the system text; the rest is what is asked."""
    prompt = render(write("---\nabout: for people\nsystem: |\n  You are\n  a radiologist.\n---\n{{ question }}"))

    assert prompt.system == "You are\na radiologist."
    assert prompt.text == "Is it?"


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("sytem: x", "sytem: unknown field; did you mean system?"),
        ("a: [", "front matter: "),
        ("- system", "front matter: "),
        ("just words", "front matter: "),
    ],
)
def test_wrong_front_matter_is_an_error(write: Write, head: str, said: str) -> None:
    """An unknown key, broken YAML or something other than keys and values in the front matter is an error."""
    with pytest.raises(ConfigError, match=r"mine\.j2: ") as raised:
        write(f"---\n{head}\n---\nhello")

    assert said in str(raised.value)


def test_a_rule_in_the_text_is_no_front_matter(write: Write) -> None:
    """Lines `---` further down belong to the text."""
    assert render(write("one\n---\ntwo\n---\nthree")).text == "one\n---\ntwo\n---\nthree"


@pytest.mark.parametrize("text", ["\ufeff---\nsystem: be brief\n---\nhello", "---\r\nsystem: be brief\r\n---\r\nhello"])
def test_windows_files_are_read_alike(tmp_path: Path, text: str) -> None:
    """A byte order mark and carriage returns, as editors under Windows write them, make no difference."""
    path = tmp_path / "mine.j2"
    path.write_bytes(text.encode())

    prompt = render(load_template(path))

    assert (prompt.system, prompt.text) == ("be brief", "hello")


def test_the_digest_is_of_the_text(write: Write) -> None:
    """Two wordings have two digests, the same wording one, wherever it lies."""
    first, again, other = write("{{ question }}"), write("{{ question }}"), write("{{ question }} ")

    assert first.digest == again.digest != other.digest


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A prompt that is absent, or is not UTF-8, raises ConfigError naming it."""
    (tmp_path / "latin.j2").write_bytes(b"R\xf6ntgen")

    for name in ("absent.j2", "latin.j2"):
        with pytest.raises(ConfigError, match=f"{name}: cannot be read"):
            load_template(tmp_path / name)


def test_there_are_26_letters(write: Write) -> None:
    """A sample with more options than letters raises DataError naming the sample."""
    many = dataclasses.replace(SAMPLE, options=tuple(map(str, range(27))))

    with pytest.raises(DataError, match="sample a has 27 options"):
        render(write("{{ question }}"), many)


LETTERS = "A. liver\nB. heart\nGive the letter of the right option, and nothing else."


@pytest.mark.parametrize(
    ("question", "options", "parts"),
    [
        ("Which?", ("liver", "heart"), (ONE, TWO, f"Which?\n{LETTERS}")),
        ("Which <image 2>?", ("liver", "heart"), (ONE, "Which ", TWO, f"?\n{LETTERS}")),
        (
            "Which?",
            ("<image 1>", "<image 2>"),
            ("Which?\nA. ", ONE, "\nB. ", TWO, "\nGive the letter of the right option, and nothing else."),
        ),
        ("Name it.", (), (ONE, TWO, "Name it.\nAnswer with a word or a short phrase only.")),
    ],
)
def test_pictures_among_lettered_options(question: str, options: tuple[str, ...], parts: tuple[object, ...]) -> None:
    """`options_letter_placed` shows every picture once: where question or option refers to it, else in front."""
    template = load_template(ROOT / "prompts" / "options_letter_placed.j2")
    sample = dataclasses.replace(SAMPLE, question=question, images=(ONE, TWO), options=options)

    assert render(template, sample).parts == parts


def test_lettered_options_ask_for_the_letter() -> None:
    """`options_letter` has the picture in front, the question, a line for each option, and asks for its letter."""
    prompt = render(load_template(ROOT / "prompts" / "options_letter.j2"))

    assert prompt.parts == (ONE, f"Is it?\n{LETTERS}")


@pytest.mark.parametrize("path", sorted((ROOT / "prompts").rglob("*.j2")), ids=lambda path: path.stem)
@pytest.mark.parametrize("kind", ["yes_no", "choice", "closed", "open"])
def test_shipped_prompts_ask_the_question(path: Path, kind: Kind) -> None:
    """Every shipped prompt to ask with holds the question's words and the picture, whatever the kind."""
    if "rubrics" in path.parts:
        pytest.skip("a rubric judges and does not ask")
    sample = dataclasses.replace(SAMPLE, kind=kind, options=SAMPLE.options if kind == "choice" else ())

    prompt = render(load_template(path), sample)

    assert sample.question in prompt.text
    assert prompt.images == (ONE,)
    assert all(option in prompt.text for option in sample.options)
