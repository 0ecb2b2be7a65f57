"""A card made by looking at a collection, and read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrgen.core.errors import UserError
from attrgen.schema import card as cards
from vr.data.infer_card import infer_card, is_collection, to_toml, with_counts
from vr.data.sources import open_dataset, open_source


@pytest.mark.parametrize("form", ["folder", "coop", "zip", "npz", "csv", "parquet"])
def test_the_card_opens_its_collection(form: str, forms: dict[str, Path], tmp_path: Path) -> None:
    guessed = infer_card(forms[form])
    source = open_source(guessed, forms[form])
    path = tmp_path / "made.toml"
    path.write_text(to_toml(with_counts(guessed, source)))
    read = cards.load(path)
    assert read.class_names == guessed.class_names
    assert read.counts is not None
    assert read.counts.model_dump() == {"train": 12, "val": 6, "test": 8}
    _, again = open_dataset(str(path), forms[form])
    assert again.splits == source.splits


def test_strange_names_survive(tmp_path: Path, png_bytes) -> None:
    for folder in ('a "quoted" name', "été__x", "0"):
        for number in range(3):
            path = tmp_path / "Große Sammlung" / folder / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png_bytes(number))
    card = infer_card(tmp_path / "Große Sammlung")
    (tmp_path / "c.toml").write_text(to_toml(card))
    assert cards.load(tmp_path / "c.toml").class_names == ("0", 'a "quoted" name', "été x")
    assert card.name == "grosse-sammlung"


def test_numbers_of_a_table_become_classes_to_name(tmp_path: Path, png_bytes) -> None:
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(png_bytes(number))
    (tmp_path / "t.csv").write_text("path,label\n" + "".join(f"{n}.png,{n % 3}\n" for n in range(6)))
    card, source = open_dataset(str(tmp_path))
    assert card.class_names == ("class 0", "class 1", "class 2")
    assert sum(map(len, source.splits.values())) == 6


def test_one_class_is_not_enough(tmp_path: Path, png_bytes) -> None:
    path = tmp_path / "only" / "a.png"
    path.parent.mkdir()
    path.write_bytes(png_bytes())
    with pytest.raises(UserError) as caught:
        infer_card(tmp_path)
    assert caught.value.code == "card-few-classes"
    with pytest.raises(UserError) as caught:
        infer_card(tmp_path / "none")
    assert caught.value.code == "data-missing"


def test_a_shipped_name_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "busi").mkdir()
    assert not is_collection("busi")
    assert is_collection("./busi")
    assert not is_collection("nothing.npz")


@pytest.mark.parametrize(
    "names",
    [
        ("B/1.png", "B/2.png", "class_one/1.png", "class_one/2.png", "notes/read me.txt"),
        ("train/dark_ring/1.png", "train/spot/2.png", "test/Dark-Ring/3.png", "test/spot/4.png"),
        ("Toy/a/1.png", "Toy/a/2.png", "Toy/b/deep/1.png", "Toy/b/deep/2.png"),
        ("HER2/1.png", "HER2/2.png", "HER2-/1.png", "HER2-/2.png", "HER2+/1.png", "HER2+/2.png"),
    ],
)
def test_the_folder_has_the_classes_that_an_attribute_set_is_built_for(
    names: tuple[str, ...], tmp_path: Path, png_bytes
) -> None:
    for number, name in enumerate(names):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes(number) if name.endswith(".png") else b"text")
    card, source = open_dataset(str(tmp_path))
    assert card == cards.find(str(tmp_path))
    labels = {item.label for items in source.splits.values() for item in items}
    assert labels == set(range(len(card.class_names)))
    assert len(card.class_names) == (3 if "HER2/1.png" in names else 2)


@pytest.mark.parametrize("labels", [("-1", "0", "1"), ("HER2-", "HER2+", "HER2")])
def test_signs_keep_labels_apart(labels: tuple[str, ...], tmp_path: Path, png_bytes) -> None:
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(png_bytes(number))
    rows = "".join(f"{number}.png,{labels[number % 3]}\n" for number in range(6))
    (tmp_path / "table.csv").write_text(f"path,label\n{rows}")
    card, source = open_dataset(str(tmp_path / "table.csv"))
    assert set(card.class_names) == set(labels)
    read = {item.path: item.label for items in source.splits.values() for item in items}
    assert {path: card.class_names[label] for path, label in read.items()} == {
        f"{number}.png": labels[number % 3] for number in range(6)
    }
