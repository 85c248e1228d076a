"""Clinical match: the same meaning earns all, the opposite nothing, and a part of it its share."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evalkit
from evalkit.errors import UsageError
from evalkit.scorers.clinical_match import ClinicalMatch
from evalkit.scorers.exact_match import ExactMatch
from evalkit.types import Response, Sample, Score

TABLE = Path(evalkit.__file__).parent / "scorers" / "tables" / "clinical_v1.yaml"
SCORER = ClinicalMatch()


def marks(text: str, *targets: str, question: str = "What is it?", options: tuple[str, ...] = ()) -> dict[str, Score]:
    """All marks of an answer against targets."""
    return dict(SCORER.scores(Sample("1", question, targets, options=options), Response(text)))


def value(text: str, *targets: str, question: str = "What is it?") -> float:
    """The value of an answer."""
    return marks(text, *targets, question=question)[""].value


@pytest.mark.parametrize(
    ("text", "target"),
    [
        # modality, sequence, plane, projection
        ("computed tomography", "CT"),
        ("CAT scan", "CT scan"),
        ("Magnetic Resonance Imaging (MRI)", "MR"),
        ("plain film", "X-Ray"),
        ("chest radiograph", "CXR"),
        ("sonography", "ultrasound"),
        ("T2-weighted image", "T2"),
        ("diffusion weighted imaging", "DWI"),
        ("axial", "transverse plane"),
        ("PA view", "posterior-anterior"),
        ("frontal plane", "coronal"),
        ("CT with contrast", "contrast-enhanced CT"),
        ("CT without contrast", "non-contrast CT"),
        # organs and findings
        ("lungs", "lung"),
        ("thorax", "Chest"),
        ("pelvis", "Pelvic cavity"),
        ("small intestine", "small bowel"),
        ("the head of the pancreas", "pancreatic head"),
        ("inferior vena cava", "IVC"),
        ("fat", "adipose tissue"),
        ("enlarged heart", "cardiomegaly"),
        ("The heart is markedly enlarged.", "cardiomegaly"),
        ("fluid in the pleural space", "pleural effusion"),
        ("collapsed lung", "atelectasis"),
        ("intracranial bleeding", "intracranial haemorrhage"),
        ("neoplasm of the brain", "brain tumour"),
        ("brain oedema", "cerebral edema"),
        ("stroke", "infarct"),
        ("broken bone", "fracture"),
        ("cholelithiasis", "gallstones"),
        ("masses", "mass"),
        ("multiple metastases", "numerous metastasis"),
        ("thalami", "thalamus"),
        ("opacities in the apices", "opacity in the apex"),
        ("elliptical", "oval"),
        ("grey", "gray"),
        ("unremarkable", "normal"),
        ("no abnormality", "normal"),
        ("not normal", "abnormal"),
        ("not visible", "not seen here"),
        ("shortness of breath, chest tightness", "chest tightness, dyspnea"),
        ("surgery", "surgical treatment"),
        # sides and positions
        ("RUL", "right upper lobe"),
        ("R frontal lobe", "right frontal lobe"),
        ("both lungs", "bilateral lungs"),
        ("left and right kidneys", "both kidneys"),
        ("bilaterally", "both sides"),
        ("top left", "left and top"),
        ("left MCA and ACA", "left ACA and MCA"),
        ("posterior and inferior right cerebellum", "right posteroinferior cerebellum"),
        # negation
        ("without pneumothorax", "no pneumothorax"),
        ("There is no evidence of pneumothorax", "absence of pneumothorax"),
        ("no mass or nodule", "no nodule, no mass"),
        ("negative for fracture", "no fracture"),
        # quantities
        ("2", "two"),
        ("34 mm", "3.4 cm"),
        ("2.5 x 1.7 x 1.6 cm", "2.5cm x 1.7cm x 1.6cm"),
        ("5 percent", "5%"),
        ("20 to 30 mm", "2-3 cm"),
        ("1 litre", "1,000 ml"),
        ("third rib", "3rd rib"),
        # lists
        ("heart and lungs", "Lung, Heart"),
        ("Right / Left Lung", "Left Lung, Right"),
        ("parietal & occipital lobes", "occipital, parietal"),
        ("肝脏、心脏和肺", "lung; heart; liver"),
        ("右肺", "right lung"),
        ("脑水肿", "cerebral oedema"),
        # what a second radiologist would say
        ("PE", "pulmonary embolism"),
        ("free air", "pneumoperitoneum"),
        ("fluid in the abdomen", "ascites"),
        ("increased", "elevated"),
        ("no", "none"),
        ("none", "0"),
        ("not seen", "none"),
        ("grade 2", "grade II"),
        ("stage iii", "stage 3"),
        ("NYHA class III", "NYHA 3"),
        ("L4/5", "L4-L5"),
        ("cervical 5", "C5"),
        ("twelfth thoracic vertebra", "T12"),
        ("carcinoma of the lung", "lung cancer"),
        ("brain bleed", "intracranial hemorrhage"),
        ("metastatic disease", "metastases"),
        ("lower lobe of the right lung", "right lower lobe"),
        ("RLL of the lung", "lower right lung"),
        ("lower left lung", "left lower lobe"),
        ("left upper and lower lobe", "left lower and upper lobe"),
        ("cannot exclude pleural effusion", "pleural effusion"),
        ("pleural effusion cannot be ruled out", "possible pleural effusion"),
        ("left larger than right", "right smaller than left"),
        ("liver > spleen", "liver > spleen."),
        ("the right kidney is smaller than the left kidney", "left kidney larger than right kidney"),
        ("cyst in the kidney, mass in the liver", "mass in the liver, cyst in the kidney"),
        ("mass and cyst in the liver", "cyst and mass in the liver"),
        ("mass, cyst in the liver", "cyst, mass in the liver"),
        # words without content
        ("The plane of this image is the axial plane.", "axial"),
        ("the image", "image"),
        ("The answer is: there is a nodule", "nodule"),
        ("<think>an effusion?</think>nodules", "nodule"),
    ],
)
def test_the_same_meaning(text: str, target: str) -> None:
    """Synonyms, abbreviations, plurals, units, order and negations of the same are the same, in both directions."""
    assert value(text, target) == 1.0
    if not text.startswith(("The answer", "<think>")):
        assert value(target, text) == 1.0


@pytest.mark.parametrize(
    ("text", "target", "veto"),
    [
        ("There is no evidence of pneumothorax", "pneumothorax", "negation"),
        ("pneumothorax is not seen", "pneumothorax", "negation"),
        ("absence of effusion", "effusion", "negation"),
        ("no effusion, mass or nodule", "nodule", "negation"),
        ("pneumonia is ruled out", "pneumonia", "negation"),
        ("CT without contrast", "CT with contrast", "negation"),
        ("left lung", "right lung", "laterality"),
        ("not left but right", "left", "negation"),
        ("left lung", "right upper lobe", "laterality"),
        ("right lower lobe", "right upper lobe", "laterality"),
        ("superior", "inferior", "laterality"),
        ("anterior to the colon", "posterior to the colon", "laterality"),
        ("medial rectus", "lateral rectus", "laterality"),
        ("proximal", "distal", "laterality"),
        ("Left Lung, Right", "Right Lung, Left", "laterality"),
        ("left thalamus and right cerebellum", "right thalamus and left cerebellum", "laterality"),
        ("右肺", "左肺", "laterality"),
        ("prone", "supine", "opposites"),
        ("AP", "PA", "opposites"),
        ("hyperdense lesion", "hypodense lesion", "opposites"),
        ("abnormal", "normal", "opposites"),
        ("coronal", "axial", "opposites"),
        ("right upper lobe and left lower lobe", "left upper lobe and right lower lobe", "laterality"),
        ("RUL of the lung, LLL of the lung", "RLL of the lung, LUL of the lung", "laterality"),
        ("RUL, LLL", "RLL, LUL", "laterality"),
        ("trachea deviated to the left by a right mass", "trachea deviated to the right by a left mass", "laterality"),
        ("right-to-left shunt", "left-to-right shunt", "opposites"),
        ("left larger than right", "right larger than left", "order"),
        ("liver larger than spleen", "spleen larger than liver", "order"),
        ("liver larger than spleen", "liver smaller than spleen", "order"),
        ("liver > spleen", "spleen > liver", "order"),
        ("liver denser than spleen", "spleen denser than liver", "order"),
        ("T1 weighted MRI", "T2 weighted MRI", "opposites"),
        ("acute infarct", "old infarct", "opposites"),
        ("open fracture", "closed fracture", "opposites"),
        ("grade II glioma", "grade III glioma", "opposites"),
        ("L4-L5 disc herniation", "L5-S1 disc herniation", "opposites"),
        ("fracture of T11", "fracture of T12", "opposites"),
        ("liver? no, spleen", "liver", "negation"),
        ("everything except the liver", "liver", "negation"),
    ],
)
def test_the_opposite_is_vetoed(text: str, target: str, veto: str) -> None:
    """A negated finding, the other side and the other of two opposites earn nothing, whatever else agrees."""
    for one, other in ((text, target), (target, text)):
        found = marks(one, other)
        assert [mark.value for mark in found.values()] == [0.0, 0.0, 0.0]
        assert found[""].rule == "veto"
        assert found[""].reason == f"{veto} veto"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("left lung", "left kidney"),
        ("mass", "nodule"),
        ("cancer", "tumor"),
        ("infiltrate", "opacity"),
        ("nodule", "pneumothorax"),
        ("3.4 mm", "3.4 cm"),
        ("3.4", "3.4 cm"),
        ("3", "two"),
        ("5", "5%"),
        ("less than 5 cm", "5 cm"),
        ("diagnosis", "no"),
        ("yes", "cardiomegaly"),
        ("no", "cardiomegaly"),
        ("large bowel", "small bowel"),
        ("T1", "T2"),
        ("pericardial effusion", "pleural effusion"),
        ("cerebral edema", "pulmonary edema"),
        ("kidney mass and left", "liver mass"),
        ("mass in the liver, cyst in the kidney", "cyst in the liver, mass in the kidney"),
        ("mass in the liver and cyst in the kidney", "cyst in the liver and mass in the kidney"),
        ("MCA", "ACA"),
        ("lateral ventricle", "lateral"),
        ("superior vena cava", "superior"),
        ("anything", ""),
        ("NULL", ""),
    ],
)
def test_another_meaning(text: str, target: str) -> None:
    """Near words that are not interchangeable, other numbers and units, and an empty target earn nothing."""
    assert [mark.value for mark in marks(text, target).values()] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "target", "precision", "recall"),
    [
        ("Left lung", "Left Lung, Right", 1, 2 / 3),
        ("bilateral", "left", 1 / 2, 1),
        ("left", "bilateral", 1, 1 / 2),
        ("CT", "CT with contrast", 1, 1 / 2),
        ("chest x-ray", "plain film", 1 / 2, 1),
        ("lung, heart, liver, spleen", "heart", 1 / 4, 1),
        ("right", "right lung", 1, 1 / 2),
        ("left lung", "left lower lobe", 1, 1 / 2),
        ("effusion", "pleural effusion", 1, 1 / 2),
        ("liver? no, spleen", "spleen", 1 / 2, 1),
        ("mass, pneumonia, fracture, pleural effusion", "pleural effusion", 1 / 4, 1),
        ("There is a mass, a fracture, and a pleural effusion", "pleural effusion", 1 / 2, 1),
        ("pneumothorax, no effusion", "pneumothorax", 1 / 2, 1),
        ("no effusion or mass but pneumothorax", "pneumothorax", 1 / 3, 1),
        ("thalamus and bilateral cerebellum", "left thalamus and right cerebellum", 3 / 4, 3 / 4),
        ("large mass", "mass of 3 cm", 1 / 2, 1 / 2),
    ],
)
def test_a_share_of_the_meaning(text: str, target: str, precision: float, recall: float) -> None:
    """Concepts too many cost precision, concepts missing cost recall, and the value is F1 of the two."""
    found = marks(text, target)
    assert found["precision"].value == pytest.approx(precision)
    assert found["recall"].value == pytest.approx(recall)
    assert found[""].value == pytest.approx(2 * precision * recall / (precision + recall))


@pytest.mark.parametrize(
    ("text", "target", "question", "expected"),
    [
        ("Yes.", "yes", "Is there a nodule?", (1.0, "parsed")),
        ("No, there is none.", "no", "Is there a nodule?", (1.0, "parsed")),
        ("There is no nodule.", "no", "Is there a nodule?", (1.0, "parsed")),
        ("Yes", "No", "Is there a nodule?", (0.0, "parsed")),
        ("The lung is large.", "yes", "Is there a nodule?", (0.0, "unparsed")),
        ("diagnosis unknown", "no", "Is there a nodule?", (0.0, "unparsed")),
        ("是的", "有", "有没有病灶?", (1.0, "parsed")),
        ("正常", "不是", "肺异常吗?", (1.0, "parsed")),
        ("none seen", "no", "Is there a mass?", (1.0, "parsed")),
        ("none seen", "yes", "Is there a mass?", (0.0, "parsed")),
        ("0", "no", "Is there a mass?", (0.0, "unparsed")),
    ],
)
def test_yes_and_no(text: str, target: str, question: str, expected: tuple[float, str]) -> None:
    """A target of yes or no is compared as such; an answer that says neither is unparsed."""
    found = marks(text, target, question=question)[""]
    assert (found.value, found.bucket) == expected


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("left or right", "left"),
        ("left or right lung", "right lung"),
        ("left or right lung", "left lung"),
        ("liver or spleen", "liver"),
        ("liver, spleen or kidney", "liver"),
        ("CT vs MRI", "MRI"),
    ],
)
def test_alternatives_commit_to_none(text: str, target: str) -> None:
    """An answer that offers what the target names, or something else, earns nothing."""
    assert [mark.value for mark in marks(text, target).values()] == [0.0] * 3
    assert marks(text, target)[""].reason == "alternatives veto"


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("left or right", "left or right", 1.0),
        ("right or left", "left or right", 1.0),
        ("stroke or infarct", "infarct", 1.0),
        ("no mass or nodule", "no mass, no nodule", 1.0),
        ("left or right? It is left", "left", 2 / 3),
    ],
)
def test_an_or_that_commits(text: str, target: str, expected: float) -> None:
    """An "or" is none between names of the same, in a negation, where the target has it, or where one is chosen."""
    assert value(text, target) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "target", "question", "expected"),
    [
        ("the pleural effusion is on the left", "left", "Which side is the pleural effusion on?", 1.0),
        ("the pleural effusion is on the left", "left", "Which side is it?", 1 / 2),
        ("the pleural effusion", "left", "Which side is the pleural effusion on?", 0.0),
        ("the mass is in the liver, spleen", "liver", "Is the mass in the liver or the spleen?", 2 / 3),
        ("liver or spleen", "liver", "Is the mass in the liver or the spleen?", 0.0),
        ("no", "no fracture", "Is there a fracture?", 1.0),
        ("no fracture", "none", "Is there a fracture?", 1.0),
        ("no", "no fracture", "What is it?", 0.0),
        ("none", "fracture", "Is there a fracture?", 0.0),
    ],
)
def test_what_the_question_says_is_free(text: str, target: str, question: str, expected: float) -> None:
    """The question's words cost no precision, its alternatives do; a bare "no" denies what it asks for."""
    assert value(text, target, question=question) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("response", "bucket"),
    [
        (Response(""), "blank"),
        (Response(" … "), "blank"),
        (Response("I'm sorry, but I can't assist with that."), "refused"),
        (Response("nodule", refused=True), "refused"),
        (Response("<think>nodule"), "unparsed"),
    ],
)
def test_answers_that_are_none(response: Response, bucket: str) -> None:
    """A blank, refused or cut-off answer is 0 under every mark, in its bucket."""
    found = SCORER.scores(Sample("1", "What is it?", ("nodule",)), response)
    assert [(mark.value, mark.bucket) for mark in found.values()] == [(0.0, bucket)] * 3


