"""Prompts are files: sandboxed Jinja with StrictUndefined, compiled once.

A template sees `question`, `options` (a list of `letter` and `text`), `kind`, `tags`, `images` and `language`.
`{{ images[0] }}` puts a picture in that place; a template that places none gets them all in front of its text.
`{{ question | placed(images) }}` puts pictures where the text itself says `<image 1>`, for data that refers to them so.
An optional front matter between two lines `---` is YAML: `system` is the system text, `about` is for people.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from pathlib import Path

import jinja2
import jinja2.meta
import jinja2.sandbox
import yaml

from evalkit.digest import hex_digest
from evalkit.errors import ConfigError, DataError, did_you_mean
from evalkit.types import Image, Prompt, Sample, Sampling

VARIABLES = frozenset({"question", "options", "kind", "tags", "images", "language"})
FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
# A control character cannot be typed into a question, so that no data row can place a picture.
PLACED = re.compile("\x00(\\d+)\x00")
_REFERENCE = re.compile(r"<image (\d{1,3})>")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a choice question, as the template sees it."""

    letter: str
    text: str


@dataclass(frozen=True)
class Template:
    """A compiled prompt file. `digest` is of its text, so that two wordings are never compared unseen."""

    path: Path
    digest: str
    system: str
    compiled: jinja2.Template

    def render(self, sample: Sample, sampling: Sampling, language: str = "en", *, with_images: bool = True) -> Prompt:
        """The prompt for one sample. Raises ConfigError where the template asks for what the sample does not have."""
        images = sample.images if with_images else ()
        places = [f"\x00{number}\x00" if with_images else "" for number in range(len(sample.images))]
        try:
            text = self.compiled.render(
                question=sample.question.replace("\x00", ""),
                options=_lettered(sample),
                kind=sample.kind,
                tags=sample.tags,
                images=places,
                language=language,
            )
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise ConfigError(f"{self.path}: {error} (sample {sample.id})") from error
        return Prompt(_parts(text.strip(), images), self.system, sampling, sample_id=sample.id)


def load_template(path: Path) -> Template:
    """Reads and compiles a prompt file. Raises ConfigError for bad syntax or a variable that does not exist."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    head = FRONT_MATTER.match(text)
    system = _front_matter(path, head.group(1)) if head else ""
    body = text[head.end() :] if head else text
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters["placed"] = _placed
    try:
        used = jinja2.meta.find_undeclared_variables(environment.parse(body))
        compiled = environment.from_string(body)
    except jinja2.TemplateSyntaxError as error:
        raise ConfigError(f"{path}: line {error.lineno}: {error.message}") from error
    unknown = sorted(used - VARIABLES)
    if unknown:
        hint = did_you_mean(unknown[0], VARIABLES)
        raise ConfigError(f"{path}: there is no variable {unknown[0]!r}; {hint}")
    return Template(path, hex_digest(text, 16), system, compiled)


def _front_matter(path: Path, text: str) -> str:
    try:
        values = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: front matter: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: front matter: keys and values would be right, found {type(values).__name__}")
    unknown = sorted(set(values) - {"system", "about"})
    if unknown:
        raise ConfigError(f"{path}: {unknown[0]}: unknown field; {did_you_mean(unknown[0], {'system', 'about'})}")
    return str(values.get("system", "")).strip()


def _lettered(sample: Sample) -> list[Option]:
    if len(sample.options) > len(string.ascii_uppercase):
        raise DataError(f"sample {sample.id} has {len(sample.options)} options; there are 26 letters")
    return [Option(letter, text) for letter, text in zip(string.ascii_uppercase, sample.options, strict=False)]


def _placed(text: str, images: list[str]) -> str:
    """The text with the pictures that it refers to in their places; where there is none to show, the words stay."""
    places = dict(enumerate(images, 1))
    return _REFERENCE.sub(lambda found: places.get(int(found[1])) or found[0], text)


def _parts(text: str, images: tuple[Image, ...]) -> tuple[str | Image, ...]:
    pieces = PLACED.split(text)
    if len(pieces) == 1:
        return (*images, text)
    # split() alternates text and the number of the picture between two texts.
    placed = [images[int(piece)] if index % 2 else piece for index, piece in enumerate(pieces)]
    return tuple(part for part in placed if part != "")
