"""Which class a confusion sentence names for sure."""

from __future__ import annotations

import pytest

from attrgen.curation.formats.mimicked import mimicked, names_of
from attrgen.schema import card as cards

OTHER = "other"


@pytest.mark.parametrize(
    ("dataset", "own", "sentence", "named"),
    [
        ("btmri", "glioma", "it sits in the sella, like a pituitary tumor", "pituitary tumor"),
        ("btmri", "glioma", "more typical of Meningiomas than of a glioma", "meningioma"),
        ("btmri", "glioma", "like a meningioma rather than a pituitary tumor", "meningioma"),
        ("btmri", "normal brain", "a small meningioma or glioma", OTHER),
        ("btmri", "glioma", "unlike the smooth rim of meningioma", OTHER),
        ("btmri", "glioma", "no sign of a meningioma", OTHER),
        ("btmri", "glioma", "no edema is seen, as in meningioma", "meningioma"),
        ("btmri", "glioma", "an infiltrating glioma", OTHER),
        ("btmri", "glioma", "otherwise the look is normal", OTHER),
        ("btmri", "glioma", "nonmeningioma-like gliomatosis", OTHER),
        ("busi", "normal breast tissue", "it may be a benign lesion", OTHER),
        ("busi", "benign breast tumor", "spiky as malignant_tumor is", "malignant breast tumor"),
        ("kvasir", "polyp", "stained like dyed lifted polyps", "dyed lifted polyp"),
        ("kvasir", "dyed lifted polyp", "resembling polyps", "polyp"),
        ("kvasir", "polyp", "a jagged edge, mimicking a normal Z-line", "normal z-line"),
    ],
)
def test_a_class_is_named_or_not(dataset: str, own: str, sentence: str, named: str) -> None:
    assert mimicked(sentence, own, names_of(cards.find(dataset))) == named


def test_no_names() -> None:
    assert mimicked("a sentence", "own", {"own": set(), "else": set()}) == OTHER
