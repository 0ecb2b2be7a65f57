"""Deflated DICOM files are measured before they are unpacked."""

from __future__ import annotations

import io
import zlib
from typing import Any

import numpy as np
import pytest

from attrgen.core.errors import UserError
from vr.data.decoding import dicom_deflated, patient
from vr.data.decoding.dicom_deflated import unpacks_to_more
from vr.data.decoding.pixels import decode

pydicom = pytest.importorskip("pydicom")


def deflated(**more: Any) -> bytes:
    """A deflated file of 8 by 8 pixels."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import DeflatedExplicitVRLittleEndian, generate_uid

    data = pydicom.Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid(entropy_srcs=["a"])
    data.Rows, data.Columns, data.SamplesPerPixel = 8, 8, 1
    data.PhotometricInterpretation, data.PixelRepresentation = "MONOCHROME2", 0
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit = 7
    data.PatientID = "patient 1"
    data.PixelData = bytes(range(64))
    for name, value in more.items():
        setattr(data, name, value)
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def bomb() -> bytes:
    """The same file, whose pixels unpack to 600 MB."""
    whole = deflated()
    start = dicom_deflated._end_of_meta(whole)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    data_set = zlib.decompress(whole[start:], -zlib.MAX_WBITS)
    block = b"\x00" * 10_000_000
    packed = packer.compress(data_set) + b"".join(packer.compress(block) for _ in range(60))
    return whole[:start] + packed + packer.flush()


def test_a_small_file_is_read() -> None:
    assert not unpacks_to_more(deflated(), 10_000)
    assert np.asarray(decode(deflated(), "a.dcm"))[0, :, 0].tolist() == list(range(8))
    assert patient.patient_id(deflated()) == "patient 1"


def test_the_bound_is_that_of_the_data_set() -> None:
    content = deflated()
    start = dicom_deflated._end_of_meta(content)
    size = len(zlib.decompress(content[start:], -zlib.MAX_WBITS))
    assert unpacks_to_more(content, size - 1) and not unpacks_to_more(content, size)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    content = bomb()
    assert len(content) < 1_000_000
    with pytest.raises(UserError) as caught:
        decode(content, "a.dcm")
    assert caught.value.code == "image-too-large"
    assert patient.patient_id(content) is None


@pytest.mark.parametrize("cut", [0, 100, 133, 140, 200, -5])
def test_a_damaged_file_is_left_to_its_decoder(cut: int) -> None:
    assert not unpacks_to_more(deflated()[:cut], 10_000)
