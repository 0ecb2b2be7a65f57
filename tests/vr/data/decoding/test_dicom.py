"""DICOM files: rescaled, windowed, inverted; and those that cannot be shown."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attrgen.core.errors import UserError
from attrgen.schema.card import Card
from vr.data.decoding.pixels import decode
from vr.data.sources import open_dataset, open_source

pydicom = pytest.importorskip("pydicom")


def dicom(values: np.ndarray, **more: Any) -> bytes:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.Rows, data.Columns = values.shape[-2:] if values.ndim == 2 else values.shape[:2]
    data.SamplesPerPixel = 1 if values.ndim == 2 else 3
    data.PhotometricInterpretation = "MONOCHROME2" if values.ndim == 2 else "RGB"
    if values.ndim == 3:
        data.PlanarConfiguration = 0
    bits = values.dtype.itemsize * 8
    data.BitsAllocated = data.BitsStored = bits
    data.HighBit = bits - 1
    data.PixelRepresentation = int(values.dtype.kind == "i")
    data.PixelData = values.tobytes()
    for name, value in more.items():
        setattr(data, name, value)
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


HOUNSFIELD = {"RescaleSlope": 1, "RescaleIntercept": -1024}
STORED = np.array([[0, 1024 - 160, 1024 + 40, 1024 + 240, 4000, 1024]], dtype=np.int16)


def grey(content: bytes, **options: Any) -> list[int]:
    image = decode(content, "x.dcm", **options)
    assert image.mode == "RGB"
    return np.asarray(image)[0, :, 0].tolist()


def test_the_cards_window_comes_first() -> None:
    content = dicom(STORED, **HOUNSFIELD, WindowCenter=0, WindowWidth=10)
    # PS3.3 C.11.2.1.2.1 with centre 40 and width 400, by hand: ((x - 39.5) / 399 + 0.5) * 255
    by_hand = [min(max(((x - 1024 - 39.5) / 399 + 0.5) * 255, 0), 255) for x in STORED[0].astype(float)]
    assert grey(content, window=(40, 400)) == [round(value) for value in by_hand]


def test_a_narrow_window_to_the_letter_of_the_standard() -> None:
    # Centre 2048 and width 4096 is the standard's own example for 12 bits: 0 is black, 4095 is white.
    ends = np.array([[0, 4095]], dtype=np.uint16)
    assert grey(dicom(ends), window=(2048, 4096)) == [0, 255]
    # A width of 4 has three steps, between 8 and 11 around a centre of 10.
    assert grey(dicom(np.array([[7, 8, 9, 10, 11, 12]], dtype=np.uint16)), window=(10, 4)) == [
        0,
        0,
        85,
        170,
        255,
        255,
    ]


def test_else_the_files_first_window() -> None:
    content = dicom(STORED, **HOUNSFIELD, WindowCenter=[40, 1000], WindowWidth=[400, 5])
    assert grey(content) == grey(content, window=(40, 400))


def test_else_the_whole_range() -> None:
    assert grey(dicom(np.array([[100, 350, 600]], dtype=np.uint16))) == [0, 128, 255]


def test_the_window_as_pydicom_applies_it() -> None:
    from pydicom.pixels import apply_windowing

    content = dicom(STORED, **HOUNSFIELD, WindowCenter=40, WindowWidth=400)
    header = pydicom.dcmread(io.BytesIO(content))
    reference = apply_windowing(header.pixel_array.astype(float) - 1024, header)
    low, high = reference.min(), reference.max()
    assert np.allclose(grey(content), (reference[0] - low) / (high - low) * 255, atol=1)


def test_monochrome1_is_inverted() -> None:
    values = np.array([[0, 50, 100]], dtype=np.uint16)
    assert grey(dicom(values, PhotometricInterpretation="MONOCHROME1")) == [255, 128, 0]


def test_colour() -> None:
    values = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(decode(dicom(values), "x.dcm")), values)


def test_a_folder_of_dicom_files_is_found_by_looking(tmp_path: Path, card: Card) -> None:
    for number in range(4):
        path = tmp_path / ("spot" if number < 2 else "ring") / f"{number}.dcm"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(dicom(STORED, **HOUNSFIELD))
    images = card.images
    assert images is not None
    card = card.model_copy(update={"images": images.model_copy(update={"window": (40.0, 400.0)})})
    source = open_source(card, tmp_path)
    assert np.asarray(source.read("spot/0.dcm"))[0, :, 0].tolist() == grey(
        dicom(STORED, **HOUNSFIELD), window=(40, 400)
    )


def test_dicom_files_without_a_suffix_are_known_by_what_is_in_them(tmp_path: Path, card: Card) -> None:
    for number in range(4):
        path = tmp_path / ("spot" if number < 2 else "ring") / f"IM{number:05d}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(dicom(STORED, **HOUNSFIELD))
    (tmp_path / "spot" / "notes").write_text("not an image")
    for form in (None, "dicom"):
        source = open_source(card, tmp_path, format=form)
        assert sum(map(len, source.splits.values())) == 4
        assert source.read("spot/IM00000").size == (6, 1)
    guessed, _ = open_dataset(str(tmp_path))
    assert guessed.class_names == ("ring", "spot")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (dicom(STORED)[:200], "damaged|no image"),
        (dicom(STORED)[:-4], "damaged"),
        (dicom(STORED, NumberOfFrames=3), "has 3 frames.*one file a frame"),
        (dicom(STORED, Rows=0), "no image"),
        (dicom(STORED, Rows=65000, Columns=65000), "65000 by 65000 pixels"),
    ],
)
def test_what_cannot_be_shown(content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        decode(content, "scans/x.dcm")
    assert "scans/x.dcm" in str(caught.value)


def test_a_compressed_file_without_its_decoder() -> None:
    from pydicom.uid import JPEGLSLossless

    data = pydicom.dcmread(io.BytesIO(dicom(STORED)))
    data.file_meta.TransferSyntaxUID = JPEGLSLossless
    data.PixelData = pydicom.encaps.encapsulate([b"\0" * 10])
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    with pytest.raises(UserError, match=r"compressed in a way|damaged"):
        decode(stream.getvalue(), "x.dcm")
