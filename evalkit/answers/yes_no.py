"""Yes or no out of an answer, only where the answer says so."""

from __future__ import annotations

import re
from types import MappingProxyType

from evalkit.answers import chinese
from evalkit.answers.final import Part, final_part
from evalkit.answers.statements import statement
from evalkit.answers.text import Extraction, fold, has_han

_LEAD = re.compile(
    r"\W*(?:(?:human|assistant|response|output|model)\s*:\W*)?"
    r"(?P<word>(?P<yes>yes|yeah|yep|yup|true)|no|nope|false)(?![0-9A-Za-z'])(?!-[A-Za-z])",
    re.IGNORECASE,
)
# "No" is an answer before a stop or a new sentence; before a noun it is a determiner ("No evidence of disease").
_STOPS = re.compile(
    r"\s*(?:$|[^\w\s])|\s*\n|\s+(?:it|there|this|that|these|those|the|they|he|she|i|we|not|because|since)\b", re.I
)
_STOPS_HARD = re.compile(r"\s*(?:$|[^\w\s]|\n)")
_OTHER_NEXT = MappingProxyType(
    {
        "yes": re.compile(r"\W*(?:(?:and|or)\b)?\W*(?:no|nope)(?![0-9A-Za-z'])", re.IGNORECASE),
        "no": re.compile(r"\W*(?:(?:and|or)\b)?\W*(?:yes|yeah|yep)(?![0-9A-Za-z'])", re.IGNORECASE),
    }
)
_OTHER_LATER = MappingProxyType(
    {
        "yes": re.compile(
            r"(?:[.;:,!?\n]\s*|\b(?:so|is|actually|but|answer|rather)\s+)no(?=\s*(?:[.,;:!?\n]|$))", re.IGNORECASE
        ),
        "no": re.compile(r"\b(?:yes|yeah|yep)\b", re.IGNORECASE),
    }
)
# A repeated instruction, "[Yes, No]" or "yes or no", says nothing.
_BOTH = re.compile(
    r"\byes\b\W{0,3}(?:,|/|\bor\b|\band\b)\W{0,3}no\b|\bno\b\W{0,3}(?:,|/|\bor\b|\band\b)\W{0,3}yes\b", re.I
)
_CLOSE = re.compile(
    r"(?:\b(?:so|therefore|thus|hence)\b[\s,:]*(?:it\s+is|it's|(?:i\s+(?:would|will)|i'd)\s+(?:say|answer))?"
    r"|\bi(?:'d|\s+would|\s+will)?\s+(?:say|answer|think|believe))[\s,:\"']*(?P<word>(?P<yes>yes)|no)\W*$",
    re.IGNORECASE,
)
_ANY = re.compile(r"\b(?:yes|yeah|no|nope)\b(?=\s*(?:[.,;:!?\n]|$))", re.IGNORECASE)


def yes_no(text: str | Part, question: str = "") -> Extraction | None:
    """Yes or no where the response says so, as "yes" or "no", else None; never a guess.
    A final-answer marker wins. Then, in what is left: the leading word; a closing "so no"; the question's own
    statement affirmed or negated, when that is the whole answer. "No" inside another word never counts, and a
    leading word that the rest takes back ("No, that is incorrect; yes") is unparsed. `question` gives 正常 and 异常
    their polarity. `text` is a response, or the part of one that was found before.
    """
    part = final_part(text) if isinstance(text, str) else text
    if part is None:
        return None
    found = polarity(part.folded.text, fold(question).text)
    if found is None:
        return None
    answer, start, end, rule = found
    return Extraction(answer, part.named(rule), part.span(start, end))


def polarity(plain: str, asked: str) -> tuple[str, int, int, str] | None:
    """("yes" or "no", start, end, rule) of a folded answer to a folded question, or None."""
    lead = _LEAD.match(plain)
    if lead is not None and _is_particle(lead, plain):
        found, rule = _leading(lead, plain), "leading word"
    elif has_han(plain):
        found, rule = chinese.polarity(plain, asked), "leading clause"
    else:
        found, rule = _closing(plain), "closing word"
        if found is None:
            found, rule = statement(plain, asked), "statement"
    return None if found is None else (*found, rule)


def _is_particle(lead: re.Match[str], plain: str) -> bool:
    """Whether the leading word is an answer and not a determiner or an adjective ("no evidence", "true colour")."""
    word = lead["word"].lower()
    if word in ("true", "false"):
        return _STOPS_HARD.match(plain, lead.end()) is not None
    return word != "no" or _STOPS.match(plain, lead.end()) is not None


def _leading(lead: re.Match[str], plain: str) -> tuple[str, int, int] | None:
    """The polarity of a leading word that nothing later takes back."""
    answer = "yes" if lead["yes"] else "no"
    if _OTHER_NEXT[answer].match(plain, lead.end()):
        return None
    rest = _BOTH.sub(" ", plain[lead.end() :])
    if _OTHER_LATER[answer].search(rest):
        return None
    return answer, lead.start("word"), lead.end("word")


def _closing(plain: str) -> tuple[str, int, int] | None:
    """The polarity of a conclusion that ends the text ("…, so no"), where it is the only yes or no."""
    close = _CLOSE.search(plain)
    if close is None or len(_ANY.findall(plain)) != 1:
        return None
    return "yes" if close["yes"] else "no", close.start("word"), close.end("word")