def test_the_best_target_counts() -> None:
    """Of several targets the one that fits best counts; empty ones do not."""
    assert value("stroke", "", "mass", "infarct") == 1.0
    assert value("yes", "nodule", "yes") == 1.0


def test_a_letter_is_its_option() -> None:
    """Where the sample has options, the one that the answer names is compared."""
    options = ("MRI", "computed tomography", "X-ray")
    found = marks("B", "CT", options=options)[""]
    assert (found.value, found.rule, found.span) == (1.0, "letter, synonym", (0, 1))
    assert marks("A", "CT", options=options)[""].value == 0.0


@pytest.mark.parametrize(
    ("text", "target", "rule", "answer", "reason"),
    [
        ("Left lung", "left lung", "words", "left; lung", ""),
        ("pulmonary nodules", "lung nodule", "synonym", "lung; nodule", ""),
        ("Answer: lung", "lung nodule", "marker, concepts", "lung", "missing 1 of 2 concepts"),
        ("no mass", "mass", "veto", "not mass", "negation veto"),
        ("lung", "", "concepts", "lung", "there is no target"),
    ],
)
def test_what_a_mark_tells(text: str, target: str, rule: str, answer: str, reason: str) -> None:
    """A mark keeps the concepts in one canonical line, the rule, and a reason that repeats no target's words."""
    found = marks(text, target)[""]
    assert (found.rule, found.answer, found.reason) == (rule, answer, reason)


