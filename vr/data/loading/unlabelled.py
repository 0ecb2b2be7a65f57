"""Images without labels: files that a user names, folders of them, and pictures in memory."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

from attrgen.core.errors import UserError
from attrgen.schema.image_names import DICOM_HEAD, is_dicom, looks_like_image
from vr.data.decoding.pixels import decode, to_rgb
from vr.data.formats.file_tree import MAX_FILE_BYTES, FolderTree
from vr.data.formats.source import Item

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

NO_LABEL = -1
ImageLike: TypeAlias = Union[str, Path, "Image.Image", "np.ndarray"]


@dataclass(frozen=True)
class UnlabelledFiles:
    """Files by their paths. See `vr.data.formats.source.ImageSource`; it has no splits."""

    window: tuple[float, float] | None = None
    root: Path = field(default_factory=Path)
    splits: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def read(self, item_path: str) -> Image.Image:
        path = Path(item_path)
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):  # a pipe or a device would never end
                raise UserError("not a file", file=path, remedy="Name image files.")
            if status.st_size > MAX_FILE_BYTES:
                raise UserError("larger than 1 GiB, which no single image is", file=path)
            content = path.read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a null character in the name
            reason = error.strerror if isinstance(error, OSError) else None
            raise UserError(f"cannot be read: {reason or error}", file=item_path) from error
        return decode(content, item_path, window=self.window)

    def stamp(self, item_path: str) -> str:
        status = Path(item_path).stat()
        return f"{status.st_size}-{status.st_mtime_ns}"


@dataclass(frozen=True)
class GivenImages:
    """GivenImages given one by one, files or in memory; paths of items are their places, `0` and so on."""

    pictures: Sequence[ImageLike]
    files: UnlabelledFiles
    root: Path = field(default_factory=Path)
    splits: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def read(self, item_path: str) -> Image.Image:
        picture = self.pictures[int(item_path)]
        if isinstance(picture, (str, Path)):
            return self.files.read(str(picture))
        return _from_memory(picture, f"image {item_path}")

    def stamp(self, item_path: str) -> str:
        return item_path

    def items(self) -> Iterator[Item]:
        """An unlabelled item for each picture."""
        return (Item(str(place), NO_LABEL) for place in range(len(self.pictures)))


def image_paths(places: Iterable[str | Path]) -> Iterator[str]:
    """The image files at `places`, in order and each once: files as they are, folders with all below them.

    Below a folder, files count whose name says that they are images, and DICOM files without a suffix;
    hidden ones are passed over. A file that is named itself counts whatever its name.
    """
    seen: set[str] = set()
    for place in places:
        for path in _below(Path(place)) if Path(place).is_dir() else (str(place),):
            if path not in seen:
                seen.add(path)
                yield path


def read_path_list(lines: Iterable[bytes]) -> Iterator[str]:
    """Paths of a list, one a line, as a shell's tools write them; empty lines are passed over."""
    return (os.fsdecode(path) for line in lines if (path := line.rstrip(b"\r\n")))


def check_paths(places: Iterable[Path]) -> None:
    """Find out before anything heavy is loaded whether a file or folder was misspelled.

    Raises:
        UserError: one is not there.
    """
    for place in places:
        if not place.exists():
            raise UserError("there is no such file or folder", file=place, remedy="Check the path.")


def require_images(paths: Iterable[str]) -> Iterator[str]:
    """The same paths.

    Raises:
        UserError: there is none.
    """
    remaining = iter(paths)
    first = next(remaining, None)
    if first is None:
        raise UserError("there is no image", remedy="Name images, or folders that hold some.")
    return chain([first], remaining)


def _below(folder: Path) -> Iterator[str]:
    tree = FolderTree(folder)
    for name in tree.names:
        if looks_like_image(name) or ("." not in os.path.basename(name) and _has_dicom_head(tree, name)):  # noqa: PTH119
            yield str(folder / name)


def _has_dicom_head(tree: FolderTree, name: str) -> bool:
    try:
        return is_dicom(tree.head(name, DICOM_HEAD))
    except UserError:
        return False


def _from_memory(picture: Image.Image | np.ndarray, place: str) -> Image.Image:
    import numpy as np
    from PIL import Image, ImageOps

    if isinstance(picture, Image.Image):
        return to_rgb(ImageOps.exif_transpose(picture))
    if not isinstance(picture, np.ndarray):
        raise UserError(
            f"{place} is a {type(picture).__name__}",
            remedy="Give paths, PIL images or uint8 arrays (H, W) or (H, W, 3).",
        )
    values = picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture
    fits = values.ndim == 2 or (values.ndim == 3 and values.shape[2] == 3)
    if values.dtype != np.uint8 or not fits or not values.size:
        raise UserError(
            f"{place} is an array of {values.dtype} and shape {picture.shape}",
            remedy="Give uint8 arrays (H, W) or (H, W, 3), values from 0 to 255.",
        )
    return Image.fromarray(np.ascontiguousarray(values)).convert("RGB")
