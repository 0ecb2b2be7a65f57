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
from vr.data.loading.unlabelled import image_paths
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
    ("content", "code"),
    [
        (dicom(STORED)[:200], "dicom-no-image"),
        (dicom(STORED)[:-4], "dicom-damaged"),
        (dicom(STORED, NumberOfFrames=3), "dicom-several-frames"),
        (dicom(STORED, Rows=0), "dicom-no-image"),
        (dicom(STORED, Rows=65000, Columns=65000), "image-too-large"),
        (dicom(STORED, DirectoryRecordSequence=[]), "dicom-directory"),
    ],
    ids=["header", "cut", "frames", "no-rows", "large", "directory"],
)
def test_a_file_that_cannot_be_shown(content: bytes, code: str) -> None:
    with pytest.raises(UserError) as caught:
        decode(content, "scans/x.dcm")
    assert (caught.value.code, caught.value.file) == (code, "scans/x.dcm")


def test_a_compressed_file_without_its_decoder() -> None:
    from pydicom.uid import JPEGLSLossless

    data = pydicom.dcmread(io.BytesIO(dicom(STORED)))
    data.file_meta.TransferSyntaxUID = JPEGLSLossless
    data.PixelData = pydicom.encaps.encapsulate([b"\0" * 10])
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    with pytest.raises(UserError) as caught:
        decode(stream.getvalue(), "x.dcm")
    assert caught.value.code in ("dicom-compressed", "dicom-damaged")


def item(**values: Any) -> Any:
    from pydicom.dataset import Dataset

    made = Dataset()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def table(entries: list[int], first: int = 0, bits: int = 16) -> Any:
    """One item of a LUT sequence."""
    made = item(LUTDescriptor=[len(entries), first, bits])
    made.add_new("LUTData", "US", entries)
    return made


RAMP = np.arange(64, dtype=np.uint16).reshape(8, 8) * 60


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("rescale", [{}, HOUNSFIELD, {"RescaleSlope": 0.5, "RescaleIntercept": 10}])
def test_window_functions_as_pydicom_applies_them(function: str, rescale: dict[str, float]) -> None:
    from pydicom.pixels import apply_modality_lut, apply_windowing

    content = dicom(RAMP, BitsStored=12, HighBit=11, WindowCenter=900, WindowWidth=700,
                    VOILUTFunction=function, **rescale)  # fmt: skip
    header = pydicom.dcmread(io.BytesIO(content))
    slope, intercept = rescale.get("RescaleSlope", 1), rescale.get("RescaleIntercept", 0)
    reference = apply_windowing(apply_modality_lut(header.pixel_array, header), header)
    share = (reference - intercept) / (4095 * slope)  # pydicom's output has the scale of 12 bits, rescaled
    assert np.array_equal(np.asarray(decode(content, "x"))[..., 0], np.rint(share * 255))


def test_a_negative_slope_keeps_larger_values_brighter() -> None:
    content = dicom(RAMP, RescaleSlope=-1, RescaleIntercept=4000, WindowCenter=2000, WindowWidth=2000)
    shown = np.asarray(decode(content, "x"))[..., 0]
    assert shown[0, 0] == 255
    assert shown[-1, -1] == 0


@pytest.mark.parametrize("width", [0, -5, ""])
def test_a_window_that_is_none_is_left_out(width: Any) -> None:
    assert grey(dicom(np.array([[0, 500, 1000]], dtype=np.uint16), WindowCenter=5, WindowWidth=width)) == [
        0,
        128,
        255,
    ]


