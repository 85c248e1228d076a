"""The baselines that learn from a train split: the most frequent answer, words alone, and words with the picture."""

from __future__ import annotations

import asyncio
import io
import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from evalkit.errors import DataError, UsageError
from evalkit.models.base import Example, Learner, Lesson
from evalkit.models.majority import Majority, Once
from evalkit.models.pixel_prior import PixelPrior
from evalkit.models.question_prior import QuestionPrior, terms
from evalkit.sources.phantom import Phantom
from evalkit.types import Image, Prompt

LEARNERS: tuple[Callable[[], Learner], ...] = (Majority, QuestionPrior, PixelPrior)


def png(brightness: np.ndarray) -> bytes:
    """A grey PNG of these pixels."""
    file = io.BytesIO()
    PIL.Image.fromarray(brightness.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def scan(index: int, *, bright: bool) -> Image:
    """A noisy picture that is bright or dark."""
    noise = np.random.Generator(np.random.PCG64(index)).integers(0, 60, (32, 32))
    return Image(f"{index}.png", lambda _: png(noise + (150 if bright else 20)))


BLACK = Image("black.png", lambda _: png(np.zeros((32, 32))))


def lesson(*pairs: tuple[str, str], reads: list[int] | None = None) -> Lesson:
    """A train split of questions without pictures; `reads` is added to each time that it is read."""

    def read() -> Sequence[Example]:
        if reads is not None:
            reads.append(1)
        return [Example(Prompt((question,)), answer) for question, answer in pairs]

    return Lesson("a fingerprint", read)


def seeing_lesson(question: str = "Is it bright?", *, black: bool = False) -> Lesson:
    """Forty pictures, alternately bright and dark, all asked the same; a few more questions say Yes."""
    pictures = [(scan(index, bright=index % 2 == 0), "Yes" if index % 2 == 0 else "No") for index in range(40)]
    told = [Example(Prompt((BLACK if black else picture, question)), answer) for picture, answer in pictures]
    return Lesson(
        "seen", lambda: [*told, *[Example(Prompt((question,)), "Yes")] * 3, Example(Prompt(("Other?",)), "a")]
    )


def answers(model: Learner, prompts: Sequence[Prompt]) -> list[str]:
    """What the model says to each prompt, all asked at once."""

    async def ask() -> list[str]:
        return [each.text for each in await asyncio.gather(*map(model.generate, prompts))]

    return asyncio.run(ask())


def answer(model: Learner, *parts: str | Image) -> str:
    """What the model says to one prompt."""
    return answers(model, [Prompt(parts)])[0]


@cache
def phantoms(split: str) -> tuple[tuple[Prompt, str], ...]:
    """The prompts and answers of a phantom split; each picture is painted once."""
    source = Phantom(split)
    painted = cache(partial(source.read_image, Path()))
    rows = source.rows(Path())
    return tuple((Prompt((Image(str(r["image"]), painted), str(r["question"]))), str(r["answer"])) for r in rows)


def taught_phantoms(make: Callable[[], Learner]) -> Learner:
    """A new learner taught by the train split of the phantoms."""
    return make().taught(Lesson("phantom", lambda: [Example(*pair) for pair in phantoms("train")]))


# Learning takes seconds, and changes nothing that a test could see: the tests share one learner of each kind.
shared = cache(taught_phantoms)


def right(model: Learner) -> np.ndarray:
    """1 for each test question of the phantoms that the model answers as they are, else 0."""
    prompts, targets = zip(*phantoms("test"), strict=True)
    return np.array([text == target for text, target in zip(answers(model, prompts), targets, strict=True)], float)


def test_majority_answers_as_most_did_to_the_same_text() -> None:
    """Exactly the same text gets its most frequent train answer, the first seen of equally frequent ones."""
    model = Majority().taught(lesson(("A?", "b"), ("A?", "a"), ("A?", "a"), ("B?", "d"), ("B?", "c")))

    assert (answer(model, "A?"), answer(model, "B?")) == ("a", "d")


def test_majority_answers_unknown_texts_as_most_did_to_any() -> None:
    """A text never seen, be it by a letter's case only, gets the most frequent train answer of all."""
    model = Majority().taught(lesson(("A?", "x"), ("B?", "y"), ("C?", "y")))

    assert (answer(model, "a?"), answer(model, "Z?")) == ("y", "y")


@pytest.mark.parametrize("make", LEARNERS)
def test_without_a_train_split_there_is_nothing_to_learn(make: Callable[[], Learner]) -> None:
    """A learner that was not taught says so when it is asked."""
    with pytest.raises(UsageError, match="learns from a task's train split"):
        answer(make(), "A?")


@pytest.mark.parametrize("make", LEARNERS)
def test_nothing_is_learned_before_the_first_question_and_then_once(make: Callable[[], Learner]) -> None:
    """The train split is read at the first question, once, however many are asked together."""
    reads: list[int] = []
    model = make().taught(lesson(("A?", "a"), ("B?", "b"), reads=reads))
    assert reads == []

    assert answers(model, [Prompt(("A?",))] * 50) == ["a"] * 50
    assert reads == [1]


@pytest.mark.parametrize("make", LEARNERS)
def test_teaching_makes_another_model(make: Callable[[], Learner]) -> None:
    """A model taught anew has learned nothing of what it was taught before, and what it was taught is its identity."""
    first = make().taught(lesson(("A?", "old"), ("B?", "b")))
    assert answer(first, "A?") == "old"

    second = first.taught(lesson(("A?", "new"), ("B?", "b")))

    assert (answer(second, "A?"), answer(first, "A?")) == ("new", "old")
    assert second.identity["learned_from"] == "a fingerprint"
    assert not [key for key in second.identity if key.startswith("_")]


@pytest.mark.parametrize("make", LEARNERS)
@pytest.mark.parametrize("pairs", [[("A?", "a")], [("A?", "a"), ("B?", "a")], [("A?", "b"), ("A?", "a"), ("A?", "a")]])
def test_the_smallest_splits_can_be_learned(make: Callable[[], Learner], pairs: list[tuple[str, str]]) -> None:
    """With one text, or one answer, there is nothing to tell apart: the most frequent answer is given."""
    assert answer(make().taught(lesson(*pairs)), "Z?") == "a"


@pytest.mark.parametrize("make", LEARNERS)
def test_an_empty_split_gives_blank_answers(make: Callable[[], Learner]) -> None:
    """Who was taught nothing answers nothing."""
    assert answer(make().taught(lesson()), "A?") == ""


@pytest.mark.parametrize("make", LEARNERS)
def test_a_response_is_complete(make: Callable[[], Learner]) -> None:
    """The response stopped by itself and names the model; no tokens were counted."""
    response = asyncio.run(make().taught(lesson(("A?", "a"))).generate(Prompt(("A?",))))

    assert (response.text, response.finish_reason, response.error) == ("a", "stop", "")
    assert response.model in {"majority", "question-prior", "pixel-prior"}


def test_only_pixel_prior_sees() -> None:
    """The blind learners declare it, so that no picture is read for them."""
    assert [make().sees for make in LEARNERS] == [False, False, True]


TALK = (("Is the {} dark?", "yes"), ("Which organ is left of the {}?", "liver"), ("How many {} are there?", "two"))
NOUNS = ("lung", "heart", "kidney", "brain", "spleen", "rib")


def test_question_prior_answers_new_questions_by_their_words() -> None:
    """A question never seen is answered as those were that share its words and pairs of words."""
    model = QuestionPrior().taught(lesson(*((text.format(noun), reply) for text, reply in TALK for noun in NOUNS)))

    assert [answer(model, text.format("stomach")) for text, _ in TALK] == [reply for _, reply in TALK]


def test_question_prior_is_not_hurt_by_instructions() -> None:
    """Constant words at the end of every prompt leave the answers as they are."""
    end = "\nAnswer the question about the picture in a word or a short phrase, and write nothing else at all, please."
    pairs = [(text.format(noun), reply) for text, reply in TALK for noun in NOUNS]
    model = QuestionPrior().taught(lesson(*((text + end, reply) for text, reply in pairs)))

    assert [answer(model, text.format("stomach") + end) for text, _ in TALK] == [reply for _, reply in TALK]


def test_question_prior_reads_chinese() -> None:
    """Chinese characters are words of their own: a question with other nouns is recognised."""
    talk = (("这是{}吗？", "是"), ("图中有几个{}？", "两个"), ("{}在哪里？", "左边"))
    model = QuestionPrior().taught(lesson(*((text.format(n), reply) for text, reply in talk for n in "肺心肾脑脾骨")))

    assert [answer(model, text.format("胃")) for text, _ in talk] == [reply for _, reply in talk]


def test_terms_are_words_pairs_and_the_whole() -> None:
    """Words in lower case, each Chinese character, pairs of neighbours, and the whole text as one term."""
    assert terms("Is it CT?") == ["is", "it", "ct", "is it", "it ct", "= is it ct"]
    assert terms("肺CT") == ["肺", "ct", "肺 ct", "= 肺 ct"]
    assert terms("") == ["= "]


def test_question_prior_gives_only_the_most_frequent_answers() -> None:
    """With `classes` 2 the third most frequent answer is never given to a text that was seen seldom."""
    pairs = [(f"{noun} is it?", reply) for noun in NOUNS for reply in ("a", "a", "a", "b", "b")] + [
        ("rare thing?", "c")
    ]

    assert answer(QuestionPrior(classes=2).taught(lesson(*pairs)), "rare thing?") in {"a", "b"}
    assert answer(QuestionPrior(classes=3).taught(lesson(*pairs)), "rare thing?") == "c"


def test_answers_that_hardly_recur_are_learned_without_warnings() -> None:
    """Where nearly every example has an answer of its own, known texts get theirs and others the most frequent."""
    pairs = [(f"question {number}?", f"answer {number}") for number in range(40)] + [("again?", "answer 7")]
    told = [Example(Prompt((scan(number, bright=True), "What is it?")), f"thing {number}") for number in range(30)]

    assert answer(QuestionPrior().taught(lesson(*pairs)), "question 3?") == "answer 3"
    assert answer(QuestionPrior().taught(lesson(*pairs)), "unheard of") == "answer 7"
    assert answer(PixelPrior().taught(Lesson("", lambda: told)), scan(3, bright=True), "What is it?") == "thing 0"


def test_question_prior_does_not_look() -> None:
    """The picture is not even read."""

    def unreadable(name: str) -> bytes:
        raise DataError(name)

    model = QuestionPrior().taught(lesson(("A?", "a"), ("B?", "b")))

    assert answer(model, Image("x", unreadable), "A?") == "a"


def test_pixel_prior_looks() -> None:
    """A question that recurs is answered by what the picture shows, where the words alone cannot tell."""
    model = PixelPrior().taught(seeing_lesson())

    seen = [answer(model, scan(100 + index, bright=index % 2 == 0), "Is it bright?") for index in range(6)]

    assert seen == ["Yes", "No"] * 3


def test_pixel_prior_answers_seldom_questions_by_their_words() -> None:
    """A question asked fewer than `often` times is answered as question-prior does."""
    model = PixelPrior(often=41).taught(seeing_lesson())

    assert {answer(model, scan(100 + index, bright=index % 2 == 0), "Is it bright?") for index in range(4)} == {"Yes"}


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_pixel_prior_is_blind_to_an_even_picture(shade: int) -> None:
    """With every picture a single grey, or none at all, pixel-prior's answers are exactly question-prior's."""
    even = Image("even.png", lambda _: png(np.full((20, 30), shade)))
    words = [prompt.text for prompt, _ in phantoms("test")[:200]]

    blind = answers(shared(QuestionPrior), [Prompt((text,)) for text in words])
    seeing = shared(PixelPrior)

    assert answers(seeing, [Prompt((even, text)) for text in words]) == blind
    assert answers(seeing, [Prompt((text,)) for text in words]) == blind


def test_pixel_prior_taught_with_black_pictures_is_question_prior() -> None:
    """Even pictures teach nothing either."""
    model = PixelPrior().taught(seeing_lesson(black=True))

    assert answer(model, scan(101, bright=False), "Is it bright?") == "Yes"


def test_pixel_prior_names_a_damaged_picture() -> None:
    """A file that cannot be decoded is an error with its name, whether it is no picture or half of one."""
    whole = png(np.arange(1024).reshape(32, 32) % 251)
    model = PixelPrior().taught(seeing_lesson())

    for damaged in (b"no picture", whole[: len(whole) // 2]):
        with pytest.raises(DataError, match=r"odd\.png"):
            answer(model, Image("odd.png", lambda _, data=damaged: data), "Is it bright?")  # type: ignore[misc]


def test_pixel_prior_goes_by_bytes_and_not_by_names() -> None:
    """Two pictures of one name are told apart, as when an ablation exchanges them."""
    model = PixelPrior().taught(seeing_lesson())

    pictures = [Image("same.png", scan(200 + index, bright=index == 0).reader) for index in range(2)]

    assert [answer(model, picture, "Is it bright?") for picture in pictures] == ["Yes", "No"]


def test_looking_pays_on_phantoms() -> None:
    """On the phantoms pixel-prior beats question-prior by over 10 points, far beyond chance (paired, clustered)."""
    difference = right(shared(PixelPrior)) - right(shared(QuestionPrior))

    clusters: dict[str, float] = defaultdict(float)
    for (prompt, _), each in zip(phantoms("test"), difference, strict=True):
        clusters[prompt.images[0].name] += each - float(difference.mean())
    error = math.sqrt(sum(each**2 for each in clusters.values())) / len(difference)
    assert difference.mean() > 0.10
    assert difference.mean() - 1.96 * error > 0.05


def test_words_are_worth_as_much_as_majority_on_phantoms() -> None:
    """The blind priors get well above none on the phantoms, and question-prior at least nearly what majority does."""
    majority, words = right(shared(Majority)).mean(), right(shared(QuestionPrior)).mean()

    assert 0.45 < majority < 0.70
    assert words >= majority - 0.005


@pytest.mark.parametrize("make", LEARNERS)
def test_answers_repeat(make: Callable[[], Learner]) -> None:
    """The same learner taught the same gives the same answers again."""
    assert np.array_equal(right(taught_phantoms(make)), right(shared(make)))


def test_asking_is_cheap() -> None:
    """Once taught and with the picture known, an answer takes under 20 ms even on a busy machine."""
    model = shared(PixelPrior)
    prompts = [prompt for prompt, _ in phantoms("test")]

    async def seconds() -> float:
        for prompt in prompts:
            await model.generate(prompt)
        start = time.perf_counter()
        for prompt in prompts:
            await model.generate(prompt)
        return time.perf_counter() - start

    assert asyncio.run(seconds()) / len(prompts) < 0.02


def test_once_makes_its_value_again_after_a_failure() -> None:
    """A value whose making failed is not kept: the next asking makes it."""
    once: Once[int] = Once()

    def fails() -> int:
        raise DataError("not yet")

    async def ask() -> int:
        with pytest.raises(DataError):
            await once.get(fails)
        return await once.get(lambda: 7)

    assert asyncio.run(ask()) == 7
