"""Every place where an answer names one of the options, by its letter or its words, and whether it denies it there."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from evalkit.answers.aliases import YES_NO, Name, joined, names
from evalkit.answers.clauses import Clauses, may_deny
from evalkit.answers.text import Token, fold, normalise, tokens
from evalkit.answers.yes_no import polarity

_END = r"(?![0-9A-Za-z]|'[A-Za-z])"
_FOLLOWED = (
    r"(?=\W*+$|\s*[.,;:!)<。是选项对正错不\n\"'/&]|(?<!A)\s*\(|\s+(?i:because|since|as|is|was|are|were|due|for|and|or|but|seems|appears|would|"
    r"fits|matches|not\s+\(?(?-i:[A-Z])(?![A-Za-z]))(?![A-Za-z]))"
)
# (B) and B) and "Option b": the letter is labelled, whatever its case.
_LABELLED = re.compile(
    rf"\(\s*(?P<round>[A-Za-z])\s*\)|(?<![0-9A-Za-z'(])(?P<half>[A-Za-z])\)|\[\s*(?P<square>[A-Za-z])\s*\]"
    rf"|\b(?:options?|choices?|answer|letter)(?:\s+|\s*[:=]\s*)[\"']?(?P<word>[A-Za-z]){_END}{_FOLLOWED}"
    rf"|\b(?:options?|choices?|letter)\s+(?P<upper>(?-i:[B-HJ-Z])){_END}",
    re.IGNORECASE,
)
# These carry a letter that is no label: "Figure (a)", "hepatitis (B)".
_CARRIER = re.compile(
    r"\b(?:fig(?:ure|\.)?|panel|image|part|type|stage|grade|class|group|hepatitis|vitamin|influenza|level|phase|line|lead|"
    r"segment|zone|view|arrow|label(?:l?ed)?|marked|region|area|point)\s*$",
    re.IGNORECASE,
)
_ALONE = re.compile(r"^\W*([A-Za-z])\W*$")
_LABEL = re.compile(r"[^\w]*\(?[A-Za-z](?:\s*[.):])+\s*(?=\S)")
_LINE_START = re.compile(r"^[^\w(\n]*([A-Za-z])(?:\s*[.:]|\s+-(?=\s))(?=\s*\S)(?![A-Za-z]\.)\s*", re.MULTILINE)
# A free capital is a letter only between a cue and a stop: not in "hepatitis B", nor "E. coli", nor "A nodule".
_FREE = re.compile(
    rf"(?:^[^\w]*|[,;:>=][^\S\n]*|\n[^\w\n]*|[.!?。]\s+|(?:选择?项?|是|为|答案)\s*"
    r"|\b(?i:is|it's|be|so|choose|pick|select|chose|selected|therefore|thus|hence|say|think|believe|not|with|but|both|either|"
    r"neither|nor|likely|probably|possibly|maybe|perhaps|definitely|clearly|certainly|guess|(?:opt|vote|go)\s+for)\s+)"
    rf"[\"']?([A-HJ-Z]){_END}{_FOLLOWED}(?!\.\s*(?!(?:the|this|it|an?|there|because|since|as|in|based)\b)[a-z])"
)
# "B MRI": a capital at the start of a line, right before an option's words; A and I would be words.
_BEFORE_TEXT = re.compile(r"(?:^|\n)[^\w\n]*([B-HJ-Z])[^\w\n]*$")
# "A. CT B. MRI": a letter with its stop, right before an option's words, wherever they stand.
_LABEL_BEFORE = re.compile(r"(?<![\w'])([A-Za-z])\s*[.):]\s*$")
_MORE = re.compile(
    r"[.)]?\s*(?:,?\s*(?:or|and)\s+|[,/&]\s*)(?:option\s+)?\(?([A-Za-z])\)?"
    rf"{_END}(?=\W*+$|\s*[^\w\s]|\s+(?:is|are|was|were|both|but|because|since|not|or|and|as|due|seem|would)\b)",
    re.IGNORECASE,
)
_CARRIER_REACH = 16
_COMPARED_REACH = 40
_LABEL_REACH = 8
# "The liver is bigger than the spleen", where the question asks which is bigger: what is measured against is not meant.
_THAN = re.compile(
    r"\b(?P<how>[a-z]{2,}er|(?:more|less)\s+[a-z]+)\s+(?:than|compared\s+(?:to|with))\s+(?:(?:the|an?|that\s+of\s+the)\s+)?$",
    re.IGNORECASE,
)
_ALSO_BIGGER = re.compile(r"\b(?:larger|greater)\b", re.IGNORECASE)
_HAN_THAN = re.compile(r"(?:要|更|还|得)*(?P<how>[大小多少长短高低亮暗])")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Mention:
    """One place that names an option, by its letter or by its words."""

    index: int
    start: int
    end: int
    letter: bool
    negated: bool = False


def mentions_of(plain: str, options: tuple[str, ...], question: str, *, lettered: bool) -> list[Mention]:
    """Every place that names an option, in the order of the text; "yes" and "no" as options last."""
    known = names(options)
    found = joined(tokens(plain))
    mentions = _texts(found, known)
    letters = _letters(plain, mentions) if lettered else []
    mentions = _unlisted(sorted([*mentions, *letters], key=lambda mention: mention.start), plain, len(options))
    if mentions and may_deny(plain):
        clauses = Clauses.of(plain)
        mentions = [replace(mention, negated=clauses.deny(mention.start, mention.end)) for mention in mentions]
    asked = _ALSO_BIGGER.sub("bigger", " ".join(question.casefold().split()))
    mentions = [each for each in mentions if not _compared(plain, each, asked)]
    return mentions + _polar(plain, known, options, question)


def _compared(plain: str, mention: Mention, asked: str) -> bool:
    """Whether a mention is only what another option is compared with, in the word of the question."""
    if mention.start and plain[mention.start - 1] == "比":
        behind = _HAN_THAN.match(plain, mention.end)
        return behind is not None and behind["how"] in asked
    before = _THAN.search(plain, max(0, mention.start - _COMPARED_REACH), mention.start)
    return before is not None and " ".join(_ALSO_BIGGER.sub("bigger", before["how"].casefold()).split()) in asked


def _unlisted(mentions: list[Mention], plain: str, count: int) -> list[Mention]:
    """The mentions without a repeated list of all the options, "A. CT, B. MRI or C. X-ray"."""
    whole = [(index, letter) for index in range(count) for letter in (True, False)]
    kinds = [(mention.index, mention.letter) for mention in mentions]
    for begin in range(len(mentions) - len(whole), -1, -1):
        end = begin + len(whole)
        if kinds[begin:end] != whole:
            continue
        stretch = mentions[begin:end]
        between = (plain[one.end : other.start] for one, other in pairwise(stretch))
        if not any(set(_WORD.findall(each.casefold())) - {"or", "and"} for each in between):
            mentions, kinds = mentions[:begin] + mentions[end:], kinds[:begin] + kinds[end:]
    return mentions


def _texts(found: list[Token], known: tuple[Name, ...]) -> list[Mention]:
    """Every place that spells out an option, the longest name first, none inside another."""
    mentions: list[Mention] = []
    words = [token.text for token in found]
    heads = {name.words[0] for name in known}
    index = 0
    while index < len(words):
        fits = None
        if words[index] in heads:
            fits = next((name for name in known if _fits(name, words, index)), None)
        if fits is None:
            index += 1
            continue
        start, end = found[index].start, found[index + len(fits.words) - 1].end
        mentions.append(Mention(fits.option, start, end, False))
        index += len(fits.words)
    return mentions


def _fits(name: Name, words: list[str], index: int) -> bool:
    """Whether a name stands at this place, and may stand there: "a" is an article, and "no" a determiner."""
    size = len(name.words)
    if tuple(words[index : index + size]) != name.words:
        return False
    return size == len(words) if name.alone else size > 1 or name.words[0] not in YES_NO


def _letters(plain: str, texts: list[Mention]) -> list[Mention]:
    """Every place that names an option by its letter, or one that there is not ("B or E" among four)."""
    alone = _ALONE.match(plain)
    if alone is not None:
        return [Mention(_place(alone[1]), alone.start(1), alone.end(1), True)]
    inside = {place for text in texts for place in range(text.start, text.end)}
    return [
        Mention(_place(plain[start]), start, end, True)
        for start, end in sorted(set(_letter_places(plain, texts)))
        if start not in inside
    ]


def _place(letter: str) -> int:
    """The place of a letter in the alphabet, from 0."""
    return ord(letter.upper()) - ord("A")


def _letter_places(plain: str, texts: list[Mention]) -> Iterator[tuple[int, int]]:
    """Where a single letter stands as a label and not as a word."""
    seen: set[int] = set()
    for found in (*_labels(plain), *_FREE.finditer(plain)):
        group = found.lastgroup or found.lastindex or 1
        yield found.span(group)
        end = found.end()
        while (more := _MORE.match(plain, end)) and more.start(1) not in seen:
            seen.add(more.start(1))
            yield more.span(1)
            end = more.end()
    begins = {text.start for text in texts}
    for found in _LINE_START.finditer(plain):
        after = plain[found.end() : found.end() + 1]
        if found.end() in begins or (plain[found.start(1)].isupper() and not after.islower()):
            yield found.span(1)
    for text in texts:
        begin = max(0, text.start - _LABEL_REACH)
        before = plain[begin : text.start]
        label = _BEFORE_TEXT.search(before) or _LABEL_BEFORE.search(before)
        if label is not None and not _CARRIER.search(plain, max(0, begin - _CARRIER_REACH), begin + label.start(1)):
            yield begin + label.start(1), begin + label.end(1)


def _labels(plain: str) -> Iterator[re.Match[str]]:
    """Every labelled letter, but for those that a noun carries, or that end a longer bracket ("(hepatitis B)")."""
    opened = [found.start() for found in re.finditer(r"[()]", plain)]
    for found in _LABELLED.finditer(plain):
        kind = found.lastgroup
        if kind == "half":
            before = bisect_right(opened, found.start()) - 1
            if before >= 0 and plain[opened[before]] == "(":
                continue
        if kind in ("round", "half", "square") and _CARRIER.search(
            plain, max(0, found.start() - _CARRIER_REACH), found.start()
        ):
            continue
        yield found


def _polar(plain: str, known: tuple[Name, ...], options: Sequence[str], question: str) -> list[Mention]:
    """The option that is the bare word yes or no, where the answer says it as an answer."""
    polar = {name.words[0]: name.option for name in known if name.words in (("yes",), ("no",)) and not name.alone}
    if not polar:
        return []
    label = _LABEL.match(plain)
    begin = label.end() if label else 0
    said = polarity(plain[begin:], fold(question).text if len(options) == len(YES_NO) else "")
    if said is None or said[0] not in polar:
        return []
    return [Mention(polar[said[0]], begin + said[1], begin + said[2], False)]


def without_list(plain: str, options: Sequence[str]) -> str:
    """The text with a repeated list of all the options blanked: repeating the question answers nothing."""
    if "\n" not in plain or not options:
        return plain
    wanted = [normalise(f"{chr(65 + n)} {option}") for n, option in enumerate(options)]
    lines = plain.split("\n")
    said = [normalise(line) for line in lines]
    for n in range(len(lines) - len(wanted) + 1):
        if said[n : n + len(wanted)] == wanted:
            lines[n : n + len(wanted)] = [" " * len(line) for line in lines[n : n + len(wanted)]]
            said[n : n + len(wanted)] = [""] * len(wanted)
    return "\n".join(lines)
