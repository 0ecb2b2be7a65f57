"""The real collections and the published split files, where they lie beside the project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attrgen.schema import card as cards
from vr.data.sampling import fewshot
from vr.data.sources import open_dataset, open_source

LISTED = {
    "BUSI": ("busi", 144, 24, 161),
    "CTKidney": ("ct-kidney", 192, 32, 320),
    "BTMRI": ("btmri", 192, 32, 320),
    "KneeXray": ("knee-xray", 240, 40, 371),
    "LungColon": ("lung-colon", 160, 40, 300),
    "Caltech101": (None, 320, 80, 200),
    "pneumoniamnist.npz": (None, 3882, 524, 624),
}


@pytest.mark.parametrize("name", LISTED)
def test_a_real_collection_loads_with_one_flag(name: str, shared: Path) -> None:
    by_card, *counts = LISTED[name]
    _, source = open_dataset(str(shared / "images" / name))
    assert [len(source.splits[split]) for split in ("train", "val", "test")] == counts
    source.read(source.splits["test"][-1].path)
    if by_card is not None:
        card = cards.find(by_card)
        named = open_source(card, shared / "images" / name)
        assert [len(named.splits[split]) for split in ("train", "val", "test")] == counts
        # The folder of an image says its class: an independent look at the labels.
        for item in named.splits["test"]:
            assert card.classes[item.label].folder == Path(item.path).parent.name


@pytest.mark.parametrize(
    ("name", "dataset"), [("BUSI", "busi"), ("BTMRI", "btmri"), ("KneeXray", "knee-xray")]
)
def test_a_published_split_file_loads_to_its_counts(
    name: str, dataset: str, shared: Path, tmp_path: Path
) -> None:
    published = shared / "published" / "splits" / f"split_{name}.json"
    rows = json.loads(published.read_text())
    (tmp_path / published.name).symlink_to(published)
    for own in rows.values():
        for path, _, _ in own:
            image = tmp_path / name / path
            image.parent.mkdir(parents=True, exist_ok=True)
            image.touch()
    card = cards.find(dataset)
    source = open_source(card, tmp_path)
    assert card.counts is not None
    assert {split: len(items) for split, items in source.splits.items()} == card.counts.model_dump()
    spelled = {f"{name}/{path}": spelling for own in rows.values() for path, _, spelling in own}
    for items in source.splits.values():
        for item in items:
            assert card.class_of(spelled[item.path]).name == card.class_names[item.label]


def test_the_published_attribute_files_name_classes_of_the_cards(shared: Path) -> None:
    for path in sorted((shared / "published" / "attributes").glob("*_des.json")):
        card = cards.find(path.stem.removesuffix("_des"))
        actual = {card.class_of(name).name for name in json.loads(path.read_text())}
        assert actual == set(card.class_names)
    texture = json.loads((shared / "published" / "attributes" / "cupl_texture.json").read_text())
    assert {cards.find("dtd").class_of(name).name for name in texture} == set(cards.find("dtd").class_names)


def test_a_real_zip_and_folder_give_the_same_sample(shared: Path, tmp_path: Path) -> None:
    import zipfile

    folder = shared / "images" / "BUSI"
    with zipfile.ZipFile(tmp_path / "BUSI.zip", "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder.parent))
    card = cards.find("busi")
    draws = [fewshot.draw(open_source(card, place), card, 16, 1) for place in (folder, tmp_path / "BUSI.zip")]
    assert draws[0] == draws[1]
    assert len(draws[0].train) == 48
