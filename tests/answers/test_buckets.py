"""Blank answers and refusals."""

from __future__ import annotations

import pytest

from evalkit.answers import bucket_of
from evalkit.types import Response


@pytest.mark.parametrize("text", ["", " \n\t", "...", "。", "**", "-"])
def test_blank(text: str) -> None:
    """A text without a letter or digit is blank."""
    assert bucket_of(Response(text)) == "blank"


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't assist with that.",
        "I\u2019m sorry, I can\u2019t help with that request.",
        "I cannot provide medical advice.",
        "I cannot provide a diagnosis from this image.",
        "I'm unable to view images.",
        "I am not able to see the image you provided.",
        "As an AI language model, I cannot interpret medical images.",
        "Unfortunately, I cannot determine whether there is a fracture.",
        "I'm unable to determine that based on the image. Please consult a professional.",
        "Based on the image, I cannot determine whether it is normal.",
        "I'm sorry, I cannot see the image. However, if you have any questions, feel free to ask.",
        "It is not possible to determine this from one slice.",
        "I don't have access to the image.",
        "No, I cannot assist with that.",
        "I'm sorry.",
        "<think>hm</think>I'm sorry, but I can't assist with that.",
        "抱歉，我无法提供医疗诊断。",
        "对不起，我不能回答这个问题。",
        "我无法查看图片。",
        "作为一个人工智能模型，我无法诊断疾病。",
        "无法判断。",
    ],
)
def test_refusal(text: str) -> None:
    """A text that opens by declining to help, to look or to tell, and says nothing else, is a refusal."""
    assert bucket_of(Response(text)) == "refused"


@pytest.mark.parametrize(
    "text",
    [
        "I cannot see a fracture, so no.",
        "I cannot identify any fracture.",
        "No, the optic nerve cannot be seen.",
        "I can't make out any nodule.",
        "The kidneys cannot be evaluated on this view.",
        "I'm unable to be certain. Answer: yes",
        "I cannot confirm it, but it looks like an effusion.",
        "The patient is unable to stand.",
        "Sorry, yes.",
        "不能",
        "无法看到异常",
        "图像中没有骨折。",
    ],
)
def test_not_a_refusal(text: str) -> None:
    """Not seeing a finding is an answer, and so is what follows the excuse."""
    assert bucket_of(Response(text)) is None


@pytest.mark.parametrize(
    "response",
    [
        Response("yes", refused=True),
        Response("", finish_reason="content_filter"),
        Response("ok", finish_reason="refusal"),
    ],
)
def test_provider_refuses(response: Response) -> None:
    """The provider's own flag or finish reason is a refusal, whatever the text."""
    assert bucket_of(response) == "refused"
