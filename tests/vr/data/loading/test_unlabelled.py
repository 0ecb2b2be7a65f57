"""Images that a user names: files, folders of them, lists, images in memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from attrgen.core.errors import UserError
from vr.data.loading.unlabelled import (
    NO_LABEL,
    GivenImages,
    UnlabelledFiles,
    check_paths,
    image_paths,
    read_path_list,
    require_images,
)

PngBytes = Callable[..., bytes]


@pytest.fixture
def tree(tmp_path: Path, png_bytes: PngBytes) -> Path:
    root = tmp_path / "scans"
    for name in ("b.png", "a.PNG", "deep/er/c.jpg", "deep/notes.txt", ".hidden.png", "deep/.git/d.png", "e"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes())
    (root / "IM0001").write_bytes(b"\0" * 128 + b"DICM")  # DICOM files often have no suffix
    return root


def names(root: Path, *places: Any) -> list[str]:
    return [path.removeprefix(f"{root}/") for path in image_paths(places)]


def test_folders_are_searched_and_files_are_taken_as_they_are(tree: Path) -> None:
    assert names(tree, tree) == ["IM0001", "a.PNG", "b.png", "deep/er/c.jpg"]
    assert names(tree, tree / "deep/notes.txt", str(tree / "e")) == ["deep/notes.txt", "e"]


def test_each_file_comes_once_in_the_order_of_the_places(tree: Path) -> None:
    assert names(tree, tree / "b.png", tree, tree / "deep", tree / "b.png") == [
        "b.png",
        "IM0001",
        "a.PNG",
        "deep/er/c.jpg",
    ]


def test_paths_are_taken_only_as_they_are_needed() -> None:
    asked: list[int] = []

    def endless() -> Any:
        for number in range(10**9):
            asked.append(number)
            yield f"{number}.png"

    actual = require_images(image_paths(endless()))
    assert [next(actual) for _ in range(3)] == ["0.png", "1.png", "2.png"]
    assert len(asked) == 3


def test_no_image_and_a_misspelled_path(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        require_images(image_paths([tmp_path]))
    assert caught.value.code == "images-none"
    with pytest.raises(UserError) as caught:
        check_paths([tmp_path, tmp_path / "nowhere"])
    assert (caught.value.code, caught.value.file) == ("images-missing-path", str(tmp_path / "nowhere"))


def test_a_list_may_have_empty_lines_windows_ends_and_any_bytes() -> None:
    lines = [b"a b.png\n", b"\n", b"c.png\r\n", b"\xff.png\n", b"last.png"]
    assert list(read_path_list(lines)) == ["a b.png", "c.png", os.fsdecode(b"\xff.png"), "last.png"]


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: None, "data-unreadable-file"),
        (lambda path: path.mkdir(), "data-unreadable-file"),
        (lambda path: os.mkfifo(path), "file-not-regular"),
        (lambda path: path.write_bytes(b""), "image-empty"),
        (lambda path: path.write_bytes(b"no image at all"), "image-unknown-format"),
        (lambda path: Image.new("L", (4000, 1)).save(path), "image-too-narrow"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(make: Callable[[Path], Any], code: str, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    make(path)
    with pytest.raises(UserError) as caught:
        UnlabelledFiles().read(str(path))
    assert (caught.value.code, caught.value.file) == (code, str(path))


def test_a_name_with_a_null_character() -> None:
    with pytest.raises(UserError) as caught:
        UnlabelledFiles().read("a\0b.png")
    assert caught.value.code == "data-unreadable-file"


def test_images_of_every_kind_are_the_same_image(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    path = tmp_path / "x.png"
    Image.fromarray(values).save(path)
    given = [str(path), path, Image.open(path), Image.fromarray(values), values, np.asfortranarray(values)]
    source = GivenImages(given, UnlabelledFiles())
    items = list(source.items())
    assert [item.label for item in items] == [NO_LABEL] * 6
    for item in items:
        assert np.array_equal(np.asarray(source.read(item.path)), values)


def test_grey_arrays_and_turned_photographs(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by a quarter
    Image.fromarray(grey).save(tmp_path / "turned.png", exif=exif)
    source = GivenImages(
        [grey, grey[:, :, None], Image.open(tmp_path / "turned.png"), tmp_path / "turned.png"],
        UnlabelledFiles(),
    )
    assert np.array_equal(np.asarray(source.read("0")), np.repeat(grey[:, :, None], 3, 2))
    assert np.array_equal(np.asarray(source.read("1")), np.asarray(source.read("0")))
    assert np.array_equal(np.asarray(source.read("2")), np.asarray(source.read("3")))
    assert source.read("2").size == (20, 30)


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (np.zeros((4, 4, 3)), "images-wrong-array"),
        (np.zeros((3, 4, 4), np.uint8), "images-wrong-array"),
        (np.zeros((0, 4), np.uint8), "images-wrong-array"),
        (42, "images-wrong-type"),
        (None, "images-wrong-type"),
    ],
)
def test_an_object_that_is_no_image(image: Any, code: str) -> None:
    with pytest.raises(UserError) as caught:
        GivenImages([image], UnlabelledFiles()).read("0")
    assert caught.value.code == code


def test_a_table_that_is_named_for_an_image_gets_its_remedy(tmp_path: Path) -> None:
    table = tmp_path / "patients.CSV"
    table.write_text("path,label\n")
    with pytest.raises(UserError) as caught:
        check_paths([table])
    assert caught.value.code == "images-table"
