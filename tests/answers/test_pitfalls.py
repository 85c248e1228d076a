"""What is easily read into an answer to a yes/no question, and what is easily missed: each both ways."""

from __future__ import annotations

import pytest

from evalkit.answers import asks_yes_no, yes_no
from evalkit.scorers.closed import Closed
from evalkit.scorers.exact_match import ExactMatch
from evalkit.scorers.recall import Recall
from evalkit.types import Response, Sample

PNEUMOTHORAX = "Is there a pneumothorax?"
ENLARGED = "Is the heart enlarged?"


def read(text: str, question: str = PNEUMOTHORAX) -> str | None:
    """What an answer to a yes/no question says, or None."""
    found = yes_no(text, question)
    return found.answer if found else None


# 1. Yes or no with an explanation: a marker wins, then the leading word, then the question's own statement.
@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            "Yes. The pleural line is visible in the right apex, and no lung markings are seen beyond it.",
            "yes",
        ),
        ("No. Although the image is rotated, lung markings reach the chest wall on both sides.", "no"),
        ("No, that is incorrect; yes. Final answer: no", "no"),
        ("Yes, at first glance. **Final Answer:** No.", "no"),
        ("Let me look step by step. The apex is dark. So the answer is **yes**.", "yes"),
        ("**Answer:** No\n\n**Explanation:** The answer is no because the pleura is not visible.", "no"),
        ("Final answer: Yes.\n\nWait, I should check again.\n\nFinal answer: No.", "no"),
        ("Yes. The answer is based on the sharp white line at the apex.", "yes"),
        ("No. The correct answer is not visible to everyone.", "no"),
        ('The answer to the question "Is there a pneumothorax?" is **No**.', "no"),
        ("The answer to the question of whether there is a pneumothorax is yes.", "yes"),
        ("The answer, therefore, is no.", "no"),
        ("[Yes/No]: No", "no"),
        ("No, it is not visible. Please choose from the following two options: [Yes, No]", "no"),
        ('{"answer": "No", "explanation": "yes would need a pleural line"}', "no"),
        ('```json\n{"reasoning": "dark apex", "final_answer": "Yes"}\n```', "yes"),
        ('{"answer": false, "confidence": 0.9}', "no"),
        ("## Reasoning\nNo line.\n\n## Answer\nNo", "no"),
        ("I don't think so, no.", "no"),
        ("It's a no.", "no"),
        ("Correct.", "yes"),
        ("Incorrect, the lung is expanded.", "no"),
        ("No - lung markings are preserved.", "no"),
        ("No\u2014none.", "no"),
        ("Yes, no doubt.", "yes"),
        ("Yes. No effusion.", "yes"),
        ("'Yes'", "yes"),
        ("Yes\n\nHuman: Is there an effusion?\nAssistant: No", "yes"),
        ("No\n\nQuestion: Is there an effusion?\nAnswer: Yes", "no"),
        ("assistant\nNo", "no"),
        ("No<|im_end|>", "no"),
        ("<b>Yes</b>, there is.", "yes"),
    ],
)
def test_yes_or_no_with_an_explanation(text: str, answer: str) -> None:
    """The last explicit answer is read, else the leading word, whatever is explained besides."""
    assert read(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "No, that is incorrect; yes",
        "Yes and no.",
        "Yes, no",
        "Yes. Actually, no.",
        "Yes. No it is not.",
        "Yes on the right, no on the left.",
        "No. Wait, let me look again. It is there.",
        "Yes. On second thought, the line is a skin fold.",
        "It's not possible to say yes.",
        "I wouldn't say yes.",
        "It could be yes or no.",
        "The answer is yes or no.",
        "Answer: Yes / No",
        "Please answer with yes or no.",
        "Maybe yes.",
        "The answer is unclear.",
        "If the answer is yes, a drain is needed.",
        "Unable to determine.",
        "Yes-men and no-shows",
        "No. 5 rib is fractured.",
        "Correct placement of the drain.",
        "False colour image",
        "Yesterday's film is better.",
    ],
)
def test_two_answers_or_none(text: str) -> None:
    """An answer that takes itself back, offers both or only uses the word is not read."""
    assert read(text) is None


