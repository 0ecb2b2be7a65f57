"""Class folders of DICOM files, which are known by their content: they often have no suffix."""

from __future__ import annotations

from attrgen.schema.card import Card
from attrgen.schema.folder_card import is_dicom_folder
from attrgen.schema.image_names import DICOM_HEAD, is_dicom
from vr.data.formats.builtin.folder import class_names, open_class_folders
from vr.data.formats.file_source import FileSource
from vr.data.formats.image_format import ImageFormat
from vr.data.formats.location import Location


def detect(location: Location) -> bool:
    """Whether there are DICOM files in sub-folders, and no other images."""
    return location.has_tree and is_dicom_folder(location.tree)


def open_dicom(location: Location, card: Card) -> FileSource:
    """Open the DICOM files of class folders; other files are left out.

    Raises:
        UserError: as for `vr.data.formats.builtin.folder.open_folder`.
    """
    tree = location.tree
    return open_class_folders(
        tree, [name for name in tree.names if is_dicom(tree.head(name, DICOM_HEAD))], card
    )


FORMAT = ImageFormat("dicom", "a folder of DICOM files per class", detect, open_dicom, class_names, rank=40)
