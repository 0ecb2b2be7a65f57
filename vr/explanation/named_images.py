"""Images that a user names: files, folders of them, or images as the run's `predictions.csv` spells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.core.errors import UserError
from vr.data.formats.left_out import LeftOut
from vr.data.formats.source import ImageSource, Item
from vr.data.loading.unlabelled import NO_LABEL, UnlabelledFiles, image_paths
from vr.data.sources import open_source
from vr.runs.run import RunConfig

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class NamedImages:
    """Files and images of a collection, each by its path. See `vr.data.formats.source.ImageSource`.

    Attributes:
        collection: the run's, where an image of it is named.
        of_collection: the paths that are read from it; others are files.
    """

    files: UnlabelledFiles
    collection: ImageSource | None = None
    of_collection: frozenset[str] = frozenset()
    root: Path = field(default_factory=Path)
    splits: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def read(self, item_path: str) -> Image.Image:
        return self._of(item_path).read(item_path)

    def stamp(self, item_path: str) -> str:
        return self._of(item_path).stamp(item_path)

    def _of(self, item_path: str) -> ImageSource:
        of_collection = self.collection is not None and item_path in self.of_collection
        return self.collection if of_collection and self.collection is not None else self.files


def named_images(
    config: RunConfig,
    names: Sequence[Path],
    data: Path | None = None,
    data_format: str | None = None,
    left_out: LeftOut | None = None,
) -> tuple[NamedImages, list[Item]]:
    """The images that `names` mean, in order and each once.

    Args:
        names: files, folders, or paths of `predictions.csv`, which are relative to the run's collection.
        data, data_format: where the collection is now; by default as the run recorded it.
        left_out: counts the masks and the files that are not images in folders.

    Raises:
        UserError: a name is none of these.
    """
    missing = [name for name in names if not name.exists()]
    files = UnlabelledFiles.of(config.card)
    if not missing:
        return NamedImages(files), [Item(path, NO_LABEL) for path in image_paths(names, left_out)]
    collection, known = _collection(config, missing[0], data, data_format)
    for name in missing:
        if str(name) not in known:
            raise _neither(name)
    named = [
        image
        for name in names
        for image in ([str(name)] if name in missing else image_paths([name], left_out))
    ]
    source = NamedImages(files, collection, frozenset(map(str, missing)))
    return source, [Item(path, NO_LABEL) for path in dict.fromkeys(named)]


def _collection(
    config: RunConfig, name: Path, data: Path | None, data_format: str | None
) -> tuple[ImageSource, frozenset[str]]:
    path = data or (Path(config.data) if config.data else None)
    try:
        source = open_source(config.card, path, format=data_format or config.data_format)
    except UserError as error:
        raise _neither(name, f" ({error.what})") from error
    return source, frozenset(item.path for items in source.splits.values() for item in items)


def _neither(name: Path, why: str = "") -> UserError:
    return UserError(
        f"there is no such file or folder, nor such an image in the run's collection{why}",
        code="images-missing-path",
        file=name,
        remedy="Check the path. If the collection was moved, name its folder with --data.",
    )
