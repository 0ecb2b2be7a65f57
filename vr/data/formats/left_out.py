"""What a collection has beside the images that are used: counted and named, one sentence per reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

_SHOWN_NAMES = 3
_SHOWN_SUFFIXES = 8


class LeftOut:
    """A count of what is left out, by kind, with the first names of each: small, however many there are."""

    def __init__(self) -> None:
        self._masks: list[str] = []
        self._mask_count = 0
        self._files: dict[str, list[str]] = {}
        self._file_counts: Counter[str] = Counter()

    def add(self, masks: Sequence[str], others: Sequence[str]) -> None:
        """Count segmentation masks and other files, by their names."""
        self._mask_count += len(masks)
        self._masks += masks[: _SHOWN_NAMES + 1 - len(self._masks)]
        for name in others:
            suffix = _suffix(name)
            self._file_counts[suffix] += 1
            names = self._files.setdefault(suffix, [])
            if len(names) <= _SHOWN_NAMES:
                names.append(name)

    def sentences(self) -> list[str]:
        """A sentence on masks and one on other files; none where nothing is left out."""
        return [*self._on_masks(), *self._on_files()]

    def _on_masks(self) -> list[str]:
        if not self._mask_count:
            return []
        return [f"{_counted(self._mask_count, 'segmentation mask')} left out: {listed(self._masks)}."]

    def _on_files(self) -> list[str]:
        if not self._files:
            return []
        ordered = sorted(self._files.items(), key=lambda entry: (-self._file_counts[entry[0]], entry[0]))
        kinds = [f"{suffix} {self._file_counts[suffix]} ({listed(names)})" for suffix, names in ordered]
        shown = "; ".join(kinds[:_SHOWN_SUFFIXES]) + ("; …" if len(kinds) > _SHOWN_SUFFIXES else "")
        total = self._file_counts.total()
        return [f"{_counted(total, 'file')} left out, in no image format that can be read: {shown}."]


def not_images(names: Sequence[str]) -> list[str]:
    """A sentence on files that are not images, by suffix; none if there are none."""
    tally = LeftOut()
    tally.add([], names)
    return tally.sentences()


def masks(names: Sequence[str]) -> list[str]:
    """A sentence on segmentation masks."""
    tally = LeftOut()
    tally.add(names, [])
    return tally.sentences()


def unlisted(names: Sequence[str], table: str) -> list[str]:
    """A sentence on images that a table or a split file does not list."""
    if not names:
        return []
    return [f"{counted(names, 'image')} left out, because '{table}' does not list them: {listed(names)}."]


def of_other_classes(names: Sequence[str]) -> list[str]:
    """A sentence on images of classes that the user left out."""
    return [f"{counted(names, 'image')} left out, of classes that are not chosen."] if names else []


def counted(things: Sequence[object], noun: str) -> str:
    """`1 mask is`, `2 masks are`."""
    return _counted(len(things), noun)


def _counted(count: int, noun: str) -> str:
    return f"1 {noun} is" if count == 1 else f"{count:,} {noun}s are"


def listed(names: Sequence[str]) -> str:
    """The first names, and an ellipsis for the others."""
    return ", ".join(names[:_SHOWN_NAMES]) + (", …" if len(names) > _SHOWN_NAMES else "")


def _suffix(name: str) -> str:
    """The suffix as people name it: `.nii.gz`, or `no suffix`."""
    suffixes = [part.lower() for part in PurePosixPath(name).suffixes]
    if len(suffixes) > 1 and suffixes[-1] in (".gz", ".bz2", ".xz", ".zst"):
        return "".join(suffixes[-2:])
    return suffixes[-1] if suffixes else "no suffix"