@pytest.mark.parametrize(("bits", "full"), [(16, 65535), (12, 4095), (8, 255)])
def test_a_voi_table_comes_before_a_window(bits: int, full: int) -> None:
    entries = [full * number // 4095 for number in range(4096)][::-1]
    content = dicom(RAMP, VOILUTSequence=[table(entries, bits=bits)], WindowCenter=5, WindowWidth=10)
    expected = np.rint(np.array(entries)[RAMP] / full * 255)
    assert np.array_equal(np.asarray(decode(content, "x"))[..., 0], expected)


def test_the_cards_window_comes_before_a_voi_table() -> None:
    plain = dicom(RAMP)
    content = dicom(RAMP, VOILUTSequence=[table([0, 65535])], VOILUTFunction="SIGMOID")
    assert (
        decode(content, "x", window=(900, 700)).tobytes() == decode(plain, "x", window=(900, 700)).tobytes()
    )


def test_a_modality_table() -> None:
    entries = [number**2 % 4096 for number in range(4096)]
    content = dicom(RAMP, ModalityLUTSequence=[table(entries)], WindowCenter=2048, WindowWidth=4096)
    expected = np.rint(np.array(entries)[RAMP] / 4095 * 255)
    assert np.abs(np.asarray(decode(content, "x"))[..., 0] - expected).max() <= 1


@pytest.mark.parametrize("stored", [(0, 65535), (0, 255)])
def test_eight_bits_without_a_window_stay(stored: tuple[int, int]) -> None:
    values = np.array([[10, 60, 200]], dtype=np.uint8)
    assert grey(dicom(values)) == [10, 60, 200]
    assert grey(dicom(values, RescaleSlope=1, RescaleIntercept=0)) == [10, 60, 200]
    assert grey(dicom(values, PhotometricInterpretation="MONOCHROME1")) == [245, 195, 55]


@pytest.mark.parametrize(
    "padding", [{"PixelPaddingValue": -2000}, {"PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -1500}]
)
@pytest.mark.parametrize("inverted", [False, True])
def test_padding_is_black_and_does_not_count(padding: dict[str, int], inverted: bool) -> None:
    values = np.array([[-2000, 0, 50, 100]], dtype=np.int16)
    if "PixelPaddingRangeLimit" in padding:
        values = np.array([[-1700, 0, 50, 100]], dtype=np.int16)
    kind = "MONOCHROME1" if inverted else "MONOCHROME2"
    shown = grey(dicom(values, PhotometricInterpretation=kind, **padding))
    assert shown == ([0, 255, 128, 0] if inverted else [0, 0, 128, 255])


def test_padding_with_the_wrong_sign() -> None:
    values = np.array([[-2000, 0, 50, 100]], dtype=np.int16)
    content = dicom(values)
    header = pydicom.dcmread(io.BytesIO(content))
    header.add_new("PixelPaddingValue", "US", 65536 - 2000)
    stream = io.BytesIO()
    header.save_as(stream)
    assert grey(stream.getvalue()) == [0, 0, 128, 255]


def test_presentation_shapes_and_tables() -> None:
    values = np.array([[0, 50, 100]], dtype=np.uint16)
    assert grey(dicom(values, PresentationLUTShape="IDENTITY")) == [0, 128, 255]
    assert grey(dicom(values, PresentationLUTShape="INVERSE")) == [255, 128, 0]
    # Files of radiography say twice that black and white are swapped: it is done once.
    both = dicom(values, PresentationLUTShape="INVERSE", PhotometricInterpretation="MONOCHROME1")
    assert grey(both) == [255, 128, 0]
    entries = [65535 - 257 * number for number in range(256)]
    shown = grey(dicom(values, PresentationLUTSequence=[table(entries)]))
    assert np.abs(np.array(shown) - [255, 128, 0]).max() <= 1  # pydicom computes it with 32 bits


@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette(bits: int) -> None:
    values = np.arange(4, dtype=np.uint8).reshape(2, 2)
    colours = np.array([[10, 200, 30, 255], [0, 100, 90, 7], [5, 6, 250, 128]])
    names = {}
    for name, row in zip(("Red", "Green", "Blue"), colours, strict=True):
        scaled = row.astype(np.uint8) if bits == 8 else (row * 257).astype("<u2")
        names[f"{name}PaletteColorLookupTableDescriptor"] = [4, 0, bits]
        names[f"{name}PaletteColorLookupTableData"] = scaled.tobytes()
    content = dicom(values, PhotometricInterpretation="PALETTE COLOR", **names)
    assert np.array_equal(np.asarray(decode(content, "x")), colours.T.reshape(2, 2, 3))


@pytest.mark.parametrize("kind", ["YBR_FULL", "RGB"])
@pytest.mark.parametrize("planar", [0, 1])
def test_colour_is_converted_once(kind: str, planar: int) -> None:
    from pydicom.pixels import convert_color_space

    values = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    stored = values if planar == 0 else np.ascontiguousarray(values.transpose(2, 0, 1))
    content = dicom(values, PhotometricInterpretation=kind, PlanarConfiguration=planar)
    header = pydicom.dcmread(io.BytesIO(content))
    header.PixelData = stored.tobytes()
    stream = io.BytesIO()
    header.save_as(stream)
    expected = convert_color_space(values, kind, "RGB") if kind != "RGB" else values
    assert np.array_equal(np.asarray(decode(stream.getvalue(), "x")), expected)


def test_unused_bits_do_not_count() -> None:
    values = np.array([[0, 2048, 4095]], dtype=np.uint16)
    overlay = values | 0xA000  # old files keep an overlay in the unused bits
    options = {"BitsStored": 12, "HighBit": 11, "WindowCenter": 2048, "WindowWidth": 4096}
    assert grey(dicom(overlay, **options)) == grey(dicom(values, **options)) == [0, 128, 255]


def test_one_bit_per_pixel() -> None:
    values = np.packbits(np.array([0, 1, 1, 0, 1, 0, 0, 1], dtype=np.uint8), bitorder="little")
    header = pydicom.dcmread(io.BytesIO(dicom(np.zeros((1, 8), np.uint8))))
    header.BitsAllocated = header.BitsStored = 1
    header.HighBit = 0
    header.PixelData = values.tobytes() + b"\0"
    stream = io.BytesIO()
    header.save_as(stream)
    assert grey(stream.getvalue()) == [0, 255, 255, 0, 255, 0, 0, 255]


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_2000_inside(mode: str) -> None:
    from PIL import Image
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEG2000Lossless

    shape = (16, 16) if mode == "L" else (16, 16, 3)
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    frame = io.BytesIO()
    Image.fromarray(values).save(frame, "JPEG2000", irreversible=False, no_jp2=True, mct=int(mode == "RGB"))
    header = pydicom.dcmread(io.BytesIO(dicom(values)))
    header.file_meta.TransferSyntaxUID = JPEG2000Lossless
    if mode == "RGB":
        header.PhotometricInterpretation = "YBR_RCT"
    header.PixelData = encapsulate([frame.getvalue()])
    header["PixelData"].VR = "OB"
    stream = io.BytesIO()
    header.save_as(stream, enforce_file_format=True)
    shown = np.asarray(decode(stream.getvalue(), "x"))
    assert np.array_equal(shown if mode == "RGB" else shown[..., 0], values)


def test_an_enhanced_file_of_one_frame() -> None:
    groups = item(
        PixelValueTransformationSequence=[item(RescaleSlope=1, RescaleIntercept=-1024)],
        FrameVOILUTSequence=[item(WindowCenter=40, WindowWidth=400)],
    )
    content = dicom(STORED, NumberOfFrames=1, SharedFunctionalGroupsSequence=[groups])
    assert grey(content) == grey(dicom(STORED, **HOUNSFIELD), window=(40, 400))


@pytest.mark.parametrize("implicit", [False, True])
def test_a_file_without_preamble(implicit: bool, tmp_path: Path, card: Card) -> None:
    header = pydicom.dcmread(io.BytesIO(dicom(STORED, **HOUNSFIELD)))
    bare = item()
    bare.update(header)
    stream = io.BytesIO()
    bare.save_as(stream, implicit_vr=implicit, little_endian=True)
    assert stream.getvalue()[128:132] != b"DICM"
    assert grey(stream.getvalue(), window=(40, 400)) == grey(dicom(STORED, **HOUNSFIELD), window=(40, 400))
    for number in range(4):
        path = tmp_path / ("spot" if number < 2 else "ring") / f"1.2.840.{number}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(stream.getvalue())
    (tmp_path / "DICOMDIR").write_bytes(dicom(STORED))
    source = open_source(card, tmp_path)
    assert sum(map(len, source.splits.values())) == 4
    assert len(list(image_paths([tmp_path]))) == 4


def test_text_is_no_dicom_file(tmp_path: Path) -> None:
    for number, content in enumerate((b"", b"\x08\0", b"\x08\0\x05\0" + b"x" * 200, b"notes " * 40)):
        (tmp_path / f"f{number}").write_bytes(content)
    assert list(image_paths([tmp_path])) == []


def bundled() -> list[Path]:
    """The test files that come with pydicom."""
    import pydicom.data

    return sorted(path for path in (Path(pydicom.data.__file__).parent / "test_files").rglob("*.dcm"))


def test_colour_files_of_pydicom_look_as_pydicom_shows_them() -> None:
    from pydicom.pixels import apply_color_lut

    compared = 0
    for path in bundled():
        header = pydicom.dcmread(path, force=True)
        if header.get("BitsStored") != 8 or int(header.get("NumberOfFrames") or 1) > 1:
            continue
        is_palette = header.get("PhotometricInterpretation") == "PALETTE COLOR"
        if not (is_palette or header.get("SamplesPerPixel") == 3):
            continue
        try:
            shown = np.asarray(decode(path.read_bytes(), str(path)))
        except UserError as error:
            assert error.code == "dicom-compressed", path  # its decoder is not installed
            continue
        expected = header.pixel_array
        if is_palette:
            expected = np.rint(apply_color_lut(expected, header) / 257)
        assert np.array_equal(shown, expected), path
        compared += 1
    assert compared > 10 or not bundled()


def test_grey_files_of_pydicom_are_windowed_as_pydicom_does() -> None:
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    compared = 0
    for path in bundled():
        header = pydicom.dcmread(path, force=True)
        if "WindowWidth" not in header or int(header.get("NumberOfFrames") or 1) > 1:
            continue
        try:
            shown = np.asarray(decode(path.read_bytes(), str(path)))[..., 0].astype(int)
        except UserError as error:
            assert error.code in ("dicom-compressed", "dicom-no-image", "dicom-damaged"), path
            continue
        values = apply_voi_lut(apply_modality_lut(header.pixel_array, header), header)
        ends = apply_voi_lut(np.array([-1e9, 1e9]), header)
        expected = np.rint((values - ends[0]) / (ends[1] - ends[0]) * 255)
        if header.PhotometricInterpretation == "MONOCHROME1":
            expected = 255 - expected
        padding = header.get("PixelPaddingValue")
        measured = header.pixel_array != padding if padding is not None else np.ones(shown.shape, bool)
        assert np.abs(shown - expected)[measured].max() <= 1, path
        compared += 1
    assert compared > 5 or not bundled()
