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
_ELLIPSIS = re.compile(r"^\W*(?:any|anything|(?:any\s+)?(?:evidence|signs?)\s+of)\b[^,]*\?\W*$", re.IGNORECASE)
_ASKS_WH = re.compile(
    r"^\W*(?:(?:and|so|then|if so)\W+)?(?:\w+\s+)?(?:wh(?:at|ich|ere|en|o|om|ose|y)|how)\b", re.IGNORECASE
)
_REQUEST = re.compile(
    r"^\W*(?:can|could|will|would|do)\s+you\s+(?:please\s+)?(?:describe|identify\s+(?:the|which|what)\s+(?:\w+\s+){0,3}(?:type|"
    r"organ|modality|plane)|explain|name|list|specify|tell|say|give|provide|know|point\s+out)\b",
    re.IGNORECASE,
)
_YES_OR_NO = re.compile(r"\b(?:yes\s*(?:or|/)\s*no|no\s*(?:or|/)\s*yes|true\s*(?:or|/)\s*false)\b", re.IGNORECASE)
_OR = re.compile(r"\b(?:or|versus|vs\.?)(?![A-Za-z'-])", re.IGNORECASE)
_CLAUSE = re.compile(r"[,;:.?!\n]+(?=\s|$)|(?<=\w),(?=\w)")
_SENTENCE = re.compile(r"(?<=[?!\n])\s*|(?<=[a-z]{3}\.)\s+")

_CHINESE_YES_NO = re.compile(
    r"吗|(?<![什怎这那多])么\W*$|是否|有没有|有无|是不是|能不能|能否|可不可以|可否|会不会|对不对|存不存在|在不在|属不属于|正不正常"
)
_CHINESE_CHOICE = re.compile(r"哪|还是|谁")

# Where the first option of "Is … A or B?" can begin: behind these words all that follows is the option.
_BEFORE_ALL = word_set(
    "a an there on in at of by with to from through via using have has show see contain suspect is are was "
    "were be been being appear appears look looks more mostly located shown seen either mainly it between "
)
# Behind these begins the subject, of unknown length, so the option is the last word alone.
_BEFORE_SUBJECT = word_set("the this that these those his her their its")
_TAIL = re.compile(
    r"\b(?:of|in|on|at|than|to|for|from|used|with|within|when|if|as|that|which|shown|seen|present|by)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_OPPOSITES = frozenset(
    (("left", "right"), ("right", "left"), ("upper", "lower"), ("lower", "upper"), ("anterior", "posterior"))
)
_ARTICLE = re.compile(r"^(?:(?:a|an|the|just|only|either|is it|it)\s+)+", re.IGNORECASE)
_BETWEEN = re.compile(r"\bbetween\s+(?P<first>[^?,]+?)\s+and\s+(?P<second>[^?,]+)", re.IGNORECASE)

_HAN_CLAUSE = re.compile(r"[,;:。?!]+")
_HAN_LIST = re.compile(r"、|还是|或者?|和|与|跟|及")
_HAN_WHICH = re.compile(r"哪|谁")
_HAN_PLACE = re.compile(r"^.*?(?:图像|图片|影像|片子|照片|图|片)(?:中|里|上)(?:的|,)?|^(?:请问|在|相比|比较|对比)+")
_HAN_IS = re.compile(r"^.*(?<!还)是(?=.*还是)")
_HAN_OF = re.compile(r"的.*")


def asks_yes_no(question: str) -> bool:
    """Whether a question wants yes or no: it opens a clause with an auxiliary and offers no alternative by "or".

    Chinese: 吗, 是否, 有没有 and their like, without 哪, 谁 or 还是. A question with a wh-clause, or a request
    ("Can you describe …"), is none. One that names both words ("…? Answer yes or no") is one.
    """
    plain = fold(question).text
    if has_han(plain):
        return _CHINESE_YES_NO.search(plain) is not None and _CHINESE_CHOICE.search(plain) is None
    if _YES_OR_NO.search(plain):
        return True
    clauses = [clause for clause in _CLAUSE.split(plain) if has_words(clause)]
    if not clauses or any(_ASKS_WH.match(clause) for clause in clauses) or _OR.search(plain):
        return False
    if _ELLIPSIS.match(plain):
        return True
    return any(_OPENS.match(clause) and not _REQUEST.match(clause) for clause in clauses)


