"""From a picture's bytes to the pixels that an image processor wants: decoded once, in RGB, squared where wanted."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import PIL.Image
import PIL.ImageOps

from evalkit.errors import CallError
from evalkit.images import Picture

CLIP_MEAN: Final = (122, 116, 104)
"""The mean colour of CLIP's training pictures, (0.48145466, 0.4578275, 0.40821073) × 255, cut off as LLaVA does."""

DAMAGED = (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError)


def decode(picture: Picture, *, square: bool = False) -> PIL.Image.Image:
    """The picture in RGB, turned as its EXIF says; 16 bits a pixel become 8 by their upper byte.

    With `square` it is padded to a square with CLIP's mean colour, itself in the middle (LLaVA's `expand2square`).
    Raises CallError where the bytes cannot be decoded.
    """
    try:
        with PIL.Image.open(io.BytesIO(picture.data)) as opened:
            upright = PIL.ImageOps.exif_transpose(opened)
            whole = _eight_bits(upright).convert("RGB")
    except DAMAGED as error:
        raise CallError(f"picture {picture.sha256[:12]}: cannot be decoded ({error})", retryable=False) from error
    return squared(whole) if square else whole


def squared(image: PIL.Image.Image) -> PIL.Image.Image:
    """The image in the middle of a square as wide as its longer side, of CLIP's mean colour."""
    width, height = image.size
    side = max(width, height)
    if width == height:
        return image
    canvas = PIL.Image.new("RGB", (side, side), CLIP_MEAN)
    canvas.paste(image, ((side - width) // 2, (side - height) // 2))
    return canvas


def size_of(picture: Picture) -> tuple[int, int]:
    """Width and height, from the header alone. Raises CallError where there is none."""
    try:
        with PIL.Image.open(io.BytesIO(picture.data)) as opened:
            return opened.size
    except DAMAGED as error:
        raise CallError(f"picture {picture.sha256[:12]}: cannot be decoded ({error})", retryable=False) from error


class Pixels:
    """Decoded pictures, the most recently used ones kept: samples that share one are asked next to each other."""

    def __init__(self, *, square: bool, kept: int = 16, threads: int = 4) -> None:
        self._square, self._size = square, kept
        self._kept: OrderedDict[str, PIL.Image.Image] = OrderedDict()
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(threads, "evalkit-pixels")
        self.decoded = 0

    def of(self, pictures: Sequence[Picture]) -> list[PIL.Image.Image]:
        """The pixels of each picture, those that are not at hand decoded side by side. Raises CallError as `decode`."""
        wanted = {picture.sha256: picture for picture in pictures}
        with self._lock:
            known = {digest: self._kept[digest] for digest in wanted if digest in self._kept}
        absent = [picture for digest, picture in wanted.items() if digest not in known]
        images = self._threads.map(lambda picture: decode(picture, square=self._square), absent)
        known |= dict(zip((picture.sha256 for picture in absent), images, strict=True))
        with self._lock:
            self.decoded += len(absent)
            for digest in wanted:
                self._kept[digest] = known[digest]
                self._kept.move_to_end(digest)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return [known[picture.sha256] for picture in pictures]

    def close(self) -> None:
        """Ends the threads and lets the pictures go."""
        self._threads.shutdown(cancel_futures=True)
        self._kept.clear()


def _eight_bits(image: PIL.Image.Image) -> PIL.Image.Image:
    """Of more than 8 bits a pixel the upper ones: PIL's own conversion cuts off all that is above 255."""
    if image.mode.startswith("I;16"):
        return PIL.Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "I":
        values = np.asarray(image)
        return PIL.Image.fromarray((values >> 8 if values.max() > 255 else values).clip(0, 255).astype(np.uint8))
    return image
