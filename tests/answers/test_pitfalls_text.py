"""How an answer is typed, what stands before it, and answers that are none: what must agree, and what must not."""

from __future__ import annotations

import pytest

from evalkit.answers import bucket_of, choose, final_part, normalise, yes_no
from evalkit.scorers.base import Scorer
from evalkit.scorers.closed import Closed
from evalkit.scorers.exact_match import ExactMatch
from evalkit.scorers.recall import Recall
from evalkit.scorers.token_f1 import TokenF1
from evalkit.types import Kind, Response, Sample

SCANS = ("CT", "MRI", "X-ray", "Ultrasound")
STRICT: tuple[Scorer, ...] = (Closed(), ExactMatch(), TokenF1(), Recall())


def exact(text: str, target: str) -> float:
    """Exact match of an open answer."""
    return ExactMatch().score(Sample("1", "What is it?", (target,)), Response(text)).value


# 4. How a text is typed.
@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("x\u2011ray", "X-Ray"),
        ("X Ray", "xray"),
        ("X - ray.", "x-ray"),
        ("left\u00a0lower\u202flobe", "left lower lobe"),
        ("Ｌｅｆｔ　Ｌｕｎｇ", "left lung"),
        ("ＣＴ。", "CT"),
        ("“Right”", "right"),
        ("**Cardiomegaly**", "cardiomegaly"),
        ("`cardiomegaly`\n", "Cardiomegaly"),
        ("<b>Cardiomegaly</b><br>", "cardiomegaly"),
        ("cardiomegaly</s>", "cardiomegaly"),
        ("Cardio\u00admegaly", "cardiomegaly"),
        ("\ufeffcardiomegaly\u200b", "cardiomegaly"),
        ("T2\u2013weighted", "T2-weighted"),
        ("T\u2082", "T2"),
        ("Sjo\u0308gren\u2019s", "Sj\u00f6gren's"),
        ("5\u00a0cm", "5 cm"),
        ("non-contrast", "non contrast"),
        ("a, b; c", "a b c"),
        ("# Cardiomegaly", "cardiomegaly"),
        ("- cardiomegaly", "cardiomegaly"),
        (r"$\text{Cardiomegaly}$", "cardiomegaly"),
        ("右肺 ，上叶", "右肺上叶"),
    ],
)
def test_typed_otherwise(text: str, target: str) -> None:
    """Width, spaces that are none, hyphens, quotes, accents, markup and case make no difference."""
    assert exact(text, target) == 1.0
    assert normalise(text) == normalise(target)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("left lung", "right lung"),
        ("xrays", "x-ray"),
        ("2.5", "2 5"),
        ("-5", "5"),
        ("5%", "5"),
        ("< 3 cm", "3 cm"),
        ("HER2+", "HER2"),
        ("T1", "T2"),
        ("non-contrast", "contrast"),
        ("abnormal", "normal"),
        ("不正常", "正常"),
        ("cardiomegaly present", "cardiomegaly"),
        ("cafe", "caf\u00e9"),
    ],
)
def test_really_other(text: str, target: str) -> None:
    """Signs, digits, prefixes, plurals and words that change the meaning do."""
    assert exact(text, target) == 0.0


# 12. Reasoning, closed and cut off; the last explicit final answer.
@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>CT shows bone, so the answer is A.</think> B", "MRI"),
        ("<think>\n\n</think>\n\nB", "MRI"),
        ("CT shows bone. The answer is A.</think>B", "MRI"),
        ("<think>A</think><think>C</think>B", "MRI"),
        ("<THINKING>A</THINKING>\n\n**B**", "MRI"),
        ("<reasoning>Answer: A</reasoning><answer>B</answer>", "MRI"),
        ("<unused94>thought\nAnswer: A<unused95>B", "MRI"),
        ("[THINK]A?[/THINK]B", "MRI"),
        ("◁think▷A◁/think▷B", "MRI"),
        ("## Thinking\n\nA fits.\n\n## Final Response\n\nB", "MRI"),
        ("<|channel|>analysis<|message|>A?<|end|><|start|>assistant<|channel|>final<|message|>B", "MRI"),
        ("Answer: A\n\nOn reflection:\n\nAnswer: B", "MRI"),
        ("First A. Final answer: C. Final answer: B", "MRI"),
        ("The answer is A. I was wrong; the correct answer is B.", "MRI"),
        (r"Answer: A. Hence \boxed{B}", "MRI"),
        ("Answer: B\nAnswer:", "MRI"),
        ("Answer: B\n\nIf the answer were A, bone would be white.", "MRI"),
        ("Answer: B\n\nThe answer is not A.", "MRI"),
        ("Answer: B\n\nThe wrong answer is A", "MRI"),
        ("<think>The answer is B", None),
        ("<think>A</think>B<think>But wait", None),
        ("## Thinking\n\nB fits.", None),
        ("[THINK]B", None),
        ("<|channel|>analysis<|message|>B", None),
        ("<think>B</think>", None),
        ("B or C", None),
        ("Final answer: B or C", None),
        ("Final answer: A\nFinal answer: B or C", None),
        ("Answer: A\n\nAnswer: not sure", None),
    ],
)
def test_reasoning_and_final_answers(text: str, answer: str | None) -> None:
    """What stands behind closed reasoning, at the last marker, is the answer; a block that is cut off has none."""
    found = choose(text, SCANS)

    assert (found.answer if found else None) == answer


