"""The answer cleaning of the VQA v2 evaluation, as LLaVA-Med and MultiMedEval run it, mistakes included.

And the plainer way of the others: ASCII punctuation taken out.
"""

from __future__ import annotations

import re
import string
from functools import lru_cache
from types import MappingProxyType

MARKS = ';/[]"{}()=+\\_-><@`,?!'
"""The punctuation that is cleaned away; apostrophe, colon, asterisk and full stop are none."""
ARTICLES = frozenset({"a", "an", "the"})
STOPS = 32
"""So many full stops are deleted at most: a flag of that value is passed where a count is expected."""

_GROUPED = re.compile(r"\d,\d")
_STOP = re.compile(r"\.(?!\d)")
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

# The table of the VQA v2 evaluation, as facts: the right-hand sides, of which its left-hand sides lack one apostrophe.
# Its entries with a capital I cannot be met in lower case, and those of "let's" and "she's" change nothing.
_CONTRACTED = """
ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've he's
how'd how'll how's isn't it'd it'd've it'll ma'am might've mightn't mightn't've must've mustn't needn't not've o'clock
oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd
someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've there're there's
they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's what've when's
where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't would've wouldn't wouldn't've
y'all y'all'd've y'all'll you'd you'd've you'll you're you've
"""

_SPELLINGS = MappingProxyType(
    {
        **{
            form[:at] + form[at + 1 :]: form
            for form in _CONTRACTED.split()
            for at in range(len(form))
            if form[at] == "'"
        },
        "somebody'd": "somebodyd",
        "none": "0",
        **{word: str(number) for number, word in enumerate(_NUMBERS)},
    }
)
_UNPUNCTUATED = MappingProxyType(str.maketrans("", "", string.punctuation))
_SPECIAL = ARTICLES.union(_SPELLINGS)


def clean(lowered: str) -> str:
    """A text that is already in lower case without its punctuation and articles, numbers up to ten as digits.

    A mark that stands beside a space anywhere in the text is deleted everywhere, and so is every mark where a comma
    stands between two digits; any other becomes a space. Full stops go unless a digit follows, but only the first 32.
    """
    text = lowered
    grouped = "," in lowered and _GROUPED.search(lowered) is not None
    for mark in MARKS:
        if mark in lowered:
            deleted = grouped or f"{mark} " in lowered or f" {mark}" in lowered
            text = text.replace(mark, "" if deleted else " ")
    if "." in text:
        text = _STOP.sub("", text, count=STOPS)
    words = text.split()
    if not _SPECIAL.isdisjoint(words):
        words = [_SPELLINGS.get(word, word) for word in words if word not in ARTICLES]
    return " ".join(words)


@lru_cache(maxsize=4096)
def clean_gold(gold: str) -> str:
    """A gold answer in lower case and cleaned; the golds of a data set are few."""
    return clean(gold.lower())


def unpunctuated(text: str) -> str:
    """A text with its ASCII punctuation deleted: no space is left, so "X-Ray" becomes "XRay"."""
    return text.translate(_UNPUNCTUATED)
