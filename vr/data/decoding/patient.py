"""The patient of a DICOM file."""

from __future__ import annotations

import io

from attrgen.core.errors import UserError
from attrgen.schema.image_names import is_dicom


def patient_id(content: bytes) -> str | None:
    """The PatientID of a DICOM file; None for other files, and where it is empty or cannot be read.

    Raises:
        UserError: pydicom is not installed.
    """
    if not is_dicom(content):
        return None
    try:
        import pydicom
    except ImportError as error:
        raise UserError(
            "groups by DICOM PatientID require pydicom",
            code="dicom-needs-pydicom",
            remedy="pip install 'biomedvr[dicom]', or name the group otherwise in the card.",
        ) from error
    try:
        header = pydicom.dcmread(
            io.BytesIO(content), stop_before_pixels=True, force=True, specific_tags=["PatientID"]
        )
        return str(header.get("PatientID") or "").strip() or None
    except Exception:  # pydicom raises many kinds for a damaged header; `read` reports the damage
        return None
