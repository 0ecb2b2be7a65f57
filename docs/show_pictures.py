"""Draws the two pictures of `vr data show` in own-data.md: python docs/show_pictures.py

Inputs are drawn, written as a person's files would be, and shown by the code of the command.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from attrgen.schema.card import find
from vr.clip.preprocessing import Preprocessing
from vr.data.decoding.decoded import Decoded
from vr.data.inspection import show as showing
from vr.data.intensity import common_scale
from vr.data.loading.unlabelled import UnlabelledFiles
from vr.phantom.dataset import NAME, picture_of

IMAGES = Path(__file__).parent / "images"
TILE, GAP, LINE = 200, 10, 15
CT = {"RescaleSlope": 1, "RescaleIntercept": -1024}
WINDOW = {"WindowCenter": 40, "WindowWidth": 400}
INVERTED = {"PhotometricInterpretation": "MONOCHROME1"}


def main() -> None:
    """Write both pictures."""
    with tempfile.TemporaryDirectory() as folder:
        sheet(series(Path(folder))).save(IMAGES / "show-series.png", optimize=True)
        sheet(resize_modes(Path(folder))).save(IMAGES / "show-squash.png", optimize=True)


def series(folder: Path) -> list[tuple[str, Decoded]]:
    """Slices of one scanner: with a window, inverted, and two of different brightness without a window."""
    brightness = [np.asarray(picture(number).convert("L"), dtype=float) / 255 for number in range(4)]
    slices = {
        "slice-1.dcm": (brightness[0] * 400 - 160 + 1024, CT | WINDOW),
        "slice-2.dcm": (240 - brightness[1] * 400 + 1024, CT | WINDOW | INVERTED),
        "slice-3.dcm": (brightness[2] * 4000, {}),
        "slice-4.dcm": (brightness[2] * 2000, {}),
    }
    for name, (values, elements) in slices.items():
        (folder / name).write_bytes(dicom(values.round().astype(np.uint16), elements))
    files = [str(folder / name) for name in slices]
    scale, _ = common_scale(UnlabelledFiles(), files)
    return shown(files, folder, UnlabelledFiles(intensity=scale))


def resize_modes(folder: Path) -> list[tuple[str, Decoded]]:
    """A wide image as models of the three resize modes see it."""
    wide = Image.new("RGB", (240, 80))
    for number in range(3):
        wide.paste(picture(number), (80 * number, 0))
    wide.save(folder / "wide.png")
    columns = shown([str(folder / "wide.png")], folder, UnlabelledFiles())
    for mode in ("shortest", "longest", "squash"):
        preprocessing = Preprocessing.model_validate({"size": 80, "resize_mode": mode})
        (column,) = shown([str(folder / "wide.png")], folder, UnlabelledFiles(), preprocessing)
        columns.append((f"a {mode} model", column[1]))
    return columns


def shown(
    files: list[str], folder: Path, source: UnlabelledFiles, preprocessing: Preprocessing | None = None
) -> list[tuple[str, Decoded]]:
    """File name, image and rules of each file."""
    targets = showing.targets(files, folder / "shown")
    return [(Path(target.file).name, showing.show(target, source, preprocessing)) for target in targets]


def picture(number: int) -> Image.Image:
    """A drawn kidney, 80 by 80 pixels."""
    label = number % 4
    values = picture_of("test", label, find(NAME).class_names[label], number).picture
    return Image.fromarray(np.asarray(values)).convert("RGB").resize((80, 80))


def dicom(values: np.ndarray, elements: dict[str, object]) -> bytes:
    """A DICOM file of 12 bits."""
    import io

    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = "1.2.3"
    data.Rows, data.Columns = values.shape
    data.SamplesPerPixel, data.PixelRepresentation = 1, 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    data.PhotometricInterpretation = "MONOCHROME2"
    data.PixelData = values.astype("<u2").tobytes()
    for name, value in elements.items():
        setattr(data, name, value)
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def sheet(columns: list[tuple[str, Decoded]]) -> Image.Image:
    """The images side by side, with names and rules below them."""
    font = ImageFont.load_default(11)
    texts = [[name, *wrapped(decoded, font)] for name, decoded in columns]
    height = TILE + LINE * max(map(len, texts)) + 3 * GAP
    page = Image.new("RGB", (len(columns) * (TILE + GAP) + GAP, height), "white")
    draw = ImageDraw.Draw(page)
    for column, (lines, (_, decoded)) in enumerate(zip(texts, columns, strict=True)):
        left = GAP + column * (TILE + GAP)
        tile = decoded.image.copy()
        ratio = TILE / max(tile.size)
        tile = tile.resize((round(tile.width * ratio), round(tile.height * ratio)), Image.Resampling.NEAREST)
        page.paste(tile, (left, GAP + (TILE - tile.height) // 2))
        for row, line in enumerate(lines):
            draw.text((left, 2 * GAP + TILE + row * LINE), line, "black", font)
    return page


def wrapped(decoded: Decoded, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """The rules, broken into lines of a tile's width."""
    lines: list[str] = []
    for rule in decoded.rules:
        line = ""
        for word in str(rule).split():
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > TILE:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines


if __name__ == "__main__":
    main()
