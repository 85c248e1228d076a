"""Plug-ins: found by file name or `module:Class`, built from options that are checked by their types."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from evalkit.errors import MissingPackageError, UsageError
from evalkit.models.base import Model
from evalkit.plugins import build, find, names
from evalkit.scorers.base import Scorer
from evalkit.scorers.exact_match import ExactMatch
from evalkit.sources.base import Source
from evalkit.sources.jsonl import Jsonl

KIT = itertools.count()
MakeKit = Callable[[Mapping[str, str]], str]


@pytest.fixture
def make_kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeKit]:
    """Writes an importable package of the given files, `KIT` in them standing for its name; returns that name."""
    made: list[str] = []

    def make(files: Mapping[str, str]) -> str:
        name = f"kit{next(KIT)}"
        made.append(name)
        for path, text in {"__init__.py": "", **files}.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace("KIT", name), encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
        return name

    yield make
    for module in [each for each in sys.modules if each.split(".")[0] in made]:
        del sys.modules[module]


BASE = "class Thing:\n    pass\n"
INNER = "from KIT.base import Thing\nclass Inner(Thing):\n    pass\n"
SCORER = """\
from dataclasses import dataclass
from evalkit.scorers.base import Scorer
from evalkit.types import Score

@dataclass(frozen=True)
class Mine(Scorer):
    def score(self, sample, response):
        return Score(1.0)
"""


def base_of(kit: str) -> type[object]:
    """The base class of a written package."""
    __import__(f"{kit}.base")
    found: type[object] = sys.modules[f"{kit}.base"].Thing
    return found


def test_a_plug_in_is_found_by_the_name_of_its_file() -> None:
    """`find(Scorer, "exact_match")` is the class that evalkit/scorers/exact_match.py defines."""
    assert find(Scorer, "exact_match") is ExactMatch  # type: ignore[type-abstract]
    assert find(Source, "jsonl") is Jsonl  # type: ignore[type-abstract]


@pytest.mark.parametrize("base", [Model, Scorer, Source])
def test_every_listed_name_is_found(base: type[object]) -> None:
    """Every name that `names` lists is that of a concrete plug-in of the kind, and base classes are not among them."""
    found = [find(base, name) for name in names(base)]

    assert found
    assert all(issubclass(each, base) for each in found)
    assert not {"base", "layers"} & set(names(base))


def test_models_are_named_with_hyphens() -> None:
    """A model's name has hyphens where its file's has underscores."""
    assert "pixel-prior" in names(Model)
    assert find(Model, "pixel-prior").__name__ == "PixelPrior"  # type: ignore[type-abstract]


@pytest.mark.parametrize(
    ("base", "name", "said"),
    [
        (Scorer, "exact_mach", "unknown scorer 'exact_mach'; did you mean exact_match?"),
        (Source, "jsonn", "unknown source 'jsonn'; did you mean json"),
        (Model, "openia", "unknown model 'openia'; did you mean openai?"),
        (Scorer, "zzzzzz", "unknown scorer 'zzzzzz'; known: clinical_match, closed, exact_match"),
        (Scorer, "base", "unknown scorer 'base'"),
        (Scorer, "../errors", "unknown scorer '../errors'"),
        (Scorer, "", "unknown scorer ''"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(base: type[object], name: str, said: str) -> None:
    """An unknown name raises UsageError with its kind and the nearest name, or all names where none is near."""
    with pytest.raises(UsageError) as raised:
        find(base, name)

    assert said in str(raised.value)


def test_a_group_of_plug_ins_is_searched(make_kit: MakeKit) -> None:
    """A plug-in in the folder `published` is `published/name`; the folder itself is none."""
    kit = make_kit({"base.py": BASE, "published/__init__.py": '"""Imported."""\n', "published/inner.py": INNER})
    base = base_of(kit)

    assert names(base) == ["published/inner"]
    assert find(base, "published/inner").__name__ == "Inner"
    with pytest.raises(UsageError, match=r"unknown thing 'published'; did you mean published/inner\?"):
        find(base, "published")


def test_a_folder_that_is_one_plug_in_is_found_by_its_own_name(make_kit: MakeKit) -> None:
    """A folder whose root defines the plug-in is that plug-in."""
    kit = make_kit(
        {"base.py": BASE, "whole/__init__.py": "from KIT.whole.inner import Inner\n", "whole/inner.py": INNER}
    )
    base = base_of(kit)

    assert "whole" in names(base)
    assert find(base, "whole").__name__ == "Inner"


def test_a_plug_in_file_defines_one_plug_in(make_kit: MakeKit) -> None:
    """A file with no plug-in class, or with two, raises UsageError that says how many it has."""
    two = INNER + "class Other(Thing):\n    pass\n"
    base = base_of(make_kit({"base.py": BASE, "none.py": "", "two.py": two}))

    with pytest.raises(UsageError, match=r"none defines 0 Thing classes"):
        find(base, "none")
    with pytest.raises(UsageError, match=r"two defines 2 Thing classes"):
        find(base, "two")


def test_imported_and_private_classes_are_not_plug_ins(make_kit: MakeKit) -> None:
    """Of a plug-in file's classes, those that it imports and those with a leading underscore do not count."""
    two = "from KIT.one import Inner\nclass _Part(Inner):\n    pass\nclass Two(Inner):\n    pass\n"
    base = base_of(make_kit({"base.py": BASE, "one.py": INNER, "two.py": two}))

    assert find(base, "two").__name__ == "Two"


