"""Yes and no in Chinese, where the polarity of 正常 and 异常 depends on the question."""

from __future__ import annotations

import re

from evalkit.answers.text import word_set

_NO = word_set(
    "不是 不是的 否 没 没有 没有的 无 不包含 不包括 不含 不含有 不可以 不能 不能够 不会 不存在 不对 不 "
    "不行 不属于 未见 并非 并不是 未出现 没有出现 没出现 未发现 没有发现 没有看到 看不到 观察不到 错 错误 "
    "不正确 無 沒 沒有 錯"
)
_YES = word_set(
    "是 是的 有 有的 包含 包含的 包括 包括的 含有 可以 可以的 能 能够 会 会的 存在 存在的 对 对的 正确 "
    "没错 属于 出现 出现了 可见 能看到 可以看到 可以观察到 對 對的"
)
_CLAUSE = re.compile(r"[^,;.!?:\n。、，；：！？]+")
_SPACE = re.compile(r"[\s\"'“”「」()\[\]]+")
_PAIR = re.compile(
    r"^\W*(?:是|有|能|可以|包含|存在)\s*(?:或者?|和|/|还是)\s*(?:否|不是|没有|没|无|不能|不可以|不包含|不存在)"
)
# Ways to say that something is healthy, and that it is not; each wholly, so that 异常 inside a finding does not count.
_PLAIN = "[^不没无未非]"
_SUBJECT = rf"(?:{_PLAIN}{{0,12}}?(?:是|看起来|显示|表现为?|属于|基本|大致|均|都))?"
_NORMAL = re.compile(
    rf"^{_SUBJECT}(?:正常|健康|无异常|不异常)的?$"
    rf"|^{_PLAIN}{{0,8}}?(?:未见|未发现|没有发现|没有看到|没有|无|不存在|不是)(?:任何|明显)?(?:的)?异常的?$"
)
_ABNORMAL = re.compile(
    rf"^{_SUBJECT}(?:不正常|不健康|异常)的?$|^{_PLAIN}{{0,8}}?(?:不|不太|不是|并不)(?:正常|健康)的?$"
    rf"|^{_PLAIN}{{0,8}}?(?:有|存在)(?:任何|明显)?(?:的)?异常$"
)
_ASKS_ABNORMAL = re.compile(r"(?:异常|不正常|不健康)的?[吗么呢]?\W*$")
_ASKS_NORMAL = re.compile(r"(?:正常|健康)的?[吗么呢]?\W*$")
_ASKS = re.compile(r"是否|有没有|有无|是不是|能不能|可不可以|能否|[吗?]")
_SAYS = re.compile(r"[是有在可能会存含包显属见]")
# One spelling for what a statement and its question say differently: a mark that negates (a letter, so that it outlives
# the removal of punctuation), and 有 for any way of being there.
_NEGATION = "ǃ"
_SPELLING = (
    (re.compile(r"有没有|有无|是否(?:有|存在|包含|包括|含有?)"), "有"),
    (re.compile(r"是不是|是否"), ""),
    (re.compile(r"能不能|可不可以|能否"), "可以"),
    (
        re.compile(
            r"(?:不可以|不能|不可|没有|没|未能?)(?:被)?(?:观察|看|检测|发现)(?:到|见)?(?:任何|明显)?|看不到|观察不到|未见|未发现"
        ),
        _NEGATION + "有",
    ),
    (re.compile(r"(?:不存在|不包含|不包括|不含有?|没有|无|没)(?:任何|明显)?(?:的)?"), _NEGATION + "有"),
    (re.compile(r"(?:可以|能够?)(?:被)?(?:观察|看|检测|发现)(?:到|见)|可见|存在|包含|包括|含有"), "有"),
    (re.compile(r"并非|并不是?|不是"), _NEGATION),
    (re.compile(r"不"), _NEGATION),
    (re.compile(r"[是的了吗么呢\W]"), ""),
)


def polarity(text: str, question: str) -> tuple[str, int, int] | None:
    """("yes" or "no", start, end) of a folded Chinese answer to its question, or None where it does not say.

    The first clause decides: a word of the yes or no families alone, 正常 or 异常 against what the question asks, or
    the question's own statement, affirmed or negated. A later clause of the opposite family makes it unparsed.
    """
    if _PAIR.search(text):
        return None
    clauses = [(_SPACE.sub("", found.group()), found) for found in _CLAUSE.finditer(text)]
    clauses = [(clause, found) for clause, found in clauses if clause]
    if not clauses:
        return None
    first, found = clauses[0]
    said = _bare(first) or _health(first, question) or _echo(first, question)
    later = (polarity for clause, _ in clauses[1:] for polarity in (_bare(clause), _echo(clause, question)))
    if said is None or any(polarity not in (None, said) for polarity in later):
        return None
    return said, found.start(), found.end()


def _bare(clause: str) -> str | None:
    """The polarity of a clause that is one word of the families."""
    return "no" if clause in _NO else "yes" if clause in _YES else None


def _health(clause: str, question: str) -> str | None:
    """The polarity of 正常, 健康, 异常 and their negations, where the question asks for one of them."""
    asks_abnormal = _ASKS_ABNORMAL.search(question) is not None
    if not asks_abnormal and not _ASKS_NORMAL.search(question):
        return None
    abnormal = _ABNORMAL.search(clause) is not None
    if not abnormal and not _NORMAL.search(clause):
        return None
    return "yes" if abnormal == asks_abnormal else "no"


def _echo(clause: str, question: str) -> str | None:
    """The polarity of a clause that repeats the question's statement, or its end, with or without one negation."""
    if _ASKS.search(clause):
        return None
    asked, said = _spell(question), _spell(clause)
    negations = said.count(_NEGATION)
    # "没有肿块" denies "有肿块", and "没有增大" denies "增大".
    forms = (said.replace(_NEGATION, ""), said.replace(_NEGATION + "有", ""))
    said = next((form for form in forms if len(form) > 1 and asked.endswith(form)), "")
    if not said or _NEGATION in asked or negations > 1:
        return None
    # A bare noun affirms nothing.
    if not negations and said != asked and not _SAYS.search(clause):
        return None
    return "no" if negations else "yes"


def _spell(text: str) -> str:
    """A statement in the one spelling."""
    for pattern, spelling in _SPELLING:
        text = pattern.sub(spelling, text)
    return text
