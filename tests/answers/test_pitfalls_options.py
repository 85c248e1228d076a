"""What is easily read into an answer that should name one of several options, and what is easily missed: both ways."""

from __future__ import annotations

import pytest

from evalkit.answers import choose
from evalkit.scorers.closed import Closed
from evalkit.types import Response, Sample, Score

SCANS = ("CT", "MRI", "X-ray", "Ultrasound")
TISSUE = ("lung", "lung and heart", "liver")
WEIGHTS = ("T1", "T1 weighted with contrast", "T2")
LUNGS = ("Pneumonia", "Lung abscess", "Tuberculosis", "Chronic obstructive pulmonary disease (COPD)")


def chosen(text: str, options: tuple[str, ...] = SCANS) -> str | None:
    """The option that an answer names, or None."""
    found = choose(text, options)
    return found.answer if found else None


def closed(question: str, text: str, *targets: str) -> Score:
    """The mark of an answer to a closed question that offers its options itself."""
    return Closed().score(Sample("1", question, targets, kind="closed"), Response(text))


# 3. Closed is not yes or no.
@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        ("Is this an MRI or a CT?", "This is a CT scan of the abdomen.", "CT"),
        ("Is this an MRI or a CT?", "It is not an MRI but a CT.", "CT"),
        ("Is this an MRI or a CT?", "CT.", "CT"),
        ("Is this an MRI or a CT?", "**Answer:** MRI", "MRI"),
        ("Is the lesion on the left or right side?", "Left-sided.", "left"),
        ("Is the lesion on the left or right side?", "The right.", "right"),
        ("Is this a solid or cystic lesion?", "Cystic", "cystic lesion"),
        ("Is this a solid or cystic lesion?", "It is a solid lesion.", "solid"),
        ("Is the lesion in gray or white matter?", "gray matter", "gray"),
        ("Is the lesion in gray or white matter?", "White", "white matter"),
        ("Is the abnormality hyperdense or hypodense?", "Hyper-dense", "hyperdense"),
        ("Was it taken with or without contrast?", "Without contrast.", "without contrast"),
        ("Was it taken with CT or with MRI?", "MRI", "MRI"),
        ("Which is bigger, the kidney or the spleen?", "The spleen is bigger.", "spleen"),
        ("Which is bigger, the liver or the spleen?", "The liver is larger than the spleen.", "liver"),
        ("图中肝脏和脾脏哪个更大?", "肝脏比脾脏更大。", "肝脏"),
        ("Is this image normal or abnormal?", "Abnormal", "abnormal"),
        ("Is the tube above or below the carina?", "The tip lies below the carina.", "below"),
        ("Is there a mass or nodule?", "There is no evidence of a mass or nodule.", "no"),
        ("Is there a mass or nodule?", "Yes, there is a mass.", "yes"),
        ("Any evidence of epidural or subdural hematoma?", "No.", "no"),
        ("Would you describe the mass as cystic?", "No", "no"),
        ("Is the bleeding visible or not?", "Yes", "yes"),
    ],
)
def test_a_closed_question_names_its_options(question: str, text: str, answer: str) -> None:
    """What the question offers is what the answer may name."""
    assert closed(question, text, answer).value == 1.0


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Which is bigger, the kidney or the spleen?", "Yes"),
        ("Which is bigger, the kidney or the spleen?", "The kidney is smaller than the spleen."),
        ("图中肝脏和脾脏哪个更大?", "脾脏比肝脏小"),
        ("Is the lesion on the left or right side?", "bilateral"),
        ("Is the lesion on the left or right side?", "left and right"),
        ("Is this an MRI or a CT?", "It is either an MRI or a CT."),
        ("Is this an MRI or a CT?", "A scan"),
        ("Is this an MRI or a CT?", "A"),
        ("Is this a contrast CT or a non-contrast CT?", "CT"),
        ("Is the pathologic part the small bowel or colon?", "large bowel"),
        ("Is this image normal or abnormal?", "The diagnosis is unknown."),
        ("What tissue lies between the wall and the skin?", "The wall"),
    ],
)
def test_a_closed_question_is_not_guessed_at(question: str, text: str) -> None:
    """Both options, neither, and a letter that was never put are unparsed."""
    mark = closed(question, text, "spleen", "left", "MRI", "small bowel", "fat")

    assert (mark.value, mark.bucket) == (0.0, "unparsed")


