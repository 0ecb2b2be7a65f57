"""DICOM files: rescaled, windowed, and as RGB like every other image. Needs pydicom (an extra)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from attrgen.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image


def decode(content: bytes, place: str, *, window: tuple[float, float] | None, max_pixels: int) -> Image.Image:
    """Decode a DICOM file of one frame.

    Grey values are rescaled (to Hounsfield units in CT), windowed and, where stored inverted, inverted.

    Args:
        window: centre and width in rescaled units; by default the file's own first one, else its whole range.

    Raises:
        UserError: pydicom is not installed, damaged, no image, several frames, too large, or compressed in
            a way that needs another package.
    """
    try:
        import pydicom
        from pydicom.errors import InvalidDicomError
    except ImportError as error:
        raise UserError(
            "a DICOM file needs pydicom",
            file=place,
            remedy="pip install 'biomedvr[dicom]', or export PNG files.",
        ) from error
    try:
        header = pydicom.dcmread(io.BytesIO(content))
        rows, columns = int(header.get("Rows", 0)), int(header.get("Columns", 0))
        if rows < 1 or columns < 1 or "PixelData" not in header:
            raise UserError("the DICOM file has no image", file=place, remedy="Take it out.")
        if rows * columns > max_pixels:
            raise UserError(
                f"the image is {columns} by {rows} pixels, too large", file=place, remedy="Scale it down."
            )
        if int(header.get("NumberOfFrames", 1) or 1) > 1:
            raise UserError(
                f"the DICOM file has {header.NumberOfFrames} frames",
                file=place,
                remedy="Export one file a frame: which one shows the class is not known here.",
            )
        values = header.pixel_array
    except (InvalidDicomError, EOFError, ValueError, KeyError, AttributeError, TypeError, OSError) as error:
        raise UserError(f"the DICOM file is damaged ({error})", file=place, remedy="Restore it.") from error
    except (RuntimeError, NotImplementedError) as error:
        raise UserError(
            f"the DICOM file is compressed in a way that is not supported here ({error})",
            file=place,
            remedy="Decompress it first, for instance with dcmdjpeg or gdcmconv.",
        ) from error
    return _to_image(header, values, window)


def _to_image(header: Any, values: np.ndarray, window: tuple[float, float] | None) -> Image.Image:
    import numpy as np
    from PIL import Image
    from pydicom.pixels import apply_modality_lut, convert_color_space

    if values.ndim == 3:
        kind = str(header.PhotometricInterpretation)
        rgb = convert_color_space(values, kind, "RGB") if kind.startswith("YBR") else values
        return Image.fromarray(rgb.astype(np.uint8))
    grey = np.asarray(apply_modality_lut(values, header), dtype=np.float64)
    low, high = _range(header, grey, window)
    scaled = np.clip((grey - low) / max(high - low, 1e-9), 0, 1)
    if header.PhotometricInterpretation == "MONOCHROME1":
        scaled = 1 - scaled
    return Image.fromarray(np.rint(scaled * 255).astype(np.uint8)).convert("RGB")


def _range(header: Any, grey: np.ndarray, window: tuple[float, float] | None) -> tuple[float, float]:
    """Values shown black and white: the linear window of DICOM PS3.3 C.11.2.1.2.1."""
    chosen = window or _own_window(header)
    if chosen is None or chosen[1] <= 1:
        return float(grey.min()), float(grey.max())
    centre, width = chosen
    return centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2


def _own_window(header: Any) -> tuple[float, float] | None:
    centre, width = header.get("WindowCenter"), header.get("WindowWidth")
    if centre is None or width is None:
        return None
    first = [value if isinstance(value, (int, float)) else value[0] for value in (centre, width)]
    return float(first[0]), float(first[1])