def test_outside_code_is_found_by_module_and_class(make_kit: MakeKit) -> None:
    """`my_package.module:Class` is that class, whatever else is installed."""
    kit = make_kit({"marks.py": SCORER})

    found = find(Scorer, f"{kit}.marks:Mine")  # type: ignore[type-abstract]

    assert (found.__name__, found.__module__) == ("Mine", f"{kit}.marks")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("KIT.marks:Nine", "KIT.marks has no Scorer class of that name"),
        ("KIT.marks:Score", "KIT.marks has no Scorer class of that name"),
        ("KIT.marks:dataclass", "KIT.marks has no Scorer class of that name"),
        ("KIT.absent:Mine", "there is no module KIT.absent"),
        ("no_such_package.deep:Mine", "there is no module no_such_package"),
    ],
)
def test_outside_code_that_is_no_plug_in_is_refused(make_kit: MakeKit, name: str, said: str) -> None:
    """A module or class that does not exist, or is none of the kind, raises UsageError saying which."""
    kit = make_kit({"marks.py": SCORER})

    with pytest.raises(UsageError) as raised:
        find(Scorer, name.replace("KIT", kit))  # type: ignore[type-abstract]

    assert said.replace("KIT", kit) in str(raised.value)


def test_a_shipped_plug_in_without_its_package_gives_the_line_that_installs_it(make_kit: MakeKit) -> None:
    """A plug-in found by its file's name, its package missing, names the extra of the same name."""
    base = base_of(make_kit({"base.py": BASE, "heavy.py": "import no_such_dependency\n" + INNER}))

    with pytest.raises(MissingPackageError) as raised:
        find(base, "heavy")

    assert "needs the package no_such_dependency" in str(raised.value)
    assert "pip install 'evalkit-medvlm[heavy]'" in str(raised.value)


def test_outside_code_without_its_package_names_the_package_to_install(make_kit: MakeKit) -> None:
    """`module:Class`, whose package is missing, names that package in the pip line; evalkit has no extra for it."""
    kit = make_kit({"marks.py": "import no_such_dependency\n" + SCORER})

    with pytest.raises(MissingPackageError) as raised:
        find(Scorer, f"{kit}.marks:Mine")  # type: ignore[type-abstract]

    assert "needs the package no_such_dependency" in str(raised.value)
    assert "pip install no_such_dependency" in str(raised.value)
    assert "evalkit-medvlm[" not in str(raised.value)


@dataclass(frozen=True)
class Options:
    """One option of every type."""

    needed: str
    flag: bool = False
    count: int = 0
    rate: float = 0.0
    names: tuple[str, ...] = ()
    weights: dict[str, float] = field(default_factory=dict)
    limit: int | None = 7
    kept: str = field(default="", metadata={"option": False})
    made: str = field(default="", init=False)


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("needed", "5", "5"),
        ("needed", "yes", "yes"),
        ("flag", "true", True),
        ("flag", "yes", True),
        ("flag", "off", False),
        ("flag", "0", False),
        ("flag", True, True),
        ("count", "5", 5),
        ("count", "-5", -5),
        ("count", 5, 5),
        ("rate", "1e-3", 0.001),
        ("rate", "2", 2.0),
        ("rate", 2, 2.0),
        ("names", "[a, b]", ("a", "b")),
        ("names", ["a", "b"], ("a", "b")),
        ("names", (), ()),
        ("weights", "{a: 1, b: 0.5}", {"a": 1.0, "b": 0.5}),
        ("weights", {"a": "1"}, {"a": 1.0}),
        ("limit", "3", 3),
        ("limit", "null", None),
        ("limit", None, None),
    ],
)
def test_options_are_coerced_by_their_types(option: str, text: object, value: object) -> None:
    """An option from a YAML file or a command line becomes what its field's type says, never another type."""
    made = build(Options, {"needed": "x", option: text}, "here")

    assert getattr(made, option) == value
    assert type(getattr(made, option)) is type(value)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("flag", "maybe"),
        ("count", "3.5"),
        ("count", "many"),
        ("count", ""),
        ("rate", "fast"),
        ("names", 5),
        ("names", "{a: 1}"),
        ("weights", "[1, 2]"),
        ("weights", "{a: heavy}"),
        ("weights", "{a: ["),
        ("needed", None),
        ("needed", ["x"]),
    ],
)
def test_an_option_of_the_wrong_type_is_refused(option: str, value: object) -> None:
    """A value that the field's type does not admit raises UsageError naming place, option and value."""
    with pytest.raises(UsageError) as raised:
        build(Options, {"needed": "x", option: value}, "here")

    assert str(raised.value).startswith(f"here: {option}: {value!r} will not do (")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("conut", "here: unknown option 'conut'; did you mean count?"),
        ("zzz", "known: count, flag, limit, names, needed, rate, weights"),
        ("kept", "unknown option 'kept'"),
        ("made", "unknown option 'made'"),
    ],
)
def test_an_unknown_option_is_answered_with_the_nearest(option: str, said: str) -> None:
    """An option that is no field, or a field that is no option, raises UsageError with the nearest, or with all."""
    with pytest.raises(UsageError) as raised:
        build(Options, {"needed": "x", option: 1}, "here")

    assert said in str(raised.value)


def test_an_option_may_be_written_with_hyphens() -> None:
    """`keep-case` on a command line is the field `keep_case`."""
    assert build(ExactMatch, {"keep-case": "yes"}, "here") == ExactMatch(keep_case=True)


def test_options_without_a_default_are_needed() -> None:
    """Leaving out an option that has no default raises UsageError naming it."""
    with pytest.raises(UsageError, match=r"^here: needs needed$"):
        build(Options, {}, "here")
