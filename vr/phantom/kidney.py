"""The demo's pictures: a kidney in its surroundings, and what each of four classes puts into it.

The classes overlap on purpose: dark tumours, walled and divided cysts, specks of calcium that are no stones,
normal kidneys with a full collecting system. The surroundings, the scanner and the size of the picture
differ from the training pictures of `mini` (`vr.phantom.scene`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vr.phantom.finding import RADII, Finding
from vr.phantom.paint import paint, scan, smooth_noise
from vr.phantom.scene import places
from vr.phantom.shapes import Field

SIDE = 128
Choice = dict[str, float]


@dataclass(frozen=True)
class Look:
    """How often a class's finding takes which value, and what else its pictures show.

    `beside` are the chances of things that belong to no class; see `_INCIDENTAL`.
    """

    shape: Choice
    border: Choice
    density: Choice
    texture: Choice
    size: Choice
    count: Choice
    edge: float
    beside: Choice


LOOKS: dict[str, Look | None] = {
    "kidney cyst": Look(
        shape={"round": 0.65, "oval": 0.25, "lobed": 0.1},
        border={"thin-wall": 0.55, "sharp": 0.3, "thick-wall": 0.08, "blurred": 0.07},
        density={"dark": 0.6, "black": 0.27, "grey": 0.1, "bright": 0.03},
        texture={"even": 0.68, "septated": 0.14, "nodule": 0.07, "mottled": 0.07, "speckled": 0.04},
        size={"small": 0.1, "medium": 0.45, "large": 0.45},
        count={"one": 0.85, "two": 0.15},
        edge=0.55,
        beside={"vessel": 0.15, "fleck": 0.1, "pelvis": 0.05},
    ),
    "kidney stone": Look(
        shape={"round": 0.5, "oval": 0.2, "lobed": 0.15, "branching": 0.15},
        border={"sharp": 0.75, "spiky": 0.25},
        density={"white": 0.88, "bright": 0.12},
        texture={"even": 1.0},
        size={"tiny": 0.35, "small": 0.45, "medium": 0.2},
        count={"one": 0.65, "two": 0.15, "several": 0.2},
        edge=0.1,
        beside={"vessel": 0.15, "pelvis": 0.1, "bubble": 0.1},
    ),
    "kidney tumor": Look(
        shape={"lobed": 0.6, "round": 0.2, "oval": 0.2},
        border={"ragged": 0.45, "blurred": 0.25, "sharp": 0.15, "thick-wall": 0.15},
        density={"grey": 0.27, "bright": 0.55, "dark": 0.18},
        texture={"mottled": 0.5, "hollow": 0.2, "even": 0.1, "speckled": 0.14, "septated": 0.06},
        size={"small": 0.05, "medium": 0.4, "large": 0.55},
        count={"one": 0.95, "two": 0.05},
        edge=0.55,
        beside={"vessel": 0.25, "fleck": 0.1, "pelvis": 0.05},
    ),
    "normal kidney": None,
}
_NORMAL_BESIDE: Choice = {"vessel": 0.3, "fleck": 0.12, "pelvis": 0.15, "column": 0.15, "bubble": 0.05}


@dataclass(frozen=True)
class KidneyPicture:
    """A picture (SIDE, SIDE) uint8, the organ, the class's own findings, and incidental ones."""

    picture: np.ndarray
    organ: Finding
    findings: tuple[Finding, ...]
    incidental: tuple[Finding, ...]


class _Kidney:
    """A kidney while it is drawn: its position, and the circles in it that are taken."""

    def __init__(self, picture: Field, rng: np.random.Generator) -> None:
        self.picture, self.rng = picture, rng
        self.radius = rng.uniform(0.62, 0.78)
        self.centre = (rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1))
        self.taken: list[tuple[float, float, float]] = []
        lobed = rng.random() < 0.05
        texture = "hollow" if rng.random() < 0.15 else "even"
        border = _pick(rng, {"sharp": 0.9, "blurred": 0.1})
        shape = "lobed" if lobed else "bean"
        turn = np.pi / 2 + rng.uniform(-0.5, 0.5) + (np.pi if rng.random() < 0.5 else 0)
        level = rng.uniform(0.45, 0.6)
        paint(picture, shape, border, "grey", texture, self.centre, self.radius, turn, rng, level=level)
        self.organ = Finding(shape, border, "grey", texture, "large", kind="organ")
        self.level = level

    def add(self, shape: str, border: str, density: str, texture: str, size: str, count: str = "one", *,
            edge: bool = False, level: float | None = None) -> Finding:  # fmt: skip
        """Draw a finding where there is room."""
        rng, reach = self.rng, self.radius * 0.72
        radius = rng.uniform(*RADII[size]) * 0.95
        for _ in range(20):
            direction = rng.uniform(0, 2 * np.pi)
            far = rng.uniform(0.85, 1.1) if edge else rng.uniform(0, 0.65)
            # A kidney is longer than wide, and its long axis stands upright.
            x, y = 0.65 * far * np.cos(direction), far * np.sin(direction)
            if all(np.hypot(x - a, y - b) * reach > radius + r for a, b, r in self.taken):
                break
        self.taken.append((x, y, radius))
        at = (self.centre[0] + x * reach, self.centre[1] + y * reach)
        members = {"one": 1, "two": 2, "several": int(rng.integers(3, 6))}[count]
        for number in range(members):
            turn = direction + number * 2 * np.pi / members + rng.uniform(-0.3, 0.3)
            spread = 0.0 if members == 1 else radius * (1.5 if members == 2 else 2.4)
            where = (at[0] + spread * np.cos(turn), at[1] + spread * np.sin(turn))
            paint(self.picture, shape, border, density, texture, where, radius * rng.uniform(0.85, 1.15),
                  rng.uniform(0, 2 * np.pi), rng, level=level)  # fmt: skip
        return Finding(shape, border, density, texture, size, count, places(x, y))