def opens_yes_no(question: str) -> bool:
    """Whether a question has the form of a yes/no question, alternatives or not ("Is there a mass or a lesion?")."""
    clauses = [clause for clause in _CLAUSE.split(fold(question).text) if has_words(clause)]
    return any(map(_OPENS.match, clauses)) and not any(map(_ASKS_WH.match, clauses))


def named_options(question: str) -> tuple[str, ...]:
    """The options that a question itself offers, in its order and spelling; empty where it offers none.

    "Which is bigger, lung, liver or heart?" offers three; "Is this an MRI or a CT scan?" offers "MRI" and "CT scan";
    肺和肝脏哪个更大 offers 肺 and 肝脏. Yes and no are not options.
    """
    plain = fold(question).text
    if has_han(plain):
        return _distinct(_chinese(plain))
    plain = _YES_OR_NO.sub(" ", plain)
    sentence = next((part for part in _SENTENCE.split(plain) if _OR.search(part)), "")
    if not sentence:
        between = _BETWEEN.search(plain)
        return _distinct([between["first"], _TAIL.sub("", between["second"])]) if between else ()
    clauses = _CLAUSE.split(sentence.strip())
    asking = next((n for n, clause in enumerate(clauses) if _ASKS_WH.match(clause)), None)
    if asking is not None and not _OR.search(clauses[asking]):
        items = [item for clause in clauses[asking + 1 :] for item in _OR.split(clause)]
    else:
        items = _offered(clauses)
    items[-1:] = [_TAIL.sub("", item) for item in items[-1:]]
    return _distinct(items)


def _offered(clauses: list[str]) -> list[str]:
    """The options of "Is … A, B or C?": what stands round "or", from where the first can begin."""
    begin = next((n for n, clause in enumerate(clauses) if _OPENS.match(clause)), None)
    if begin is None:
        begin = next(n for n, clause in enumerate(clauses) if _OR.search(clause))
    items = [item for clause in clauses[begin:] for item in _OR.split(clause) if has_words(item)]
    words = items[0].split()
    last = _TAIL.sub("", items[-1]).split()
    first = _first(words, 1)
    lower = [word.lower() for word in last]
    ending = first[-1].lower()
    if ending in lower:
        # "T1 weighted or T2 weighted MRI image", "hyper dense or hypo dense": both end with the same word.
        last = last[: lower.index(ending) + 1]
        first = _first(words, len(last))
    elif (ending, *lower[:1]) in _OPPOSITES:
        # "the left or right hemidiaphragm": the noun belongs to both.
        last = last[:1]
    return [" ".join(first), *items[1:-1], " ".join(last)]


def _first(words: list[str], count: int) -> list[str]:
    """The words of the first option, at the end of its clause: `count` where nothing tells where it begins."""
    for index in range(len(words) - 2, -1, -1):
        word = words[index].lower().strip("\"'()")
        if word in _BEFORE_ALL or word.endswith(("'s", "s'")):
            return words[index + 1 :]
        if word in _BEFORE_SUBJECT:
            return words[max(index + 1, len(words) - count) :]
    return words[-count:]


def _chinese(plain: str) -> list[str]:
    """The options of a Chinese question: round 还是, or listed before or after 哪 or 谁."""
    clauses = [clause for clause in _HAN_CLAUSE.split(plain) if has_words(clause)]
    for clause in clauses:
        if "还是" in clause:
            return [_HAN_OF.sub("", item) for item in _HAN_LIST.split(_HAN_IS.sub("", clause))]
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


def _distinct(items: list[str]) -> tuple[str, ...]:
    """The items without articles, blanks and doubles; fewer than two offer no choice."""
    cleaned = (_ARTICLE.sub("", item.strip(" \"'()?.;:")) for item in items)
    options = tuple(dict.fromkeys(item.strip() for item in cleaned if has_words(item)))
    return options if len(options) > 1 else ()
