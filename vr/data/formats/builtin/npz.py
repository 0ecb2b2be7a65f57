"""MedMNIST array files: `train_images` (N, H, W[, 3]) and `train_labels` (N[, 1]), likewise val and test."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from attrgen.core.decoding import decoding
from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from attrgen.schema.image_names import is_array_file
from vr.data.decoding.intensity import ValueRange, to_eight_bits, value_range
from vr.data.formats.image_format import ImageFormat
from vr.data.formats.labels import class_names_of, label_by_number, label_of, located
from vr.data.formats.location import Location
from vr.data.formats.source import SPLITS, Item
from vr.data.formats.splits import make_splits

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
    remarks: tuple[str, ...] = ()
    intensity: tuple[float, float] | None = None

    def read(self, item_path: str) -> Image.Image:
        import numpy as np
        from PIL import Image

        values = self._values(item_path)
        if values.dtype != np.uint8:
            values = to_eight_bits(values, self.intensity)
        return Image.fromarray(values.squeeze(-1) if values.shape[-1] == 1 else values).convert("RGB")

    def value_range(self, item_path: str) -> ValueRange | None:
        """The range of values of an image of more than 8 bits; None for other images."""
        values = self._values(item_path)
        return value_range(values) if values.dtype.itemsize > 1 else None

    def _values(self, item_path: str) -> np.ndarray:
        import numpy as np

        split, _, row = item_path.partition("/")
        return np.asarray(self.arrays[split][int(row)])

    def stamp(self, item_path: str) -> str:
        status = self.root.stat()
        return f"{status.st_size}-{status.st_mtime_ns}"


def detect(location: Location) -> bool:
    """Whether there is an array file."""
    return _array_file(location) is not None


def open_npz(location: Location, card: Card) -> ArraySource:
    """Open an array file. Integer labels follow the card's `images.labels`, else its class order.

    Raises:
        UserError: not an array file, pickled objects, arrays that do not fit together, an unknown label.
    """
    path = _required_array_file(location)
    arrays, labels = read_arrays(path)
    distinct = {value for values in labels.values() for value in values}
    with located(path):
        numbers = {value: _label(value, card) for value in sorted(distinct, key=str)}
    rows = [
        (split, Item(f"{split}/{row:06d}", label))
        for split, values in labels.items()
        for row, value in enumerate(values)
        if (label := numbers[value]) is not None
    ]
    splits, notes = make_splits(rows, card, path)
    intensity = card.images.intensity if card.images is not None else None
    return ArraySource(path, arrays, splits, notes, (), intensity)


def class_names(location: Location) -> list[str]:
    """The labels of an array file.

    Raises:
        UserError: as for `read_arrays`, or there is no array file.
    """
    _, labels = read_arrays(_required_array_file(location))
    return class_names_of(value for values in labels.values() for value in values)


def _array_file(location: Location) -> Path | None:
    """The array file at a location: itself, or the only one at the top of a folder."""
    if not location.path.is_dir():
        return location.path if is_array_file(location.path.name) else None
    names = [name for name in location.top_names if is_array_file(name)]
    return location.tree.root / names[0] if len(names) == 1 else None


def _required_array_file(location: Location) -> Path:
    path = _array_file(location)
    if path is None:
        raise UserError(
            "there is no .npz file, or more than one",
            code="npz-missing",
            file=location.path,
            remedy="Give the path of one .npz file.",
        )
    return path


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, list[int | str]]]:
    """Images and labels by split. Images are (N, H, W[, C]) with 1 or 3 channels, integers of 8 or 16 bits.

    Integer labels of which some are negative are names (`-1`, `0`, `1`), since no class has such a number.

    Raises:
        UserError: not such a file.
    """
    images: dict[str, np.ndarray] = {}
    labels: dict[str, list[int | str]] = {}
    remedy = "Download or write it again."
    with (
        decoding(path, what="not a readable .npz file", code="npz-unreadable", remedy=remedy),
        zipfile.ZipFile(path) as archive,
    ):
        names = set(archive.namelist())
        for split in SPLITS:
            images_name, labels_name = f"{split}_images.npy", f"{split}_labels.npy"
            if images_name in names and labels_name in names:
                images[split] = _images(_array(archive, images_name, path), images_name, path)
                values = _array(archive, labels_name, path)
                labels[split] = _labels(values, len(images[split]), labels_name, path)
    if not images:
        raise UserError(
            "has no train_images and train_labels",
            code="npz-no-images",
            file=path,
            remedy="Name the arrays as MedMNIST does: SPLIT_images and SPLIT_labels.",
        )
    if any(isinstance(value, int) and value < 0 for values in labels.values() for value in values):
        labels = {split: [str(value) for value in values] for split, values in labels.items()}
    return images, labels


def _array(archive: zipfile.ZipFile, name: str, path: Path) -> np.ndarray:
    import numpy as np

    with archive.open(name) as stream:
        shape, order, dtype = _header(stream, name, path)
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if size > archive.getinfo(name).file_size:
            raise _bad_array(f"{name} is shorter than its header says", path)
        if size <= _IN_MEMORY_BYTES:
            return np.frombuffer(stream.read(size), dtype).reshape(shape, order=order)
        unpacked = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the map does)
        while block := stream.read(2**24):
            unpacked.write(block)
        unpacked.flush()
        return np.memmap(unpacked, dtype, "r", 0, shape, order=order)


def _header(
    stream: IO[bytes], name: str, path: Path
) -> tuple[tuple[int, ...], Literal["C", "F"], np.dtype[Any]]:
    from numpy.lib import format as npy

    try:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, is_fortran, dtype = cast(Any, read_header)(stream)
    except ValueError as error:
        raise _bad_array(f"{name} is not an array ({error})", path) from error
    if dtype.hasobject:
        raise UserError(
            f"{name} holds pickled Python objects, which could run code and are never loaded",
            code="npz-pickled",
            file=path,
            remedy="Save plain arrays of numbers.",
        )
    return shape, "F" if is_fortran else "C", dtype


def _images(values: np.ndarray, name: str, path: Path) -> np.ndarray:
    import numpy as np

    if values.ndim not in (3, 4) or (values.ndim == 4 and values.shape[-1] not in (1, 3)):
        raise UserError(
            f"{name} has the shape {values.shape}; images are (N, H, W) or (N, H, W, 3)",
            code="npz-image-shape",
            file=path,
            remedy="Cut volumes into slices first.",
        )
    if values.dtype not in (np.uint8, np.uint16) or (values.dtype == np.uint16 and values.shape[3:] == (3,)):
        raise UserError(
            f"{name} is {values.dtype}; images are uint8, or uint16 with one channel",
            code="npz-image-type",
            file=path,
            remedy="Convert it.",
        )
    return values


def _labels(values: np.ndarray, images: int, name: str, path: Path) -> list[int | str]:
    if values.ndim == 2 and values.shape[1] > 1:
        raise UserError(
            f"{name} has several labels per image",
            code="npz-several-labels",
            file=path,
            remedy="One label per image is required.",
        )
    if values.size != images:
        raise _bad_array(f"{name} has {values.size} labels for {images} images", path)
    if values.dtype.kind not in "iuU":
        raise UserError(
            f"{name} is {values.dtype}; labels are integers or names",
            code="npz-label-type",
            file=path,
            remedy="Convert it.",
        )
    return cast(list[int | str], values.reshape(-1).tolist())


def _bad_array(what: str, path: Path) -> UserError:
    return UserError(what, code="npz-damaged", file=path, remedy="Download or write the file again.")


def _label(value: int | str, card: Card) -> int | None:
    return label_of(card, value) if isinstance(value, str) else label_by_number(card, value)


FORMAT = ImageFormat(
    "npz", "an array file as MedMNIST has it", detect, open_npz, class_names, suffixes=(".npz",), rank=10
)
