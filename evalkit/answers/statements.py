"""A sentence that affirms or negates what an English question asks, without the words yes and no."""

from __future__ import annotations

import re

from evalkit.answers.text import Token, tokens, word_set

_GLUE = word_set(
    "is are was were be been being do does did has have had can could will would should a an the this "
    "that these those there it its image images picture scan photo film in of on at any some evidence "
    "sign signs shown seen visible visualized visualised present absent observed detected identified "
    "noted found see you i we patient patient's to appear appears appearing look looks looking exist "
    "exists exhibit contain contains show shows demonstrate within for by as no not none without cannot "
    "can't isn't aren't wasn't weren't don't doesn't absence negative free clearly definite obvious"
)
_NEGATORS = word_set("no not without cannot can't isn't aren't wasn't weren't don't doesn't absence absent")
_VERBS = word_set(
    "is are was were be do does did has have had can appear appears look looks exist exists contain contains show shows"
)
_HEDGES = re.compile(
    r"\?|\b(?:may|might|possibl[ey]|probabl[ey]|likely|unlikely|suspicious|suspected|suggest\w*|unclear|uncertain|"
    r"unknown|if|whether|unless|or|either|sure|resolved|previous\w*|history|no longer|but|although)\b",
    re.IGNORECASE,
)
_ONE_SENTENCE = re.compile(r"^[^.!?\n]+[.!?\s]*$")
_EXISTS = re.compile(
    r"^\W*(?:(?:is/are|are/is|is|are|was|were)\s+there|(?:can|could|do|did)\s+(?:you|we)\s+(?:see|observe|detect|"
    r"identify|find|visuali[sz]e)|do(?:es)?\b.*?\b(?:contain|show|have|demonstrate|exhibit|reveal)|evidence\s+of|any|"
    r"signs?\s+of)\b(?P<object>[^?]*)"
    r"|^\W*(?:is|are|was|were|can|does|do)\s+(?P<subject>[^?]*?)\s+(?:be\s+)?(?:present|seen|visible|visuali[sz]ed|"
    r"observed|identified|detected|exist|appear)\b(?P<place>[^?]*)",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\b(?:in|on|at|within|under|near|around|for)\b.*", re.IGNORECASE | re.DOTALL)
_EVIDENCE = re.compile(r"^\s*(?:any|some)?\s*(?:evidence|signs?)\s+of\b", re.IGNORECASE)
_OF = re.compile(r"\bof\b.*", re.IGNORECASE | re.DOTALL)
_BARE_STATE = re.compile(
    r"^\W*(?:it\s+is\s+|they\s+are\s+)?(?P<no>none|absent|(?:is\s+)?not\s+(?:present|seen|visible|visuali[sz]ed|observed|"
    r"detected|identified|noted))\W*$|^\W*(?:it\s+is\s+|they\s+are\s+)?(?P<yes>present|visible|seen)\W*$",
    re.IGNORECASE,
)
_NONE_FORM = re.compile(
    r"\bno\b|\bwithout\b|\babsence\s+of\b|\bnegative\s+for\b|\bfree\s+of\b|\bnot\s+(?:an?|any|contain|show|have|"
    r"demonstrate|exhibit|reveal|seen|present|visible|visuali[sz]ed|observed|detected|identified)\b|\babsent\b|"
    r"\bcannot\s+(?:see|be\s+seen|identify|detect|observe)\b|n't\s+(?:an?|any|contain|show|have|see|seen|present|visible)\b",
    re.IGNORECASE,
)
_THERE_IS = re.compile(
    r"^\W*(?:yes\W+)?there\s+(?:is|are|was|were)\b|\b(?:contains?|shows?|present|visible|seen)\b", re.I
)
_SIZES = word_set(
    "small large mild moderate severe left right bilateral acute chronic clear multiple several upper lower"
)
_WELL = frozenset(("normal", "healthy"))
_ILL = frozenset(("abnormal", "unhealthy"))
_THIS_ILL = re.compile(r"^\W*(?:is|are)\s+(?:this|these|that|it)\s+(?:an?\s+|the\s+)?(?:ab)?normal\b", re.IGNORECASE)


def statement(text: str, question: str) -> tuple[str, int, int] | None:
    """("yes" or "no", start, end) of one sentence that restates its question, or None where it is not plainly so.

    Both are folded. Recognised: the state alone ("Absent."), normal against abnormal where one of them is what is
    asked, the question's words in their order ("The heart is not enlarged."), and there being, or not, what the
    question asks after. Hedges, more than one negation, alternatives and second sentences are not.
    """
    if not question.strip() or not _ONE_SENTENCE.match(text) or _HEDGES.search(text):
        return None
    asked_tokens, said_tokens = tokens(question), tokens(text)
    if not said_tokens or _negations(asked_tokens) or any(token.text == "or" for token in asked_tokens):
        return None
    asked, said = _content(asked_tokens), _content(said_tokens)
    negations = _negations(said_tokens)
    answer = (
        _state(text, question)
        or _health(asked, said, negations, question)
        or _echo(asked, said, negations, any(token.text in _VERBS for token in said_tokens))
        or _existence(question, text, asked, said, negations)
    )
    return None if answer is None else (answer, said_tokens[0].start, said_tokens[-1].end)


def _content(found: list[Token]) -> tuple[str, ...]:
    """The words that carry the meaning, singular."""
    return tuple(_singular(token.text) for token in found if token.text not in _GLUE)


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word


def _negations(found: list[Token]) -> int:
    return sum(token.text in _NEGATORS for token in found)


def _state(text: str, question: str) -> str | None:
    """Present or absent, alone, to a question after something's being there."""
    found = _BARE_STATE.match(text)
    if found is None or not _EXISTS.match(question):
        return None
    return "yes" if found["yes"] else "no"


def _health(asked: tuple[str, ...], said: tuple[str, ...], negations: int, question: str) -> str | None:
    """Normal or abnormal, where the question asks for one of them and the answer names nothing else."""
    if not asked or negations > 1:
        return None
    family = [word for word in asked if word in _WELL | _ILL or word == "abnormality"]
    if len(family) != 1 or not (asked[-1] == family[0] or _THIS_ILL.match(question) or family[0] == "abnormality"):
        return None
    if family[0] == "abnormality" and not (_EXISTS.match(question) and asked[0] == "abnormality"):
        return None
    named = [word for word in said if word in _WELL | _ILL]
    if len(named) != 1 or not set(said) - set(named) <= set(asked):
        return None
    ill = (named[0] in _ILL) != (negations == 1)
    return "yes" if ill == (family[0] not in _WELL) else "no"


def _echo(asked: tuple[str, ...], said: tuple[str, ...], negations: int, verb: bool) -> str | None:
    """The question's words in the question's order, with at most one negation; a bare noun affirms nothing."""
    if not said or said != asked or negations > 1 or not (verb or negations):
        return None
    return "no" if negations else "yes"


def _existence(question: str, text: str, asked: tuple[str, ...], said: tuple[str, ...], negations: int) -> str | None:
    """There being what is asked after, or a narrower thing; or there being none of it, or of a wider thing."""
    found = _EXISTS.match(question)
    if found is None or "and" in asked:
        return None
    thing = found["subject"] or _PLACE.sub("", _EVIDENCE.sub("", found["object"] or ""))
    head = _content(tokens(_OF.sub("", thing)))
    if not head or head[-1] not in said:
        return None
    none = _NONE_FORM.search(text) is not None
    if none and negations <= 1 and set(said) <= set(asked):
        return "no"
    if not none and not negations and _THERE_IS.search(text) and set(asked) <= set(said) <= set(asked) | _SIZES:
        return "yes"
    return None