# 2. The letters of "no" in other words, and words that deny something else.
@pytest.mark.parametrize(
    "text",
    [
        "Normal.",
        "Normal chest radiograph",
        "abnormal",
        "Abnormality in the left lung",
        "The diagnosis is pneumonia.",
        "Nodule in the right upper lobe",
        "A nodule, not a mass",
        "Unknown",
        "Noted.",
        "None of the findings is specific.",
        "Nothing unusual about the heart.",
        "North-south axis",
        "Not sure.",
        "Cannot be excluded",
        "No acute findings.",
        "No 'deep sulcus' sign.",
        "No change in the pneumothorax.",
        "The pneumothorax is no longer seen.",
        "There is no doubt that there is a pneumothorax.",
        "Pneumothorax is not ruled out.",
        "There is no pleural effusion.",
        "No abnormality of the heart. The pneumothorax is large.",
        "No-contrast study",
        "N/A",
        "No pleural effusion or consolidation",
    ],
)
def test_no_is_not_found_in_other_words(text: str) -> None:
    """Normal, nodule, diagnosis, unknown, cannot, and the denial of something else, are no "no"."""
    assert read(text) is None


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        (PNEUMOTHORAX, "There is no evidence of pneumothorax.", "no"),
        (PNEUMOTHORAX, "No focal consolidation, pleural effusion, or pneumothorax.", "no"),
        (PNEUMOTHORAX, "There is no evidence of pleural effusion or pneumothorax.", "no"),
        (PNEUMOTHORAX, "The lungs are clear without effusion or pneumothorax.", "no"),
        (PNEUMOTHORAX, "The image shows a chest X-ray. There is no evidence of pneumothorax.", "no"),
        (PNEUMOTHORAX, "There is no pneumothorax, and the lungs are clear.", "no"),
        (PNEUMOTHORAX, "Based on the provided image, there is no clear sign of a pneumothorax.", "no"),
        (PNEUMOTHORAX, "The scan is negative for pneumothorax.", "no"),
        (PNEUMOTHORAX, "Absence of pneumothorax", "no"),
        (PNEUMOTHORAX, "I don't see any evidence of a pneumothorax in this image.", "no"),
        (PNEUMOTHORAX, "Pneumothorax: absent", "no"),
        (PNEUMOTHORAX, "Pneumothorax: present", "yes"),
        (PNEUMOTHORAX, "There is a small left apical pneumothorax.", None),
        (PNEUMOTHORAX, "There is a small left pneumothorax.", "yes"),
        (PNEUMOTHORAX, "There is a pneumothorax on the left side of the chest.", "yes"),
        (PNEUMOTHORAX, "There is a pneumothorax, specifically in the left apex.", "yes"),
        (PNEUMOTHORAX, "No pneumothorax, large effusion", "no"),
        ("Is there an effusion?", "No pneumothorax, large effusion", None),
        (PNEUMOTHORAX, "There is no pneumothorax. There is a small apical pneumothorax.", None),
        (PNEUMOTHORAX, "There is no pneumothorax. However, the film is poor.", None),
        (PNEUMOTHORAX, "There might be a pneumothorax.", None),
        (PNEUMOTHORAX, "Is there a pneumothorax?", None),
        ("Is there a mass in the left lung?", "There is no mass in the right lung.", None),
        ("Is there a mass in the left lung?", "There is no mass in the MRI image.", "no"),
        ("Is there a mass in the left lung?", "There is a mass.", None),
        (ENLARGED, "The heart is not enlarged. The lungs are clear.", "no"),
        (PNEUMOTHORAX, "The chest X-ray shows a pneumothorax on the left.", "yes"),
        (PNEUMOTHORAX, "The X-ray does not show any signs of pneumothorax.", "no"),
        (PNEUMOTHORAX, "The lungs are well expanded with no evidence of pneumothorax.", "no"),
        (PNEUMOTHORAX, "Neither pneumothorax nor effusion is seen.", "no"),
        (PNEUMOTHORAX, "The left lung shows no pneumothorax.", None),
        (PNEUMOTHORAX, "In the left lung, there is no pneumothorax.", None),
        (PNEUMOTHORAX, "No pneumothorax is seen on the left side.", None),
        (PNEUMOTHORAX, "No tension pneumothorax.", None),
        (PNEUMOTHORAX, "Pneumothorax has been excluded.", None),
        (PNEUMOTHORAX, "Is there a pneumothorax? No.", "no"),
        (PNEUMOTHORAX, "Pneumothorax? Yes, on the left.", "yes"),
        ("Are there any fractures?", "There are fractures of the ribs.", "yes"),
        (ENLARGED, "It is not enlarged.", "no"),
        (ENLARGED, "Not enlarged.", "no"),
        (ENLARGED, "The lungs are not enlarged.", None),
        (ENLARGED, "The heart size is normal.", None),
        (ENLARGED, "The heart is probably enlarged.", None),
        ("Is the chest X-ray normal?", "abnormal", "no"),
        ("Is the chest X-ray abnormal?", "normal", "no"),
        ("Is the chest X-ray normal?", "not abnormal", "yes"),
        ("Is this an MRI?", "This is a CT scan.", None),
        ("Is this an MRI?", "This is not an MRI.", "no"),
        ("Are the borders smooth and is the mass solid?", "The borders are smooth, and the mass is solid.", "yes"),
    ],
)
def test_statements(question: str, text: str, answer: str | None) -> None:
    """A sentence about just what is asked is read by its negation; about more, less or something else it is not."""
    assert read(text, question) == answer


