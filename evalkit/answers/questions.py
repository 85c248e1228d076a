"""What a question asks for, from its own words: yes or no, or one of the options that it names."""

from __future__ import annotations

import re

from evalkit.answers.text import fold, has_han, has_words, word_set

_AUXILIARY = (
    r"(?:(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|should|may|might|must|shall)(?:n't)?"
    r"|is/are|are/is|won't|cannot|can't)"
)
_OPENS = re.compile(rf"^\W*(?:(?:and|so|then|if so|please|now)\W+)?{_AUXILIARY}(?![A-Za-z'/])", re.IGNORECASE)
# "Evidence of haemorrhage?" has lost its "is there".
_ELLIPSIS = re.compile(
    r"^\W*(?:(?:notice|see|seeing|find)\s+any|any|anything|(?:any\s+)?(?:evidence|signs?)\s+of)\b[^,?]*\?\W*$",
    re.IGNORECASE,
)
_ASKS_WH = re.compile(
    r"^\W*(?:(?:and|so|then|if so)\W+)?(?:\w+\s+)?(?:wh(?:at|ich|ere|en|o|om|ose|y)|how)\b", re.IGNORECASE
)
_REQUEST = re.compile(
    r"^\W*(?:can|could|will|would|do)\s+you\s+(?:please\s+)?(?:describe(?!\b[^?]*\bas\b)|identify\s+(?:the|which|what)\s+(?:\w+\s+){0,3}(?:type|"
    r"organ|modality|plane)|explain|name|list|specify|tell|say|give|provide|know|point\s+out)\b",
    re.IGNORECASE,
)
_YES_OR_NO = re.compile(r"\b(?:yes\s*(?:or|/)\s*no|no\s*(?:or|/)\s*yes|true\s*(?:or|/)\s*false)\b", re.IGNORECASE)
_OR = re.compile(r"\b(?:or|versus|vs\.?)(?![A-Za-z'-])", re.IGNORECASE)
_OR_NOT = re.compile(r"(?<=\w),?\s+or\s+(?:not|no)(?=\W*+$|\s+(?:in|on|at|from)\b)", re.IGNORECASE)
_CLAUSE = re.compile(r"(?<![,;:.?!\n])[,;:.?!\n]++(?:(?=\s|$)|(?<=\n))|(?<=\w),(?=\w)")
# "…, which contains muscle cells?" asks nothing behind a question that is open already.
_RELATIVE = re.compile(
    rf"(?<=[a-z]),\s+(?=(?:(?:in|of|from|with|to|by|through)\s+)?(?:which|who|whom|whose|where|when)\s+(?!(?:\w+\s+)?{_AUXILIARY}\s))",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[?!\n])\s*|(?<=[a-z]{3}\.)\s+")

_CHINESE_YES_NO = re.compile(
    r"吗|(?<![什怎这那多])么\W*$|是否|有没有|有无|是不是|能不能|能否|可不可以|可否|会不会|对不对|存不存在|在不在|属不属于|正不正常"
)
_CHINESE_CHOICE = re.compile(r"哪|还是|谁")

# Where the first option of "Is … A or B?" can begin: behind these words all that follows is the option.
_BEFORE_ALL = word_set(
    "a an there on in at of by with to from through via using have has show see contain suspect is are was "
    "were be been being appear appears look looks more mostly located shown seen either mainly it between as "
)
_SUBJECT_LONG = 3
# Behind these begins the subject, of unknown length, so the option is the last word alone.
_BEFORE_SUBJECT = word_set("the this that these those his her their its")
_TAIL = re.compile(
    r"\b(?:of|in|on|at|than|to|for|from|used|with|within|when|if|as|that|which|relative|compared|shown|seen|present|by|highlighted|depicted|displayed|involved|visible|visuali[sz]ed)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_OPPOSITES = frozenset(
    (("left", "right"), ("right", "left"), ("upper", "lower"), ("lower", "upper"), ("anterior", "posterior"))
)
_WITH_WITHOUT = frozenset((("with", "without"), ("without", "with")))
# "taken with CT or with MRI": the preposition is no part of either.
_REPEATED = word_set("with by in on at of from to through via using for")
# Prepositions that can be the answer itself, and others behind which "the" belongs to the subject.
_PLACING = word_set("inside outside within above below under beneath behind on over")
_JOINING = word_set(
    "of for to from within inside outside under over above below near around between and is are was were"
)
_ARTICLE = re.compile(r"^(?:(?:a|an|the|just|only|either|is it|it)\s+)+", re.IGNORECASE)
_BETWEEN = re.compile(r"\bbetween\s+(?P<first>[^?,]{1,60}?)\s+and\s+(?P<second>[^?,]{1,60})", re.IGNORECASE)
_COMPARES = re.compile(r"\b(?:which|who|more|less|[a-z]{2,}er|[a-z]{2,}est)\b", re.IGNORECASE)

