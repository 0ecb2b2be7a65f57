"""One intensity scale for a collection, kept in its card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attrgen.schema import card as cards
from attrgen.schema.card import Card
from vr.data.infer_card import to_toml
from vr.data.loading.unlabelled import UnlabelledFiles
from vr.data.sources import open_collection, open_dataset, open_source

LEVELS = {"bright_spot": (250, 1100, 40), "dark_ring": (260, 4000, 4)}


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Six images of one scanner with 12 bits, each of one value."""
    for folder, levels in LEVELS.items():
        for level in levels:
            path = tmp_path / "scans" / folder / f"{level}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((5, 6), level, dtype=np.uint16)).save(path)
    return tmp_path / "scans"


def test_equal_values_look_equal_in_all_images(scans: Path) -> None:
    card, source = open_dataset(str(scans))
    assert card.images is not None and card.images.intensity == (0, 4095)
    for items in source.splits.values():
        for item in items:
            level = int(Path(item.path).stem)
            assert np.asarray(source.read(item.path)).max() == round(level / 4095 * 255)
    assert any("4095" in note for note in source.notes)
    assert np.asarray(open_source(card, scans).read("dark_ring/260.tif")).max() == 16


def test_the_card_keeps_the_scale_for_prediction(scans: Path, tmp_path: Path) -> None:
    card, _ = open_collection(scans)
    path = tmp_path / "scans.toml"
    path.write_text(to_toml(card))
    again = cards.load(path)
    assert again.images is not None and again.images.intensity == (0, 4095)
    image = UnlabelledFiles.of(again).read(str(scans / "dark_ring" / "260.tif"))
    assert np.asarray(image).max() == 16
    # A brighter image does not change the scale that the card says.
    Image.fromarray(np.full((5, 6), 9000, dtype=np.uint16)).save(scans / "dark_ring" / "9000.tif")
    _, source = open_dataset(str(path), scans)
    assert np.asarray(source.read("dark_ring/260.tif")).max() == 16


def test_arrays_of_sixteen_bits_have_one_scale_too(card: Card, tmp_path: Path) -> None:
    images = np.zeros((4, 5, 6), dtype=np.uint16)
    images[:] = np.array([250, 260, 4000, 100])[:, None, None]
    np.savez(tmp_path / "a.npz", train_images=images, train_labels=np.array([0, 1, 0, 1]))
    _, source = open_dataset(str(tmp_path / "a.npz"))
    shown = {
        item.path: np.asarray(source.read(item.path)).max() for own in source.splits.values() for item in own
    }
    assert [shown[f"train/{row:06d}"] for row in range(4)] == [16, 16, 249, 6]


def test_a_collection_of_eight_bits_has_none(forms: dict[str, Path]) -> None:
    for form in ("folder", "npz", "zip"):
        card, _ = open_dataset(str(forms[form]))
        assert card.images is not None and card.images.intensity is None
