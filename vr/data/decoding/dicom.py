"""DICOM files as a viewer shows them, by pydicom: rescaled, windowed, and as RGB like every other image."""

from __future__ import annotations

import io
import struct
import warnings
from typing import TYPE_CHECKING, Any

from attrgen.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

_DIRECTORY = "1.2.840.10008.1.3.10"  # media storage directory: the file DICOMDIR
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_DAMAGE = (
    EOFError,
    ValueError,
    KeyError,
    AttributeError,
    TypeError,
    IndexError,
    OSError,
    ZeroDivisionError,
    struct.error,
)


def decode(content: bytes, file: str, *, window: tuple[float, float] | None, max_pixels: int) -> Image.Image:
    """Decode a DICOM file of one frame.

    Grey values are rescaled (to Hounsfield units in CT), windowed, and inverted where they are stored
    inverted. Padding is black. Without a window, 8-bit values stay as they are, and others are stretched from
    their lowest to their highest.

    Args:
        content: the file's bytes, with or without the preamble of part 10 of the standard.
        file: its path, for messages.
        window: centre and width in rescaled units; by default the file's first VOI LUT, else its window.

    Raises:
        UserError: pydicom is not installed, damaged, no image, several frames, too large, or compressed in
            a way that requires another package.
    """
    from PIL import Image

    try:
        import pydicom
        from pydicom.errors import InvalidDicomError
    except ImportError as error:
        raise UserError(
            "a DICOM file requires pydicom",
            code="dicom-needs-pydicom",
            file=file,
            remedy="pip install 'biomedvr[dicom]', or export PNG files.",
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom warns of values that break the standard
            header = pydicom.dcmread(io.BytesIO(content), force=True)
            _check(header, file, max_pixels)
            return Image.fromarray(_render(header, window)).convert("RGB")
    except (InvalidDicomError, *_DAMAGE) as error:
        raise UserError(
            f"the DICOM file is damaged ({error})",
            code="dicom-damaged",
            file=file,
            remedy="Restore it or remove it.",
        ) from error
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
        raise UserError(
            f"the image is {columns} by {rows} pixels, more than {max_pixels:,} in all",
            code="image-too-large",
            file=file,
            remedy="Scale it down or cut it into tiles first.",
        )
    frames = int(header.get("NumberOfFrames") or 1)
    if frames > 1:
        raise UserError(
            f"the DICOM file has {frames} frames",
            code="dicom-several-frames",
            file=file,
            remedy="Export one file per frame, and leave out frames that do not show the class.",
        )


def _render(header: Any, window: tuple[float, float] | None) -> np.ndarray:
    """The image as uint8, (H, W) or (H, W, 3)."""
    import numpy as np
    from pydicom.pixels import apply_color_lut

    _lift_functional_groups(header)
    stored, interpretation = _stored_values(header)
    if interpretation == "PALETTE COLOR":
        colours = apply_color_lut(stored, header)[..., :3]
        return _to_uint8(colours / float(np.iinfo(colours.dtype).max))
    if stored.ndim == 3:
        full_scale = 2 ** int(header.get("BitsStored") or header.BitsAllocated) - 1
        return _to_uint8(stored[..., :3] / full_scale)
    padding = _padding(header, stored)
    shares = _presented(_windowed(header, stored, padding, window), header)
    shares[padding] = 0
    return _to_uint8(shares)


def _stored_values(header: Any) -> tuple[np.ndarray, str]:
    """Decoded pixels, colour as RGB, and how they are to be interpreted."""
    from pydicom.pixels import get_decoder
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is None:  # a file without the preamble has no meta information
        is_implicit, is_little_endian = header.original_encoding
        explicit = ExplicitVRLittleEndian if is_little_endian else ExplicitVRBigEndian
        syntax = header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else explicit
    values, facts = get_decoder(syntax).as_array(header)
    return values, str(facts["photometric_interpretation"])


def _lift_functional_groups(header: Any) -> None:
    """Copy window and rescale of an enhanced file with one frame to where simple files have them."""
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in header.get(groups) or ():
            for macro in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
                for item in group.get(macro) or ():
                    for element in item:
                        if element.tag not in header:
                            header[element.tag] = element


def _padding(header: Any, stored: np.ndarray) -> np.ndarray:
    """Which pixels hold no measurement: Pixel Padding Value, or a range of them (PS3.3 C.7.5.1.1.2)."""
    import numpy as np

    first = header.get("PixelPaddingValue")
    if first is None or stored.dtype.kind not in "iu":
        return np.zeros(stored.shape, dtype=bool)
    last = header.get("PixelPaddingRangeLimit")
    # Some files write the value with the wrong sign: its bits are the same.
    ends = [int(np.array(value).astype(stored.dtype)) for value in (first, first if last is None else last)]
    return (stored >= min(ends)) & (stored <= max(ends))


def _windowed(
    header: Any, stored: np.ndarray, padding: np.ndarray, window: tuple[float, float] | None
) -> np.ndarray:
    """Grey values as shares of full brightness, (H, W) in [0, 1]."""
    import numpy as np
    from pydicom.pixels import apply_modality_lut

    grey = np.asarray(apply_modality_lut(stored, header))
    if window is not None:
        header.WindowCenter, header.WindowWidth = (float(value) for value in window)
        for name in ("VOILUTSequence", "VOILUTFunction"):
            if name in header:
                delattr(header, name)
    for transform in (_by_table, _by_window):
        shares = transform(header, grey)
        if shares is not None:
            return shares
    low, high = _full_range(header, grey[~padding], rescaled=not np.array_equal(grey, stored))
    return np.clip((grey - low) / max(high - low, 1e-9), 0, 1)


def _by_table(header: Any, grey: np.ndarray) -> np.ndarray | None:
    """The first item of the VOI LUT Sequence; None where there is none."""
    import numpy as np
    from pydicom.pixels import apply_voi

    if not header.get("VOILUTSequence"):
        return None
    table = header.VOILUTSequence[0]
    entries, first, bits = table.LUTDescriptor
    if bits == 8:  # pydicom would index the table by 8 bits, too
        table.LUTDescriptor = [entries, first, 16]
    return np.asarray(apply_voi(np.rint(grey).astype(np.int32), header)) / (2.0**bits - 1)


def _by_window(header: Any, grey: np.ndarray) -> np.ndarray | None:
    """The first window, by its function (linear, linear exact, sigmoid); None where there is none."""
    import numpy as np
    from pydicom.pixels import apply_windowing

    centre, width = _first(header, "WindowCenter"), _first(header, "WindowWidth")
    if centre is None or width is None:
        return None
    function = str(header.get("VOILUTFunction") or "LINEAR").upper()
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        header.VOILUTFunction = function = "LINEAR"
    if width <= 0 or (function == "LINEAR" and width < 1):
        return None
    # pydicom's result has the scale of the stored values: two more values show where it begins and ends.
    with np.errstate(over="ignore"):
        values = apply_windowing(np.append(grey.ravel().astype(np.float64), [-1e30, 1e30]), header)
    black, white = values[-2:]
    return ((values[:-2] - black) / (white - black)).reshape(grey.shape)


def _first(header: Any, name: str) -> float | None:
    """The first value of an element that may have several; None where it is missing or empty."""
    value = header.get(name)
    if value is None or value == "":
        return None
    return float(value) if header[name].VM == 1 else float(value[0])


def _full_range(header: Any, measured: np.ndarray, *, rescaled: bool) -> tuple[float, float]:
    """Black and white without a window: 8-bit values as they are, others from the lowest to the highest."""
    bits = int(header.get("BitsStored") or 16)
    if bits <= 8 and not rescaled and header.get("PixelRepresentation") == 0:
        return 0.0, 2.0**bits - 1
    return (float(measured.min()), float(measured.max())) if measured.size else (0.0, 1.0)


def _presented(shares: np.ndarray, header: Any) -> np.ndarray:
    """Shares of full brightness after the presentation LUT, inverted where white is stored as zero."""
    import numpy as np
    from pydicom.pixels import apply_presentation_lut

    if header.get("PresentationLUTSequence"):
        bits = header.PresentationLUTSequence[0].LUTDescriptor[2]
        # pydicom scales by the image's own lowest and highest value: two more values make them 0 and 1.
        values = apply_presentation_lut(np.append(shares.ravel(), [0.0, 1.0]), header)
        return (values[:-2] / (2.0**bits - 1)).reshape(shares.shape)
    is_inverse = str(header.get("PresentationLUTShape") or "").upper() == "INVERSE"
    return 1 - shares if is_inverse or header.PhotometricInterpretation == "MONOCHROME1" else shares


def _to_uint8(shares: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
