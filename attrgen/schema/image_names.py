"""What the name or the first bytes of a file say: an image, a table of labels, a split, or hidden. Light."""

from __future__ import annotations

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
IMAGE_SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".bmp",
    ".tif",
    ".tiff",
    ".webp",
    ".gif",
    ".pgm",
    ".ppm",
    ".jp2",
    *DICOM_SUFFIXES,
)
COLLECTION_SUFFIXES = (".zip", ".npz", ".csv", ".parquet")  # single files that hold or list images
DICOM_HEAD = 132  # bytes that identify a DICOM file
TABLE_HEAD = 4096  # bytes of a CSV file in which its first line ends

_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def looks_like_image(name: str) -> bool:
    """Whether a file's name says that it is an image."""
    return name.lower().endswith(IMAGE_SUFFIXES)


def is_dicom(content: bytes) -> bool:
    """Whether the bytes are a DICOM file (part 10 of the standard: a preamble, then DICM)."""
    return content[DICOM_HEAD - 4 : DICOM_HEAD] == b"DICM"


def is_array_file(name: str) -> bool:
    """Whether a file's name says that it holds arrays of images."""
    return name.lower().endswith(".npz")


def is_split_file(name: str) -> bool:
    """Whether a file's name says that it is a split file of the CoOp family."""
    return name.startswith("split_") and name.endswith(".json")


def is_manifest(name: str, head: bytes) -> bool:
    """Whether a file is a table with the columns path and label.

    Args:
        head: the first `TABLE_HEAD` bytes of the file.
    """
    if name.lower().endswith(".parquet"):
        return True
    first_line = head.decode("utf-8-sig", "replace").split("\n", 1)[0].casefold()
    return name.lower().endswith(".csv") and "path" in first_line and "label" in first_line


def is_hidden(name: str) -> bool:
    """Whether a file or folder is passed over without a word: dot files and what macOS puts into archives."""
    return name.startswith((".", "__MACOSX"))


def split_of(name: str) -> str | None:
    """The split (train, val or test) that a folder or a cell of that name means, or None."""
    return _SPLIT_NAMES.get(name.casefold())
