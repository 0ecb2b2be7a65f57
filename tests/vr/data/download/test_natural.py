"""Natural benchmarks by way of torchvision, whose classes are stood in for: nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torchvision import datasets

from attrgen.core.errors import UserError
from attrgen.schema import card as cards
from vr.data.download import natural
from vr.data.sources import open_source


def listing(paths: str, labels: str = "_labels") -> type:
    """A stand-in that lists two images of each of two classes as the real class does."""

    class Stand:
        def __init__(self, root: str, download: bool, split: str | None = None) -> None:
            assert download
            self.root = str(Path(root) / "caltech101") if paths == "caltech" else root
            self.classes = self.categories = ["Beagle", "Pug"]
            self.index, self.y = [1, 2, 1, 2], [0, 0, 1, 1]
            files = [self.make(split or "", name, number) for name in self.classes for number in (1, 2)]
            setattr(
                self,
                paths,
                [(str(path), self.y[n]) for n, path in enumerate(files)] if paths == "samples" else files,
            )
            setattr(self, labels, self.y)

        def make(self, split: str, name: str, number: int) -> Path:
            folder = Path(self.root) / "101_ObjectCategories" / name
            path = folder / f"{split}image_{number:04d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
            return path

    return Stand


STANDS = {
    "Caltech101": listing("caltech"),
    "DTD": listing("_image_files"),
    "EuroSAT": listing("samples"),
    "Flowers102": listing("_image_files"),
    "Food101": listing("_image_files"),
    "OxfordIIITPet": listing("_images"),
}


@pytest.mark.parametrize("name", natural.DATASETS)
def test_a_manifest_is_written_that_opens(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, name, STANDS[name])
    natural.download(name, tmp_path / "root" / "got")
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["got"]
    card = cards.Card(
        name="x",
        title="x",
        modality="x",
        shows="x",
        classes=(cards.CardClass(name="beagle", folder="b"), cards.CardClass(name="pug", folder="p")),
    )
    source = open_source(card, tmp_path / "root" / "got")
    splits = natural.DATASETS[name][0]
    expected = dict.fromkeys(splits.values(), 4) or {"train": 2, "test": 2}
    assert {split: len(items) for split, items in source.splits.items()} == expected
    assert all(card.classes[i.label].name in i.path.casefold() for i in source.splits["test"])


@pytest.mark.parametrize("name", natural.DATASETS)
def test_torchvision_still_has_what_is_used(name: str) -> None:
    import inspect

    real = getattr(datasets, name)
    text = inspect.getsource(real)
    used = {"EuroSAT": ["ImageFolder"], "Caltech101": ["self.categories", "self.index", "self.y"]}
    pets = ["self._images ", "self._labels", "self.classes"]
    for attribute in used.get(
        name, pets if name == "OxfordIIITPet" else ["_image_files", "_labels", "classes"]
    ):
        assert attribute in text, attribute
    parameters = inspect.signature(real).parameters
    assert {"root", "download"} <= set(parameters)
    assert bool(natural.DATASETS[name][0]) == ("split" in parameters)


def test_a_failed_download_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(root: str, **options: Any) -> None:
        Path(root).mkdir()
        raise RuntimeError("no network")

    monkeypatch.setattr(datasets, "DTD", fails)
    with pytest.raises(UserError) as caught:
        natural.download("DTD", tmp_path / "dtd")
    assert caught.value.code == "download-torchvision-failed"
    assert list(tmp_path.iterdir()) == []


def test_the_cards_name_what_torchvision_has() -> None:
    places = [cards.load(path).images for path in cards.shipped_cards().values()]
    named = {
        images.download.partition(":")[2]
        for images in places
        if images is not None and (images.download or "").startswith("torchvision:")
    }
    assert named == set(natural.DATASETS)