def draw_kidney(class_name: str, rng: np.random.Generator) -> KidneyPicture:
    """Draw a picture of a class (a key of `LOOKS`); the same state of `rng` gives the same picture."""
    picture = _surroundings(rng)
    kidney = _Kidney(picture, rng)
    look = LOOKS[class_name]
    beside = _NORMAL_BESIDE if look is None else look.beside
    incidental = tuple(
        _INCIDENTAL[name](kidney, rng) for name, chance in beside.items() if rng.random() < chance
    )
    findings = () if look is None else (_own_finding(kidney, look, rng),)
    organ = replace(kidney.organ, plain=look is None)
    picture = np.clip(picture, 0, 1) ** rng.uniform(0.85, 1.2) * rng.uniform(0.75, 1.05)
    picture = scan(
        picture + rng.uniform(-0.03, 0.06),
        rng,
        noise=rng.uniform(0.02, 0.05),
        grain=rng.uniform(0.01, 0.04),
        blur=rng.uniform(0.2, 1.0),
    )
    return KidneyPicture(np.rint(picture * 255).astype(np.uint8), organ, findings, incidental)


def _own_finding(kidney: _Kidney, look: Look, rng: np.random.Generator) -> Finding:
    size, shape = _pick(rng, look.size), _pick(rng, look.shape)
    border, density = _pick(rng, look.border), _pick(rng, look.density)
    texture, count = _pick(rng, look.texture), _pick(rng, look.count)
    if shape == "branching":
        size, border, count = "medium", "sharp", "one"
    if size == "tiny":
        shape, border = "round", "sharp"
    elif size not in ("tiny", "small"):
        count = "one"
    if size == "small":
        texture = "even"
    if texture == "hollow" and density == "dark":
        density = "grey"
    return kidney.add(shape, border, density, texture, size, count, edge=rng.random() < look.edge)


_INCIDENTAL = {
    "vessel": lambda kidney, rng: kidney.add(
        "line", "sharp", "bright", "even", "small", level=rng.uniform(0.65, 0.8)
    ),
    "fleck": lambda kidney, rng: kidney.add("round", "sharp", "white", "even", "tiny", edge=True),
    "pelvis": lambda kidney, rng: kidney.add("branching", "sharp", "dark", "even", "medium"),
    "column": lambda kidney, rng: kidney.add(
        "round", "blurred", "grey", "even", "medium", level=kidney.level + rng.uniform(0.05, 0.12)
    ),
    "bubble": lambda kidney, rng: kidney.add("round", "sharp", "dark", "even", "small", edge=True),
}


def _surroundings(rng: np.random.Generator) -> Field:
    """Fat, muscle, a neighbouring organ, often the spine, sometimes the body's edge."""
    picture = np.full((SIDE, SIDE), rng.uniform(0.1, 0.25))
    picture += rng.uniform(0.01, 0.04) * smooth_noise(SIDE, int(rng.integers(8, 20)), rng)
    medial = 1 if rng.random() < 0.5 else -1
    for _ in range(int(rng.integers(2, 5))):
        direction, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.95, 1.25)
        centre = (far * np.cos(direction), far * np.sin(direction))
        paint(picture, str(rng.choice(["lobed", "oval"])), "sharp", "grey", "even", centre,
              rng.uniform(0.25, 0.55), rng.uniform(0, np.pi), rng, level=rng.uniform(0.3, 0.5))  # fmt: skip
    if rng.random() < 0.5:
        centre = (medial * rng.uniform(1.0, 1.15), rng.uniform(-0.2, 0.5))
        paint(picture, "round", "thin-wall", "bright", "mottled", centre, rng.uniform(0.25, 0.35), 0.0,
              rng, level=rng.uniform(0.7, 0.9))  # fmt: skip
    if rng.random() < 0.3:
        axis = np.linspace(-1, 1, SIDE)
        turn = rng.uniform(-0.4, 0.4)
        picture[-medial * axis[None] * np.cos(turn) + axis[:, None] * np.sin(turn) > 0.9] = 0.01
    return picture


def _pick(rng: np.random.Generator, choice: Choice) -> str:
    return str(rng.choice(list(choice), p=list(choice.values())))
