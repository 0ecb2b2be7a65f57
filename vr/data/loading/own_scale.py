"""Images of more than 8 bits that are scaled by their own values, because their run has no scale for them."""

from __future__ import annotations

import threading

from vr.data.decoding.decoded import Rules

_SCALE = "intensity scale"  # the rule's name in `vr.data.decoding`


class OwnScale:
    """Counts them while images are read, in any number of threads."""

    def __init__(self) -> None:
        self.count = 0
        self.first = ""
        self._lock = threading.Lock()

    def add(self, path: str, rules: Rules) -> None:
        """Count an image that was decoded without a common scale, if one of its rules is a scale."""
        if not any(rule.name == _SCALE for rule in rules):
            return
        with self._lock:
            self.count += 1
            self.first = self.first or path

    def sentences(self) -> tuple[str, ...]:
        """What a person must know of them, if there are any."""
        if not self.count:
            return ()
        images = f"{self.first} has" if self.count == 1 else f"{self.count:,} images have"
        others = "" if self.count == 1 else f" ({self.first} and others)"
        return (
            f"{images} more than 8 bits{others}, and the run has no intensity scale, since its training "
            "images have 8 bits or a window: each is scaled by its own values, so that equal values may look "
            "different. Convert them as the training images were converted, or set images.intensity in the "
            "card and train again.",
        )
