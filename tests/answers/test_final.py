"""Where a response states its answer."""

from __future__ import annotations

import pytest

from evalkit.answers import final_part


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        ("CT", "CT", "whole"),
        ("Answer: CT", "CT", "marker"),
        ("**Answer:** B", "B", "marker"),
        ("**Answer**: B", "B", "marker"),
        ("Reasoning first.\nFinal answer: B\nbecause it is", "B", "marker"),
        ("Reasons.\n\n## Answer\nMRI", "MRI", "marker"),
        ("The answer is (B).", "(B).", "marker"),
        ("So the correct option is B", "B", "marker"),
        ("Answer: A. On reflection, the answer is B", "B", "marker"),
        (r"Thus \boxed{B}.", "B", "boxed"),
        (r"Thus \boxed{\text{B}}", "B", "boxed"),
        (r"The final answer is $\boxed{\frac{1}{2}}$", r"\frac{1}{2}", "boxed"),
        ("<think>maybe A</think><answer>B</answer>", "B", "tag"),
        ("<answer>B", "B", "tag"),
        ("<think>the answer is A</think> B", "B", "whole"),
        ("I ponder.</think>\nNo.", "No.", "whole"),
        ("<unused94>thought\n...<unused95>Yes", "Yes", "whole"),
        ("分析如下。答案：B", "B", "marker"),
        ("最终答案是 左侧。", "左侧。", "marker"),
        ("Ａｎｓｗｅｒ：Ｂ", "Ｂ", "marker"),
        ("Answer: B\nAnswer:", "B", "marker"),
    ],
)
def test_last_explicit_answer(text: str, answer: str, rule: str) -> None:
    """The last marker with words behind it states the answer, behind closed reasoning; without one, all of it does."""
    part = final_part(text)

    assert part is not None
    assert (part.text.strip().removeprefix(r"\text{"), part.rule) == (answer, rule)
    assert text[part.start : part.start + len(part.text)] == part.text


@pytest.mark.parametrize(
    "text",
    [
        "If the answer is yes, more tests follow. CT",
        "I do not know what the answer is",
        "The wrong answer is A",
        "Please answer the question",
        "The options: A) CT",
    ],
)
def test_no_marker(text: str) -> None:
    """A condition, a denial and the bare word state nothing."""
    part = final_part(text)

    assert part is not None and part.rule == "whole"


@pytest.mark.parametrize("text", ["<think>The answer is B", "<think>a</think>B<think>but", "<Thinking> no"])
def test_cut_off(text: str) -> None:
    """Reasoning that never closes states no answer, whatever stands in it."""
    assert final_part(text) is None
