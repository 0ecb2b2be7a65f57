"""What the name or the first bytes of a file say: an image, a table of labels, a split, or hidden. Light."""

from __future__ import annotations

from collections.abc import Callable

from attrgen.schema.table_columns import columns_of_csv

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
IMAGE_SUFFIXES = (
    *(".png", ".apng"),
    *(".jpg", ".jpeg", ".jpe", ".jfif"),
    *(".tif", ".tiff"),
    *(".bmp", ".dib"),
    *(".webp", ".gif", ".avif"),
    *(".pgm", ".ppm", ".pbm", ".pnm"),
    *(".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
    *DICOM_SUFFIXES,
)
COLLECTION_SUFFIXES = (".zip", ".npz", ".csv", ".parquet")  # single files that hold or list images
DICOM_HEAD = 132  # bytes that identify a DICOM file
_DICOM_DIRECTORY = "DICOMDIR"  # a DICOM file that lists others
# Elements with which a data set begins, as group and element, 16 bits each.
_FIRST_ELEMENTS = tuple(
    bytes((group, 0, element, 0))
    for group, elements in ((2, (0x00, 0x01, 0x02)), (8, (0x00, 0x01, 0x05, 0x08, 0x12, 0x13, 0x16, 0x18)))
    for element in elements
)
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


def is_image(name: str, head: Callable[[], bytes]) -> bool:
    """Whether a file is an image: its suffix says so, or it is a DICOM file of any name.

    Args:
        name: relative to its collection.
        head: reads the first `DICOM_HEAD` bytes; called only where the suffix does not decide.
    """
    if name.rsplit("/", 1)[-1].upper() == _DICOM_DIRECTORY:
        return False
    return looks_like_image(name) or is_dicom(head())


def is_dicom(content: bytes) -> bool:
    """Whether the bytes are a DICOM file: a preamble and DICM, or without them the first data element.

    Some programs write no preamble. Their files begin with an element of group 8 (or 2), little endian, with
    its value representation or, where that is implicit, a short length.
    """
    if content[DICOM_HEAD - 4 : DICOM_HEAD] == b"DICM":
        return True
    if len(content) < DICOM_HEAD or content[:4] not in _FIRST_ELEMENTS:
        return False
    length = int.from_bytes(content[4:8], "little")
    return content[4:6] in (b"UL", b"CS", b"UI", b"OB", b"DA", b"TM", b"DT") or 0 < length <= 64


def is_array_file(name: str) -> bool:
    """Whether a file's name says that it holds arrays of images."""
    return name.lower().endswith(".npz")


def is_split_file(name: str) -> bool:
    """Whether a file's name says that it is a split file of the CoOp family."""
    return name.startswith("split_") and name.endswith(".json")


def is_manifest(name: str, head: bytes) -> bool:
    """Whether a file is a table with columns that are called path and label.

    Args:
        head: the first `TABLE_HEAD` bytes of the file.
    """
    if name.lower().endswith(".parquet"):
        return True
    return name.lower().endswith(".csv") and columns_of_csv(head).is_exact


def is_hidden(name: str) -> bool:
    """Whether a file or folder is passed over without a word: dot files and what macOS puts into archives."""
    return name.startswith((".", "__MACOSX"))


def split_of(name: str) -> str | None:
    """The split (train, val or test) that a folder or a cell of that name means, or None."""
    return _SPLIT_NAMES.get(name.casefold())
