"""Images without labels: files, folders, archives and URLs that a user names, and images in memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union
from uuid import uuid4

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from attrgen.schema.folder_card import file_kinds
from attrgen.schema.image_names import is_dicom
from vr.data.decoding.decoded import Decoded
from vr.data.decoding.intensity import ValueRange
from vr.data.decoding.pixels import decode_with_rules, deep_range, in_memory
from vr.data.formats.file_tree import FolderTree, file_stamp, read_image_file
from vr.data.formats.left_out import LeftOut
from vr.data.formats.source import Item
from vr.data.loading.own_scale import OwnScale
from vr.data.stores import remote
from vr.data.stores.container import SUFFIXES, Container, container_at, in_container
from vr.data.stores.parquet import ParquetTable

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

NO_LABEL = -1
LIST_SUFFIX = ".txt"
_TABLE = ".csv"  # holds no images; a Parquet table may
ImageLike: TypeAlias = Union[str, Path, "Image.Image", "np.ndarray"]


@dataclass(frozen=True)
class UnlabelledFiles:
    """Files by their paths. See `vr.data.formats.source.ImageSource`; it has no splits.

    `reduced_to` is that of `vr.data.decoding.pixels.decode_with_rules`; `own_scale` counts the images that no
    common scale was known for.
    """

    window: tuple[float, float] | None = None
    root: Path = field(default_factory=Path)
    splits: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    intensity: tuple[float, float] | None = None
    reduced_to: int | None = None
    own_scale: OwnScale = field(default_factory=OwnScale, repr=False, compare=False)

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
        return self.decode(self.content(item_path), item_path)

    def content(self, item_path: str) -> bytes:
        """The bytes of an image: a file, one in an archive or a table, or one in a store.

        Raises:
            UserError: it cannot be read.
        """
        if (inside := in_container(item_path)) is not None:
            container, name = inside
            return container.read(name)
        if remote.is_url(item_path):
            return remote.read(item_path)
        return read_image_file(Path(item_path), item_path)

    def decode(self, content: bytes, item_path: str) -> Decoded:
        """What `decoded` returns, of the file's bytes."""
        decoded = decode_with_rules(
            content, item_path, window=self.window, intensity=self.intensity, reduced_to=self.reduced_to
        )
        if self.intensity is None:
            self.own_scale.add(item_path, decoded.rules)
        return decoded

    def value_range(self, item_path: str) -> ValueRange | None:
        """The range of values of an image of more than 8 bits that has no window; None for other images.

        Raises:
            UserError: as for `read`.
        """
        content = self.content(item_path)
        return None if self.window is not None and is_dicom(content) else deep_range(content, item_path)

    def stamp(self, item_path: str) -> str:
        return file_stamp(Path(item_path), item_path)


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
        from PIL import Image as Pillow

        image = self.images[int(item_path)]
        if isinstance(image, (str, Path)):
            return self.files.read(str(image))
        name = f"image {item_path}"
        if not isinstance(image, Pillow.Image):
            return _of_array(image, name)
        decoded = in_memory(image)
        self.files.own_scale.add(name, decoded.rules)
        return decoded.image

    def stamp(self, item_path: str) -> str:
        """Another one each time: nothing tells whether an image in memory is the same as before."""
        return uuid4().hex

    def items(self) -> Iterator[Item]:
        """An unlabelled item for each image."""
        return (Item(str(index), NO_LABEL) for index in range(len(self.images)))


def image_paths(paths: Iterable[str | Path], left_out: LeftOut | None = None) -> Iterator[str]:
    """The images at `paths`, in order and each once: files as they are, containers with all images in them.

    A container is a folder, an archive or a table (see `vr.data.stores.container`), on disk or in a store. In
    it, the files count that are images by the rule of training (`attrgen.schema.folder_card.file_kinds`):
    masks and hidden files do not. In a folder without images, its archives and tables are searched. A file
    that is named itself counts whatever its name.

    Args:
        left_out: counts the masks and the files that are not images, as far as the iteration came.

    Raises:
        UserError: a container cannot be read.
    """
    seen: set[str] = set()
    for path in map(str, paths):
        container = container_at(path)
        inside = (path,) if container is None else _images_in(container, left_out or LeftOut())
        for file in inside:
            if file not in seen:
                seen.add(file)
                yield file


def named_paths(paths: Iterable[str]) -> Iterator[str]:
    """The same paths, with the paths that a `.txt` file lists instead of it."""
    for path in paths:
        if path.lower().endswith(LIST_SUFFIX) and Path(path).is_file():
            with Path(path).open("rb") as lines:
                yield from read_path_list(lines)
        else:
            yield path


def read_path_list(lines: Iterable[bytes]) -> Iterator[str]:
    """Paths of a list, one per line, as a shell's tools write them; empty lines are skipped."""
    return (os.fsdecode(path) for line in lines if (path := line.rstrip(b"\r\n")))


def check_paths(paths: Iterable[str | Path]) -> None:
    """Check that all files, folders and URLs exist and may be images, before anything heavy is loaded.

    Raises:
        UserError: one does not exist, or is a CSV table; or a store cannot be reached.
    """
    for path in map(str, paths):
        if not (remote.exists(path) if remote.is_url(path) else Path(path).exists()):
            raise UserError(
                "there is no such file or folder",
                code="images-missing-path",
                file=path,
                remedy="Check the path; those of predictions.csv start at the folder of its images.",
            )
        if path.lower().endswith(_TABLE):
            raise UserError(
                "a table, not an image",
                code="images-table",
                file=path,
                remedy="Name the images, or the folder that they are in.",
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


def _images_in(container: Container, left_out: LeftOut) -> Iterator[str]:
    if isinstance(container, ParquetTable):
        yield from map(container.path_of, container.names)
        return
    kinds = file_kinds(_Readable(container))
    archives = [] if kinds.images else [name for name in kinds.others if name.lower().endswith(SUFFIXES)]
    left_out.add(kinds.masks, [name for name in kinds.others if name not in archives])
    for name in kinds.images:
        yield _path_in(container, name)
    for name in archives:
        inside = container_at(_path_in(container, name))
        if inside is not None:
            yield from _images_in(inside, left_out)


def _path_in(container: Container, name: str) -> str:
    """The path by which a file in a container is read; it may have bytes that no text has."""
    return str(container.file(name)) if isinstance(container, FolderTree) else container.path_of(name)


@dataclass(frozen=True)
class _Readable:
    """A container for `file_kinds`: a file whose first bytes cannot be read is no DICOM file."""

    container: Container

    @property
    def names(self) -> Sequence[str]:
        return self.container.names

    def head(self, name: str, size: int) -> bytes:
        try:
            return self.container.head(name, size)
        except UserError:
            return b""


def _of_array(image: np.ndarray, name: str) -> Image.Image:
    """An array as RGB; `name` is what messages call it."""
    import numpy as np
    from PIL import Image

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
