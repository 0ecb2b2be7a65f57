"""The cards that come with the program."""

from __future__ import annotations

import pytest

from attrgen.schema import card as cards

# As BiomedCoOp publishes them, and for the natural ones as CoOp does: train, val, test.
PUBLISHED = {
    "btmri": (2854, 1141, 1717),
    "busi": (389, 155, 236),
    "chmnist": (2496, 1000, 1504),
    "covid-19": (10582, 4232, 6351),
    "ct-kidney": (6221, 2487, 3738),
    "dermamnist": (7006, 1003, 2005),
    "knee-xray": (5778, 826, 1656),
    "kvasir": (2000, 800, 1200),
    "lung-colon": (12500, 5000, 7500),
    "octmnist": (97477, 10832, 1000),
    "retina": (2108, 841, 1268),
    "caltech101": (4128, 1649, 2465),
    "dtd": (2820, 1128, 1692),
    "eurosat": (13500, 5400, 8100),
    "food101": (50500, 20200, 30300),
    "oxford-flowers": (4093, 1633, 2463),
    "oxford-pets": (2944, 736, 3669),
    "ucf101": (7639, 1898, 3783),
}
# Label order as the published splits spell it.
SPELLED = {
    "btmri": "glioma tumor, meningioma tumor, pituitary tumor, normal brain",
    "busi": "benign tumor, malignant tumor, normal scan",
    "chmnist": "adipose tissue, complex stroma, debris, empty background, immune cells, "
    "normal mucosal glands, simple stroma, tumour epithelium",
    "covid-19": "covid lungs, lung opacity lungs, viral pneumonia lungs, normal lungs",
    "ct-kidney": "cyst kidney, kidney stone, kidney tumor, normal kidney",
    "dermamnist": "actinic keratosis, basal cell carcinoma, benign keratosis, dermatofibroma, melanoma, "
    "melanocytic nevus, vascular lesion",
    "knee-xray": "healthy knee, doubtful osteoarthritis, minimal osteoarthritis, moderate osteoarthritis, "
    "severe osteoarthritis",
    "kvasir": "dyed lifted polyps, dyed resection margins, esophagitis, normal cecum, normal pylorus, "
    "normal z line, polyps, ulcerative colitis",
    "lung-colon": "colon adenocarcinoma, colon benign tissue, lung adenocarcinoma, lung benign tissue, "
    "lung squamous cell carcinoma",
    "octmnist": "choroidal neovascularization, drusen, diabetic macular edema, normal",
    "retina": "diabetic retinopathy, glaucoma, cataract, normal retina",
}
SIZES = {"caltech101": 100, "dtd": 47, "eurosat": 10, "food101": 101, "oxford-flowers": 102}
SIZES |= {"oxford-pets": 37, "ucf101": 101}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_benchmark_has_its_card(name: str) -> None:
    card = cards.find(name)
    assert card.name == name
    assert card.counts is not None
    assert tuple(card.counts.model_dump().values()) == PUBLISHED[name]
    assert card.licence != "unknown"
    assert card.source != "unknown"
    assert card.citation
    assert card.shows.split()[0] in ("a", "an")
    assert card.images is not None
    assert card.images.download is not None or "by hand" in (card.notes or "")


@pytest.mark.parametrize("name", SPELLED)
def test_the_published_spelling_is_known_in_label_order(name: str) -> None:
    card = cards.find(name)
    spelled = SPELLED[name].split(", ")
    assert [card.class_of(spelling).name for spelling in spelled] == list(card.class_names)
    assert [entry.folder for entry in card.classes] == [spelling.replace(" ", "_") for spelling in spelled]
    assert card.images is not None
    assert card.images.download == f"hub:datasets/TahaKoleilat/BiomedCoOp/{card.images.folder}.zip"
    assert card.images.split == f"split_{card.images.folder}.json"


@pytest.mark.parametrize("name", SIZES)
def test_the_natural_ones_have_all_classes(name: str) -> None:
    card = cards.find(name)
    assert len(card.classes) == SIZES[name]
    assert all(name == name.strip() and "_" not in name for name in card.class_names)


def test_integer_labels_of_medmnist_have_their_own_order() -> None:
    images = cards.find("octmnist").images
    assert images is not None
    assert images.labels == (
        "choroidal neovascularization",
        "diabetic macular edema",
        "drusen",
        "normal retina",
    )


def test_a_subset_remembers_what_it_leaves_out() -> None:
    subset = cards.find("octmnist").subset(["DME", "drusen"])
    assert subset.class_names == ("drusen", "diabetic macular edema")
    assert subset.leaves_out("CNV")
    assert not subset.leaves_out("drusen")
    assert subset.images == cards.find("octmnist").images
    busi = cards.find("busi").subset(["normal", "benign"])
    assert busi.images is not None
    assert busi.images.labels == cards.find("busi").class_names
    assert cards.Card.model_validate(busi.model_dump()) == busi  # as a run's config keeps it


def test_the_demo_is_drawn_by_the_project_itself() -> None:
    card = cards.find("kidney-phantom")
    assert card.licence == "MIT"
    assert card.images is not None
    assert card.images.download is None
    assert card.counts is not None
    assert tuple(card.counts.model_dump().values()) == (256, 600, 1000)
    assert card.class_names == cards.find("ct-kidney").class_names
