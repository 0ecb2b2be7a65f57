"""DICOM files as a viewer shows them, by pydicom: rescaled, windowed, and as RGB like every other image."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrgen.core.decoding import decoding
from attrgen.core.errors import UserError
from attrgen.core.extras import needed
from vr.data.decoding import dicom_grey
from vr.data.decoding.decoded import Decoded, Rule, Rules
from vr.data.decoding.dicom_deflated import unpacks_to_more
from vr.data.decoding.intensity import Limits, ValueRange

if TYPE_CHECKING:
    import numpy as np

_DIRECTORY = "1.2.840.10008.1.3.10"  # media storage directory: the file DICOMDIR
_PALETTE = "PALETTE COLOR"
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_BYTES_PER_PIXEL = 4  # of an uncompressed image at most, all of its header included


def decode(
    content: bytes,
    file: str,
    *,
    window: tuple[float, float] | None,
    intensity: Limits | None,
    max_pixels: int,
) -> Decoded:
    """Decode a DICOM file of one frame.

    Grey values are rescaled (to Hounsfield units in CT), windowed, and inverted where they are stored
    inverted. Padding is black. Without a window, 8-bit values stay as they are, and others are scaled.

    Args:
        content: the file's bytes, with or without the preamble of part 10 of the standard.
        file: its path, for messages.
        window: centre and width in rescaled units; by default the file's first VOI LUT, else its window.
        intensity: rescaled values to show black and white where there is no window; by default the lowest and
            the highest of this image.

    Raises:
        UserError: pydicom is not installed, damaged, no image, several frames, too large, or compressed in
            a way that requires another package.
    """
    from PIL import Image

    with _opened(content, file, max_pixels) as header:
        values, rules = _render(header, window, intensity)
        return Decoded(Image.fromarray(values).convert("RGB"), rules)


def unwindowed_range(content: bytes, file: str, *, max_pixels: int) -> ValueRange | None:
    """The range of values of a grey image that needs a scale; None where it has a window or 8 bits.

    Raises:
        UserError: as for `decode`.
    """
    with _opened(content, file, max_pixels) as header:
        if int(header.get("SamplesPerPixel") or 1) > 1 or dicom_grey.has_window(header):
            return None
        stored, interpretation, _ = _stored_values(header)
        return None if interpretation == _PALETTE else dicom_grey.unwindowed_range(header, stored)


@contextmanager
def _opened(content: bytes, file: str, max_pixels: int) -> Iterator[Any]:
    """The data set of a file that has one image; whatever is wrong with the file is a user's error."""
    with needed(
        "a DICOM file requires pydicom",
        code="dicom-needs-pydicom",
        file=file,
        remedy="pip install 'biomedvr[dicom]', or export PNG files.",
    ):
        import pydicom
    if unpacks_to_more(content, _BYTES_PER_PIXEL * max_pixels):
        raise _too_large(f"it unpacks to more than {_BYTES_PER_PIXEL * max_pixels:,} bytes", file)
    with (
        decoding(
            file, what="the DICOM file is damaged", code="dicom-damaged", remedy="Restore it or remove it."
        ),
        _reporting_compression(file),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # pydicom warns of values that break the standard
        header = pydicom.dcmread(io.BytesIO(content), force=True)
        _check(header, file, max_pixels)
        _lift_functional_groups(header)
        yield header


@contextmanager
def _reporting_compression(file: str) -> Iterator[None]:
    """pydicom raises these where it has no decoder for a file, or one that cannot read it."""
    try:
        yield
    except RecursionError:
        raise
    except (RuntimeError, NotImplementedError) as error:
        raise UserError(
            f"the DICOM file is compressed in a way that cannot be read ({error})",
            code="dicom-compressed",
            file=file,
            remedy="pip install pylibjpeg 'pylibjpeg-libjpeg' 'pylibjpeg-openjpeg', or decompress it with "
            "dcmdjpeg or gdcmconv.",
        ) from error


def _check(header: Any, file: str, max_pixels: int) -> None:
    if header.file_meta.get("MediaStorageSOPClassUID") == _DIRECTORY or "DirectoryRecordSequence" in header:
        raise UserError(
            "a DICOMDIR lists other files and has no image",
            code="dicom-directory",
            file=file,
            remedy="Name the files that it lists.",
        )
    rows, columns = int(header.get("Rows") or 0), int(header.get("Columns") or 0)
    if rows < 1 or columns < 1 or not any(name in header for name in _PIXELS):
        raise UserError("the DICOM file has no image", code="dicom-no-image", file=file, remedy="Remove it.")
    if rows * columns > max_pixels:
        raise _too_large(f"the image is {columns} by {rows} pixels, more than {max_pixels:,} in all", file)
    frames = int(header.get("NumberOfFrames") or 1)
    if frames > 1:
        raise UserError(
            f"the DICOM file has {frames} frames",
            code="dicom-several-frames",
            file=file,
            remedy="Export one file per frame, and leave out frames that do not show the class.",
        )


def _too_large(what: str, file: str) -> UserError:
    return UserError(
        what, code="image-too-large", file=file, remedy="Scale it down or cut it into tiles first."
    )


def _render(
    header: Any, window: tuple[float, float] | None, intensity: Limits | None
) -> tuple[np.ndarray, Rules]:
    """The image as uint8, (H, W) or (H, W, 3), and the rules that were applied."""
    import numpy as np
    from pydicom.pixels import apply_color_lut

    stored, interpretation, rules = _stored_values(header)
    if interpretation == _PALETTE:
        colours = apply_color_lut(stored, header)[..., :3]
        applied: Rules
        shares, applied = colours / float(np.iinfo(colours.dtype).max), (Rule("palette", "looked up"),)
    elif stored.ndim == 3:
        shares, applied = _colour_shares(header, stored)
    else:
        shares, applied = dicom_grey.grey_shares(header, stored, window, intensity)
    return np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8), (*rules, *applied)


def _colour_shares(header: Any, stored: np.ndarray) -> tuple[np.ndarray, Rules]:
    bits = int(header.get("BitsStored") or header.BitsAllocated)
    full_scale = 2**bits - 1
    deep = (Rule("colour depth", f"{bits} bits per channel: {full_scale} is full brightness"),)
    return stored[..., :3] / full_scale, deep if bits > 8 else ()


def _stored_values(header: Any) -> tuple[np.ndarray, str, Rules]:
    """Decoded pixels, colour as RGB, how they are to be interpreted, and the rules that were applied."""
    from pydicom.pixels import get_decoder
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is None:  # a file without the preamble has no meta information
        is_implicit, is_little_endian = header.original_encoding
        explicit = ExplicitVRLittleEndian if is_little_endian else ExplicitVRBigEndian
        syntax = header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else explicit
    values, facts = get_decoder(syntax).as_array(header)
    interpretation = str(facts["photometric_interpretation"])
    rules = []
    if syntax.is_compressed:
        rules.append(Rule("decompressed", syntax.name))
    if header.PhotometricInterpretation != interpretation:
        rules.append(Rule("colour space", f"{header.PhotometricInterpretation} to {interpretation}"))
    return values, interpretation, tuple(rules)


def _lift_functional_groups(header: Any) -> None:
    """Copy window and rescale of an enhanced file with one frame to where simple files have them."""
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in header.get(groups) or ():
            for macro in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
                for item in group.get(macro) or ():
                    for element in item:
                        if element.tag not in header:
                            header[element.tag] = element