# 11. Letters and words of options.
@pytest.mark.parametrize(
    "text",
    [
        "**Answer:** B",
        "**B**",
        "Answer: (B) MRI",
        "(b)",
        "B)",
        "[B]",
        "b",
        "Option b",
        "option B.",
        "The correct answer is B. MRI",
        "The correct option is: **(B)**",
        "B. MRI\n\nExplanation: A is wrong because a CT shows bone as white.",
        "B) MRI\n\n**Explanation:**\n* A) CT: bone would be white.\n* C) X-ray: a projection.\n* D) Ultrasound: no.",
        "MRI\n\nA CT would show the skull in white.",
        "**B. MRI**\nThe CSF is dark.",
        "B. the CSF is dark and fat is bright",
        "B - MRI",
        "B is correct, as A would show bone.",
        "It is not A but B.",
        r"\boxed{B}",
        r"\boxed{\text{B}}",
        r"$\boxed{\textbf{(B)}}$",
        r"The answer is \(B\).",
        '{"answer": "B"}',
        "{'answer': 'B', 'explanation': 'A is wrong'}",
        '{"answer_letter": "B", "confidence": "A lot"}',
        "The answer is 'B'",
        "I would go with MRI.",
        "I'd choose option B",
        "It is most likely B.",
        "B: MRI. Options A, C and D are incorrect.",
        "The answer is B as the CSF is dark.",
        "A. CT B. MRI C. X-ray D. Ultrasound\n\nB",
        "B (confidence: 90%)",
        "B</s>",
        "<answer>B</answer>",
        "<|begin_of_box|>B<|end_of_box|>",
        "A) CT\nB) MRI\nC) X-ray\nD) Ultrasound\n\nThe correct answer is B",
        "The image is not a CT. The most likely modality is **(B) MRI**.\n\nA CT shows bone. X-ray is a projection.",
        "A) CT: bone is not white.\nB) MRI: fits.\nC) X-ray: no.\n\nTherefore, the modality is MRI.",
        "B\n\nQuestion: Which organ is shown?\nA) Brain\nAnswer: A",
        "本题选B。",
        "选择B",
        "正确答案是B，而不是A。",
        "B选项正确",
        "Ｂ．ＭＲＩ",
    ],
)
def test_names_the_second(text: str) -> None:
    """Every usual way to put one letter or one option is read, whatever is explained besides."""
    assert chosen(text) == "MRI"


@pytest.mark.parametrize(
    "text",
    [
        "Both A and B",
        "A and C",
        "B or C",
        "Either B or D.",
        "All of the above",
        "None of the above",
        "not A",
        "The answer is not A.",
        "not A, B.",
        "The answer is A and C are both right",
        "A nodule",
        "A mass in the left lung.",
        "A rather large lesion",
        "A not uncommon finding",
        "I think it is a fracture",
        "I",
        "Vitamin A",
        "hepatitis B",
        "It is a chronic infection (hepatitis B).",
        "Type B dissection",
        "Stanford type B.",
        "Figure (b) shows a lesion.",
        "Grade C",
        "E. coli",
        "B-mode image",
        "The best option a physician has is rest.",
        "B. CT",
        "(B) CT",
        "A - MRI",
        "The answer is B. CT",
        "Answer: A or B",
        '{"answer": ["A", "B"]}',
        "The most likely modality is CT.\n\nB) MRI",
        "B) MRI\n\nThe bone is white, so C is correct.",
        "Therefore, the answer is:\n\nA) CT\nB) MRI\nC) X-ray\nD) Ultrasound",
        "A) CT\nB) MRI",
        "A. CT B. MRI C. X-ray D. Ultrasound",
        "B, possibly C",
        "A) CT shows bone. B) MRI shows soft tissue.",
        "Is this an MRI or something else?",
        "It is unclear whether this is an MRI.",
        "If this is an MRI, it is a poor one",
        "MRI is excluded.",
        "Choose one, e.g. B)",
        "Magnetic",
        "X",
        "Z.",
        "B超",
    ],
)
def test_names_none(text: str) -> None:
    """Two letters, a denied one, an article, a letter of another word, and a letter against its words are none."""
    assert chosen(text) is None


