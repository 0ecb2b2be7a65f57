"""The same images in every form are one collection."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
import torch

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from vr.data.infer_card import to_toml
from vr.data.loading.training_images import TrainingImages
from vr.data.loading.unlabelled import image_paths
from vr.data.sampling import fewshot
from vr.data.sources import open_collection, open_dataset, open_source, opening_once
from vr.inference import prediction_table

FORMS = ["folder", "coop", "zip", "npz", "csv", "parquet"]


@pytest.mark.parametrize("form", FORMS)
def test_counts_and_labels(form: str, forms: dict[str, Path], card: Card) -> None:
    source = open_source(card, forms[form])
    assert {split: len(items) for split, items in source.splits.items()} == {"train": 12, "val": 6, "test": 8}
    for items in source.splits.values():
        assert sum(item.label for item in items) == len(items) // 2
        assert [item.path for item in items] == sorted(item.path for item in items)
    item = next(item for item in source.splits["train"] if item.label == 0)
    assert source.read(item.path).size == (24, 20)
    assert source.read(item.path).mode == "RGB"
    assert source.notes == ()


def test_every_form_gives_the_same_sample_and_the_same_bytes_on_the_device(
    forms: dict[str, Path], card: Card
) -> None:
    digests = set()
    for form in FORMS:
        source = open_source(card, forms[form])
        sample = fewshot.draw(source, card, 2, seed=3)
        images = TrainingImages.load(source, (*sample.train, *sample.val), 16)
        batch = images.batch(torch.arange(len(images)), augment=False)
        ids = [sample.ids[item.path] for item in (*sample.train, *sample.val)]
        digests.add(
            (hashlib.sha256(batch.numpy().tobytes()).hexdigest(), tuple(ids), tuple(images.labels.tolist()))
        )
    assert len(digests) == 1


def test_a_zip_and_a_folder_have_the_same_paths(forms: dict[str, Path], card: Card) -> None:
    assert open_source(card, forms["zip"]).splits == open_source(card, forms["folder"]).splits


@pytest.mark.parametrize("form", FORMS)
def test_a_subset_passes_over_the_other_classes(form: str, forms: dict[str, Path], card: Card) -> None:
    three = card.model_copy(
        update={"classes": (*card.classes, card.classes[0].model_copy(update={"name": "c", "folder": "c"}))}
    )
    three = three.model_copy(
        update={"classes": (*three.classes[:2], three.classes[2].model_copy(update={"aliases": ("see",)}))}
    )
    with pytest.raises(UserError) as caught:
        open_source(three, forms[form])
    assert (caught.value.code, caught.value.class_name) == ("data-class-without-images", "c")
    source = open_source(three.subset(["ring", "bright spot"]), forms[form])
    assert sum(map(len, source.splits.values())) == 26
    # The class that neither name leaves in is passed over on purpose; 'c' is still missed.
    with pytest.raises(UserError) as caught:
        open_source(three.subset(["c", "dark ring"]), forms[form])
    assert (caught.value.code, caught.value.class_name) == ("data-class-without-images", "c")


def test_integer_labels_keep_their_meaning_in_a_subset(forms: dict[str, Path], card: Card) -> None:
    images = card.images
    assert images is not None
    card = card.model_copy(update={"images": images.model_copy(update={"labels": ("spot", "ring")})})
    reverse = card.model_copy(update={"classes": card.classes[::-1]})
    source = open_source(reverse, forms["npz"])
    assert source.read("train/000000").size == (24, 20)
    labels = {item.path: item.label for item in open_source(card, forms["npz"]).splits["train"]}
    assert {item.path: 1 - item.label for item in source.splits["train"]} == labels


def test_a_collection_needs_no_card(forms: dict[str, Path]) -> None:
    for form, names in {
        "folder": ("bright spot", "dark ring"),
        "coop": ("DARK RING", "BRIGHT SPOT"),  # in the order of the file's own labels
        "zip": ("bright spot", "dark ring"),
        "csv": ("Dark-Ring", "spot"),
        "parquet": ("Dark-Ring", "spot"),
        "npz": ("class 0", "class 1"),
    }.items():
        card, source = open_dataset(str(forms[form]))
        assert card.class_names == names
        assert len(source.splits["test"]) == 8


def test_a_data_root_holds_collections_by_name(
    forms: dict[str, Path], card: Card, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    monkeypatch.setenv("VR_DATA", str(root))
    with pytest.raises(UserError) as caught:
        open_source(card)
    assert caught.value.code == "data-not-downloaded"
    forms["npz"].rename(root / "Toy.npz")
    assert len(open_source(card).splits["train"]) == 12
    forms["zip"].rename(root / "Toy.zip")
    assert open_source(card).root.name == "Toy"
    assert "Toy.zip" in str(open_source(card).root)
    forms["coop"].rename(root / "Toy")
    assert open_source(card).root == root / "Toy"
    assert open_source(card, root).splits == open_source(card).splits


def test_the_missing_message_says_how_to_get_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VR_DATA", str(tmp_path))
    with pytest.raises(UserError) as caught:
        open_dataset("busi")
    assert caught.value.file == str(tmp_path / "BUSI")
    assert "`vr data get busi`" in caught.value.remedy


def test_a_flat_folder_holds_a_test_split_out(forms: dict[str, Path], card: Card) -> None:
    flat = forms["coop"] / "Toy"
    source = open_source(card, flat)
    assert {split: len(items) for split, items in source.splits.items()} == {"train": 20, "test": 6}
    assert "held out for testing" in source.notes[0]
    again = open_source(card, flat)
    assert again.splits == source.splits
    sample = fewshot.draw(source, card, 4, seed=0)
    assert len(sample.val) == 8
    assert not {item.path for item in sample.val} & {item.path for item in sample.train}


def test_split_folders_go_by_other_names_too(card: Card, tmp_path: Path, png_bytes) -> None:
    for split in ("Training", "validation", "testing"):
        for folder in ("bright-spot", "RING"):
            path = tmp_path / split / folder / "deep" / "a.png"
            path.parent.mkdir(parents=True)
            path.write_bytes(png_bytes())
    source = open_source(card, tmp_path)
    assert {split: len(items) for split, items in source.splits.items()} == {"train": 2, "val": 2, "test": 2}


def test_hidden_files_do_not_count(forms: dict[str, Path], card: Card) -> None:
    (forms["folder"] / ".DS_Store").write_text("x")
    hidden = forms["folder"] / "train" / "dark_ring" / "._a.png"
    hidden.write_text("x")
    assert len(open_source(card, forms["folder"]).splits["train"]) == 12


def test_links_are_followed_and_end(forms: dict[str, Path], card: Card, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    for folder in ("bright_spot", "dark_ring"):
        (linked / folder).symlink_to(forms["coop"] / "Toy" / folder)
    (linked / "dark_ring" / "round").symlink_to(linked)
    assert sum(map(len, open_source(card, linked).splits.values())) == 26


def test_semicolons_and_integers_in_a_table(card: Card, tmp_path: Path, png_bytes) -> None:
    for name in ("a.png", "b.png", "c.png", "d.png"):
        (tmp_path / name).write_bytes(png_bytes())
    (tmp_path / "t.csv").write_bytes(
        "\ufeffLabel;Path\r\n0;a.png\r\n1;b.png\r\n0;c.png\r\n1;./d.png\r\n".encode()
    )
    source = open_source(card, tmp_path)
    assert {item.path: item.label for own in source.splits.values() for item in own} == {
        "a.png": 0,
        "b.png": 1,
        "c.png": 0,
        "d.png": 1,
    }


def test_grey_arrays_and_large_ones(card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    from vr.data.formats.builtin import npz

    images = np.random.default_rng(0).integers(0, 256, (8, 5, 7), dtype=np.uint8)
    sixteen = np.full((4, 5, 7), 2**12 - 1, dtype=np.uint16)
    np.savez(
        tmp_path / "a.npz",
        train_images=images,
        train_labels=np.array([0, 1] * 4),
        test_images=sixteen,
        test_labels=np.array([0, 1, 0, 1]),
    )
    for limit in (2**28, 10):  # in memory, and mapped from a temporary file
        monkeypatch.setattr(npz, "_IN_MEMORY_BYTES", limit)
        source = open_source(card, tmp_path / "a.npz")
        assert np.array_equal(np.asarray(source.read("train/000003"))[..., 1], images[3])
        assert np.asarray(source.read("test/000000")).min() == 255


def test_a_zip_with_backslashes(card: Card, tmp_path: Path, png_bytes) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "windows.zip", "w") as archive:
        for number in range(4):
            archive.writestr(f"set\\{('spot', 'ring')[number % 2]}\\{number}.png", png_bytes(number))
    source = open_source(card, tmp_path / "windows.zip")
    assert sum(map(len, source.splits.values())) == 4
    assert source.read("ring/1.png").size == (24, 20)


def test_files_that_are_not_images_are_counted(card: Card, tmp_path: Path, png_bytes) -> None:
    for folder in ("spot", "ring"):
        for name in ("a.png", "b.jfif", "c.heic", "scan.nii.gz", "notes"):
            path = tmp_path / folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(png_bytes())
    source = open_source(card, tmp_path)
    assert sum(map(len, source.splits.values())) == 4
    assert [part in source.remarks[0] for part in ("6 files", ".heic 2", ".nii.gz 2", "no suffix 2")] == [
        True
    ] * 4


def test_a_card_finds_the_images_beside_it(
    forms: dict[str, Path], card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VR_DATA", str(tmp_path / "elsewhere"))
    images = card.images.model_copy(update={"folder": "folder"}) if card.images is not None else None
    text = to_toml(card.model_copy(update={"images": images}))
    for file in (tmp_path / "card.toml", forms["folder"] / "card.toml"):
        file.write_text(text)
        _, source = open_dataset(str(file))
        assert sum(map(len, source.splits.values())) == 26
    away = tmp_path / "away" / "card.toml"
    away.parent.mkdir()
    away.write_text(text)
    with pytest.raises(UserError) as caught:
        open_dataset(str(away))
    assert caught.value.code == "data-not-downloaded"


def test_a_card_among_class_folders_finds_them(forms: dict[str, Path], card: Card, tmp_path: Path) -> None:
    test = forms["folder"] / "test"
    (test / "card.toml").write_text(to_toml(card))
    _, source = open_dataset(str(test / "card.toml"))
    assert sum(map(len, source.splits.values())) == 8


def test_a_file_name_that_is_not_utf8_is_read_and_written(tmp_path: Path, png_bytes) -> None:
    for folder in ("spot", "ring"):
        for number in range(3):
            path = os.fsencode(tmp_path / "toy" / folder) + b"/caf\xe9%d.png" % number
            (tmp_path / "toy" / folder).mkdir(parents=True, exist_ok=True)
            Path(os.fsdecode(path)).write_bytes(png_bytes(number))
    card, source = open_collection(tmp_path / "toy")
    paths = [item.path for items in source.splits.values() for item in items]
    assert "ring/caf\\xe90.png" in paths
    assert source.read(paths[0]).size == (24, 20)
    sample = fewshot.draw(source, card, 1, 1)
    fewshot.save(sample, tmp_path / "fewshot.json")
    assert fewshot.load(tmp_path / "fewshot.json", source, card).train == sample.train
    # Images without labels keep the path that opens them.
    assert all(Path(path).is_file() for path in image_paths([tmp_path / "toy"]))
    rows = [
        {"path": path, "predicted": "a", "confidence": 1.0, "abstained": False, "probabilities": {"a": 1.0}}
        for path in image_paths([tmp_path / "toy"])
    ]
    prediction_table.write(tmp_path / "p.csv", ["a"], rows, sets=False)
    assert b"caf\xe90.png,a" in (tmp_path / "p.csv").read_bytes()
    prediction_table.write(tmp_path / "p.jsonl", ["a"], rows, sets=False)
    lines = (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["path"] for line in lines] == [row["path"] for row in rows]


def test_a_collection_is_opened_once_within_the_block(tmp_path: Path, png_bytes) -> None:
    for name in ("spot", "ring"):
        (tmp_path / "toy" / name).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "toy" / name / f"{number}.png").write_bytes(png_bytes(number))
    asked = str(tmp_path / "toy")
    with opening_once():
        first, again = open_dataset(asked), open_dataset(asked)
        with opening_once():
            inner = open_dataset(asked)
    assert again is first and inner is first
    assert open_dataset(asked) is not first


def test_a_card_s_images_are_opened_once_within_the_block(
    forms: dict[str, Path], card: Card, tmp_path: Path
) -> None:
    other = card.model_copy(update={"classes": card.classes[::-1]})
    with opening_once():
        first = open_source(card, forms["folder"])
        assert open_source(card, forms["folder"]) is first
        assert open_source(other, forms["folder"]) is not first
        assert open_source(card, forms["zip"]) is not first
    assert open_source(card, forms["folder"]) is not first
