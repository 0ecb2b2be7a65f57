"""Images without labels: files that a user names, folders of them, and images in memory."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from attrgen.schema.image_names import DICOM_HEAD, is_dicom, is_image
from vr.data.decoding.decoded import Decoded
from vr.data.decoding.intensity import ValueRange
from vr.data.decoding.pixels import decode_with_rules, deep_range, to_rgb
from vr.data.formats.file_tree import MAX_FILE_BYTES, FolderTree, too_large
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
    remarks: tuple[str, ...] = ()
    intensity: tuple[float, float] | None = None

    @classmethod
    def of(cls, card: Card) -> UnlabelledFiles:
        """Files that are shown as the images of a card are."""
        if card.images is None:
            return cls()
        return cls(window=card.images.window, intensity=card.images.intensity)

    def read(self, item_path: str) -> Image.Image:
        return self.decoded(item_path).image

    def decoded(self, item_path: str) -> Decoded:
        """The image, and the rules by which the file's values became its pixels.

        Raises:
            UserError: as for `read`.
        """
        content = _content(item_path)
        return decode_with_rules(content, item_path, window=self.window, intensity=self.intensity)

    def value_range(self, item_path: str) -> ValueRange | None:
        """The range of values of an image of more than 8 bits that has no window; None for other images.

        Raises:
            UserError: as for `read`.
        """
        content = _content(item_path)
        return None if self.window is not None and is_dicom(content) else deep_range(content, item_path)

    def stamp(self, item_path: str) -> str:
        status = Path(item_path).stat()
        return f"{status.st_size}-{status.st_mtime_ns}"


@dataclass(frozen=True)
class GivenImages:
    """Images given one by one, as files or in memory; the paths of items are their indices, `0` and so on."""

    images: Sequence[ImageLike]
    files: UnlabelledFiles
    root: Path = field(default_factory=Path)
    splits: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def read(self, item_path: str) -> Image.Image:
        image = self.images[int(item_path)]
        if isinstance(image, (str, Path)):
            return self.files.read(str(image))
        return _from_memory(image, f"image {item_path}")

    def stamp(self, item_path: str) -> str:
        return item_path

    def items(self) -> Iterator[Item]:
        """An unlabelled item for each image."""
        return (Item(str(index), NO_LABEL) for index in range(len(self.images)))


def image_paths(paths: Iterable[str | Path]) -> Iterator[str]:
    """The image files at `paths`, in order and each once: files as they are, folders with all files below.

    Below a folder, the files count that are images by the rule of `attrgen.schema.image_names.is_image`;
    hidden ones are left out. A file that is named itself counts whatever its name.
    """
    seen: set[str] = set()
    for path in paths:
        for file in _images_below(Path(path)) if Path(path).is_dir() else (str(path),):
            if file not in seen:
                seen.add(file)
                yield file


def read_path_list(lines: Iterable[bytes]) -> Iterator[str]:
    """Paths of a list, one per line, as a shell's tools write them; empty lines are skipped."""
    return (os.fsdecode(path) for line in lines if (path := line.rstrip(b"\r\n")))


def check_paths(paths: Iterable[Path]) -> None:
    """Check that all files and folders exist, before anything heavy is loaded.

    Raises:
        UserError: one does not exist.
    """
    for path in paths:
        if not path.exists():
            raise UserError(
                "there is no such file or folder",
                code="images-missing-path",
                file=path,
                remedy="Check the path.",
            )


def require_images(paths: Iterable[str]) -> Iterator[str]:
    """The same paths.

    Raises:
        UserError: there is none.
    """
    remaining = iter(paths)
    first = next(remaining, None)
    if first is None:
        raise UserError(
            "there is no image", code="images-none", remedy="Name images, or folders that contain some."
        )
    return chain([first], remaining)


def _content(path: str) -> bytes:
    """The bytes of a regular file; a pipe or a device would never end."""
    file = Path(path)
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UserError("not a file", code="images-not-a-file", file=path, remedy="Name image files.")
        if status.st_size > MAX_FILE_BYTES:
            raise too_large(path)
        return file.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = error.strerror if isinstance(error, OSError) else None
        raise UserError(
            f"cannot be read: {reason or error}",
            code="data-unreadable-file",
            file=path,
            remedy="Check the path.",
        ) from error


def _images_below(folder: Path) -> Iterator[str]:
    tree = FolderTree(folder)
    return (str(tree.file(name)) for name in tree.names if is_image(name, partial(_head, tree, name)))


def _head(tree: FolderTree, name: str) -> bytes:
    """The first bytes of a file; none where it cannot be read."""
    try:
        return tree.head(name, DICOM_HEAD)
    except UserError:
        return b""


def _from_memory(image: Image.Image | np.ndarray, name: str) -> Image.Image:
    """A PIL image or an array as RGB; `name` is what messages call it."""
    import numpy as np
    from PIL import Image

    if isinstance(image, Image.Image):
        return to_rgb(image)
    if not isinstance(image, np.ndarray):
        raise UserError(
            f"{name} is a {type(image).__name__}",
            code="images-wrong-type",
            remedy="Give paths, PIL images or uint8 arrays (H, W) or (H, W, 3).",
        )
    values = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    fits = values.ndim == 2 or (values.ndim == 3 and values.shape[2] == 3)
    if values.dtype != np.uint8 or not fits or not values.size:
        raise UserError(
            f"{name} is an array of {values.dtype} and shape {image.shape}",
            code="images-wrong-array",
            remedy="Give uint8 arrays (H, W) or (H, W, 3), values from 0 to 255.",
        )
    return Image.fromarray(np.ascontiguousarray(values)).convert("RGB")