def test_the_span_is_the_stated_part() -> None:
    """The span is where the compared words stand in the whole response."""
    text = "<think>maybe</think> The final answer is: left lung."
    span = marks(text, "lung")[""].span
    assert span is not None
    assert text[slice(*span)] == "left lung"


def test_an_unknown_table_is_named() -> None:
    """A table that does not exist is an error that names the nearest one."""
    with pytest.raises(UsageError, match="did you mean clinical_v1"):
        ClinicalMatch(table="clinical_v2")


def test_the_table_is_what_it_was() -> None:
    """A published table is never edited: a change is a new version in a new file."""
    assert (
        hashlib.sha256(TABLE.read_bytes()).hexdigest()
        == "8ff98246699485834d54327e73705f6bb826cec2458e0b1872c7cf42c6336a80"
    )


PHRASES = (
    *(
        "ct",
        "chest x-ray",
        "left lung",
        "right kidney",
        "3.4 cm",
        "two nodules",
        "no effusion",
        "cardiomegaly",
        "upper",
    ),
    *("pleural effusion", "the head of the pancreas", "bilateral", "mri flair", "5%", "2 x 3 cm", "右肺", "normal"),
)
LISTS = st.lists(st.sampled_from(PHRASES), min_size=1, max_size=5)
WIDE = {code: code + 0xFEE0 for code in range(ord("!"), ord("~") + 1)}


