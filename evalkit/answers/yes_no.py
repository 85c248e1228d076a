"""Yes or no out of an answer, only where the answer says so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType

from evalkit.answers import chinese
from evalkit.answers.final import Part, final_part
from evalkit.answers.statements import statement
from evalkit.answers.text import Extraction, fold, folded_words, has_han, words

_END = r"(?![0-9A-Za-z]|'[A-Za-z])"
_LEAD = re.compile(
    r"\W*+(?:(?:human|assistant|response|output|model)(?:\s*:|\s*\n)\W*)?(?:yes\s*(?:/|or)\s*no\W{0,2}[:?]\W*)?"
    r"(?P<word>(?P<yes>yes|yeah|yep|yup|true|correct|affirmative)|no|nope|false|incorrect)" + _END + r"(?!-[A-Za-z])",
    re.IGNORECASE,
)
# These are an answer only before a stop: "True colour image", "Correct placement of the tube".
_ALSO_ADJECTIVES = frozenset(("true", "false", "correct", "incorrect", "affirmative"))
# "No" is an answer before a stop or a new sentence; before a noun it is a determiner ("No evidence of disease").
_STOPS = re.compile(
    r"(?!\.\s*\d)(?:\s*$|[^\w\s]|\s+[^\w\s\"']|\s*\n|\s+(?:it|there|this|that|these|those|the|they|he|she|i|we|not|because|since)\b)",
    re.IGNORECASE,
)
_STOPS_HARD = re.compile(r"\s*(?:$|[^\w\s]|\n)")
_OTHER_NEXT = MappingProxyType(
    {
        "yes": re.compile(r"\W*+(?:(?:and|or)\b\W*+)?(?:no|nope)" + _END + f"(?={_STOPS.pattern})", re.IGNORECASE),
        "no": re.compile(r"\W*+(?:(?:and|or)\b\W*+)?(?:yes|yeah|yep)" + _END, re.IGNORECASE),
    }
)
_OTHER_LATER = MappingProxyType(
    {
        "yes": re.compile(
            r"(?:[.;:,!?\n]\s?|\b(?:so|is|actually|but|answer|rather)\s)no"
            r"(?=\s?(?:[.,;:!?\n]|$)|\s(?:it|there|this|that|in|on|at|for|to)\b)",
            re.IGNORECASE,
        ),
        "no": re.compile(r"\b(?:yes|yeah|yep)\b", re.IGNORECASE),
    }
)
_TAKES_BACK = re.compile(
    r"\b(?:wait|correction|scratch that|my mistake|(?:on|upon) (?:second thought|reflection)|i (?:was|am) wrong|"
    r"i made (?:a mistake|an error))\b",
    re.IGNORECASE,
)
# A repeated instruction, "[Yes, No]" or "yes or no", says nothing.
_BOTH = re.compile(
    r"\byes\b\W{0,3}(?:,|/|\bor\b|\band\b)\W{0,3}no\b|\bno\b\W{0,3}(?:,|/|\bor\b|\band\b)\W{0,3}yes\b", re.IGNORECASE
)
_CLOSE = re.compile(
    r"(?:\b(?:so|therefore|thus|hence)\b[\s,:]*+(?:it\s+is|it's|(?:i\s+(?:would|will)|i'd)\s+(?:say|answer))?"
    r"|\bi(?:'d|\s+would|\s+will)?\s+(?:say|answer|think|believe|go\s+with)"
    r"|\b(?:it's|it\s+is|that's|that\s+is|would\s+be)\s+an?(?:\s+(?:clear|definite))?)[\s,:\"']*+(?P<word>(?P<yes>yes)|no)\W*$",
    re.IGNORECASE,
)
_ANY = re.compile(r"\b(?:yes|yeah|no|nope)\b(?=\s*(?:[.,;:!?\n]|$))", re.IGNORECASE)


def yes_no(text: str | Part, question: str = "") -> Extraction | None:
    """Yes or no where the response says so, as "yes" or "no", else None; never a guess.

    A final-answer marker wins. Then, in what is left: the leading word, behind the question where that is repeated; a
    closing "so no"; the question's own statement, affirmed or negated, in a sentence that no other contradicts. "No"
    inside another word never counts, and a leading word that the rest takes back ("No, that is incorrect; yes") is
    unparsed. `question` gives 正常 and 异常 their polarity. `text` is a response, or the part of one that was found
    before.
    """
    part = final_part(text) if isinstance(text, str) else text
    if part is None:
        return None
    found = polarity(part.folded.text, fold(question).text)
    if found is None:
        return None
    answer, start, end, rule = found
    return Extraction(answer, part.named(rule), part.span(start, end))


def is_yes_no(targets: Iterable[str], question: str = "") -> bool:
    """Whether every accepted answer is a yes or a no, in these words or in Chinese ones; False where there is none."""
    found = list(targets)
    return bool(found) and all(_says_so(target) and yes_no(target, question) for target in found)


def _says_so(target: str) -> bool:
    return has_han(target) or words(target)[:1] in (("yes",), ("no",))


def polarity(plain: str, asked: str) -> tuple[str, int, int, str] | None:
    """("yes" or "no", start, end, rule) of a folded answer to a folded question, or None."""
    lead = _LEAD.match(plain, _behind_question(plain, asked))
    if lead is not None and _is_particle(lead, plain):
        found, rule = _leading(lead, plain), "leading word"
    elif has_han(plain):
        found, rule = chinese.polarity(plain, asked), "leading clause"
    else:
        found, rule = _closing(plain), "closing word"
        if found is None:
            found, rule = statement(plain, asked), "statement"
    return None if found is None else (*found, rule)


def _behind_question(plain: str, asked: str) -> int:
    """Where an answer begins that first repeats its question, or words of it: "Is there a mass? No."."""
    end = plain.find("?")
    if end < 0 or not asked:
        return 0
    said = folded_words(plain[:end])
    return end + 1 if said and set(said) <= set(folded_words(asked)) else 0


def _is_particle(lead: re.Match[str], plain: str) -> bool:
    """Whether the leading word is an answer and not a determiner or an adjective ("no evidence", "true colour")."""
    word = lead["word"].lower()
    if word in _ALSO_ADJECTIVES:
        return _STOPS_HARD.match(plain, lead.end()) is not None
    return word != "no" or _STOPS.match(plain, lead.end()) is not None


def _leading(lead: re.Match[str], plain: str) -> tuple[str, int, int] | None:
    """The polarity of a leading word that nothing later takes back."""
    answer = "yes" if lead["yes"] else "no"
    if _OTHER_NEXT[answer].match(plain, lead.end()):
        return None
    rest = "\n".join(" ".join(line.split()) for line in plain[lead.end() :].split("\n"))
    rest = _BOTH.sub(" ", rest)
    if _OTHER_LATER[answer].search(rest) or _TAKES_BACK.search(rest):
        return None
    return answer, lead.start("word"), lead.end("word")


def _closing(plain: str) -> tuple[str, int, int] | None:
    """The polarity of a conclusion that ends the text ("…, so no"), where it is the only yes or no."""
    close = _CLOSE.search(plain)
    if close is None or len(_ANY.findall(plain)) != 1:
        return None
    return "yes" if close["yes"] else "no", close.start("word"), close.end("word")
