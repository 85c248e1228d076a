"""A sentence that affirms or negates what an English question asks, without the words yes and no."""

from __future__ import annotations

import re

from evalkit.answers.text import Token, has_words, tokens, word_set

_GLUE = word_set(
    "is are was were be been being do does did has have had can could will would should a an the this "
    "that these those there it its image images picture scan photo film in of on at any some evidence "
    "sign signs shown seen visible visualized visualised present absent observed detected identified "
    "noted found see you i we patient patient's to appear appears appearing look looks looking exist "
    "exists exhibit contain contains show shows demonstrate within for by as no not none without cannot "
    "can't isn't aren't wasn't weren't don't doesn't absence negative free clearly definite definitive obvious "
    "indication indications located apparent evident demonstrated lack lacks devoid nor neither side sides sided "
    "there's it's that's they're"
)
_NEGATORS = word_set("no not without cannot can't isn't aren't wasn't weren't don't doesn't absence absent")
_VERBS = word_set(
    "is are was were be do does did has have had can appear appears look looks exist exists contain contains show shows"
)
_HEDGES = re.compile(
    r"\?|\b(?:may|might|possibl[ey]|probabl[ey]|likely|unlikely|suspicious|suspected|suggest\w*|unclear|uncertain|"
    r"unknown|if|whether|unless|either|sure|resolved|previous\w*|history|no longer|but|although|however|except|"
    r"could be|actually|wait|instead|correction|contrary|cannot be (?:excluded|ruled out))\b",
    re.IGNORECASE,
)
_OR = re.compile(r"\bn?or\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?:[^.!?\n]|[.!?](?!\s|$))+")
_MOST_SENTENCES = 6
# Said to the one who asks, or by a model that plays both parts: "Please choose from the following: [Yes, No]".
_INSTRUCTION = re.compile(r"^\W*(?:please\s+)?(?:choose|select|pick|answer)\b|\[\s*yes\s*,\s*no\s*\]", re.IGNORECASE)
# What leads up to the statement, and what goes on to explain it, with the picture that all of it is about.
_LEAD_IN = re.compile(
    r"^\W*(?:(?:human|assistant|response|output|model)\s*:\W*)?(?:(?:based\s+on|according\s+to|given)\s+(?:the|this|these)\s+"
    r"[^,:;]{0,60},\s*|(?:(?:therefore|thus|hence|overall)\s*,|(?:i|we)\s+can\s+see\s+that\b)\s*)?",
    re.IGNORECASE,
)
_KIND = "provided|given|attached|above|medical|mri|mr|ct|cxr|chest|brain|head|abdominal|axial|coronal|sagittal|t[12]"
_PICTURE = (
    r"(?:images?|scans?|pictures?|stud(?:y|ies)|films?|radiographs?|photos?|slices?|views?|cases?|x-?rays?|mri|ct|cxr)"
)
_SHOWS = re.compile(
    rf"^(?:the|this)\s+(?:(?:{_KIND})[\s-]+){{0,4}}{_PICTURE}\s+(?:clearly\s+)?(?:shows?|indicates?|reveals?|demonstrates?|"
    r"displays?|depicts?|confirms?|exhibits?)\s+(?P<that>that\b\s*)?",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r",\s*(?:specifically|including|such\s+as|namely|with|which|as|particularly|measuring|indicating|because|located|and\s+"
    r"(?:the|there|it|no))\b.*",
    re.IGNORECASE | re.DOTALL,
)
_IN_PICTURE = re.compile(
    rf"\b(?:in|on|from|within|by|of)\s+(?:(?:the|this|that|these|current|particular|specific|{_KIND})[\s-]+){{1,5}}{_PICTURE}\b,?",
    re.IGNORECASE,
)
_TAKES_BACK = frozenset(("yes", "yeah", "true", "false", "correct", "incorrect", "wrong"))
_EXISTS = re.compile(
    r"^\W*(?:(?:is/are|are/is|is|are|was|were)\s+there|(?:can|could|do|did)\s+(?:you|we)\s+(?:see|observe|detect|"
    r"identify|find|visuali[sz]e)|do(?:es)?\b.*?\b(?:contain|show|have|demonstrate|exhibit|reveal)|evidence\s+of|any|"
    r"signs?\s+of)\b(?P<object>[^?]*)"
    r"|^\W*(?:is|are|was|were|can|does|do)\s+(?P<subject>[^?]*?)\s+(?:be\s+)?(?:present|seen|visible|visuali[sz]ed|"
    r"observed|identified|detected|evident|noted|demonstrated|exist|appear)\b(?P<place>[^?]*)",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\b(?:in|on|at|within|under|near|around|for|of)\b.*", re.IGNORECASE | re.DOTALL)
_EVIDENCE = re.compile(r"^\s*(?:(?!of\b)[\w-]+\s+){0,3}?(?:evidence|signs?|indications?)\s+(?:of|for)\b", re.IGNORECASE)
_OF = re.compile(r"\bof\b.*", re.IGNORECASE | re.DOTALL)
_BARE_STATE = re.compile(
    r"^\W*(?:it\s+is\s+|they\s+are\s+)?(?P<no>none|absent|(?:is\s+)?not\s+(?:present|seen|visible|visuali[sz]ed|observed|"
    r"detected|identified|noted))\W*$|^\W*(?:it\s+is\s+|they\s+are\s+)?(?P<yes>present|visible|seen)\W*$",
    re.IGNORECASE,
)
_NONE_FORM = re.compile(
    r"\bnot\s+(?:an?|any|contain|show|have|demonstrate|exhibit|reveal|seen|present|visible|visuali[sz]ed|observed|detected|"
    r"identified|evident|noted)\b|\babsent\b|\bcannot\s+(?:see|be\s+seen|identify|detect|observe)\b|"
    r"n't\s+(?:an?|any|contain|show|have|see|seen|present|visible)\b",
    re.IGNORECASE,
)
# What denies the thing, or the list of things, behind it.
_NONE_OF = re.compile(
    r"\b(?:no|neither|without|absence\s+of|negative\s+for|free\s+of|devoid\s+of|lacks?(?:\s+of)?|not\s+(?:show|have|contain|"
    r"demonstrate|exhibit|reveal|see)|n't\s+(?:show|have|contain|see))\b|n't\s+(?:show|have|contain|see)\b",
    re.IGNORECASE,
)
_ITEM = re.compile(r",|\bn?or\b|\band/or\b", re.IGNORECASE)
_THERE_IS = re.compile(
    r"^\W*there(?:\s+(?:is|are|was|were)|'s)\b|\b(?:contains?|shows?|present|visible|seen)\b", re.IGNORECASE
)
_SIZES = word_set(
    "small large mild moderate severe left right bilateral acute chronic clear multiple several upper lower"
)
# What may be said before a denial that is meant of the whole picture: "The lungs are clear, without …".
_ALL_OVER = word_set(
    "xray radiograph mri ct cxr lung chest appearance study otherwise overall unremarkable normal well "
    "expanded inflated aerated both clear with"
)
_PRONOUN = re.compile(
    r"^\W*(?:it|they|this|these|that)(?:\s+(?:is|are|was|were|do|does|has|have|appears?|looks?)\b|'s\b)|^\W*not\b", re.I
)
_WELL = frozenset(("normal", "healthy"))
_ILL = frozenset(("abnormal", "unhealthy"))
_THIS_ILL = re.compile(r"^\W*(?:is|are)\s+(?:this|these|that|it)\s+(?:an?\s+|the\s+)?(?:ab)?normal\b", re.IGNORECASE)


def statement(text: str, question: str) -> tuple[str, int, int] | None:
    """("yes" or "no", start, end) of a text that restates its question, or None where it is not plainly so.

    Both are folded. Recognised: the state alone ("Absent."), normal against abnormal where one of them is what is
    asked, the question's words in their order ("The heart is not enlarged."), and there being, or not, what the
    question asks after. Hedges, more than one negation and alternatives are not. Other sentences may stand beside it
    where they share no word with the question.
    """
    asked_tokens = tokens(_IN_PICTURE.sub(" ", " ".join(question.split())))
    if not asked_tokens or _negations(asked_tokens) or any(token.text == "or" for token in asked_tokens):
        return None
    asked = _content(asked_tokens)
    sentences = [found.span() for found in _SENTENCE.finditer(text) if has_words(found.group())]
    sentences = [(start, end) for start, end in sentences if not _INSTRUCTION.search(text[start:end])]
    if not 0 < len(sentences) <= _MOST_SENTENCES or any(_HEDGES.search(text, *each) for each in sentences):
        return None
    if any(text[end : end + 1] == "?" for _, end in sentences):
        return None
    found = None
    for start, end in sentences:
        said = _said(text[start:end], " ".join(question.split()), asked)
        if said is None:
            if not asked or not _apart(tokens(text[start:end]), asked):
                return None
        elif found is not None:
            return None
        else:
            words = tokens(text[start:end])
            found = said, start + words[0].start, start + words[-1].end
    return found


def _apart(said: list[Token], asked: tuple[str, ...]) -> bool:
    """Whether a sentence speaks of other things than the question, and takes nothing back."""
    return not {_singular(token.text) for token in said} & {*asked, *_TAKES_BACK}


def _said(sentence: str, question: str, asked: tuple[str, ...]) -> str | None:
    """The polarity of one sentence that restates its question, with or without what it goes on to explain."""
    whole = _IN_PICTURE.sub(" ", _LEAD_IN.sub("", sentence, count=1)).strip()
    whole = _SHOWS.sub(lambda found: "" if found["that"] else "there is ", whole)
    found = _restated(whole, question, asked)
    return found or _restated(_GOES_ON.sub("", whole), question, asked)


def _restated(text: str, question: str, asked: tuple[str, ...]) -> str | None:
    """The polarity of one statement, by the first rule that knows it."""
    said_tokens = tokens(text)
    if not said_tokens:
        return None
    listed = _existence_denied(question, text)
    if listed or _OR.search(text):
        return listed
    said, negations = _content(said_tokens), _negations(said_tokens)
    return (
        _state(text, question)
        or _health(asked, said, negations, question)
        or _echo(asked, said, negations, any(token.text in _VERBS for token in said_tokens))
        or _predicate(asked, said, negations, text)
        or _existence(question, text, asked, said, negations)
    )


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


def _predicate(asked: tuple[str, ...], said: tuple[str, ...], negations: int, text: str) -> str | None:
    """The end of the question's words behind a pronoun or a bare "not": "It is not enlarged.", "Not enlarged"."""
    if not said or negations > 1 or said != asked[-len(said) :] or not _PRONOUN.match(text):
        return None
    return "no" if negations else "yes"


def _thing(question: str) -> tuple[tuple[str, ...], str]:
    """The words of what a question wants to be there, and the one that names it; none where it asks otherwise."""
    found = _EXISTS.match(question)
    if found is None:
        return (), ""
    thing = found["subject"] or _PLACE.sub("", _EVIDENCE.sub("", found["object"] or ""))
    head = _content(tokens(_OF.sub("", thing)))
    return (_content(tokens(_IN_PICTURE.sub(" ", question))), head[-1]) if head else ((), "")


def _existence(question: str, text: str, asked: tuple[str, ...], said: tuple[str, ...], negations: int) -> str | None:
    """There being what is asked after, or a narrower thing; or there being none of it, or of a wider thing."""
    _, head = _thing(question)
    if not head or head not in said or "and" in asked:
        return None
    if _NONE_FORM.search(text) and negations <= 1 and set(said) <= set(asked):
        return "no"
    if negations or _NONE_OF.search(text) or not _THERE_IS.search(text) or not set(asked) <= set(said):
        return None
    somewhere = _content(tokens(_PLACE.sub("", text)))
    return "yes" if set(somewhere) <= set(asked) | _SIZES else None


def _existence_denied(question: str, text: str) -> str | None:
    """ "no" where the sentence denies what is asked after, or a wider thing, alone or in a list ("no A, B or C")."""
    asked, head = _thing(question)
    found = _NONE_OF.search(text)
    if not head or found is None or "and" in asked or _negations(tokens(text[found.end() :])):
        return None
    before = set(_content(tokens(text[: found.start()])))
    if not before <= {*asked, *_ALL_OVER} - {head} or _negations(tokens(text[: found.start()])):
        return None
    items = _ITEM.split(_EVIDENCE.sub("", text[found.end() :]))
    if not _OR.search(text, found.end()):
        items = items[:1]
    denied = (set(_content(tokens(item))) for item in items)
    return "no" if any(head in words <= set(asked) for words in denied) else None
