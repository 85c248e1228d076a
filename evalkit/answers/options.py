"""One of a question's options out of an answer, by its letter or its words, only where the answer names just one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from evalkit.answers.aliases import Name, names, singular
from evalkit.answers.final import Part, final_part
from evalkit.answers.text import Extraction, Token, fold, normalise, tokens
from evalkit.answers.yes_no import polarity

_END = r"(?![0-9A-Za-z'])"
_FOLLOWED = r"(?=\W*$|\s*[.,;:!)。是\n\"'/&]|\s+(?i:because|since|is|was|due|for|and|or|but|not)\b)"
# (B) and B) and "Option b": the letter is labelled, whatever its case.
_LABELLED = re.compile(
    rf"\(\s*(?P<round>[A-Za-z])\s*\)|(?<![0-9A-Za-z'(])(?P<half>[A-Za-z])\)|\[\s*(?P<square>[A-Za-z])\s*\]"
    rf"|\b(?:option|choice|answer)(?:\s+|\s*[:=]\s*)[\"']?(?P<word>[A-Za-z]){_END}{_FOLLOWED}"
    rf"|\b(?:option|choice)\s+(?P<upper>[A-Z]){_END}",
    re.IGNORECASE,
)
_ALONE = re.compile(r"^\W*([A-Za-z])\W*$")
_LINE_START = re.compile(r"^[^\w(]*([A-Za-z])\s*[.:](?=\s*\S)(?![A-Za-z]\.)\s*", re.MULTILINE)
# A free capital is a letter only between a cue and a stop: not in "hepatitis B", nor "E. coli", nor "A nodule".
_FREE = re.compile(
    rf"(?:^[^\w]*|[,;:>=\n]\s*|[.!?。]\s+|(?:选项?|是|为)\s*"
    r"|\b(?i:is|it's|be|so|choose|pick|select|chose|therefore|thus|hence|say|think|believe|not|with)"
    rf"\s+)[\"']?([A-HJ-Z]){_END}{_FOLLOWED}(?!\.\s*[a-z])"
)
# "B MRI": a capital at the start of a line, right before an option's words; A and I would be words.
_BEFORE_TEXT = re.compile(r"(?:^|\n)[^\w\n]*([B-HJ-Z])[^\w\n]*$")
_MORE = re.compile(
    rf"[.)]?\s*(?:,?\s*(?:or|and)\s+|[,/&]\s*)(?:option\s+)?\(?([A-Za-z])\)?{_END}(?!\s+[a-z])", re.IGNORECASE
)
_REACH = 300
_COMMA = re.compile(r",")
_NEW_CLAUSE = re.compile(
    r"\b(?:is|are|was|were|it|it's|this|there|so|therefore|thus|rather|instead|shows?|suggests?|"
    r"the answer)\b|是|而|所以",
    re.I,
)
_COPULA = re.compile(r"[)\]\"'\s]*(?:(?:is|are|was|were|shows?|fits?)\b|是)", re.IGNORECASE)
_EXAMPLE = re.compile(r"(?:\be\.g\.|\bfor example|\bfor instance|\bsuch as|例如|比如)[\s,.:(]*$", re.IGNORECASE)
_CLAUSE_START = re.compile(r"[.;!?:\n。；]|\bbut\b|\bhowever\b|但", re.IGNORECASE)
_NOT_BEFORE = re.compile(
    r"\b(?:not|no|never|neither|nor|without|cannot|rather\s+than|instead\s+of|unlike|exclud\w*|rul\w+\s+out|"
    r"(?:un|less\s+)likely)\b|n't\b|不|没|无|非|排除|而非",
    re.IGNORECASE,
)
_NOT_AFTER = re.compile(
    r"[)\]\"'\s]*(?:(?:is|are|was|were|can|does|do|would\s+be|seems?)\s*(?:not\b|n't)|(?:(?:is|are|was|were|would\s+be|"
    r"seems?)\s+)?(?:incorrect|wrong|unlikely|excluded|ruled\s+out|less\s+likely|absent|false)\b|isn't|aren't|"
    r"(?:是)?(?:不|错)|被排除)",
    re.IGNORECASE,
)
_LABEL_END = re.compile(r"[)\].:]*\s*")
# What every denial or example holds, so that most answers are settled at once.
_DENIES = re.compile(
    r"not|n't|no\b|never|neither|nor\b|without|rather|instead|unlike|exclud|out\b|less\s+likely|incorrect|wrong|absent|"
    r"false|e\.g|example|instance|such\s+as|[不没无非错]|排除|例如|比如",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?][\"')]*\s|\n|\bbecause\b|\bsince\b|。", re.IGNORECASE)
_SIDES = (
    ("left", "right"),
    ("upper", "lower"),
    ("superior", "inferior"),
    ("anterior", "posterior"),
    ("左", "右"),
)
_YES_NO = frozenset(("yes", "no"))


@dataclass(frozen=True, slots=True)
class _Mention:
    """One place that names an option, by its letter or by its words."""

    index: int
    start: int
    end: int
    letter: bool
    negated: bool = False


def choose(text: str | Part, options: Sequence[str], question: str = "", *, lettered: bool = True) -> Extraction | None:
    """The option that a response names, as `options` spells it, else None; never a guess.

    A final-answer marker wins. What is left must name one option, by letter, by its words, or by both in agreement;
    what it negates ("not A") does not count, the longer of two options that fit wins, and "B or C" is unparsed. An
    answer that opens with a letter may go on to speak of other options. The opposite of a side in the chosen words
    vetoes it. `text` is a response, or the part of one that was found before. Options that were not put to the model as
    A, B, C are not `lettered`: only their words name them.
    """
    part = final_part(text) if isinstance(text, str) else text
    if part is None:
        return None
    options = tuple(options)
    plain = _without_list(part.folded.text, options)
    known = names(options)
    found = tokens(plain)
    mentions = _texts(found, known)
    letters = _letters(plain, mentions) if lettered else []
    mentions = sorted([*mentions, *letters], key=lambda mention: mention.start)
    if _DENIES.search(plain):
        mentions = [replace(mention, negated=_negated(plain, mention.start, mention.end)) for mention in mentions]
    mentions += _polar(plain, known, options, question)
    chosen = [mention for mention in mentions if not mention.negated]
    winner = _agreed(chosen) or _leading(chosen, plain, found)
    if (
        winner is None
        or winner.index >= len(options)
        or (not winner.letter and _vetoed(winner, found, mentions, options))
    ):
        return None
    rule = "letter" if winner.letter else "option text"
    return Extraction(options[winner.index], part.named(rule), part.span(winner.start, winner.end))


def option_of(target: str, options: Sequence[str], question: str = "", *, lettered: bool = True) -> str | None:
    """The option that a target means: the one that it spells out, else what `choose` makes of it."""
    wanted = normalise(target)
    for option in options:
        if wanted and normalise(option) == wanted:
            return option
    found = choose(target, options, question, lettered=lettered)
    return found.answer if found else None


def _agreed(chosen: list[_Mention]) -> _Mention | None:
    """The first mention, a letter before words, where all name one option."""
    if len({mention.index for mention in chosen}) != 1:
        return None
    return min(chosen, key=lambda mention: (not mention.letter, mention.start))


def _leading(chosen: list[_Mention], plain: str, found: list[Token]) -> _Mention | None:
    """The letter that opens the answer, where its own sentence agrees and no other letter follows."""
    first = min(chosen, key=lambda mention: mention.start, default=None)
    if first is None or not first.letter or not found or first.start > found[min(2, len(found) - 1)].start:
        return None
    if any(token.start < first.start and token.text not in ("option", "choice", "answer") for token in found):
        return None
    label = _LABEL_END.match(plain, first.end)
    end = _SENTENCE_END.search(plain, label.end() if label else first.end)
    stop = end.start() if end else len(plain)
    same = all(mention.index == first.index for mention in chosen if mention.letter or mention.start < stop)
    return first if same else None


def _texts(found: list[Token], known: tuple[Name, ...]) -> list[_Mention]:
    """Every place that spells out an option, the longest name first, none inside another."""
    mentions: list[_Mention] = []
    words = [singular(token.text) for token in found]
    heads = {name.words[0] for name in known}
    index = 0
    while index < len(words):
        fits = None
        if words[index] in heads:
            fits = next((name for name in known if tuple(words[index : index + len(name.words)]) == name.words), None)
        # A name of one letter is an option's words only as the whole answer: "A" is an article.
        if fits is None or (len(fits.words) == 1 and fits.words[0] in _YES_NO) or (fits.short and len(words) > 1):
            index += 1
            continue
        start, end = found[index].start, found[index + len(fits.words) - 1].end
        mentions.append(_Mention(fits.option, start, end, False))
        index += len(fits.words)
    return mentions


def _letters(plain: str, texts: list[_Mention]) -> list[_Mention]:
    """Every place that names an option by its letter, or one that there is not ("B or E" among four)."""
    alone = _ALONE.match(plain)
    if alone is not None:
        return [_Mention(_place(alone[1]), alone.start(1), alone.end(1), True)]
    inside = {place for text in texts for place in range(text.start, text.end)}
    return [
        _Mention(_place(plain[start]), start, end, True)
        for start, end in sorted(set(_letter_places(plain, texts)))
        if start not in inside
    ]


def _place(letter: str) -> int:
    """The place of a letter in the alphabet, from 0."""
    return ord(letter.upper()) - ord("A")


def _letter_places(plain: str, texts: list[_Mention]) -> Iterator[tuple[int, int]]:
    """Where a single letter stands as a label and not as a word."""
    seen: set[int] = set()
    for pattern in (_LABELLED, _FREE):
        for found in pattern.finditer(plain):
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
        label = _BEFORE_TEXT.search(plain[max(0, text.start - 8) : text.start])
        if label is not None:
            place = max(0, text.start - 8) + label.start(1)
            yield place, place + 1


def _negated(plain: str, start: int, end: int) -> bool:
    """Whether a mention is denied in its own clause, or stands as an example.

    A comma ends the reach of a "not" only where a new clause begins behind it: "not typical of A, B or C" denies all.
    """
    before = plain[max(0, start - _REACH) : start]
    begin = max((found.end() for found in _CLAUSE_START.finditer(before)), default=0)
    for found in _COMMA.finditer(before, begin):
        if _NEW_CLAUSE.search(before, found.end()) or _COPULA.match(plain, end):
            begin = found.end()
    denied = _NOT_BEFORE.search(before, begin) or _NOT_AFTER.match(plain, end) or _EXAMPLE.search(before)
    return denied is not None


def _polar(plain: str, known: tuple[Name, ...], options: tuple[str, ...], question: str) -> list[_Mention]:
    """The option that is the bare word yes or no, where the answer says it as an answer."""
    polar = {name.words[0]: name.option for name in known if len(name.words) == 1 and name.words[0] in _YES_NO}
    if not polar:
        return []
    said = polarity(plain, fold(question).text if len(options) == 2 else "")
    if said is None or said[0] not in polar:
        return []
    return [_Mention(polar[said[0]], said[1], said[2], False)]


def _vetoed(winner: _Mention, found: list[Token], mentions: list[_Mention], options: tuple[str, ...]) -> bool:
    """Whether the answer also names the opposite side of the one in the chosen option."""
    named = {token.text for token in tokens(fold(options[winner.index]).text)}
    inside = {place for mention in mentions for place in range(mention.start, mention.end)}
    elsewhere = {token.text for token in found if token.start not in inside}
    return any((a in named and b in elsewhere) or (b in named and a in elsewhere) for a, b in _SIDES)


def _without_list(plain: str, options: tuple[str, ...]) -> str:
    """The text with a repeated list of all the options blanked: repeating the question answers nothing."""
    if "\n" not in plain:
        return plain
    wanted = [normalise(f"{chr(65 + n)} {option}") for n, option in enumerate(options)]
    lines = plain.split("\n")
    said = [normalise(line) for line in lines]
    for n in range(len(lines) - len(wanted) + 1):
        if said[n : n + len(wanted)] == wanted:
            lines[n : n + len(wanted)] = [" " * len(line) for line in lines[n : n + len(wanted)]]
            return "\n".join(lines)
    return plain
