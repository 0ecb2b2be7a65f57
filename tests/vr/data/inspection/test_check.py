"""What `vr data check` finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrgen.schema.card import Card, CardCounts
from vr.data.formats.file_source import open_files
from vr.data.formats.file_tree import FolderTree
from vr.data.formats.source import Item
from vr.data.inspection.check import check
from vr.data.inspection.structure import suspicions
from vr.data.sources import open_collection, open_source


def test_no_problems(forms: dict[str, Path], card: Card) -> None:
    for form in ("folder", "zip", "npz"):
        seen: list[None] = []
        whole = card.model_copy(update={"counts": CardCounts(train=12, val=6, test=8)})
        report = check(open_source(whole, forms[form]), whole, lambda seen=seen: seen.append(None))
        assert report.problems() == []
        assert report.counts["val"] == {"bright spot": 3, "dark ring": 3}
        assert len(seen) == 26


def test_only_a_class_folder_can_hold_the_collection_again(
    tmp_path: Path, card: Card, png_bytes: Callable[..., bytes]
) -> None:
    """A split file may name a folder around the class folders, which is no class."""
    names = [
        f"{folder}/{number}.png" for folder in ("Toy/bright_spot", "Toy/dark_ring") for number in range(2)
    ]
    for number, name in enumerate(names):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes(number))
    rows = [("train", Item(name, number // 2)) for number, name in enumerate(names)]
    assert suspicions(open_files(FolderTree(tmp_path), rows, card), card) == []


def test_counts_leaks_and_unreadable_images(forms: dict[str, Path], card: Card) -> None:
    root = forms["folder"]
    leak = root / "test" / "dark_ring" / "copy.png"
    leak.write_bytes((root / "train" / "dark_ring" / "train-0.png").read_bytes())
    same_split = root / "test" / "dark_ring" / "copy2.png"
    same_split.write_bytes((root / "test" / "dark_ring" / "test-1.png").read_bytes())
    (root / "val" / "bright_spot" / "val-1.png").write_bytes(b"broken")
    card = card.model_copy(update={"counts": CardCounts(train=12, val=6, test=8)})
    report = check(open_source(card, root), card)
    problems = report.problems()
    assert problems[0] == "test: 10 images, and the card says 8"
    assert "unreadable" in problems[1]
    assert "val-1.png" in problems[1]
    assert problems[2:] == [
        "the same image in several splits: train train/dark_ring/train-0.png, test test/dark_ring/copy.png"
    ]


def test_long_lists_are_shortened(forms: dict[str, Path], card: Card) -> None:
    for path in forms["folder"].rglob("*.png"):
        path.write_bytes(b"broken")
    problems = check(open_source(card, forms["folder"]), card).problems()
    assert len(problems) == 11
    assert problems[-1] == "… and 16 more unreadable images"


def test_a_patient_in_two_splits_is_reported(forms: dict[str, Path], card: Card) -> None:
    root = forms["folder"]
    for split, kind, number in (
        ("train", "dark_ring", 3),
        ("train", "dark_ring", 4),
        ("test", "bright_spot", 1),
    ):
        path = root / split / kind / f"{split}-{number}.png"
        path.rename(path.with_name(f"patient7_{number}.png"))
    assert card.images is not None
    images = card.images.model_copy(update={"group": r"patient(\d+)"})
    card = card.model_copy(update={"images": images})
    problems = check(open_source(card, root), card).problems()
    assert problems == ["the same group in several splits: 7 (train 2, test 1)"]


def test_equal_images_in_other_splits_and_classes_are_one_line_and_the_cause_comes_last(
    tmp_path: Path, png_bytes: Callable[..., bytes]
) -> None:
    for split in ("train", "test"):
        for magnification in ("40X", "100X"):
            for number in range(2):
                path = tmp_path / split / magnification / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(png_bytes(number))
    card, source = open_collection(tmp_path)
    problems = check(source, card).problems()
    assert [line.partition(":")[0] for line in problems[:2]] == 2 * [
        "the same image in several splits and classes"
    ]
    assert "train train/40X/0.png (40X)" in problems[0] and "test test/100X/0.png (100X)" in problems[0]
    assert len(problems) == 3 and "look like magnifications" in problems[-1]
