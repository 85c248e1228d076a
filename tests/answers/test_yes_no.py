"""Yes or no, only where the answer says so."""

from __future__ import annotations

import pytest

from evalkit.answers import yes_no

THERE = "Is there a pneumothorax?"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Yes.", "yes"),
        ("**No**", "no"),
        ("NO", "no"),
        ("ｙｅｓ", "yes"),
        ("Yes, there is.", "yes"),
        ("Yes, the heart size is abnormal.", "yes"),
        ("Yes, there is no pneumothorax.", "yes"),
        ("No, it is not abnormal.", "no"),
        ("No there is none", "no"),
        ('"Yes"', "yes"),
        ("Human: No, it cannot be seen.", "no"),
        ("False.", "no"),
        ("Nope", "no"),
        ("No, gas is not seen. Please choose from the following options: [Yes, No]", "no"),
        ("No, that is incorrect; yes. Final answer: yes", "yes"),
        ("It may be. The answer is: No.", "no"),
        ("<think>yes, yes</think>No", "no"),
        (r"\boxed{\text{Yes}}", "yes"),
        ("I cannot see a fracture, so no.", "no"),
        ("I would say yes.", "yes"),
    ],
)
def test_says_yes_or_no(text: str, answer: str) -> None:
    """A final-answer marker wins, then the leading word, then a closing word."""
    found = yes_no(text)

    assert found is not None and found.answer == answer
    assert text[slice(*found.span)].casefold() != ""


@pytest.mark.parametrize(
    "text",
    [
        "No, that is incorrect; yes",
        "Yes. Actually, no.",
        "Yes and no",
        "yes or no",
        "Yes/No",
        "No, yes",
        "Normal chest X-ray",
        "Abnormal",
        "The diagnosis is unknown.",
        "A nodule.",
        "nodule",
        "Not sure, the diagnosis is unknown.",
        "I cannot see any pneumothorax.",
        "Cannot tell",
        "Maybe",
        "None of the above is certain",
        "noyes",
        "If it were yes, I would see it.",
        "No-contrast CT",
        "True colour image",
        "<think>No. The lesion",
    ],
)
def test_unparsed(text: str) -> None:
    """The word "no" inside another word never counts, and a word that is taken back says nothing."""
    assert yes_no(text) is None


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        (THERE, "There is no evidence of pneumothorax.", "no"),
        (THERE, "No pneumothorax is seen.", "no"),
        (THERE, "There is absence of pneumothorax.", "no"),
        (THERE, "Without pneumothorax", "no"),
        (THERE, "I cannot see any pneumothorax.", "no"),
        (THERE, "There is a large left pneumothorax.", "yes"),
        (THERE, "Absent.", "no"),
        (THERE, "Not seen", "no"),
        ("Is there a left pneumothorax?", "There is no pneumothorax.", "no"),
        ("Is the heart enlarged?", "The heart is not enlarged.", "no"),
        ("Is the heart enlarged?", "The heart is enlarged.", "yes"),
        ("Can the optic nerve be visualized?", "The optic nerve cannot be visualized.", "no"),
        ("Is this image normal?", "Abnormal.", "no"),
        ("Does the lung look abnormal?", "The lung looks normal.", "no"),
        ("Is the brain healthy?", "Not normal", "no"),
        ("Are there abnormalities in this image?", "Normal.", "no"),
    ],
)
def test_statement(question: str, text: str, answer: str) -> None:
    """One sentence that affirms or denies the question's own statement is an answer."""
    found = yes_no(text, question)

    assert found is not None and found.answer == answer


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Is there a left pneumothorax?", "There is no right pneumothorax."),
        ("Is there a right pneumothorax?", "There is a pneumothorax."),
        (THERE, "The pneumothorax has resolved."),
        (THERE, "There may be a pneumothorax."),
        (THERE, "There is no effusion."),
        (THERE, "There is no effusion. The heart is normal."),
        (THERE, "Pneumothorax"),
        ("Is the heart normal?", "No evidence of disease."),
        ("Are there abnormalities in the lungs?", "The lungs are not visible."),
        ("Are there abnormalities in the lungs?", "The heart is normal."),
        ("Is the left lung larger than the right lung?", "The right lung is larger than the left lung."),
        ("Is there an effusion or a mass?", "There is no effusion."),
        (THERE, "The pneumothorax? Please choose."),
    ],
)
def test_other_statement(question: str, text: str) -> None:
    """A statement about something else, a hedge, a second sentence and a bare noun are no answer."""
    assert yes_no(text, question) is None


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        ("图中有肺吗？", "有", "yes"),
        ("图中有肺吗？", "没有。", "no"),
        ("图片中包含肺吗?", "不包含", "no"),
        ("图片中包含肺吗?", "包含，可以看到双肺。", "yes"),
        ("可以观察到积液吗?", "不可以", "no"),
        ("这是CT吗?", "是的", "yes"),
        ("这是CT吗?", "不是，这是核磁共振。", "no"),
        ("这是CT吗?", "Yes", "yes"),
        ("这是CT吗?", "答案：否", "no"),
        ("图中是否有肿块？", "图中没有肿块。", "no"),
        ("图片中包含肺吗?", "图片中不包含肺。", "no"),
        ("图片中包含肺吗?", "图片中有肺", "yes"),
        ("图片正常吗?", "不正常", "no"),
        ("图片正常吗?", "正常", "yes"),
        ("图片正常吗?", "异常", "no"),
        ("图片正常吗?", "未见异常", "yes"),
        ("肺是异常的吗?", "异常", "yes"),
        ("肺是异常的吗?", "是的", "yes"),
        ("肺是异常的吗?", "正常", "no"),
        ("肺看起来不正常吗?", "是的", "yes"),
        ("肺看起来不正常吗?", "不正常", "yes"),
        ("肝脏是健康的吗?", "健康", "yes"),
        ("肺有异常吗?", "没有异常", "no"),
        ("肺有异常吗?", "没有明显异常", "no"),
        ("肺是异常的吗?", "不是异常的", "no"),
        ("肺是异常的吗?", "肺不是正常的", "yes"),
    ],
)
def test_chinese(question: str, text: str, answer: str) -> None:
    """The Chinese families answer, and 正常 and 异常 answer as the question asks."""
    found = yes_no(text, question)

    assert found is not None and found.answer == answer


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("图中有肺吗？", "是或否"),
        ("图中有肺吗？", "有或没有"),
        ("图中有肺吗？", "肺"),
        ("图中有肺吗？", "是的，不是"),
        ("图中有肺吗？", "图中有心脏"),
        ("图中有肺吗？", "正常"),
        ("图中有肺吗？", "可能有"),
    ],
)
def test_chinese_unparsed(question: str, text: str) -> None:
    """Both families, another finding and a guess are no answer."""
    assert yes_no(text, question) is None


def test_rule_and_span() -> None:
    """An extraction says which rule found it, and where in the original text."""
    text = "Well.\n**Ａｎｓｗｅｒ：** Ｎｏ"

    found = yes_no(text)

    assert found is not None
    assert (found.rule, text[slice(*found.span)]) == ("marker, leading word", "Ｎｏ")
