"""Pictures by the sha256 of their file's bytes: read once, encoded once, decoded only where nothing else will do."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from evalkit.errors import DataError
from evalkit.types import Image, Prompt

MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"BM", "image/bmp"),
)
# What the last bytes of a whole file of that type hold; a file without them is decoded to see whether it is damaged.
ENDINGS = MappingProxyType({"image/jpeg": b"\xff\xd9", "image/png": b"IEND\xaeB`\x82"})
TAIL = 64
PNG_MODES = frozenset({"1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA"})


@dataclass(slots=True)
class Picture:
    """The bytes of one image file with its identity; base64 is made on first use and kept."""

    data: bytes
    sha256: str
    media_type: str
    encoded: bytes = b""
    converted: Picture | None = None

    def accepted(self, types: frozenset[str], name: str) -> Picture:
        """The picture itself where its type is one of `types`, else the same pixels as a PNG, made once."""
        if self.media_type not in types and self.converted is None:
            self.converted = as_png(self, name)
        return self.converted or self

    def base64(self) -> bytes:
        """The file's bytes in base64, made once."""
        if not self.encoded:
            self.encoded = base64.b64encode(self.data)
        return self.encoded


@dataclass(frozen=True, slots=True)
class LoadedImage(Image):
    """An image whose bytes are at hand."""

    picture: Picture = field(kw_only=True, compare=False, repr=False)

    def read(self) -> bytes:
        """The bytes, without another look at the disk."""
        return self.picture.data


def picture_of(image: Image) -> Picture:
    """The picture behind an image, loaded now unless it already is."""
    return image.picture if isinstance(image, LoadedImage) else to_picture(image.read(), image.name)


def to_picture(data: bytes, name: str) -> Picture:
    """The bytes of a file as a picture. Raises DataError when they are no image."""
    return Picture(data, hashlib.sha256(data).hexdigest(), media_type(data[:16], name))


@dataclass
class Pictures:
    """The pictures in use, the most recent ones kept: samples that share one are asked next to each other."""

    budget: int = 24 * 2**20
    _kept: OrderedDict[Image, Picture] = field(default_factory=OrderedDict, repr=False)
    _size: int = 0
    reads: int = 0

    def load(self, prompt: Prompt) -> Prompt:
        """The same prompt with every image's bytes at hand. Raises DataError for one that cannot be read."""
        if not prompt.images:
            return prompt
        parts = tuple(self._loaded(part) if isinstance(part, Image) else part for part in prompt.parts)
        return replace(prompt, parts=parts)

    def _loaded(self, image: Image) -> LoadedImage:
        picture = self._kept.get(image)
        if picture is None:
            picture = self._kept[image] = picture_of(image)
            self.reads += 1
            self._size += self._weight(picture)
            while self._size > self.budget and len(self._kept) > 1:
                self._size -= self._weight(self._kept.popitem(last=False)[1])
        else:
            self._kept.move_to_end(image)
        return LoadedImage(image.name, image.reader, picture=picture)

    @staticmethod
    def _weight(picture: Picture) -> int:
        # Its bytes and, a third larger, the base64 that a provider will want of it.
        return len(picture.data) * 7 // 3


@dataclass(frozen=True)
class ImageFolder:
    """Image files below a folder, by the name that a row gives them."""

    root: Path

    def read(self, name: str) -> bytes:
        """The file's bytes. Raises DataError when there is no such file below the folder."""
        try:
            return self._path(name).read_bytes()
        except OSError as error:
            raise DataError(f"{self.root / name}: cannot be read ({error.strerror})") from error

    def check(self, name: str) -> None:
        """Raises DataError unless the file is there, is an image and is whole; decodes it only when in doubt."""
        path = self._path(name)
        try:
            with path.open("rb") as file:
                head = file.read(16)
                file.seek(max(0, path.stat().st_size - TAIL))
                tail = file.read()
        except OSError as error:
            raise DataError(f"{path}: image cannot be read ({error.strerror})") from error
        check_whole(head, tail, path.read_bytes, str(path))

    def _path(self, name: str) -> Path:
        path = self.root / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise DataError(f"image {name!r} leads out of {self.root}; names are relative to it")
        return path


def check_whole(head: bytes, tail: bytes, read: Callable[[], bytes], name: str) -> None:
    """Raises DataError unless these first and last bytes are a whole image's; decodes it only when in doubt."""
    kind = media_type(head[:16], name)
    if ENDINGS.get(kind, b"\x00 none") in tail[-TAIL:]:
        return
    data = read()
    verify(data, name)
    # Decoders forgive a PNG its missing end; whoever cut it off may have cut more elsewhere.
    if kind == "image/png" and ENDINGS[kind] not in data:
        raise DataError(f"{name}: damaged image of {len(data):,} bytes (cut off)")


def media_type(head: bytes, name: str) -> str:
    """The type that the first 16 bytes of a file tell. Raises DataError when they are no image's."""
    for magic, kind in MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    what = "is empty" if not head else f"begins with {head[:8]!r}"
    raise DataError(f"{name}: not an image ({what}); JPEG, PNG, GIF, WebP, TIFF or BMP would be right")


def verify(data: bytes, name: str) -> None:
    """Decodes the whole file. Raises DataError when it is damaged or cut off."""
    from PIL import Image as Pillow  # noqa: PLC0415  (only a doubtful file is worth the import)
    from PIL import UnidentifiedImageError  # noqa: PLC0415

    try:
        with warnings.catch_warnings(action="ignore"), Pillow.open(io.BytesIO(data)) as opened:
            opened.load()
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Pillow.DecompressionBombError) as error:
        raise DataError(f"{name}: damaged image of {len(data):,} bytes ({error})") from error


def as_png(picture: Picture, name: str) -> Picture:
    """The same pixels as a PNG (of several frames the first). Raises DataError where they cannot be decoded."""
    from PIL import Image as Pillow  # noqa: PLC0415  (only a rare format is worth the import)
    from PIL import UnidentifiedImageError  # noqa: PLC0415

    file = io.BytesIO()
    try:
        with Pillow.open(io.BytesIO(picture.data)) as opened:
            whole = opened if opened.mode in PNG_MODES else opened.convert("RGB")
            whole.save(file, "PNG")
    except (OSError, UnidentifiedImageError) as error:
        raise DataError(f"{name}: damaged image ({error})") from error
    return to_picture(file.getvalue(), name)


def blank_like(data: bytes, name: str) -> bytes:
    """A black PNG as large as the image; only its header is read."""
    from PIL import Image as Pillow  # noqa: PLC0415
    from PIL import UnidentifiedImageError  # noqa: PLC0415

    try:
        with Pillow.open(io.BytesIO(data)) as opened:
            size = opened.size
    except (OSError, UnidentifiedImageError) as error:
        raise DataError(f"{name}: damaged image ({error})") from error
    return _black(size)


@functools.lru_cache(maxsize=64)
def _black(size: tuple[int, int]) -> bytes:
    from PIL import Image as Pillow  # noqa: PLC0415

    file = io.BytesIO()
    Pillow.new("RGB", size).save(file, "PNG")
    return file.getvalue()


def first_folder(candidates: Sequence[Path]) -> Path | None:
    """The first of the folders that exists."""
    return next((path for path in candidates if path.is_dir()), None)