@pytest.mark.parametrize(
    ("options", "text", "answer"),
    [
        (TISSUE, "lung", "lung"),
        (TISSUE, "lung and heart", "lung and heart"),
        (TISSUE, "The lung and the heart", None),
        (TISSUE, "lung, not the heart", "lung"),
        (TISSUE, "lung or liver", None),
        (WEIGHTS, "T1", "T1"),
        (WEIGHTS, "T1-weighted with contrast", "T1 weighted with contrast"),
        (WEIGHTS, "T1 and T2", None),
        (("pleural effusion", "bilateral pleural effusion"), "pleural effusion, bilateral", None),
        (("normal", "abnormal"), "abnormal", "abnormal"),
        (("contrast CT", "non-contrast CT"), "Non contrast CT", "non-contrast CT"),
        (("hypodense", "isodense"), "hypo-dense", "hypodense"),
        (LUNGS, "COPD", LUNGS[3]),
        (LUNGS, "Chronic obstructive pulmonary disease", LUNGS[3]),
        (LUNGS, "Chronic", None),
        (LUNGS, "pneumonia, less likely tuberculosis", "Pneumonia"),
        (LUNGS, "pneumonia or tuberculosis", None),
        (("Left lung", "Heart"), "A. Right lung", None),
        (("Left lung", "Heart"), "A. Left lung", "Left lung"),
        (("Type A", "Type B"), "Type B dissection", "Type B"),
        (("Type B", "Type A"), "A", "Type B"),
        (("tau", "ubiquitin", "both A and B"), "B", "ubiquitin"),
        (("tau", "ubiquitin", "both A and B"), "C. both A and B", "both A and B"),
        (("A", "C", "B"), "B", None),
        (("A", "C", "B"), "B. C", "C"),
        (("a,a", "a,b", "b,a"), "B. a,b", "a,b"),
        (("Yes", "No"), "A. yes", "Yes"),
        (("Yes", "No"), "B) No, there is none.", "No"),
        (("Yes", "No"), "A. No", None),
        (("O", "A", "B", "AB"), "AB", "AB"),
        (("1", "2", "3"), "There are two.", "2"),
        (("1.5 cm", "5 cm"), "1.5 cm", "1.5 cm"),
        (("Yes, a mass is seen", "No, the lungs are clear"), "No, the lungs are clear.", "No, the lungs are clear"),
        (("Yes, a mass is seen", "No, the lungs are clear"), "The lungs are clear.", "No, the lungs are clear"),
        (("Yes, a mass is seen", "No, the lungs are clear"), "Yes.", "Yes, a mass is seen"),
        (("Yes", "No", "Unknown"), "There is no sign of it", None),
        (("Yes", "No", "Unknown"), "No.", "No"),
        (("A. niger", "E. coli"), "E. coli", "E. coli"),
        (("D. All of the above", "None of the above"), "None of the above.", "None of the above"),
        (("CT", "B超"), "B超", "B超"),
        (("左肺", "右肺"), "不是左肺，而是右肺", "右肺"),
        (("左肺", "右肺"), "双肺", None),
    ],
)
def test_options_of_every_sort(options: tuple[str, ...], text: str, answer: str | None) -> None:
    """An option inside another, a short form, a side, a number and a letter that is also a word are told apart."""
    assert chosen(text, options) == answer


def test_an_option_that_declines() -> None:
    """Where "cannot be determined" is an option, the answer that says so is no refusal."""
    options = ("Male", "Female", "Cannot be determined")
    asked = Sample("1", "What is the sex?", (options[2],), options=options, kind="choice")
    other = Sample("1", "What is the sex?", ("Male",), options=options[:2], kind="choice")

    assert Closed().score(asked, Response("Cannot be determined from this image.")).value == 1.0
    assert Closed().score(other, Response("Cannot be determined from this image.")).bucket == "refused"
    assert Closed().score(asked, Response("Cannot be determined.", refused=True)).bucket == "refused"
