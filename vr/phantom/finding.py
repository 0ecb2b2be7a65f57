"""What a phantom shows: an organ and findings in it, each described by attribute values.

A value is written `attribute:value`. Both the drawer and the captions speak of nothing but these values, so
that whether a caption is true of a picture can be computed.
"""

from __future__ import annotations

from dataclasses import dataclass

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "is": ("organ", "finding"),
    "shape": ("round", "oval", "lobed", "bean", "branching", "line"),
    "border": ("sharp", "thin-wall", "thick-wall", "ragged", "spiky", "blurred"),
    "density": ("black", "dark", "grey", "bright", "white"),
    "texture": ("even", "mottled", "septated", "speckled", "nodule", "hollow"),
    "size": ("tiny", "small", "medium", "large"),
    "count": ("one", "two", "several"),
    "place": ("centre", "upper", "lower", "left", "right", "edge"),
    "state": ("plain",),
}
VALUES: tuple[str, ...] = tuple(f"{name}:{value}" for name, values in ATTRIBUTES.items() for value in values)

# Grey level of a density, 0 (black) to 1 (white): lowest and highest.
LEVELS = {
    "black": (0.02, 0.09),
    "dark": (0.17, 0.28),
    "grey": (0.40, 0.52),
    "bright": (0.68, 0.82),
    "white": (0.94, 1.0),
}
# Radius in units of half the picture's side.
RADII = {
    "tiny": (0.045, 0.07),
    "small": (0.10, 0.16),
    "medium": (0.20, 0.30),
    "large": (0.36, 0.52),
}


@dataclass(frozen=True)
class Finding:
    """One thing in a picture, or several alike.

    Attributes:
        kind: `organ` or `finding`.
        shape, border, density, texture, size, count: a value of `ATTRIBUTES` each.
        places: where in the organ (in the picture where there is none); may be several, or none.
        plain: an organ that holds no finding.
    """

    shape: str
    border: str
    density: str
    texture: str
    size: str
    count: str = "one"
    places: tuple[str, ...] = ()
    kind: str = "finding"
    plain: bool = False

    @property
    def values(self) -> frozenset[str]:
        """All values that hold, `attribute:value` each."""
        values = {
            f"is:{self.kind}",
            f"shape:{self.shape}",
            f"border:{self.border}",
            f"density:{self.density}",
            f"texture:{self.texture}",
            f"size:{self.size}",
            f"count:{self.count}",
            *(f"place:{place}" for place in self.places),
        }
        if self.border in ("thin-wall", "thick-wall"):
            values.add("border:sharp")  # a wall is a smooth and sharp border too
        return frozenset(values | {"state:plain"} if self.plain else values)


def mirrored(values: frozenset[str]) -> frozenset[str]:
    """The values of the mirror image: left and right change places."""
    swap = {"place:left": "place:right", "place:right": "place:left"}
    return frozenset(swap.get(value, value) for value in values)
