"""Closed questions: yes or no, or one of the options, as the answer says it."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.answers import (
    Extraction,
    Part,
    asks_yes_no,
    choose,
    denies_all,
    named_options,
    normalise,
    opens_yes_no,
    option_of,
    stated,
    unparsed,
    whole_answer,
    yes_no,
)
from evalkit.scorers.base import Scorer
from evalkit.types import Response, Sample, Score

LETTERS = tuple("ABCDEFGHIJ")


@dataclass(frozen=True)
class _Form:
    """How a question wants to be answered: by yes or no, by one of these options, by either, or in its own words."""

    polar: bool
    options: tuple[str, ...] = ()
    lettered: bool = False

    def read(self, text: Part, question: str) -> Extraction | None:
        """What a response says in this form, or None. Where both forms are open, a leading yes or no comes first."""
        found = yes_no(text, "" if self.options else question) if self.polar else None
        if found or not self.options:
            return found
        found = choose(text, self.options, question, lettered=self.lettered)
        return found or (denies_all(text, self.options) if self.polar else None)

    def canonical(self, target: str, question: str) -> str | None:
        """What a target says in this form, by the same rules, or None."""
        found = yes_no(target, "" if self.options else question) if self.polar else None
        return (
            found.answer
            if found
            else option_of(target, self.options, question, lettered=self.lettered)
            if self.options
            else None
        )

    def __str__(self) -> str:
        """The form in words, without the options' own: a reason is kept where the data's text may not be."""
        offered = "yes or no" if self.polar else ""
        return " or ".join(filter(None, (offered, f"one of {len(self.options)} options" if self.options else "")))


@dataclass(frozen=True)
class Closed(Scorer):
    """1 where the answer says what a target says: yes or no, or the same option. Open samples are not marked.

    The form comes from the declared kind and options, else from the question's words: yes or no; the options that it
    names; and either for "Is there a mass or a lesion?", which may be meant both ways, and where denying both is a no.
    The gold is never asked. Where neither tells, and where nothing else was read, an answer that is a target word for
    word counts, and any other is unparsed.
    """

    def marks(self, sample: Sample) -> bool:
        """Every kind but the open one."""
        return sample.kind != "open"

    def score(self, sample: Sample, response: Response) -> Score:
        """1 or 0; a blank, refused, cut-off or unreadable answer is 0 in its bucket."""
        part = stated(response, sample.options)
        if isinstance(part, Score):
            return part
        form = _form(sample)
        found = form.read(part, sample.question)
        if found is None:
            return _word_for_word(sample, part, form)
        wanted = {form.canonical(target, sample.question) for target in sample.targets}
        return Score(float(found.answer in wanted), found.answer, found.rule, span=found.span)


def _form(sample: Sample) -> _Form:
    """The form of a sample's question, from what is declared and from its words."""
    if sample.kind == "yes_no":
        return _Form(polar=True)
    if sample.kind == "choice" or sample.options:
        # Where the options' texts are not there, their letters are all that can be said: "OPTION B IS CORRECT".
        return _Form(polar=False, options=sample.options or LETTERS, lettered=True)
    if asks_yes_no(sample.question):
        return _Form(polar=True)
    options = named_options(sample.question)
    return _Form(polar=bool(options) and opens_yes_no(sample.question), options=options)


def _word_for_word(sample: Sample, part: Part, form: _Form) -> Score:
    """1 where the whole answer is a target; unparsed otherwise."""
    found = whole_answer(part)
    if found is not None and found.answer in {normalise(target) for target in sample.targets}:
        return Score(1.0, found.answer, found.rule, span=found.span)
    return unparsed(f"does not say {form}" if str(form) else "the question names no form, and the answer is no target")