# 5. Negated findings.
@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("There is no evidence of pneumothorax", 0.0),
        ("No pneumothorax", 0.0),
        ("without pneumothorax", 0.0),
        ("pneumothorax is absent", 0.0),
        ("Yes, a pneumothorax", 1.0),
        ("There is a pneumothorax.", 1.0),
    ],
)
def test_a_negated_finding_earns_nothing(text: str, closed: float) -> None:
    """Neither as a closed answer nor word for word; recall alone has no sense of negation, and says so."""
    asked = Sample("1", PNEUMOTHORAX, ("yes",), kind="yes_no")
    opened = Sample("1", "What is seen?", ("pneumothorax",))

    assert Closed().score(asked, Response(text)).value == closed
    assert ExactMatch().score(opened, Response(text)).value == 0.0
    assert Recall().score(opened, Response(text)).value == 1.0


# 10. Chinese families, and 正常 and 异常 as the question asks.
@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        ("图中有肿块吗？", "有。右肺上叶可见一个肿块，边界不清。", "yes"),
        ("图中有肿块吗？", "没有，双肺清晰。", "no"),
        ("图中有肿块吗？", "图中没有肿块，也没有骨折。", "no"),
        ("图中有肿块吗？", "**答案：没有**", "no"),
        ("图中有肿块吗？", "<think>可能有肿块，答案：有</think>没有", "no"),
        ("图中有肿块吗？", "最终答案是：是", "yes"),
        ("图中有肿块吗？", "未见肿块", "no"),
        ("图中有肿块吗？", "不存在", "no"),
        ("图中有肿块吗？", "有 肿块", "yes"),
        ("心脏增大吗？", "心脏没有增大", "no"),
        ("心脏增大吗？", "心脏增大", "yes"),
        ("这张图片正常吗？", "这张图片不正常。", "no"),
        ("这张图片正常吗？", "异常", "no"),
        ("这张图片异常吗？", "异常", "yes"),
        ("这张图片异常吗？", "正常", "no"),
        ("图片中肺部是否有异常？", "没有异常", "no"),
        ("图片中肺部是否有异常？", "有异常", "yes"),
        ("图片中肺部是否有异常？", "正常", "no"),
        ("肝脏看起来健康吗？", "不健康", "no"),
        ("这是核磁共振吗？", "不是，是CT。", "no"),
        ("这是核磁共振吗？", "是 的", "yes"),
        ("可以看到心脏吗？", "可以。", "yes"),
        ("可以看到心脏吗？", "看不到", "no"),
        ("图像中包含脾脏吗？", "不包含脾脏", "no"),
        ("图像中包含脾脏吗？", "对的", "yes"),
    ],
)
def test_chinese_answers(question: str, text: str, answer: str) -> None:
    """A word of the families, a health word against the question's, or the question's own statement answers."""
    assert asks_yes_no(question)
    assert read(text, question) == answer


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("图中有肿块吗？", "不知道"),
        ("图中有肿块吗？", "不确定"),
        ("图中有肿块吗？", "可能没有"),
        ("图中有肿块吗？", "有或者没有"),
        ("图中有肿块吗？", "有，没有"),
        ("图中有肿块吗？", "是的，没有肿块"),
        ("图中有肿块吗？", "不是没有肿块"),
        ("图中有肿块吗？", "不排除有肿块"),
        ("图中有肿块吗？", "异常"),
        ("图中有肿块吗？", "有骨折"),
        ("图中有肿块吗？", "没有骨折"),
        ("图中有肿块吗？", "肿块"),
        ("这张图片正常吗？", "没有骨折"),
        ("这是核磁共振吗？", "CT"),
        ("图中有肿块吗？", "<think>没有"),
        ("图中有肿块吗？", "是否有肿块"),
    ],
)
def test_chinese_that_does_not_answer(question: str, text: str) -> None:
    """Doubt, both families, another finding, and the question again are no answer."""
    assert read(text, question) is None
