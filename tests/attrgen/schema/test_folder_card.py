"""Which folders are classes: those with images, wherever the images are put. vr/data opens the same ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrgen.core.errors import UserError
from attrgen.schema.card import find
from attrgen.schema.folder_card import class_folder, only_folder

DICOM = bytes(128) + b"DICM"


def make(root: Path, *names: str, content: bytes = b"image") -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def classes(root: Path) -> list[str]:
    return [entry.folder for entry in find(str(root)).classes]


def test_a_folder_without_images_is_no_class(tmp_path: Path) -> None:
    make(tmp_path, "B/1.png", "class_one/deep/2.JPG", "notes/read me.txt", ".hidden/3.png", "__MACOSX/4.png")
    (tmp_path / "empty").mkdir()
    card = find(str(tmp_path))
    assert card.class_names == ("B", "class one")
    assert [entry.folder for entry in card.classes] == ["B", "class_one"]


def test_classes_of_all_splits_count_and_spellings_of_one_are_one(tmp_path: Path) -> None:
    make(tmp_path, "train/dark_ring/1.png", "Valid/Dark-Ring/2.png", "test/spot/3.png", "test/HER2-/4.png")
    make(tmp_path, "train/HER2/1.png")
    assert classes(tmp_path) == ["Dark-Ring", "HER2", "HER2-", "spot"]


def test_a_folder_around_all_is_passed_through(tmp_path: Path) -> None:
    make(tmp_path, "Toy/inner/a/1.png", "Toy/inner/b/2.png")
    card = find(str(tmp_path))
    assert card.class_names == ("a", "b")


def test_dicom_files_count_by_content_where_there_are_no_other_images(tmp_path: Path) -> None:
    make(tmp_path, "a/IM1", "b/IM2", content=DICOM)
    make(tmp_path, "notes/text")
    card = find(str(tmp_path))
    assert card.class_names == ("a", "b")
    assert card.images is not None and card.images.layout == "dicom"


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["a/1.png", "b/1.txt"], "card-few-classes"),
        (["1.png", "2.png"], "card-few-classes"),
        ([], "card-few-classes"),
        (["a/1.png", "b/2.png", "split_toy.json"], "card-labels-in-file"),
        (["a/1.png", "b/2.png", "toy.npz"], "card-labels-in-file"),
        (["a/1.png", "b/2.png", "toy.parquet"], "card-labels-in-file"),
        (["a/1.png", "b\nc/2.png"], "card-value"),
    ],
)
def test_folders_without_a_card(names: list[str], code: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        find(str(make(tmp_path, *names)))
    assert caught.value.code == code
    assert str(caught.value).startswith(f"{tmp_path}: ")


def test_only_a_table_of_paths_and_labels_counts(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "ages.csv").write_text("patient,age\n1,50\n")
    assert classes(tmp_path) == ["a", "b"]
    (tmp_path / "labels.csv").write_text("Path,Label\na/1.png,x\n")
    with pytest.raises(UserError) as caught:
        find(str(tmp_path))
    assert caught.value.code == "card-labels-in-file"


def test_a_link_upwards_ends(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "b" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert classes(tmp_path) == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "folder"),
    [("a/1.png", "a"), ("train/a/x/1.png", "a"), ("train/1.png", None), ("1.png", None)],
)
def test_class_folder(name: str, folder: str | None) -> None:
    assert class_folder(name) == folder


@pytest.mark.parametrize(
    ("names", "only"),
    [
        (["x/a/1.png", "x/b/1.png"], "x"),
        (["x/1.png", "x/2.png"], None),
        (["train/a/1.png"], None),
        (["x/a/1.png", "y/1.png"], None),
        (["1.png"], None),
        ([], None),
    ],
)
def test_only_folder(names: list[str], only: str | None) -> None:
    assert only_folder(names) == only
