"""One of a question's options out of an answer, by its letter or its words, only where the answer names just one."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from evalkit.answers.aliases import begun, joined
from evalkit.answers.clauses import Clauses
from evalkit.answers.final import Part, final_part
from evalkit.answers.mentions import Mention, mentions_of, without_list
from evalkit.answers.text import Extraction, Token, fold, has_words, normalise, tokens, word_set

_LABEL = re.compile(r"[^\w]*([A-Za-z])\s*(?:[.):]|\s-\s)+")
_LABEL_END = re.compile(r"[)\].:]*\s*")
_SENTENCE_END = re.compile(r"[.!?][\"')]*\s|\n|\bbecause\b|\bsince\b|。", re.IGNORECASE)
# Behind these an answer says what it comes to.
_CONCLUDES = re.compile(
    r"\b(?:most\s+(?:likely|probabl[ey]|consistent|compatible|suggestive|prominent|appropriate|plausible|fitting)|"
    r"best\s+(?:fits?|match(?:es)?|explain(?:s|ed)|describe[sd]?)|in\s+conclusion|therefore|thus|hence|"
    r"i(?:'d|\s+(?:would|will))?\s+(?:choose|select|pick|go\s+with))\b",
    re.IGNORECASE,
)
_CONCLUSION_END = re.compile(r"[.!?](?=\s)|\n\s*\n|\n(?=[^\w\n]*\w)|。")
_AFFIRMED = re.compile(r"[)\]\"'\s]*+(?:is|are)\s+(?:the\s+)?(?:correct|right|best|answer|most)\b", re.IGNORECASE)
_ASSERTED = re.compile(
    r"\b(?:therefore|so|thus|hence|answer|choose|select|pick|actually)\W*(?:\w+\W+){0,3}$", re.IGNORECASE
)
_SIDES = (
    ("left", "right"),
    ("upper", "lower"),
    ("superior", "inferior"),
    ("anterior", "posterior"),
    ("左", "右"),
)
_SMALL = word_set("a an the of and or in on at to for by option choice answer it is this that")
_REACH = 60
_LONG_LINE = 400


def choose(text: str | Part, options: Sequence[str], question: str = "", *, lettered: bool = True) -> Extraction | None:
    """The option that a response names, as `options` spells it, else None; never a guess.

    A final-answer marker wins. What is left must name one option, by letter, by its words, or by both in agreement;
    what it negates ("not A") does not count, the longer of two options that fit wins, and "B or C" is unparsed. An
    answer that opens with its choice, or comes to it in the end ("the most likely diagnosis is …"), may speak of other
    options besides. The opposite of a side in the chosen words vetoes it. `text` is a response, or the part of one that
    was found before. Options that were not put to the model as A, B, C are not `lettered`: only their words name them.
    """
    part = final_part(text) if isinstance(text, str) else text
    options = tuple(options)
    if part is None or not options:
        return None
    plain = without_list(part.folded.text, options)
    found = tokens(plain)
    mentions = mentions_of(plain, options, question, lettered=lettered)
    if not mentions and not lettered:
        return _begun(part, found, options)
    chosen = sorted((mention for mention in mentions if not mention.negated), key=_start)
    label = _labelled(plain, options, chosen) if lettered else None
    if label is not None:
        return Extraction(options[label.index], part.named("letter"), part.span(label.start, label.end))
    winner, rule = _decided(chosen, plain, found)
    if winner is None or winner.index >= len(options) or _vetoed(winner, plain, found, mentions, options):
        return None
    rule += "letter" if winner.letter else "option text"
    return Extraction(options[winner.index], part.named(rule), part.span(winner.start, winner.end))


def option_of(target: str, options: Sequence[str], question: str = "", *, lettered: bool = True) -> str | None:
    """The option that a target means: the one that it spells out, else what `choose` makes of it."""
    if target in options and has_words(target):
        return target
    wanted = normalise(target)
    for option in options:
        if wanted and normalise(option) == wanted:
            return option
    found = choose(target, options, question, lettered=lettered)
    return found.answer if found else None


def denies_all(part: Part, options: Sequence[str]) -> Extraction | None:
    """ "no" where a part names every option and denies each: "There is no mass or lesion"."""
    mentions = mentions_of(part.folded.text, tuple(options), "", lettered=False)
    if {mention.index for mention in mentions} != set(range(len(options))):
        return None
    if not mentions or not all(mention.negated for mention in mentions):
        return None
    return Extraction("no", part.named("options denied"), part.span(mentions[0].start, mentions[-1].end))


def _labelled(plain: str, options: tuple[str, ...], chosen: list[Mention]) -> Mention | None:
    """The letter that makes the first line with its option's words, whatever these hold: "E. A and B are right"."""
    label = _LABEL.match(plain)
    if label is None or (place := ord(label[1].upper()) - ord("A")) >= len(options) or not has_words(options[place]):
        return None
    stop = plain.find("\n", label.end())
    stop = len(plain) if stop < 0 else stop
    if normalise(plain[label.end() : stop]) != normalise(options[place]):
        return None
    winner = Mention(place, label.start(1), label.end(1), True)
    return winner if _undisputed(winner, stop, chosen, plain) else None


def _begun(part: Part, found: list[Token], options: tuple[str, ...]) -> Extraction | None:
    """The option whose beginning is the whole answer, where the question lends it the rest."""
    index = begun([token.text for token in joined(found)], options)
    if index is None:
        return None
    return Extraction(options[index], part.named("option text"), part.span(found[0].start, found[-1].end))


