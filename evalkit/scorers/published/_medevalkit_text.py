"""How MedEvalKit finds the answer in a response: the box, the tag, and what follows a marker."""

from __future__ import annotations

import re

NONE = "None"
"""What the original's box is called where there is none: a word, so a box that holds this very word is none either."""

BOX = "\\boxed{"
TAG = "<answer>"
END = "</answer>"
MARKERS = (
    *("**answer**:", "**answer**", "*answer*:", "**answer:**", "answer is", "answer:", "答案:"),
    *("final answer", "final answer is"),
)
"""In the order of the original, in which the last can never be met: the one before it has taken it away."""

_BRACE = re.compile(r"[{}]")


def boxed(text: str) -> str:
    r"""What the last `\boxed{` holds up to its matching brace, stripped; the word `None` where there is none."""
    start = text.rfind(BOX)
    if start < 0:
        return NONE
    start += len(BOX)
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace.group() == "{" else -1
        if not depth:
            return text[start : brace.start()].strip()
    return NONE


def tag(text: str) -> str:
    """What all `<answer>…</answer>` hold, joined by spaces and stripped; the text itself where that is empty."""
    parts = []
    start = text.find(TAG)
    while start >= 0 and (end := text.find(END, start + len(TAG))) >= 0:
        parts.append(text[start + len(TAG) : end])
        start = text.find(TAG, end + len(END))
    return " ".join(parts).strip() or text


def opened(response: str) -> str:
    """The first step of a data set's class: what is boxed, else what is tagged, else the response."""
    if BOX in response and (inside := boxed(response)) != NONE:
        return inside
    return tag(response) if TAG in response else response


def parse(text: str) -> str:
    """The answer in lower case, not stripped: what is boxed or tagged, and of that what follows the last marker.

    A text that says "boxed" without a whole box gives the word `None`, whose capital equals no lowered gold.
    """
    text = text.lower()
    if "boxed" in text:
        text = boxed(text)
    elif TAG in text:
        text = tag(text)
    # All markers but one hold this word; most texts hold neither.
    if "answer" in text or "答案" in text:
        for marker in MARKERS:
            if marker in text:
                text = text.rpartition(marker)[2]
    return text
