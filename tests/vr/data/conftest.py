"""Small collections in every form, and the real ones where they lie beside the project."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attrgen.schema.card import Card, CardClass, CardImages

REAL = Path(__file__).parents[3].parent / "shared"


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("VR_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("VR_DATA", raising=False)


@pytest.fixture
def shared() -> Path:
    if not REAL.is_dir():
        pytest.skip("the real images (../shared) are not here")
    return REAL


@pytest.fixture
def card() -> Card:
    return Card(
        name="toy",
        title="Toy",
        modality="CT",
        shows="a toy",
        images=CardImages(folder="Toy"),
        classes=(
            CardClass(name="bright spot", folder="bright_spot", aliases=("spot",)),
            CardClass(name="dark ring", folder="dark_ring", aliases=("ring",)),
        ),
    )


def picture(seed: int, width: int = 24, height: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def png(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, format="PNG")
    return stream.getvalue()


@pytest.fixture
def png_bytes() -> Callable[..., bytes]:
    return lambda seed=0, width=24, height=20: png(picture(seed, width, height))


SIZES = {"train": 6, "val": 3, "test": 4}
FOLDERS = ("bright_spot", "dark_ring")


def every_image() -> list[tuple[str, str, int, np.ndarray]]:
    """Split, name below its class folder, label and pixels; 26 different images."""
    return [
        (split, f"{split}-{number}.png", label, picture(1000 * label + 100 * place + number))
        for place, (split, count) in enumerate(SIZES.items())
        for label in range(2)
        for number in range(count)
    ]


@pytest.fixture
def forms(tmp_path: Path) -> dict[str, Path]:
    """The same 26 images as split folders, a split file, a zip, an array file and two manifests."""
    paths = {
        "folder": tmp_path / "folder",
        "coop": tmp_path / "coop",
        "zip": tmp_path / "toy.zip",
        "npz": tmp_path / "toy.npz",
        "csv": tmp_path / "table" / "images.csv",
        "parquet": tmp_path / "table2" / "images.parquet",
    }
    split_file: dict[str, list[list[object]]] = {split: [] for split in SIZES}
    table: list[tuple[str, str, str]] = []
    arrays: dict[str, list[np.ndarray]] = {split: [] for split in SIZES}
    labels: dict[str, list[list[int]]] = {split: [] for split in SIZES}
    with zipfile.ZipFile(paths["zip"], "w") as archive:
        for split, name, label, values in every_image():
            content, folder = png(values), FOLDERS[label]
            archive.writestr(f"Toy/{split}/{folder}/{name}", content)
            for path in (
                paths["folder"] / split / folder / name,
                paths["coop"] / "Toy" / folder / name,
                paths["csv"].parent / "all" / f"{folder}-{name}",
                paths["parquet"].parent / "all" / f"{folder}-{name}",
            ):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            # The labels of split files are another order than the card's: the names count.
            split_file[split].append([f"{folder}/{name}", 1 - label, folder.replace("_", " ").upper()])
            table.append((f"all/{folder}-{name}", ("spot", "Dark-Ring")[label], split))
            arrays[split].append(values)
            labels[split].append([label])
    (paths["coop"] / "split_Toy.json").write_text(json.dumps(split_file))
    rows = "\n".join(",".join(row) for row in table)
    paths["csv"].write_text(f"path,label,split\n{rows}\n")
    _write_parquet(paths["parquet"], table)
    order = {split: np.random.default_rng(0).permutation(len(arrays[split])) for split in SIZES}
    np.savez_compressed(
        paths["npz"],
        **{f"{split}_images": np.stack(arrays[split])[order[split]] for split in SIZES},
        **{f"{split}_labels": np.array(labels[split], dtype=np.uint8)[order[split]] for split in SIZES},
    )
    return paths


def _write_parquet(path: Path, table: list[tuple[str, str, str]]) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = dict(zip(("path", "label", "split"), map(list, zip(*table, strict=True)), strict=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.table(columns), path)