_HAN_CLAUSE = re.compile(r"[,;:。?!]+")
_HAN_LIST = re.compile(r"、|还是|或者?|和|与|跟|及")
_HAN_WHICH = re.compile(r"哪|谁")
_HAN_PLACE = re.compile(r"^.*?(?:图像|图片|影像|片子|照片|图|片)(?:中|里|上)(?:的|,)?|^(?:请问|在|相比|比较|对比)+")
_HAN_EITHER = "还是"
_HAN_OF = re.compile(r"的.*")


def asks_yes_no(question: str) -> bool:
    """Whether a question wants yes or no: it opens a clause with an auxiliary and offers no alternative by "or".

    Chinese: 吗, 是否, 有没有 and their like, without 哪, 谁 or 还是. A question with a wh-clause, or a request
    ("Can you describe …"), is none. One that names both words ("…? Answer yes or no") is one.
    """
    plain = _OR_NOT.sub("", fold(question).text)
    if has_han(plain):
        return _CHINESE_YES_NO.search(plain) is not None and _CHINESE_CHOICE.search(plain) is None
    if _YES_OR_NO.search(plain):
        return True
    clauses = [clause for clause in _CLAUSE.split(_RELATIVE.sub(" ", plain)) if has_words(clause)]
    if not clauses or any(_ASKS_WH.match(clause) for clause in clauses) or _OR.search(plain):
        return False
    if _ELLIPSIS.match(plain):
        return True
    return any(_OPENS.match(clause) and not _REQUEST.match(clause) for clause in clauses)


def opens_yes_no(question: str) -> bool:
    """Whether a question has the form of a yes/no question, alternatives or not ("Is there a mass or a lesion?")."""
    plain = fold(question).text
    clauses = [clause for clause in _CLAUSE.split(_RELATIVE.sub(" ", plain)) if has_words(clause)]
    opens = any(map(_OPENS.match, clauses)) or _ELLIPSIS.match(plain) is not None
    return opens and not any(map(_ASKS_WH.match, clauses))


def named_options(question: str) -> tuple[str, ...]:
    """The options that a question itself offers, in its order and spelling; empty where it offers none.

    "Which is bigger, lung, liver or heart?" offers three; "Is this an MRI or a CT scan?" offers "MRI" and "CT scan";
    肺和肝脏哪个更大 offers 肺 and 肝脏. Yes and no are not options.
    """
    plain = fold(question).text
    if has_han(plain):
        return _distinct(_chinese(plain))
    plain = _OR_NOT.sub("", _YES_OR_NO.sub(" ", plain))
    sentence = next((part for part in _SENTENCE.split(plain) if _OR.search(part)), "")
    if not sentence:
        between = _BETWEEN.search(plain) if _COMPARES.search(plain) else None
        return _distinct([between["first"], _TAIL.sub("", between["second"])]) if between else ()
    clauses = _CLAUSE.split(sentence.strip())
    asking = next((n for n, clause in enumerate(clauses) if _ASKS_WH.match(clause)), None)
    if asking is not None and not _OR.search(clauses[asking]):
        items = [item for clause in clauses[asking + 1 :] for item in _OR.split(clause)]
        items[-1:] = [_TAIL.sub("", item) for item in items[-1:]]
    else:
        items = _offered(clauses)
    return _distinct(items)


