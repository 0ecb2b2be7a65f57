"""MedMNIST array files: `train_images` (N, H, W[, 3]) and `train_labels` (N[, 1]); so for val and test."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from attrgen.schema.image_names import is_array_file
from vr.data.decoding.pixels import to_eight_bits
from vr.data.formats.file_source import label_by_number, label_of, whole_splits
from vr.data.formats.file_tree import Location
from vr.data.formats.source import SPLITS, Item

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

_IN_MEMORY_BYTES = 2**28  # larger arrays are unpacked to a temporary file and mapped


@dataclass(frozen=True)
class ArraySource:
    """Images in arrays. See `vr.data.formats.source.ImageSource`; paths are `SPLIT/ROW`."""

    root: Path
    arrays: Mapping[str, np.ndarray]
    splits: Mapping[str, tuple[Item, ...]]
    notes: tuple[str, ...] = ()

    def read(self, item_path: str) -> Image.Image:
        import numpy as np
        from PIL import Image

        split, _, row = item_path.partition("/")
        values = np.asarray(self.arrays[split][int(row)])
        if values.dtype != np.uint8:
            values = to_eight_bits(values)
        return Image.fromarray(values.squeeze(-1) if values.shape[-1] == 1 else values).convert("RGB")

    def stamp(self, item_path: str) -> str:
        status = self.root.stat()
        return f"{status.st_size}-{status.st_mtime_ns}"


def find(place: Location) -> Path | None:
    """The array file at a place: itself, or the only one at the top of a folder without other images."""
    if not place.path.is_dir():
        return place.path if is_array_file(place.path.name) else None
    found = [name for name in place.tree.names if is_array_file(name) and "/" not in name]
    return place.tree.root / found[0] if len(found) == 1 else None


def looks(place: Location, card: Card) -> bool:
    """Whether there is an array file."""
    return find(place) is not None


def open_npz(place: Location, card: Card) -> ArraySource:
    """Open an array file. Integer labels follow the card's `images.labels`, else its class order.

    Raises:
        UserError: not an array file, pickled objects, arrays that do not fit together, an unknown label.
    """
    path = find(place)
    if path is None:
        raise UserError("there is no .npz file", file=place.path, remedy="Check the path or --format.")
    arrays, labels = read_arrays(path)
    rows = [
        (split, Item(f"{split}/{row:06d}", label))
        for split, values in labels.items()
        for row, value in enumerate(values)
        if (label := _label(value, card, path)) is not None
    ]
    splits, notes = whole_splits(rows, card, path)
    return ArraySource(path, arrays, splits, notes)


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, list[int | str]]]:
    """Images and labels by split. Images are (N, H, W[, C]) with 1 or 3 channels, integers of 8 or 16 bits.

    Raises:
        UserError: not such a file.
    """
    images: dict[str, np.ndarray] = {}
    labels: dict[str, list[int | str]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            for split in SPLITS:
                pictures, truths = f"{split}_images.npy", f"{split}_labels.npy"
                if pictures in names and truths in names:
                    images[split] = _images(_array(archive, pictures, path), pictures, path)
                    labels[split] = _labels(_array(archive, truths, path), len(images[split]), truths, path)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise UserError(f"not a readable .npz file: {error}", file=path, remedy="Get it again.") from error
    if not images:
        raise UserError(
            "has no train_images and train_labels",
            file=path,
            remedy="Name the arrays as MedMNIST does: SPLIT_images and SPLIT_labels.",
        )
    return images, labels


def _array(archive: zipfile.ZipFile, name: str, path: Path) -> np.ndarray:
    import numpy as np
    from numpy.lib import format as npy

    with archive.open(name) as stream:
        try:
            version = npy.read_magic(stream)
            read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran, dtype = cast(Any, read_header)(stream)
        except ValueError as error:
            raise UserError(f"{name}: no array ({error})", file=path, remedy="Get it again.") from error
        if dtype.hasobject:
            raise UserError(
                f"{name} holds pickled Python objects, which could run code and are never loaded",
                file=path,
                remedy="Save plain arrays of numbers.",
            )
        wanted = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if wanted > archive.getinfo(name).file_size:
            raise UserError(f"{name} is shorter than its header says", file=path, remedy="Get it again.")
        order: Literal["C", "F"] = "F" if fortran else "C"
        if wanted <= _IN_MEMORY_BYTES:
            return np.frombuffer(stream.read(wanted), dtype).reshape(shape, order=order)
        unpacked = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the map does)
        while block := stream.read(2**24):
            unpacked.write(block)
        unpacked.flush()
        return np.memmap(unpacked, dtype, "r", 0, shape, order=order)


def _images(values: np.ndarray, name: str, path: Path) -> np.ndarray:
    import numpy as np

    if values.ndim not in (3, 4) or (values.ndim == 4 and values.shape[-1] not in (1, 3)):
        raise UserError(
            f"{name} has the shape {values.shape}; images are (N, H, W) or (N, H, W, 3)",
            file=path,
            remedy="Volumes have to be cut into slices first.",
        )
    if values.dtype not in (np.uint8, np.uint16) or (values.dtype == np.uint16 and values.shape[3:] == (3,)):
        raise UserError(
            f"{name} is {values.dtype}; images are uint8, or uint16 with one channel",
            file=path,
            remedy="Convert it.",
        )
    return values


def _labels(values: np.ndarray, images: int, name: str, path: Path) -> list[int | str]:
    if values.ndim == 2 and values.shape[1] > 1:
        raise UserError(
            f"{name} has several labels an image", file=path, remedy="One label an image is needed."
        )
    if values.size != images:
        raise UserError(
            f"{name} has {values.size} labels for {images} images", file=path, remedy="Get it again."
        )
    if values.dtype.kind not in "iuU":
        raise UserError(
            f"{name} is {values.dtype}; labels are integers or names", file=path, remedy="Convert it."
        )
    return cast(list[int | str], values.reshape(-1).tolist())


def _label(value: int | str, card: Card, path: Path) -> int | None:
    try:
        return label_of(card, value) if isinstance(value, str) else label_by_number(card, value)
    except UserError as error:
        raise UserError(error.what, file=path, remedy=error.remedy) from error
