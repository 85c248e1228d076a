"""What the words of a question alone give: the number that a model which looks at pictures has to beat."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

from evalkit.models.base import Example, Learner
from evalkit.models.majority import Frequent, Once
from evalkit.types import Prompt, Response

_WORD: Final = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
_REMEMBERED: Final = 100_000
_OFTEN: Final = 5
"""A text seen this often needs no likeness to others: its words' answer is what was most often answered to it."""


class Words:
    """Answers by words: what was most often answered to the same text, or, to one seen seldom, by regression."""

    def __init__(self, examples: Sequence[Example], classes: int, seed: int) -> None:
        self._remembered: dict[str, str] = {}
        self._frequent = Frequent.of(examples)
        self._seen = Counter(example.prompt.text for example in examples)
        self._learned: _Weights | None = None
        pairs = _common(Counter((example.prompt.text, example.target) for example in examples), classes)
        if len({text for text, _ in pairs}) > 1 and len({target for _, target in pairs}) > 1:
            self._learned = _Weights.fitted(pairs, seed)

    def answer(self, text: str) -> str:
        """The likeliest answer to the text; the most frequent one where there was nothing to tell texts apart by."""
        if self._learned is None or self._seen[text] >= _OFTEN:
            return self._frequent.answer(text)
        if text not in self._remembered:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[text] = self._learned.likeliest(text)
        return self._remembered[text]


def _common(pairs: Counter[tuple[str, str]], classes: int) -> Counter[tuple[str, str]]:
    """The pairs of the most frequent targets: at most `classes`, and no more than half as many as there are pairs.

    Where hardly any target comes with a second text, there is nothing that words could have in common.
    """
    seen: Counter[str] = Counter()
    texts: Counter[str] = Counter()
    for (_, target), count in pairs.items():
        seen[target] += count
        texts[target] += 1
    ranked = [target for target, _ in seen.most_common(classes)]
    sums = itertools.accumulate(texts[target] for target in ranked)
    enough = max((number for number, total in enumerate(sums, 1) if total >= 2 * number), default=0)
    kept = set(ranked[:enough])
    return Counter({pair: count for pair, count in pairs.items() if pair[1] in kept})


@dataclass(frozen=True)
class _Weights:
    """What was learned. `weights` is (terms, classes), so that a text costs one product with its few terms' rows."""

    vectorizer: TfidfVectorizer
    weights: NDArray[np.float64]
    intercept: NDArray[np.float64]
    classes: tuple[str, ...]

    @classmethod
    def fitted(cls, pairs: Counter[tuple[str, str]], seed: int) -> _Weights:
        """Learned from distinct (text, target) pairs and how often each was seen, which is the same and much faster."""
        texts = list(dict.fromkeys(text for text, _ in pairs))
        # Terms that nearly all texts have are the template's instructions. Vectors are not scaled to one length, since
        # long instructions would then leave little of it to the question.
        limit = max(1, int(0.95 * len(texts)))
        vectorizer = TfidfVectorizer(analyzer=terms, norm=None, max_df=limit).fit(texts)
        model = LogisticRegression(C=1.0, tol=1e-2, max_iter=2000, random_state=seed)
        rows = vectorizer.transform([text for text, _ in pairs])
        with one_thread():
            model.fit(rows, [target for _, target in pairs], sample_weight=np.array(list(pairs.values()), float))
        weights, intercept = model.coef_, model.intercept_
        if len(model.classes_) == 2:
            weights, intercept = np.vstack([-weights, weights]), np.concatenate([-intercept, intercept])
        return cls(vectorizer, np.ascontiguousarray(weights.T), intercept, tuple(map(str, model.classes_)))

    def likeliest(self, text: str) -> str:
        row: Any = self.vectorizer.transform([text])
        return self.classes[int(np.argmax(row.data @ self.weights[row.indices] + self.intercept))]


def one_thread() -> AbstractContextManager[object]:
    """No threads inside linear algebra: products this small only wait for them, most of all on a busy machine."""
    limits: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limits


def terms(text: str) -> list[str]:
    """Words, Chinese characters, pairs of either that follow each other, and the text as a whole."""
    words = _WORD.findall(text.lower())
    return [*words, *map(" ".join, itertools.pairwise(words)), "= " + " ".join(words)]


@dataclass(kw_only=True)
class QuestionPrior(Learner):
    """Answers from the prompt's text alone: a text seen often as most often, others by logistic regression.

    The regression is over tf-idf of words and of pairs of words, or of Chinese characters.
    The regression knows the `classes` most frequent train answers only: with more, learning takes long, and answers
    that were seen once or twice are hardly ever right.
    """

    sees: ClassVar[bool] = False

    classes: int = 300
    seed: int = 0
    _words: Once[Words] = field(
        default_factory=Once, init=False, repr=False, compare=False, metadata={"identity": False, "option": False}
    )

    async def generate(self, prompt: Prompt) -> Response:
        """The answer, with no call to anything. Raises UsageError when there is no train split."""
        words = await self._words.get(lambda: Words(self.examples(), self.classes, self.seed))
        return Response(text=words.answer(prompt.text), finish_reason="stop", model="question-prior")
