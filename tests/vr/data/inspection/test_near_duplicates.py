"""Near-duplicates across splits: planted ones are the nearest pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageEnhance

from attrgen.schema.card import find
from vr.clip import backbone as backbones
from vr.data.formats.source import ImageSource
from vr.data.inspection.near_duplicates import near_duplicates
from vr.data.inspection.pair_sheet import pair_sheet
from vr.data.sources import open_collection
from vr.phantom.dataset import picture_of


@pytest.fixture(scope="module")
def mini() -> Any:
    return backbones.load("mini")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[ImageSource, dict[str, str]]:
    """Drawn kidneys; three test images are a training image compressed, brighter, or in another size."""
    root = tmp_path_factory.mktemp("kidneys")
    names = find("kidney-phantom").class_names
    for split, count in (("train", 12), ("test", 5)):
        for label, name in enumerate(names[:2]):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = picture_of(split, label, name, number).picture
                Image.fromarray(pixels).save(folder / f"{number}.png")
    copies: dict[str, str] = {}
    changes = (
        lambda image: image,
        lambda image: ImageEnhance.Brightness(image).enhance(1.05),
        lambda image: image.resize((image.width * 3 // 4, image.height * 3 // 4)),
    )
    for number, change in enumerate(changes):
        original, copy = f"train/{names[0]}/{number}.png", f"test/{names[0]}/{number}.jpg"
        with Image.open(root / original) as image:
            change(image.convert("RGB")).save(root / copy, "JPEG", quality=85)
        copies[copy] = original
    return open_collection(root)[1], copies


def test_planted_copies_are_the_nearest_pairs(planted: tuple[ImageSource, dict[str, str]], mini: Any) -> None:
    source, copies = planted
    pairs = near_duplicates(source, mini, 0.0)
    nearest = {pair.second[1].path: pair.first[1].path for pair in pairs if pair.first[0] == "train"}
    assert {path: nearest[path] for path in copies} == copies
    assert [pair.cosine for pair in pairs] == sorted((pair.cosine for pair in pairs), reverse=True)
    assert all(pair.first[0] != pair.second[0] for pair in pairs)


def test_the_threshold_and_equal_images_are_respected(
    planted: tuple[ImageSource, dict[str, str]], mini: Any
) -> None:
    source, copies = planted
    pairs = near_duplicates(source, mini, 0.97)
    assert copies.keys() <= {pair.second[1].path for pair in pairs}
    assert min(pair.cosine for pair in pairs) >= 0.97
    copy, original = next(iter(copies.items()))
    without = near_duplicates(source, mini, 0.97, content={copy: "same", original: "same"})
    assert (original, copy) not in {(pair.first[1].path, pair.second[1].path) for pair in without}


def test_the_sheet_has_one_row_per_pair(
    planted: tuple[ImageSource, dict[str, str]], mini: Any, tmp_path: Path
) -> None:
    source, _ = planted
    pairs = near_duplicates(source, mini, 0.0)[:3]
    sheet = pair_sheet(source, pairs)
    assert sheet.height == 3 * 116 + 4
    assert Image.Image.getcolors(sheet.crop((4, 4, 116, 116))) != [(112 * 112, (255, 255, 255))]
