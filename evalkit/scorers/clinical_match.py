"""Clinical match: how far a short answer means what the target means, by a versioned table of clinical words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from evalkit.answers import Part, choose, named_options, normalise, stated, unparsed, whole_answer, yes_no
from evalkit.answers.concepts import Overlap, Reading, compare, read
from evalkit.answers.tables import read_vocabulary
from evalkit.answers.text import fold
from evalkit.answers.vocabulary import Vocabulary
from evalkit.errors import UsageError, did_you_mean
from evalkit.scorers.base import Scorer
from evalkit.types import Response, Sample, Score

_TABLES = Path(__file__).parent / "tables"
_MARKS = ("", "precision", "recall")


class _Target(NamedTuple):
    """A target: its words, yes or no where it says nothing else, and what it says otherwise."""

    words: str
    polar: str
    reading: Reading


class _Said(NamedTuple):
    """What an answer says and where: its stated part, or the option that it names; `rule` is how that was found."""

    text: str | Part
    folded: str
    words: str
    rule: str
    span: tuple[int, int]

    def named(self, rule: str) -> str:
        """The rule of a mark, with the rule that found the text before it where there is one."""
        return rule if self.rule == "whole" else f"{self.rule}, {rule}"


@dataclass(frozen=True)
class ClinicalMatch(Scorer):
    """The harmonic mean of precision and recall over clinical concepts; the best target counts. Our own rule.

    Synonyms, abbreviations, plurals, units and the order of a list make no difference, by the named table. A negated
    finding is not the finding; an answer that affirms what the target negates, or the other way round, or that names
    the opposite side or position, earns nothing. A target of yes or no is compared as such. Every kind of sample is
    marked.
    """

    table: str = "clinical_v1"

    def __post_init__(self) -> None:
        tables = [path.stem for path in _TABLES.glob("*.yaml")]
        if self.table not in tables:
            raise UsageError(f"clinical_match: table: unknown table {self.table!r}; {did_you_mean(self.table, tables)}")

    def names(self, sample: Sample) -> tuple[str, ...]:
        """The nameless F1, `precision` and `recall`."""
        return _MARKS

    def score(self, sample: Sample, response: Response) -> Score:
        """F1 in [0, 1]; a blank, refused, cut-off or, against yes or no, unreadable answer is 0 in its bucket."""
        return self.scores(sample, response)[""]

    def scores(self, sample: Sample, response: Response) -> Mapping[str, Score]:
        """F1, `precision` (the share of the answer's concepts that the target has) and `recall` (the reverse)."""
        part = stated(response)
        if isinstance(part, Score):
            return dict.fromkeys(_MARKS, part)
        vocabulary = read_vocabulary(_TABLES / f"{self.table}.yaml")
        said = _said(sample, part)
        if said is None:
            return dict.fromkeys(_MARKS, unparsed("no words in the answer"))
        targets = [target for text in sample.targets if (target := _target(vocabulary, text)).words]
        if not targets:
            return _marks(said, _read(vocabulary, said.folded), Overlap(0, 1, 0), "concepts", "there is no target")
        marks = [_against(target, said, sample.question, vocabulary) for target in targets]
        return max(marks, key=lambda mark: (mark[""].value, mark["recall"].value, mark[""].bucket == "parsed"))


def _said(sample: Sample, part: Part) -> _Said | None:
    """What an answer says: the one option that it names, where the sample has options, else its stated part."""
    chosen = choose(part, sample.options, sample.question) if sample.options else None
    if chosen is not None:
        option = chosen.answer
        return _Said(option, fold(option).text, normalise(option), chosen.rule, chosen.span)
    whole = whole_answer(part)
    if whole is None:
        return None
    return _Said(part, part.folded.text, whole.answer, whole.rule, whole.span)


@lru_cache(maxsize=256)
def _read(vocabulary: Vocabulary, folded: str) -> Reading:
    """What an answer says; the same short answer comes again and again."""
    return read(vocabulary, folded)


@lru_cache(maxsize=4096)
def _target(vocabulary: Vocabulary, text: str) -> _Target:
    """A target made ready."""
    words = normalise(text)
    found = yes_no(text)
    polar = found.answer if found is not None and normalise(text[slice(*found.span)]) == words else ""
    return _Target(words, polar, read(vocabulary, fold(text).text))


@lru_cache(maxsize=4096)
def _asked(vocabulary: Vocabulary, question: str) -> frozenset[str]:
    """What a question speaks of, less the alternatives that it offers: an answer may repeat it."""
    reading = read(vocabulary, fold(question).text)
    options = (read(vocabulary, fold(option).text) for option in named_options(question))
    return reading.affirmed.difference(*reading.offers, *(option.affirmed for option in options))


def _denies(reading: Reading, vocabulary: Vocabulary) -> bool:
    """Whether a text says that there is nothing, and no more."""
    return reading.affirmed == {vocabulary.nothing} and not reading.negated


def _denies_what(wanted: Reading, said: Reading, question: str, vocabulary: Vocabulary) -> bool:
    """Whether one text says that there is nothing, and the other negates just what the question asks for."""
    for one, other in ((wanted, said), (said, wanted)):
        if _denies(one, vocabulary) and other.negated and not other.affirmed:
            return other.negated <= _asked(vocabulary, question)
    return False


def _against(target: _Target, said: _Said, question: str, vocabulary: Vocabulary) -> Mapping[str, Score]:
    """The marks of an answer against one target: word for word, as yes or no, or by concepts."""
    if said.words == target.words:
        return _marks(said, target.reading, Overlap(1, 1, 1), "words")
    if target.polar:
        found = yes_no(said.text, question)
        if found is None and _denies(_read(vocabulary, said.folded), vocabulary) and not said.words.isdigit():
            return dict.fromkeys(
                _MARKS, Score(float(target.polar == "no"), "no", said.named("nothing"), span=said.span)
            )
        if found is None:
            return dict.fromkeys(_MARKS, unparsed("does not say yes or no"))
        value = float(found.answer == target.polar)
        return dict.fromkeys(_MARKS, Score(value, found.answer, found.rule, span=said.span))
    reading = _read(vocabulary, said.folded)
    if _denies_what(target.reading, reading, question, vocabulary):
        return _marks(said, reading, Overlap(1, 1, 1), "nothing")
    overlap = compare(target.reading, reading, vocabulary)
    if overlap.shared and overlap.precision < 1:
        overlap = compare(target.reading, reading, vocabulary, _asked(vocabulary, question))
    rule = "veto" if overlap.veto else "synonym" if overlap.f1 == 1 else "concepts"
    return _marks(said, reading, overlap, rule, overlap.veto or overlap.lacks)


def _marks(said: _Said, reading: Reading, overlap: Overlap, rule: str, reason: str = "") -> Mapping[str, Score]:
    """The three marks of one answer, which differ in their values alone."""
    answer = str(reading)
    values = (overlap.f1, overlap.precision, overlap.recall)
    return {
        name: Score(value, answer, said.named(rule), span=said.span, reason=reason)
        for name, value in zip(_MARKS, values, strict=True)
    }