@given(st.text(), st.text())
def test_no_text_is_too_much(text: str, target: str) -> None:
    """Whatever is answered to whatever target, the marks lie in [0, 1], and F1 is 1 only where both others are."""
    found = marks(text, target)
    assert set(found) == {"", "precision", "recall"}
    assert all(0 <= mark.value <= 1 for mark in found.values())
    assert (found[""].value == 1) == (found["precision"].value == found["recall"].value == 1)


@given(LISTS, LISTS)
def test_f1_is_one_only_where_both_are(said: list[str], wanted: list[str]) -> None:
    """Precision and recall of one make a value of one, nothing else does, and the value lies between them."""
    found = marks(", ".join(said), ", ".join(wanted))
    precision, recall = found["precision"].value, found["recall"].value
    assert (found[""].value == 1) == (precision == recall == 1)
    assert min(precision, recall) - 1e-9 <= found[""].value <= max(precision, recall) + 1e-9


@given(LISTS)
def test_a_text_means_itself(said: list[str]) -> None:
    """An answer that is the target word for word earns all."""
    assert value("; ".join(said), "; ".join(said)) == 1.0


@given(LISTS, LISTS, st.randoms(use_true_random=False), st.sampled_from([", ", "; ", " / ", "、", ",", " | "]))
def test_lists_have_no_order(said: list[str], wanted: list[str], random: Random, separator: str) -> None:
    """The order of a list and the sign between its items make no difference."""
    other = list(said)
    random.shuffle(other)
    assert value(separator.join(other), ", ".join(wanted)) == pytest.approx(value(", ".join(said), ", ".join(wanted)))


