"""Images of more than 8 bits per channel: which values are black and white."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Limits = tuple[float, float]  # the values that are shown black and white
_BITS = (10, 12, 14, 16)  # what scanners store in 16 bits


@dataclass(frozen=True)
class ValueRange:
    """The lowest and the highest value of one or more images, and whether all values are whole numbers."""

    low: float
    high: float
    whole: bool

    def limits(self) -> Limits:
        """The values to show black and white.

        Whole numbers that fit into 8 bits stay as they are; larger ones are divided by the smallest full
        scale that contains them (10, 12, 14 or 16 bits). Fractions between 0 and 1 keep that scale. All
        others (negative, floating-point) are stretched from the lowest to the highest.
        """
        if self.low >= 0 and self.high > 1 and self.whole:
            if self.high <= 255:
                return 0.0, 255.0
            return 0.0, next((2.0**bits - 1 for bits in _BITS if self.high < 2**bits), self.high)
        if self.low >= 0 and self.high <= 1 and not self.whole:
            return 0.0, 1.0
        return self.low, self.high


def value_range(values: np.ndarray) -> ValueRange:
    """The range of an image's values; NaN and infinite values do not count."""
    import numpy as np

    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if not finite.size:
        return ValueRange(0.0, 0.0, True)
    whole = finite.dtype.kind != "f" or bool(np.all(finite == np.floor(finite)))
    return ValueRange(float(finite.min()), float(finite.max()), whole)


def union(ranges: Iterable[ValueRange]) -> ValueRange | None:
    """The range of several images together; None if there is none."""
    known = list(ranges)
    if not known:
        return None
    return ValueRange(
        min(one.low for one in known),
        max(one.high for one in known),
        all(one.whole for one in known),
    )


def to_eight_bits(values: np.ndarray, limits: Limits | None = None) -> np.ndarray:
    """Map values (H, W) linearly onto 0 to 255, uint8; values outside of the limits are clipped.

    Args:
        limits: the values to show black and white; by default those of this image alone.
    """
    import numpy as np

    low, high = value_range(values).limits() if limits is None else limits
    values = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=high, neginf=low)
    scaled = np.clip((values - low) / (high - low), 0, 1) if high > low else np.zeros_like(values)
    return np.rint(scaled * 255).astype(np.uint8)
