"""Pictures: known by their bytes, read once, checked without being decoded, and never let out of their folder."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import png
from PIL import Image as Pillow

from evalkit.errors import DataError
from evalkit.images import (
    ImageFolder,
    LoadedImage,
    Pictures,
    blank_like,
    first_folder,
    media_type,
    picture_of,
    to_picture,
)
from evalkit.types import Image, Prompt

FORMATS = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "WEBP": "image/webp",
}


def noise(kind: str, mode: str = "RGB", size: tuple[int, int] = (32, 24)) -> bytes:
    """A file of that kind which no compression makes small."""
    shades = random.Random(7).randbytes(size[0] * size[1] * len(Pillow.new(mode, (1, 1)).getbands()))
    file = io.BytesIO()
    Pillow.frombytes(mode, size, shades).save(file, kind)
    return file.getvalue()


def checked(folder: Path, data: bytes) -> None:
    """Checks a file of these bytes."""
    (folder / "it.img").write_bytes(data)
    ImageFolder(folder).check("it.img")


def test_a_picture_is_known_by_the_sha256_of_its_file() -> None:
    """A picture's identity is the sha256 of its file's bytes, whatever the file is called."""
    data = png()

    assert to_picture(data, "a.png").sha256 == to_picture(data, "b.png").sha256 == hashlib.sha256(data).hexdigest()
    assert to_picture(png(129), "a.png").sha256 != to_picture(data, "a.png").sha256


@pytest.mark.parametrize(("kind", "expected"), FORMATS.items())
def test_the_type_is_told_by_the_first_bytes(kind: str, expected: str) -> None:
    """A picture's media type is what its first bytes say, never what its name says."""
    assert to_picture(noise(kind), "wrong.txt").media_type == expected


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"", r"x\.png: not an image \(is empty\)"),
        (b"<html><body>", r"x\.png: not an image \(begins with b'<html><b'\)"),
        (b"version https://git-lfs", "not an image"),
        (b"RIFF\x00\x00\x00\x00WAVE", "not an image"),
    ],
)
def test_other_bytes_are_no_picture(head: bytes, said: str) -> None:
    """A file that begins like no image raises DataError naming it and what it begins with."""
    with pytest.raises(DataError, match=said):
        media_type(head[:16], "x.png")


def test_base64_is_made_once() -> None:
    """The base64 of a picture is made on first use, and is the same object ever after."""
    picture = to_picture(png(), "a.png")

    first = picture.base64()

    assert base64.b64decode(first) == picture.data
    assert picture.base64() is first


@pytest.mark.parametrize("kind", FORMATS)
def test_a_whole_picture_passes(tmp_path: Path, kind: str) -> None:
    """A whole file of every kind passes the check."""
    checked(tmp_path, noise(kind))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_that_is_cut_off_does_not(tmp_path: Path, kind: str) -> None:
    """A file of any kind that ends too early, wherever it is cut, raises DataError naming it."""
    data = noise(kind)
    passed = []
    for length in range(1, len(data) - 12, max(1, len(data) // 150)):
        try:
            checked(tmp_path, data[:length])
        except DataError as error:
            assert str(tmp_path / "it.img") in str(error)
        else:
            passed.append(length)

    assert passed == []


@pytest.mark.parametrize("trailing", [b"\x00", b"\r\n", b"\x00" * 5000, b"MakerNote" * 100])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_bytes_behind_a_whole_picture_do_no_harm(tmp_path: Path, kind: str, trailing: bytes) -> None:
    """A whole picture with something behind its end, as scanners write it, passes."""
    checked(tmp_path, noise(kind) + trailing)


def test_bytes_behind_half_a_picture_do_not_help(tmp_path: Path) -> None:
    """Half a JPEG does not become whole by what stands behind it."""
    with pytest.raises(DataError, match="damaged image of"):
        checked(tmp_path, noise("JPEG")[:500] + b"\x00" * 200)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", r"not an image \(is empty\)"),
        (b"not found\n", "not an image"),
        (b"\x89PNG\r\n\x1a\n", "damaged image"),
        (b"\xff\xd8\xff\xe0", "damaged image"),
        (b"BM", "damaged image"),
    ],
)
def test_what_is_no_picture_does_not_pass(tmp_path: Path, data: bytes, said: str) -> None:
    """An empty file, a text and a bare beginning raise DataError naming the file."""
    with pytest.raises(DataError, match=rf"it\.img: {said}"):
        checked(tmp_path, data)


