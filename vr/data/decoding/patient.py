"""The patient of a DICOM file."""

from __future__ import annotations

import io

from attrgen.core.decoding import cached
from attrgen.core.extras import needed
from attrgen.schema.image_names import is_dicom
from vr.data.decoding.dicom_deflated import unpacks_to_more

_LARGEST = 2**28  # bytes of a data set


def patient_id(content: bytes) -> str | None:
    """The PatientID of a DICOM file; None for other files, and where it is empty or cannot be read.

    Raises:
        UserError: pydicom is not installed.
    """
    if not is_dicom(content):
        return None
    with needed(
        "groups by DICOM PatientID require pydicom",
        code="dicom-needs-pydicom",
        remedy="pip install 'biomedvr[dicom]', or name the group otherwise in the card.",
    ):
        import pydicom

    def read() -> str | None:
        header = pydicom.dcmread(
            io.BytesIO(content), stop_before_pixels=True, force=True, specific_tags=["PatientID"]
        )
        return str(header.get("PatientID") or "").strip() or None

    return None if unpacks_to_more(content, _LARGEST) else cached(read)  # `read` reports any damage
