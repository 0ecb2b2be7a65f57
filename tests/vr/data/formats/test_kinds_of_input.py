"""Collections as people really have them: each input with what is right."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from vr.data.formats.source import ImageSource
from vr.data.inspection.structure import offers, suspicions
from vr.data.sources import open_collection

Make = Callable[..., Path]
PAIR = ("i/1.png", "i/2.png")


@dataclass(frozen=True)
class Case:
    """An input, and what is right.

    Attributes:
        images: names of image files.
        files: other files by name, with their text.
        open: what is opened, relative to the folder.
        classes: number of images by class name; None where opening is an error.
        code: of that error.
        remarks, suspicions: words of the expected sentences, one entry per sentence.
    """

    images: tuple[str, ...] = PAIR
    files: dict[str, str] = field(default_factory=dict)
    open: str = ""
    classes: dict[str, int] | None = None
    code: str = ""
    remarks: tuple[str, ...] = ()
    suspicions: tuple[str, ...] = ()


def folders(*names: str, count: int = 2) -> tuple[str, ...]:
    return tuple(f"{name}/{number}.png" for name in names for number in range(count))


def table(text: str, header: str = "path,label", images: tuple[str, ...] = PAIR, **expected: object) -> Case:
    return Case(images, {"t.csv": f"{header}\n{text}\n"}, "t.csv", **expected)  # type: ignore[arg-type]


TWO = {"a": 1, "b": 1}
NFC, NFD = (unicodedata.normalize(form, "Gefäß") for form in ("NFC", "NFD"))
CASES: dict[str, Case] = {
    # Tables: titles of columns.
    "image,class": table(
        "i/1.png,a\ni/2.png,b", "image,class", classes=TWO, remarks=("'image' and 'class'",)
    ),
    "image_id,dx": table(
        "1,a\n2,b", "image_id,dx", classes=TWO, remarks=("image_id", "by the name of the file")
    ),
    "filename,diagnosis": table(
        "2.png,b\n1.png,a", "filename,diagnosis", classes=TWO, remarks=("filename", "name")
    ),
    "Image Index": table(
        "1.png,a\n2.png,b", "Image Index,Finding Labels", classes=TWO, remarks=("Index", "name")
    ),
    "id_code": table(
        "1,0\n2,4", "id_code,diagnosis", classes={"class 0": 1, "class 4": 1}, remarks=("id", "name")
    ),
    "file,target": table("i/1.png,a\ni/2.png,b", "file,target", classes=TWO, remarks=("target",)),
    "semicolons": table("i/1.png;a\ni/2.png;b", "File Path;Category", classes=TWO, remarks=("Category",)),
    "path and label of several": table("i/1.png,a,x\ni/2.png,b,y", "path,label,class", classes=TWO),
    "one column per finding": table("i/1.png,1,0\ni/2.png,0,1", "image,mel,nv", code="manifest-columns"),
    # Tables: labels.
    "missing labels": table(
        "i/1.png,a\ni/2.png,b\ni/3.png,NaN\ni/4.png,\ni/5.png,None",
        images=(*PAIR, "i/3.png", "i/4.png", "i/5.png"),
        classes=TWO,
        remarks=("3 rows",),
    ),
    "NULL and N/A": table(
        "i/1.png,a\ni/2.png,b\ni/3.png,NULL\ni/4.png,n/a",
        images=(*PAIR, "i/3.png", "i/4.png"),
        classes=TWO,
        remarks=("2 rows",),
    ),
    "no label at all": table("i/1.png,nan\ni/2.png,", code="manifest-no-labels"),
    "integers as floats": table("i/1.png,0.0\ni/2.png,1.0", classes={"class 0": 1, "class 1": 1}),
    "integers from one": table("i/1.png,1\ni/2.png,2", classes={"class 1": 1, "class 2": 1}),
    "real fractions": table("i/1.png,1.0\ni/2.png,1.5", classes={"1.0": 1, "1.5": 1}),
    "signs": table("i/1.png,ER+\ni/2.png,ER-", classes={"ER+": 1, "ER-": 1}),
    "plus and minus": table("i/1.png,+\ni/2.png,-", classes={"+": 1, "-": 1}),
    "several by a bar": table("i/1.png,a|c\ni/2.png,b", code="manifest-several-labels"),
    "several by a semicolon": table("i/1.png,a; c\ni/2.png,b", code="manifest-several-labels"),
    "several by a comma": table(
        'i/1.png,"a, b"\ni/2.png,b\ni/3.png,a', images=(*PAIR, "i/3.png"), code="manifest-several-labels"
    ),
    "a list": table("i/1.png,\"['a', 'b']\"\ni/2.png,b", code="manifest-several-labels"),
    "a comma within a name": table(
        'i/1.png,"nodule, solid"\ni/2.png,b', classes={"nodule, solid": 1, "b": 1}
    ),
    "a slash within a name": table("i/1.png,and/or\ni/2.png,b", classes={"and/or": 1, "b": 1}),
    # Tables: paths.
    "NFC table, NFD file": table(
        f"{NFC}/1.png,a\ni/2.png,b", images=(f"{NFD}/1.png", "i/2.png"), classes=TWO
    ),
    "backslashes": table("i\\1.png,a\n.\\i\\2.png,b", classes=TWO),
    "the folder's own name in front": table("set/i/1.png,a\nset/i/2.png,b", classes=TWO),
    "an id in two folders": table("1,a\n2,b", images=(*PAIR, "j/1.png"), code="manifest-ambiguous-image"),
    "an id with a mask": table(
        "1,a\n2,b",
        images=("images/1.png", "images/2.png", "masks/1.png", "masks/2.png"),
        classes=TWO,
        remarks=("by the name", "2 segmentation masks"),
    ),
    "images that the table lacks": table(
        "i/1.png,a\ni/2.png,b", images=(*PAIR, "i/3.png"), classes=TWO, remarks=("1 image is",)
    ),
    "images that are not there": table("i/1.png,a\ni/8.png,b\ni/9.png,b", code="manifest-image-missing"),
    "flat images and a table": Case(
        files={"train.csv": "image,class\n1.png,a\n2.png,b\n"},
        classes=TWO,
        remarks=("'image' and 'class'", "name of the file"),
    ),
    # Masks.
    "masks by ending": Case(
        (*folders("a", "b"), "a/0_mask.png", "b/1_mask.png", "b/1_mask_1.png"),
        classes={"a": 2, "b": 2},
        remarks=("3 segmentation masks",),
    ),
    "Segmentation by ending": Case(
        (*folders("a", "b"), "a/0_Segmentation.png"),
        classes={"a": 2, "b": 2},
        remarks=("1 segmentation mask is",),
    ),
    "masks within classes": Case(
        folders("a/images", "a/masks", "b/images", "b/masks"),
        classes={"a": 2, "b": 2},
        remarks=("4 segmentation masks",),
    ),
    "masks beside": Case(
        (*folders("a", "b"), "a/mask/0.png", "b/mask/1.png"),
        classes={"a": 2, "b": 2},
        remarks=("2 segmentation masks",),
    ),
    "masks by class": Case(folders("images/a", "images/b", "masks/a", "masks/b"), code="card-few-classes"),
    "masks of splits": Case(
        folders("train/a", "train/b", "train_masks/a", "train_masks/b"),
        classes={"a": 2, "b": 2},
        remarks=("4 segmentation masks",),
    ),
    "images and masks only": Case(folders("images", "masks"), code="card-few-classes"),
    "classes of face masks": Case(
        folders("with_mask", "without_mask"), classes={"with mask": 2, "without mask": 2}
    ),
    "a mask without an image": Case((*folders("a", "b"), "a/7_mask.png"), classes={"a": 3, "b": 2}),
    # Folders that are no classes.
    "numbered parts": Case(
        folders("images_001", "images_002"),
        classes={"images 001": 2, "images 002": 2},
        suspicions=("parts of one",),
    ),
    "parts with a table": Case(
        ("x_part_1/1.png", "x_part_2/2.png"),
        {"meta.csv": "image_id,dx\n1,a\n2,b\n"},
        classes={"x part 1": 1, "x part 2": 1},
        remarks=(".csv 1", "not used"),
        suspicions=("parts of one",),
    ),
    "patients": Case(
        folders("patient01", "patient02", "patient03"),
        classes={f"patient0{n}": 2 for n in (1, 2, 3)},
        suspicions=("patients",),
        remarks=("paths name patients",),
    ),
    "subjects": Case(
        folders("sub-01", "sub-02"), classes={"sub-01": 2, "sub-02": 2}, suspicions=("patients",)
    ),
    "magnifications": Case(
        folders("40X/a", "40X/b", "400X/a", "400X/b"),
        classes={"40X": 4, "400X": 4},
        suspicions=("magnifications", "same sub-folders"),
    ),
    "the collection within": Case(
        (*folders("a", "b"), *folders("copy/a", "copy/b")),
        classes={"a": 2, "b": 2, "copy": 4},
        suspicions=("whole collection again",),
    ),
    "the collection within, split": Case(
        (*folders("train/a", "train/b"), *folders("set/train/a", "set/train/b")),
        classes={"a": 2, "b": 2, "set": 4},
        suspicions=("whole collection again",),
    ),
    "splits within classes": Case(
        folders("a/train", "a/test", "b/train", "b/test"),
        classes={"a": 4, "b": 4},
        suspicions=("look like splits",),
    ),
    "grades are classes": Case(
        folders("grade 1", "grade 2", "grade 3"), classes={f"grade {n}": 2 for n in (1, 2, 3)}
    ),
    "numbers are classes": Case(folders("0", "1", "2"), classes={"0": 2, "1": 2, "2": 2}),
    "other folders inside": Case(folders("a/x", "a/y", "b/z"), classes={"a": 4, "b": 2}),
    # Files that are left out.
    "other formats": Case(
        folders("a", "b"),
        {"a/x.heic": "x", "a/x.nii.gz": "x", "b/x.svs": "x", "b/notes": "x"},
        classes={"a": 2, "b": 2},
        remarks=(".nii.gz 1 (a/x.nii.gz)",),
    ),
    "hidden files": Case(
        folders("a", "b"), {"a/.DS_Store": "x", "__MACOSX/a/._0.png": "x"}, classes={"a": 2, "b": 2}
    ),
}


def counts(card: Card, source: ImageSource) -> dict[str, int]:
    items = (item for members in source.splits.values() for item in members)
    return dict(Counter(card.class_names[item.label] for item in items))


def matched(sentences: list[str], expected: tuple[str, ...]) -> Iterator[bool]:
    assert len(sentences) == len(expected), sentences
    return (any(words in sentence for sentence in sentences) for words in expected)


@pytest.mark.parametrize("name", CASES)
def test_each_kind_of_input(name: str, make: Make) -> None:
    case = CASES[name]
    path = make(*case.images, files=case.files) / case.open
    if case.classes is None:
        with pytest.raises(UserError) as caught:
            open_collection(path)
        assert caught.value.code == case.code
        return
    card, source = open_collection(path)
    assert counts(card, source) == case.classes
    assert all(matched([*source.remarks, *offers(source, card)], case.remarks))
    assert all(matched(suspicions(source, card), case.suspicions))
