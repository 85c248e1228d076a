"""A small baseline that really looks: what coarse features of the picture add to the words of the question."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from evalkit.errors import DataError
from evalkit.images import Picture, picture_of
from evalkit.models.base import Example, Learner
from evalkit.models.majority import Once
from evalkit.models.question_prior import Words, one_thread
from evalkit.types import Image, Prompt, Response

Features = NDArray[np.float32]

_KEPT: Final = 2048


@dataclass(frozen=True)
class Eyes:
    """What was learned: the words' answers, and for each text that recurs a classifier from features to answers."""

    words: Words
    by_text: Mapping[str, Any]

    @classmethod
    def taught(cls, examples: Sequence[Example], often: int, classes: int, seed: int) -> Eyes:
        """Learned from the examples; a picture that many of them share is read once."""
        recurring: dict[str, list[Example]] = {}
        for example in examples:
            if example.prompt.images:
                recurring.setdefault(example.prompt.text, []).append(example)
        seen: dict[Image, Features | None] = {}
        by_text: dict[str, Any] = {}
        for text, group in recurring.items():
            if len(group) < often or len({example.target for example in group}) < 2:
                continue
            for example in group:
                image = example.prompt.images[0]
                if image not in seen:
                    seen[image] = features(picture_of(image), image.name)
            pairs = [(seen[example.prompt.images[0]], example.target) for example in group]
            told = [(each, target) for each, target in pairs if each is not None]
            # A question whose answers hardly recur has nothing to be learned from its pictures.
            if len(told) >= often and 2 <= len({target for _, target in told}) <= len(told) / 2:
                by_text[text] = _classifier(told, seed)
        return cls(Words(examples, classes, seed), by_text)


def _classifier(pairs: Sequence[tuple[Features, str]], seed: int) -> Any:
    # Strongly regularised: there are far more features than examples of any one question.
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000, random_state=seed))
    with one_thread():
        return model.fit(np.stack([each for each, _ in pairs]), [target for _, target in pairs])


def features(picture: Picture, name: str) -> Features | None:
    """Brightness and contrast on a grid, a histogram, and left against right: 464 numbers; None for an even picture.

    Raises DataError when the picture cannot be decoded.
    """
    try:
        with PIL.Image.open(io.BytesIO(picture.data)) as opened:
            grey = opened.convert("L")
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{name}: cannot be decoded as an image ({error})") from error
    low, high = grey.getextrema()
    if low == high:
        return None
    pixels = np.asarray(grey.resize((128, 128), PIL.Image.Resampling.BOX), np.float32) / 255
    mean = pixels.reshape(16, 8, 16, 8).mean(axis=(1, 3))
    contrast = pixels.reshape(8, 16, 8, 16).std(axis=(1, 3))
    counts, _ = np.histogram(pixels, 16, (0, 1))
    parts = (mean, contrast, np.sqrt(counts / pixels.size), (mean - mean[:, ::-1])[:, :8])
    return np.concatenate([part.ravel() for part in parts]).astype(np.float32)


@dataclass(kw_only=True)
class PixelPrior(Learner):
    """Answers a question that recurs in the train split from the picture, any other as question-prior would.

    A question asked `often` times has a logistic regression of its own, from features of the first picture to its
    answers. Where there is no picture, or one in a single grey (a blank one), nothing can be seen, and the answer is
    exactly question-prior's: a classifier would answer by how an empty picture differs from a scan, which is noise, and
    taking its pictures away would not bring this model down to the blind number.
    """

    often: int = 15
    classes: int = 300
    seed: int = 0
    _eyes: Once[Eyes] = field(
        default_factory=Once, init=False, repr=False, compare=False, metadata={"identity": False, "option": False}
    )
    _features: OrderedDict[str, Features | None] = field(
        default_factory=OrderedDict,
        init=False,
        repr=False,
        compare=False,
        metadata={"identity": False, "option": False},
    )

    async def generate(self, prompt: Prompt) -> Response:
        """The answer, with no call to anything. Raises UsageError when there is no train split."""
        eyes = await self._eyes.get(lambda: Eyes.taught(self.examples(), self.often, self.classes, self.seed))
        text = eyes.words.answer(prompt.text)
        classifier = eyes.by_text.get(prompt.text)
        if classifier is not None and prompt.images:
            seen = self._look(prompt.images[0])
            text = text if seen is None else str(classifier.predict(seen[None])[0])
        return Response(text=text, finish_reason="stop", model="pixel-prior")

    def _look(self, image: Image) -> Features | None:
        """The features of an image, made once for each distinct file; the most recently used ones are kept."""
        picture = picture_of(image)
        if picture.sha256 not in self._features:
            self._features[picture.sha256] = features(picture, image.name)
        self._features.move_to_end(picture.sha256)
        if len(self._features) > _KEPT:
            self._features.popitem(last=False)
        return self._features[picture.sha256]
