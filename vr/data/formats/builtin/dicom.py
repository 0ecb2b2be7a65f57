"""Class folders of DICOM files, which are known by their content: they often have no suffix."""

from __future__ import annotations

from attrgen.schema.folder_card import is_dicom_folder
from vr.data.formats.builtin.folder import class_names, open_folder
from vr.data.formats.image_format import ImageFormat
from vr.data.formats.location import Location


def detect(location: Location) -> bool:
    """Whether there are DICOM files in sub-folders, and no other images."""
    return location.has_tree and is_dicom_folder(location.tree)


FORMAT = ImageFormat("dicom", "a folder of DICOM files per class", detect, open_folder, class_names, rank=40)