def _decided(chosen: list[Mention], plain: str, found: list[Token]) -> tuple[Mention | None, str]:
    """The mention that decides, and how: all name one option, or the answer opens with it, or comes to it."""
    if not chosen:
        return None, ""
    if _one(chosen):
        return min(chosen, key=_rank), ""
    opening = _leading(chosen, plain, found) or _heading(chosen, plain)
    closing = _concluding(chosen, plain)
    if opening and closing and opening.index != closing.index:
        return None, ""
    return (opening, "") if opening else (closing, "conclusion, ")


def _one(chosen: list[Mention]) -> bool:
    """Whether all mentions name the same option."""
    return len({mention.index for mention in chosen}) == 1


def _rank(mention: Mention) -> tuple[bool, int]:
    """Letters before words, and the first before the later."""
    return not mention.letter, mention.start


def _start(mention: Mention) -> int:
    return mention.start


def _within(chosen: list[Mention], begin: int, end: int) -> list[Mention]:
    """The mentions that begin in a stretch."""
    return chosen[bisect_left(chosen, begin, key=_start) : bisect_left(chosen, end, key=_start)]


def _leading(chosen: list[Mention], plain: str, found: list[Token]) -> Mention | None:
    """The letter that opens the answer, where its own sentence agrees and no other letter follows."""
    first = chosen[0]
    if not first.letter or not found or first.start > found[min(2, len(found) - 1)].start:
        return None
    if any(token.start < first.start and token.text not in ("option", "choice", "answer") for token in found):
        return None
    label = _LABEL_END.match(plain, first.end)
    end = _SENTENCE_END.search(plain, label.end() if label else first.end)
    stop = end.start() if end else len(plain)
    same = all(mention.index == first.index for mention in chosen if mention.letter or mention.start < stop)
    return first if same else None


def _heading(chosen: list[Mention], plain: str) -> Mention | None:
    """The first line, where it is one option and no more, and what follows explains."""
    first = chosen[0]
    begin, end = _line(plain, first)
    own = _within(chosen, begin, end)
    if has_words(plain[:begin]) or end == len(plain) or not _one(own) or not _bare(plain, begin, end, own):
        return None
    first = min(own, key=_rank)
    return first if _undisputed(first, end, chosen, plain) else None


def _undisputed(first: Mention, end: int, chosen: list[Mention], plain: str) -> bool:
    """Whether the line that ends here stands alone, and nothing behind it takes its choice back."""
    behind = _within(chosen, end, len(plain))
    # The line right below that names another option makes both a list.
    if behind and not has_words(plain[end : behind[0].start]) and plain.count("\n", end, behind[0].start) == 1:
        return False
    return not any(_contradicts(mention, first, chosen, plain) for mention in behind)


def _concluding(chosen: list[Mention], plain: str) -> Mention | None:
    """What the last conclusion that names an option names, where nothing behind it contradicts."""
    last: tuple[list[Mention], int] | None = None
    for cue in _CONCLUDES.finditer(plain):
        stop = _CONCLUSION_END.search(plain, cue.end())
        end = stop.start() if stop else len(plain)
        named = _within(chosen, cue.end(), end)
        last = (named, end) if named else last
    if last is None or not _one(last[0]):
        return None
    winner = min(last[0], key=_rank)
    behind = _within(chosen, last[1], len(plain))
    return None if any(_contradicts(mention, winner, chosen, plain) for mention in behind) else winner


def _contradicts(mention: Mention, winner: Mention, chosen: list[Mention], plain: str) -> bool:
    """Whether a later mention takes the choice back: alone on its line, or said to be the answer."""
    if mention.index == winner.index:
        return False
    begin, end = _line(plain, mention)
    if _bare(plain, begin, end, _within(chosen, begin, end)):
        return True
    before = plain[max(begin, mention.start - _REACH) : mention.start]
    return _AFFIRMED.match(plain, mention.end) is not None or _ASSERTED.search(before) is not None


def _line(plain: str, mention: Mention) -> tuple[int, int]:
    """The line that holds a mention."""
    end = plain.find("\n", mention.end)
    return plain.rfind("\n", 0, mention.start) + 1, len(plain) if end < 0 else end


def _bare(plain: str, begin: int, end: int, own: list[Mention]) -> bool:
    """Whether a stretch holds no more than the mentions in it."""
    if end - begin > _LONG_LINE:
        return False
    rest = (token for token in tokens(plain[begin:end]) if token.text not in _SMALL)
    inside = [(mention.start - begin, mention.end - begin) for mention in own]
    return all(any(start <= token.start < stop for start, stop in inside) for token in rest)


def _vetoed(winner: Mention, plain: str, found: list[Token], mentions: list[Mention], options: tuple[str, ...]) -> bool:
    """Whether the answer also names the opposite of a side in the chosen option, or all of a longer option's words."""
    named = _content(options[winner.index])
    inside = {place for mention in mentions for place in range(mention.start, mention.end)}
    outside = [token for token in found if token.start not in inside]
    if winner.letter:
        _, end = _line(plain, winner)
        outside = [token for token in outside if winner.end <= token.start < end]
    elsewhere = {token.text for token in outside}
    if any((a in named and b in elsewhere) or (b in named and a in elsewhere) for a, b in _SIDES):
        return True
    if winner.letter:
        return False
    longer = [words for option in options if named < (words := _content(option)) and words - named <= elsewhere]
    if not longer:
        return False
    clauses = Clauses.of(plain)
    said = {token.text for token in outside if not clauses.deny(token.start, token.end)}
    return any(words - named <= said for words in longer)


def _content(option: str) -> set[str]:
    """The words that tell an option apart."""
    return {token.text for token in tokens(fold(option).text)} - _SMALL