@pytest.mark.parametrize("act", [ImageFolder.read, ImageFolder.check])
def test_a_missing_file_is_named(tmp_path: Path, act: Callable[[ImageFolder, str], object]) -> None:
    """A file that is not there, or is a folder, raises DataError with its whole path."""
    (tmp_path / "folder").mkdir()

    for name in ("no.png", "folder", "deep/no.png"):
        with pytest.raises(DataError, match=f"{tmp_path / name}: .*cannot be read"):
            act(ImageFolder(tmp_path), name)


@pytest.mark.parametrize("act", [ImageFolder.read, ImageFolder.check])
@pytest.mark.parametrize("name", ["../secret.png", "sub/../../secret.png", "/etc/hostname", ".."])
def test_a_name_does_not_lead_out_of_the_folder(
    tmp_path: Path, act: Callable[[ImageFolder, str], object], name: str
) -> None:
    """A name that is absolute or climbs raises DataError, though the file be there."""
    (tmp_path / "secret.png").write_bytes(png())
    (tmp_path / "inside" / "sub").mkdir(parents=True)

    with pytest.raises(DataError, match="leads out of"):
        act(ImageFolder(tmp_path / "inside"), name)


def test_nothing_is_decoded_without_doubt(tmp_path: Path) -> None:
    """Whole JPEG and PNG files are checked, loaded and encoded without the image library even being imported."""
    (tmp_path / "a.jpg").write_bytes(noise("JPEG"))
    (tmp_path / "b.png").write_bytes(noise("PNG"))
    script = """
import sys
from pathlib import Path
from evalkit.images import ImageFolder, Pictures
from evalkit.types import Image, Prompt
folder = ImageFolder(Path(sys.argv[1]))
for name in ("a.jpg", "b.png"):
    folder.check(name)
loaded = Pictures().load(Prompt((Image("a.jpg", folder.read), Image("b.png", folder.read))))
print(sum(len(image.picture.base64()) for image in loaded.images), "PIL.Image" in sys.modules)
"""

    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )

    size, imported = done.stdout.split()
    assert int(size) > 1000
    assert imported == "False"


class Shelf:
    """A reader that counts how often each name is read."""

    def __init__(self, size: int = 64) -> None:
        self.reads: Counter[str] = Counter()
        self.size = size

    def read(self, name: str) -> bytes:
        """A PNG-like file of the shelf's size, another one for every name."""
        self.reads[name] += 1
        return png()[:8] + name.encode().ljust(self.size, b"\x00")

    def ask(self, *names: str) -> Prompt:
        """A prompt with these pictures."""
        return Prompt(("Look: ", *(Image(name, self.read) for name in names), " What?"))


def test_a_picture_is_read_once_while_its_questions_are_neighbours() -> None:
    """Prompts about one picture, asked next to each other, read its file once; its base64 is shared too."""
    shelf, pictures = Shelf(), Pictures()

    loaded = [pictures.load(shelf.ask(name)) for name in ("one", "one", "two", "one", "two")]

    assert shelf.reads == {"one": 1, "two": 1}
    assert pictures.reads == 2
    first, second = (prompt.images[0] for prompt in loaded[:2])
    assert isinstance(first, LoadedImage)
    assert isinstance(second, LoadedImage)
    assert first.picture is second.picture


def test_loading_changes_nothing_but_the_pictures() -> None:
    """A loaded prompt has the same parts in the same places, and a prompt without pictures is itself."""
    shelf, plain = Shelf(), Prompt(("only words",))

    loaded = Pictures().load(shelf.ask("one", "two"))

    assert Pictures().load(plain) is plain
    assert [part if isinstance(part, str) else part.name for part in loaded.parts] == ["Look: ", "one", "two", " What?"]
    assert [image.read() for image in loaded.images] == [shelf.read("one"), shelf.read("two")]


def test_a_loaded_picture_is_not_read_again() -> None:
    """The picture of a loaded image is at hand: neither `read` nor `picture_of` touches the file again."""
    shelf = Shelf()
    (image,) = Pictures().load(shelf.ask("one")).images

    assert picture_of(image).data == image.read()
    assert shelf.reads["one"] == 1