@given(LISTS, LISTS, st.integers(min_value=1, max_value=4))
def test_typing_makes_no_difference(said: list[str], wanted: list[str], spaces: int) -> None:
    """More spaces, another case and full-width forms change nothing."""
    text, target = ", ".join(said), ", ".join(wanted)
    plain = value(text, target)
    assert value(f" {text} ".replace(" ", " " * spaces), target) == plain
    assert value(text.upper(), target) == plain
    assert value(text.translate(WIDE), target) == plain


@given(st.text(alphabet="bcdfghjkqvwxzäß#@!?…-_ \n", max_size=60), LISTS)
def test_noise_earns_nothing(noise: str, wanted: list[str]) -> None:
    """Letters that are no word of the table or the target, signs and spaces earn nothing."""
    assert value(f"qq{noise}", ", ".join(wanted)) == 0.0


def test_naming_everything_is_not_rewarded() -> None:
    """Every further concept that the target does not have lowers the value."""
    organs = ("lung", "heart", "liver", "spleen", "kidney", "brain", "stomach")
    values = [value(", ".join(organs[:count]), "lung") for count in range(1, len(organs) + 1)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == len(values)


@pytest.mark.shared
@pytest.mark.parametrize(
    "name", ["slake.en1061.huatuogpt-vision-7b-qwen2.5vl.original", "vqa-rad.hf451.qwen3-vl-8b-lora"]
)
def test_real_answers(shared: Path, name: str) -> None:
    """On real open answers the mean is no less than exact match's, and what matches word for word matches."""
    lines = (shared / "predictions" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    rows = [
        row for row in rows if row.get("answer_type", "OPEN") == "OPEN" and row["gold"].lower() not in ("yes", "no")
    ]
    pairs = [(Sample(row["id"], row["question"], (row["gold"],)), Response(row["response"])) for row in rows]
    exact = [ExactMatch().score(*pair).value for pair in pairs]
    mine = [SCORER.score(*pair).value for pair in pairs]
    assert len(pairs) >= 200
    assert sum(mine) >= sum(exact)
    assert [pair[0].id for pair, one, other in zip(pairs, exact, mine, strict=True) if one == 1 != other] == []