def _offered(clauses: list[str]) -> list[str]:
    """The options of "Is … A, B or C?": what stands round "or", from where the first can begin."""
    begin = next((n for n, clause in enumerate(clauses) if _OPENS.match(clause) or _ELLIPSIS.match(clause + "?")), None)
    if begin is None:
        begin = next(n for n, clause in enumerate(clauses) if _OR.search(clause))
    items = [item for clause in clauses[begin:] for item in _OR.split(clause) if has_words(item)]
    words = items[0].split()
    again, *rest = items[-1].split()
    if again.lower() in _REPEATED and rest and again.lower() in map(str.lower, words):
        items[-1] = " ".join(rest)
    last = _TAIL.sub("", items[-1]).split() or items[-1].split()
    first = _first(words, 1)
    lower = [word.lower() for word in items[-1].split()]
    ending = words[-1].lower()
    if lower[0] in _PLACING and ending not in _PLACING and (place := _placed(words)):
        # "found on top of the patient or within the patient": both are places.
        return [place, *items[1:-1], items[-1]]
    if (ending, lower[0]) in _OPPOSITES or {ending, lower[0]} <= _PLACING:
        # "the left or right hemidiaphragm": the noun belongs to both.
        first, last = words[-1:], last[:1]
    elif (ending, lower[0]) in _WITH_WITHOUT:
        first, last = [ending, *lower[1:2]], lower[:2]
    elif _is_denial(ending, last):
        first = words[-1:]
    elif ending in lower[: len(last)]:
        # "T1 weighted or T2 weighted MRI image", "hyper dense or hypo dense": both end with the same word.
        last = last[: lower.index(ending) + 1]
        first = _first(words, len(last))
    return [" ".join(first), *items[1:-1], " ".join(last)]


def _placed(words: list[str]) -> str:
    """The place at the end of a clause, from the preposition on: "found on top of the patient" has "on top of …"."""
    lower = [word.lower().strip("()") for word in words]
    begins = [n for n, word in enumerate(lower) if word in _PLACING and n >= len(words) - 5]
    return " ".join(words[begins[0] :]) if begins else ""


def _is_denial(word: str, last: list[str]) -> bool:
    """Whether an option is another with a prefix: "normal or abnormal", "enhanced or non enhanced"."""
    if len(last) == 2 and last[0].lower() == "non":
        return last[1].lower() == word
    return len(last) == 1 and last[0].lower() != word and last[0].lower().endswith(word) and len(word) > 3


def _first(words: list[str], count: int) -> list[str]:
    """The words of the first option, at the end of its clause: `count` where nothing tells where it begins."""
    lower = [word.lower().strip("\"'()") for word in words]
    for index in range(len(words) - 2, -1, -1):
        word = lower[index]
        if word in _BEFORE_ALL or word.endswith(("'s", "s'")):
            # "Are pleural effusions small or large?": what the auxiliary opens holds a subject.
            return words[-count:] if index == 0 and len(words) > _SUBJECT_LONG else words[index + 1 :]
        if word in _BEFORE_SUBJECT:
            # Behind a noun, "the" begins what is said of the subject: "Is this part the small bowel or colon?"
            says = index > 1 and lower[index - 1] not in _BEFORE_ALL | _JOINING
            return words[index + 1 :] if says else words[max(index + 1, len(words) - count) :]
    return words[-count:]


def _chinese(plain: str) -> list[str]:
    """The options of a Chinese question: round 还是, or listed before or after 哪 or 谁."""
    clauses = [clause for clause in _HAN_CLAUSE.split(plain) if has_words(clause)]
    for clause in clauses:
        if _HAN_EITHER in clause:
            return [_HAN_OF.sub("", item) for item in _HAN_LIST.split(_behind_is(clause))]
    for index, clause in enumerate(clauses):
        which = _HAN_WHICH.search(clause)
        if which is None:
            continue
        before = clause[: which.start()] or (clauses[index - 1] if index else "")
        for listed in (before, *clauses[index + 1 : index + 2]):
            items = _HAN_LIST.split(_HAN_PLACE.sub("", listed))
            if len(items) > 1:
                return items
    return []


def _behind_is(clause: str) -> str:
    """What stands behind the 是 that comes before the last 还是."""
    place = clause.rfind("是", 0, clause.rfind(_HAN_EITHER))
    while place > 0 and clause[place - 1] == "还":
        place = clause.rfind("是", 0, place)
    return clause[place + 1 :]


def _distinct(items: list[str]) -> tuple[str, ...]:
    """The items without articles, blanks and doubles; fewer than two offer no choice."""
    cleaned = (_ARTICLE.sub("", item.strip(" \"'()?.;:")) for item in items)
    options = tuple(dict.fromkeys(item.strip() for item in cleaned if has_words(item)))
    return options if len(options) > 1 else ()