def test_the_oldest_pictures_go_when_the_budget_is_spent() -> None:
    """Of more pictures than the budget holds, those asked for longest ago are dropped, and memory stays bounded."""
    shelf, pictures = Shelf(size=100_000), Pictures(budget=2_000_000)
    tracemalloc.start()
    try:
        for number in range(100):
            pictures.load(shelf.ask("kept", str(number)))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert held < 2_000_000
    assert set(shelf.reads.values()) == {1}
    pictures.load(shelf.ask("kept", "99", "0"))
    assert (shelf.reads["kept"], shelf.reads["99"], shelf.reads["0"]) == (1, 1, 2)


def test_one_picture_larger_than_the_budget_is_still_read_once() -> None:
    """The budget never drops the picture in use."""
    shelf, pictures = Shelf(size=1000), Pictures(budget=10)

    for _ in range(3):
        pictures.load(shelf.ask("one"))

    assert shelf.reads["one"] == 1


def test_a_picture_that_is_none_does_not_load() -> None:
    """Loading a file that is no image raises DataError naming it."""
    prompt = Prompt((Image("page.html", lambda _: b"<html>"),))

    with pytest.raises(DataError, match=r"page\.html: not an image"):
        Pictures().load(prompt)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("size", [(1, 1), (31, 17)])
def test_a_blank_is_as_large_and_black(kind: str, size: tuple[int, int]) -> None:
    """The blank of a picture is a PNG of its size, all black."""
    blank = blank_like(noise(kind, size=size), "x")

    with Pillow.open(io.BytesIO(blank)) as opened:
        assert (opened.format, opened.size) == ("PNG", size)
        assert opened.convert("RGB").getextrema() == ((0, 0), (0, 0), (0, 0))


def test_a_blank_needs_the_header_alone() -> None:
    """A picture whose pixels are damaged still has a size, and so a blank."""
    assert blank_like(noise("JPEG")[:700], "x") == blank_like(noise("PNG"), "y")
    with pytest.raises(DataError, match=r"x: damaged image"):
        blank_like(b"\x89PNG\r\n\x1a\n", "x")


ACCEPTED = frozenset({"image/jpeg", "image/png"})


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_an_accepted_picture_is_passed_through(kind: str) -> None:
    """A picture of a type that the provider takes is handed on untouched."""
    picture = to_picture(noise(kind), "x")

    assert picture.accepted(ACCEPTED, "x") is picture


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("BMP", "RGB"), ("BMP", "L"), ("TIFF", "RGB"), ("TIFF", "L"), ("TIFF", "RGBA"), ("TIFF", "I;16")],
)
def test_other_types_become_png_with_the_same_pixels(kind: str, mode: str) -> None:
    """A BMP or TIFF that the provider does not take becomes a PNG of the same pixels, with its own identity."""
    size = (32, 24)
    file = io.BytesIO()
    if mode == "I;16":
        Pillow.frombytes(mode, size, random.Random(1).randbytes(size[0] * size[1] * 2)).save(file, kind)
    else:
        file.write(noise(kind, mode))
    picture = to_picture(file.getvalue(), "x")

    made = picture.accepted(ACCEPTED, "x")

    assert made.media_type == "image/png"
    assert made.sha256 == hashlib.sha256(made.data).hexdigest() != picture.sha256
    with Pillow.open(io.BytesIO(made.data)) as after, Pillow.open(io.BytesIO(picture.data)) as before:
        assert after.tobytes() == before.tobytes()


def test_the_colours_of_print_become_png_too() -> None:
    """A whole TIFF in CMYK, which PNG does not know, is converted to RGB and not called damaged."""
    picture = to_picture(noise("TIFF", "CMYK"), "x")

    assert picture.accepted(ACCEPTED, "x").media_type == "image/png"


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_a_damaged_picture_is_not_converted(kind: str) -> None:
    """A picture that is cut off raises DataError naming it when it has to be converted."""
    data = noise(kind)

    with pytest.raises(DataError, match=r"x\.img: damaged image"):
        to_picture(data[: len(data) // 2], "x.img").accepted(ACCEPTED, "x.img")


def test_the_first_folder_that_exists_is_taken(tmp_path: Path) -> None:
    """Of several folders the first that exists is taken, None where there is none; a file is no folder."""
    (tmp_path / "file").write_text("")
    (tmp_path / "b").mkdir()

    assert first_folder([tmp_path / "a", tmp_path / "file", tmp_path / "b", tmp_path]) == tmp_path / "b"
    assert first_folder([tmp_path / "a"]) is None