@pytest.mark.parametrize("text", ["<think>No", "<think>yes</think>", "x</think>\n", "◁think▷ no", "## Thinking\nYes"])
def test_cut_off_is_unparsed_under_every_rule(text: str) -> None:
    """An answer that was cut off before its end is unparsed, and no refusal and no blank."""
    for scorer in STRICT:
        mark = scorer.score(Sample("1", "Is it?", ("no", "yes", ""), kind="closed"), Response(text))
        assert (mark.value, mark.bucket) == (0.0, "unparsed") and mark.reason


@pytest.mark.parametrize(
    ("text", "part", "rule"),
    [
        ('{"reason": "x", "answer": "left lung", "score": 1}', "left lung", "json"),
        ("{'final_answer': 'left lung'}", "left lung", "json"),
        ('{"answer": 3}', "3", "json"),
        ('{"answer": ["left", "right"]}', '"left", "right"', "json"),
        ("<|begin_of_box|>left lung<|end_of_box|>", "left lung", "tag"),
        ("The answer (one word): left lung", "left lung", "marker"),
        ("Answer -> left lung", "left lung", "marker"),
        ("Therefore, the answer is:\nA) left\nB) right", "A) left\nB) right", "marker"),
        ("The answer is based on the picture", "The answer is based on the picture", "whole"),
        ("left lung\nUser: and now?", "left lung", "whole"),
        ("### Question: x\nAnswer: left lung", "left lung", "marker"),
    ],
)
def test_parts(text: str, part: str, rule: str) -> None:
    """JSON, boxes and lists end where they close; a made-up exchange is cut off; words about an answer are none."""
    found = final_part(text)

    assert found is not None
    assert (found.text.strip(), found.rule) == (part, rule)
    assert text[found.start : found.start + len(found.text)] == found.text


# 13. Nothing there.
@pytest.mark.parametrize("text", ["", " ", "\n\n", ".", "…", "\u200b", "**", "??", "```\n```", "</s>", "-", "。"])
@pytest.mark.parametrize("target", ["", " ", "None", "NULL", "nan", "yes", "."])
@pytest.mark.parametrize("kind", ["open", "closed", "yes_no", "choice"])
def test_an_empty_answer_earns_nothing(text: str, target: str, kind: Kind) -> None:
    """Whatever the gold, an empty answer is 0, and blank where it has no letter or digit at all."""
    options = ("", "yes", "None") if kind == "choice" else ()
    for scorer in STRICT:
        mark = scorer.score(Sample("1", "Is it?", (target,), options=options, kind=kind), Response(text))
        assert mark.value == 0.0
        assert mark.bucket in ("blank", "unparsed")


@pytest.mark.parametrize("text", ["yes", "None", "null", "A", "left lung", "是", "0", "nan"])
@pytest.mark.parametrize("targets", [(), ("",), (" ",), (".",), ("", "\u200b")])
def test_an_empty_gold_gives_nothing_away(text: str, targets: tuple[str, ...]) -> None:
    """Without a word in the gold no answer is right, and nothing crashes."""
    for kind in ("open", "closed", "yes_no", "choice"):
        for scorer in STRICT:
            options = ("", "left lung") if kind == "choice" else ()
            sample = Sample("1", "Is it a lung?", targets, options=options, kind=kind)  # type: ignore[arg-type]
            assert scorer.score(sample, Response(text)).value == 0.0


@pytest.mark.parametrize(
    ("text", "bucket"),
    [
        ("No image was provided.", "refused"),
        ("Please upload the image.", "refused"),
        ("I'm sorry, but there is no image attached.", "refused"),
        ("Unable to determine", "refused"),
        ("Cannot be determined.", "refused"),
        ("I cannot answer that. However, I would recommend that you see a doctor.", "refused"),
        ("I'm unable to determine it from this image, but I would say yes.", None),
        ("I can't be certain, but B", None),
        ("I cannot tell for sure, but the answer is yes", None),
        ("I don't see a fracture.", None),
        ("No image artefact is seen", None),
        ("Please see the arrow: a fracture.", None),
        ("The patient cannot stand.", None),
        ("抱歉，图像中没有骨折", None),
        ("很抱歉，我无法根据图像做出判断", "refused"),
    ],
)
def test_refusals_and_answers_in_their_dress(text: str, bucket: str | None) -> None:
    """Declining to look or to tell is a refusal; an answer behind an excuse and an unseen finding are none."""
    assert bucket_of(Response(text)) == bucket


def test_an_answer_behind_an_excuse_is_read() -> None:
    """What follows the excuse is read as any answer."""
    excuse = "I'm unable to determine it from this image with certainty, but I would say yes."
    found = yes_no(excuse, "Is there a fracture?")

    assert found is not None and found.answer == "yes"
    assert excuse[slice(*found.span)] == "yes"
