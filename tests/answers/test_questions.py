"""What a question asks for, from its words alone."""

from __future__ import annotations

import pytest

from evalkit.answers import asks_yes_no, named_options, opens_yes_no


@pytest.mark.parametrize(
    "question",
    [
        "Is there a fracture?",
        "Does the picture contain a heart?",
        "In this image, is there a fracture?",
        "Can you see the kidneys in this image?",
        "Evidence of bleeding in the kidneys?",
        "Are/Is there kidneys in the picture?",
        "Isn't the heart enlarged?",
        "Would you describe the mass as cystic?",
        "Notice any abnormality in the kidneys?",
        "Is there bleeding or not in this image?",
        "Are the walls infiltrated with lymphocytes, which spill over into the alveoli?",
        "Is it from a patient with Cushing syndrome, in whom both glands were large?",
        "Is there a fracture? Answer yes or no.",
        "图中有肺吗?",
        "是否存在异常?",
        "图中有没有肿块?",
        "这张图像是关于腹部么?",
        "是不是CT",
    ],
)
def test_asks_yes_no(question: str) -> None:
    """An auxiliary that opens a clause, or a Chinese question word, asks for yes or no."""
    assert asks_yes_no(question)


@pytest.mark.parametrize(
    "question",
    [
        "What is this?",
        "Which organ is abnormal, heart or lung?",
        "Is this an MRI or a CT scan?",
        "Can you describe the image?",
        "Do you know which organ this is?",
        "Is it abnormal, which lobe is affected?",
        "Is it normal? If not, what is abnormal?",
        "Where is the lesion?",
        "In this image, what is shown?",
        "Name the organ.",
        "",
        "???",
        "这是什么?",
        "肺和心脏哪个更大?",
        "是左侧还是右侧?",
        "这是什么么",
    ],
)
def test_does_not_ask_yes_no(question: str) -> None:
    """A wh-word, an alternative and a request do not."""
    assert asks_yes_no(question) == (question == "这是什么么")


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("Which is the biggest, lung,liver or heart?", ("lung", "liver", "heart")),
        ("Is this an MRI or a CT scan?", ("MRI", "CT scan")),
        ("Is the lesion on the left or right side of the brain?", ("left", "right")),
        ("Is it more prominent on the patient's right or left side?", ("right", "left")),
        ("Is the patient a female or male?", ("female", "male")),
        ("Is the abnormality hyperdense or hypodense?", ("hyperdense", "hypodense")),
        ("Is this a T1 weighted or T2 weighted MRI image?", ("T1 weighted", "T2 weighted")),
        ("Are the nodules cystic or solid?", ("cystic", "solid")),
        ("In this image, which is bigger, the kidney or the liver?", ("kidney", "liver")),
        ("Which is larger between the liver and the kidney?", ("liver", "kidney")),
        ("Which is smaller: liver or right kidney?", ("liver", "right kidney")),
        ("Is this part of the image the small bowel or colon?", ("small bowel", "colon")),
        ("Is the abscess in the left upper quadrant smooth or ragged?", ("smooth", "ragged")),
        ("Are pleural effusions small or large?", ("small", "large")),
        ("Is brain tumor white or gray relative to other tissues?", ("white", "gray")),
        ("Is the CSF enhanced or non enhanced?", ("enhanced", "non enhanced")),
        ("Is the mass in the liver regular or irregular in contour?", ("regular", "irregular")),
        ("Was this image taken with or without contrast?", ("with contrast", "without contrast")),
        ("Was this taken with CT or with MRI?", ("CT", "MRI")),
        ("Is the tube above or below the carina?", ("above", "below")),
        ("Is it found on top of the patient or within the patient?", ("on top of the patient", "within the patient")),
        ("Would you describe the mass as cystic or solid?", ("cystic", "solid")),
        ("Is gray or white matter highlighted in this image?", ("gray", "white matter")),
        ("肺、心脏和肝脏哪个更大?", ("肺", "心脏", "肝脏")),
        ("图中肾脏和脾脏哪个更大?", ("肾脏", "脾脏")),
        ("哪侧异常,左侧还是右侧?", ("左侧", "右侧")),
        ("病灶是白色的还是灰色的?", ("白色", "灰色")),
        ("肝脏和脾脏谁的体积大?", ("肝脏", "脾脏")),
        ("What is this?", ()),
        ("What lies between the wall and the skin?", ()),
        ("Is there bleeding or not?", ()),
        ("Is there a fracture? Answer yes or no.", ()),
        ("这是什么?", ()),
        ("", ()),
    ],
)
def test_named_options(question: str, options: tuple[str, ...]) -> None:
    """The options stand round "or" and 还是, or listed beside 哪 and 谁."""
    assert named_options(question) == options


def test_opens_like_a_yes_no_question() -> None:
    """An alternative question keeps the form of a yes/no question; a wh-question has none."""
    assert opens_yes_no("Is there a mass or a lesion?")
    assert opens_yes_no("Any evidence of epidural or subdural hematoma?")
    assert not opens_yes_no("Which is bigger, lung or heart?")
