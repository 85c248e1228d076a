"""How far two texts share words: BLEU and ROUGE as the packages that the originals call compute them."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from collections.abc import Hashable, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from math import exp, log
from struct import Struct
from typing import Protocol, TypeVar

Gram = TypeVar("Gram", bound=Hashable)

SMALL = 1e-8
"""What keeps the F of the package `rouge`, and MultiMedEval's, from dividing by nothing."""

DEEP = 987
"""So many steps back through a sentence pass Python's limit of 1,000 calls in calls, with those of a program below."""

_TOKEN = re.compile(r"[a-z0-9]+")
_FLOAT = Struct("f")


def shared(said: Sequence[Gram], wanted: Sequence[Gram]) -> int:
    """How many of the words said are wanted, none more often than it is wanted."""
    left = dict(Counter(wanted))
    count = 0
    for gram in said:
        if left.get(gram):
            left[gram] -= 1
            count += 1
    return count


def token_f1(said: Sequence[str], wanted: Sequence[str]) -> float:
    """The harmonic mean of precision and recall over words, each counted as often as it occurs; 0 without a match."""
    same = shared(said, wanted)
    return 2 * same / (len(said) + len(wanted)) if same else 0.0


def bleu1(said: Sequence[str], wanted: Sequence[str]) -> float:
    """Clipped unigram precision × brevity penalty; 0 without a match."""
    same = shared(said, wanted)
    return _brevity(said, wanted) * same / len(said) if same else 0.0


def bleus(said: Sequence[str], wanted: Sequence[str]) -> tuple[float, float, float, float]:
    """BLEU-1 to BLEU-4 of a sentence as NLTK gives them, uniform weights, no smoothing.

    Where no gram of an order is shared, NLTK gives some 1e-77 or less: 0 here.
    """
    brevity = _brevity(said, wanted) if said else 0.0
    found = [0.0, 0.0, 0.0, 0.0]
    logs = 0.0
    for order in range(1, 5):
        same = shared(_grams(said, order), _grams(wanted, order))
        if not same:
            break
        logs += log(same / (len(said) - order + 1))
        found[order - 1] = brevity * exp(logs / order)
    return found[0], found[1], found[2], found[3]


def bleu1_single(said: Sequence[str], wanted: Sequence[str]) -> float:
    """BLEU-1 as torchmetrics gives it: every step of it in single precision; 0 without a match."""
    same = shared(said, wanted)
    if not same:
        return 0.0
    precision = _single(exp(_single(log(_single(same / len(said))))))
    if len(said) > len(wanted):
        return precision
    return _single(_single(exp(_single(1 - _single(len(wanted) / len(said))))) * precision)


def _brevity(said: Sequence[str], wanted: Sequence[str]) -> float:
    return 1.0 if len(said) > len(wanted) else exp(1 - len(wanted) / len(said))


def _grams(words: Sequence[str], order: int) -> list[tuple[str, ...]]:
    return list(zip(*(words[start:] for start in range(order)), strict=False))


def _single(value: float) -> float:
    """The nearest number of single precision."""
    nearest: float = _FLOAT.unpack(_FLOAT.pack(value))[0]
    return nearest


def rouges(said: str, wanted: str) -> tuple[float, float, float]:
    """ROUGE-1, ROUGE-2 and ROUGE-L F of the package `rouge` 1.0.1, over sets of words and word pairs.

    Full stops end sentences. One of white space alone holds the empty word. ROUGE-L takes the union of the longest
    common subsequences of every two sentences. Texts on which the package raises are the caller's to leave out.
    """
    hypothesis, reference = _sentences(said), _sentences(wanted)
    words, gold = list(chain(*hypothesis)), list(chain(*reference))
    bag, wanted_bag = set(words), set(gold)
    same = len(bag & wanted_bag)
    if not same:
        return 0.0, 0.0, 0.0
    pairs, wanted_pairs = set(pairwise(words)), set(pairwise(gold))
    union: set[str] = set()
    for sentence in reference:
        known = set(sentence)
        for other in hypothesis:
            # Words that are not wanted turn no step of the way back.
            union.update(_common(sentence, [word for word in other if word in known])[0])
    return (
        _soft_f(same, len(bag), len(wanted_bag)),
        _soft_f(len(pairs & wanted_pairs), len(pairs), len(wanted_pairs)),
        _soft_f(len(union), len(bag), len(wanted_bag)),
    )


