"""What several rules of multiple choice share: letters, the gold's letter, a draw, and the most similar option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from math import nan
from string import ascii_uppercase

from evalkit.scorers.published.base import gold_of
from evalkit.types import Sample, Score

BARE = "ABCDE"
"""The letters of a sample whose options' texts are not there."""
DRAW = Score(nan, bucket="random", reason="draws an option")
"""The original finds no option and draws one."""
JUNK_FROM = 200
"""From this length of the second text on, difflib passes over the characters that are more than 1 % of it, and one."""
PRIVATE = 0xE000
"""From here on lie characters that no text should have."""


def letters(sample: Sample) -> Sequence[str]:
    """The options' letters, in order, beginning with A; of a sample without options' texts A to E."""
    size = len(sample.options) or len(BARE)
    return ascii_uppercase[:size] if size <= len(ascii_uppercase) else [chr(ord("A") + index) for index in range(size)]


def gold_letter(sample: Sample) -> str | None:
    """The letter of the last option that is the gold, or None; without options' texts what stands before its colon."""
    gold = gold_of(sample)
    if not sample.options:
        letter = gold.partition(":")[0].strip()
        return letter if letter and letter in tuple(BARE) else None
    named = (letter for letter, option in zip(letters(sample), sample.options, strict=True) if option == gold)
    return max(named, default=None)


def chosen(sample: Sample, letter: str, rule: str) -> Score:
    """The mark of a choice: 1 where it is the gold's letter, in the same case."""
    return Score(float(letter == gold_letter(sample)), letter, rule)


def nearest(options: Sequence[str], response: str, *, last: bool = False) -> tuple[int, float]:
    """The option most similar to the response, and how similar: what difflib's SequenceMatcher calls `ratio`.

    The option is the first sequence, the response the second, automatic junk on. The first of the options wins ties,
    or the last.
    """
    bounds = [_ratio(min(len(option), len(response)), option, response) for option in options]
    junk = _junk(options, response)
    best, most = 0, -1.0
    # The likeliest first, so that most of the others cannot reach it.
    for index in sorted(range(len(options)), key=bounds.__getitem__, reverse=True):
        if bounds[index] < most:
            break
        option = options[index]
        ratio = _ratio(_matched(option, option.translate(junk) if junk else option, response), option, response)
        if ratio > most or (ratio == most and (index > best) == last):
            best, most = index, ratio
    return best, most


def _ratio(matched: int, option: str, response: str) -> float:
    """So many of all characters, on both sides, are matched; 1 where there are none."""
    both = len(option) + len(response)
    return 2.0 * matched / both if both else 1.0


def _junk(options: Sequence[str], response: str) -> Mapping[int, str]:
    """What is junk in the response, to be replaced in the options by a character that the response has not."""
    if len(response) < JUNK_FROM:
        return {}
    limit = len(response) // 100 + 1
    absent = next(char for char in map(chr, count(PRIVATE)) if char not in response)
    return {ord(char): absent for char in set("".join(options)) if response.count(char) > limit}


def _matched(option: str, rare: str, response: str) -> int:
    """How many characters difflib pairs: those of the longest common run, and so on to its left and to its right.

    Of several longest runs it is the one that starts first in the option, then in the response. `rare` is the option
    with its junk replaced: junk begins no run, but a run, even an empty one where both stretches begin, grows over it.
    """
    total, waiting = 0, [(0, len(option), 0, len(response))]
    while waiting:
        low, high, left, right = waiting.pop()
        stretch = response[left:right]
        start = end = here = low
        # The window is always one longer than the best run so far: it grows where it is found, else it moves on.
        for stop in range(low + 1, high + 1):
            if rare[here:stop] in stretch:
                start, end = here, stop
            else:
                here += 1
        at = left + stretch.find(rare[start:end])
        if rare is not option:
            while start > low and at > left and option[start - 1] == response[at - 1]:
                start, at = start - 1, at - 1
            while end < high and at + end - start < right and option[end] == response[at + end - start]:
                end += 1
        if end > start:
            total += end - start
            if start > low and at > left:
                waiting.append((low, start, left, at))
            if end < high and at + end - start < right:
                waiting.append((end, high, at + end - start, right))
    return total
