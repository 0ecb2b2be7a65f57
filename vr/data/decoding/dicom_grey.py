"""Grey values of a DICOM file → brightness: rescale, window or scale, presentation, padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vr.data.decoding.decoded import Rule, Rules
from vr.data.decoding.intensity import Limits, ValueRange, value_range

if TYPE_CHECKING:
    import numpy as np


def grey_shares(
    header: Any, stored: np.ndarray, window: tuple[float, float] | None, intensity: Limits | None
) -> tuple[np.ndarray, Rules]:
    """Shares of full brightness, (H, W) in [0, 1], and the rules that were applied.

    Args:
        stored: (H, W), decoded pixels.
        window: centre and width in rescaled units; it comes before the file's own.
        intensity: rescaled values to show black and white where there is no window at all; by default the
            lowest and the highest of the image, and 8-bit values stay as they are.
    """
    padding = _padding(header, stored)
    grey, rescale = _rescaled(header, stored)
    shares, windowed = _windowed(header, grey, window)
    if shares is None and _is_shown_as_stored(header, stored):
        shares = grey / (2.0 ** int(header.BitsStored) - 1)
    if shares is None:
        shares, windowed = _scaled(grey[~padding], grey, intensity)
    shares, presented = _presented(shares, header)
    shares[padding] = 0
    padded = (Rule("padding", f"{int(padding.sum())} pixels without a measurement are black"),)
    return shares, (*rescale, *windowed, *presented, *(padded if padding.any() else ()))


def unwindowed_range(header: Any, stored: np.ndarray) -> ValueRange | None:
    """The range of rescaled values, padding left out; None where 8-bit values stay as they are."""
    grey, _ = _rescaled(header, stored)
    return None if _is_shown_as_stored(header, stored) else value_range(grey[~_padding(header, stored)])


def has_window(header: Any) -> bool:
    """Whether the file has a VOI LUT or a window that can be applied."""
    return bool(header.get("VOILUTSequence")) or _window(header) is not None


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


def _rescaled(header: Any, stored: np.ndarray) -> tuple[np.ndarray, Rules]:
    import numpy as np
    from pydicom.pixels import apply_modality_lut

    grey = np.asarray(apply_modality_lut(stored, header))
    if header.get("ModalityLUTSequence"):
        return grey, (Rule("rescale", "modality LUT"),)
    slope, intercept = _slope_and_intercept(header)
    if (slope, intercept) == (1, 0):
        return grey, ()
    return grey, (Rule("rescale", f"slope {slope:g}, intercept {intercept:g}"),)


def _slope_and_intercept(header: Any) -> tuple[float, float]:
    slope, intercept = header.get("RescaleSlope"), header.get("RescaleIntercept")
    if slope is None or intercept is None:
        return 1.0, 0.0
    return float(slope), float(intercept)


def _windowed(
    header: Any, grey: np.ndarray, window: tuple[float, float] | None
) -> tuple[np.ndarray | None, Rules]:
    """By the given window, else by the file's first VOI LUT, else by its first window; None without one."""
    if window is not None:
        header.WindowCenter, header.WindowWidth = (float(value) for value in window)
        for name in ("VOILUTSequence", "VOILUTFunction"):
            if name in header:
                delattr(header, name)
    if header.get("VOILUTSequence"):
        return _by_table(header, grey), (Rule("VOI LUT", "the file's first"),)
    values = _window(header)
    if values is None:
        return None, ()
    centre, width, function = values
    header.VOILUTFunction = function
    origin = "the file's first" if window is None else "the card's"
    detail = f"centre {centre:g}, width {width:g}, {function}, {origin}"
    return _by_window(header, grey), (Rule("window", detail),)


def _window(header: Any) -> tuple[float, float, str] | None:
    """Centre, width and function (linear, linear exact, sigmoid) of the first window."""
    centre, width = _first(header, "WindowCenter"), _first(header, "WindowWidth")
    if centre is None or width is None:
        return None
    function = str(header.get("VOILUTFunction") or "LINEAR").upper()
    function = function if function in ("LINEAR", "LINEAR_EXACT", "SIGMOID") else "LINEAR"
    return None if width <= 0 or (function == "LINEAR" and width < 1) else (centre, width, function)


def _first(header: Any, name: str) -> float | None:
    """The first value of an element that may have several; None where it is missing or empty."""
    value = header.get(name)
    if value is None or value == "":
        return None
    return float(value) if header[name].VM == 1 else float(value[0])


def _by_table(header: Any, grey: np.ndarray) -> np.ndarray:
    import numpy as np
    from pydicom.pixels import apply_voi

    table = header.VOILUTSequence[0]
    entries, first, bits = table.LUTDescriptor
    if bits == 8:  # pydicom would index the table by 8 bits, too
        table.LUTDescriptor = [entries, first, 16]
    return np.asarray(apply_voi(np.rint(grey).astype(np.int32), header)) / (2.0**bits - 1)


def _by_window(header: Any, grey: np.ndarray) -> np.ndarray:
    import numpy as np
    from pydicom.pixels import apply_windowing

    # pydicom's result has the scale of the stored values: two more values show where it begins and ends.
    with np.errstate(over="ignore"):
        values = apply_windowing(np.append(grey.ravel().astype(np.float64), [-1e30, 1e30]), header)
    black, white = values[-2:]
    return ((values[:-2] - black) / (white - black)).reshape(grey.shape)


def _scaled(measured: np.ndarray, grey: np.ndarray, intensity: Limits | None) -> tuple[np.ndarray, Rules]:
    """Without a window: from the value that is black to the one that is white."""
    import numpy as np

    own = (float(measured.min()), float(measured.max())) if measured.size else (0.0, 1.0)
    low, high = intensity or own
    origin = "of this image alone" if intensity is None else "of the collection"
    rule = Rule("intensity scale", f"{low:g} is black, {high:g} is white, {origin}")
    return np.clip((grey - low) / max(high - low, 1e-9), 0, 1), (rule,)


def _is_shown_as_stored(header: Any, stored: np.ndarray) -> bool:
    """Whether values are whole numbers of at most 8 bits without sign or rescale."""
    is_rescaled = header.get("ModalityLUTSequence") or _slope_and_intercept(header) != (1, 0)
    bits = int(header.get("BitsStored") or 16)
    return bits <= 8 and not is_rescaled and stored.dtype.kind == "u"


def _presented(shares: np.ndarray, header: Any) -> tuple[np.ndarray, Rules]:
    """After the presentation LUT; inverted where white is stored as zero."""
    import numpy as np
    from pydicom.pixels import apply_presentation_lut

    if header.get("PresentationLUTSequence"):
        bits = header.PresentationLUTSequence[0].LUTDescriptor[2]
        # pydicom scales by the image's own lowest and highest value: two more values make them 0 and 1.
        values = apply_presentation_lut(np.append(shares.ravel(), [0.0, 1.0]), header)
        rule = Rule("presentation LUT", "the file's")
        return (values[:-2] / (2.0**bits - 1)).reshape(shares.shape), (rule,)
    if header.PhotometricInterpretation == "MONOCHROME1":
        return 1 - shares, (Rule("inverted", "MONOCHROME1"),)
    if str(header.get("PresentationLUTShape") or "").upper() == "INVERSE":
        return 1 - shares, (Rule("inverted", "presentation LUT shape INVERSE"),)
    return shares, ()