def rouge_raises(said: str, wanted: str) -> bool:
    """Whether the package `rouge` raises: on full stops only, and where it calls itself once a word, too often."""
    if not said.strip(".") or not wanted.strip("."):
        return True
    if len(said) + len(wanted) < 2 * DEEP:
        return False
    hypothesis, reference = _sentences(said), _sentences(wanted)
    most = DEEP - max(map(len, reference))
    long = [sentence for sentence in hypothesis if len(sentence) >= most]
    return any(_common(one, other)[1] >= DEEP for one in reference for other in long)


def _sentences(text: str) -> list[list[str]]:
    return [" ".join(part.split()).split(" ") for part in text.split(".") if part]


def _soft_f(same: int, said: int, wanted: int) -> float:
    if not same:
        return 0.0
    precision, recall = same / said, same / wanted
    return 2 * precision * recall / (precision + recall + SMALL)


def _common(wanted: Sequence[str], said: Sequence[str]) -> tuple[list[str], int]:
    """The longest common subsequence that the package finds, from the end, `said` first, and the steps of its way."""
    if not said:
        return [], 0
    above = [0] * (len(said) + 1)
    table = [above]
    for word in wanted:
        row = [0]
        for at, other in enumerate(said):
            row.append(above[at] + 1 if word == other else max(above[at + 1], row[at]))
        table.append(row)
        above = row
    found = []
    steps, row_at, at = 0, len(wanted), len(said)
    while row_at and at:
        steps += 1
        if wanted[row_at - 1] == said[at - 1]:
            found.append(said[at - 1])
            row_at, at = row_at - 1, at - 1
        elif table[row_at - 1][at] > table[row_at][at - 1]:
            row_at -= 1
        else:
            at -= 1
    return found, steps


def rouge_l(said: str, wanted: str, *, stemmed: bool) -> float:
    """ROUGE-L F as Google's `rouge_score` gives it: runs of a–z and 0–9 in lower case, longest common subsequence.

    With `stemmed`, words of more than three characters are cut to their stems.
    """
    gold, bag, initials = _gold_tokens(wanted, stemmed)
    words = _TOKEN.findall(said.lower())
    if stemmed:
        # A stem begins as its word does, so that no other word can be a wanted one.
        words = [stem(word) if len(word) > 3 and word[0] in initials else word for word in words]
    if bag.isdisjoint(words):
        return 0.0
    return 2 * longest_common(gold, words) / (len(gold) + len(words))


def longest_common(wanted: Sequence[str], said: Sequence[str]) -> int:
    """The length of the longest common subsequence of two lists of words.

    Bit-parallel (Hyyrö 2004): a bit a word of `wanted`, 0 where a match has been counted.
    """
    places: dict[str, int] = {}
    for at, word in enumerate(wanted):
        places[word] = places.get(word, 0) | 1 << at
    full = (1 << len(wanted)) - 1
    row = full
    for word in said:
        if word in places:
            match = row & places[word]
            row = ((row + match) | (row - match)) & full
    return len(wanted) - row.bit_count()


@lru_cache(maxsize=4096)
def _gold_tokens(gold: str, stemmed: bool) -> tuple[tuple[str, ...], frozenset[str], frozenset[str]]:
    """A gold's words in their order, as a set, and what they begin with."""
    found = _TOKEN.findall(gold.lower())
    words = tuple(stem(word) if stemmed and len(word) > 3 else word for word in found)
    return words, frozenset(words), frozenset(word[0] for word in words)


class Stemmer(Protocol):
    """What cuts a word to its stem."""

    def stem(self, word: str) -> str:
        """The stem of a word."""


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """The stem of a word after Porter (1980), with the changes that NLTK makes."""
    return _porter().stem(word)


@lru_cache(maxsize=1)
def _porter() -> Stemmer:
    """NLTK's stemmer, imported when the first word is to be stemmed: importing it takes longer than marking a split."""
    stemmer: Stemmer = importlib.import_module("nltk.stem.porter").PorterStemmer()
    return stemmer
