"""Training pictures for `mini`: an organ or plain tissue, up to three findings, and clutter around."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vr.phantom.finding import LEVELS, RADII, Finding
from vr.phantom.paint import paint, scan, smooth_noise
from vr.phantom.shapes import Field

SIDE = 80
CELLS = 8


@dataclass(frozen=True)
class Scene:
    """A picture, (side, side) uint8, all that a caption may say of it, and where.

    `where` (findings, CELLS, CELLS) bool: which cells of a grid over the picture each finding reaches.
    """

    picture: np.ndarray
    findings: tuple[Finding, ...]
    where: np.ndarray


def draw_scene(rng: np.random.Generator, side: int = SIDE) -> Scene:
    """Draw a random picture; the same state of `rng` gives the same picture."""
    picture = _background(side, rng)
    findings: list[Finding] = []
    covers: list[Field] = []
    organ: Finding | None = None
    span = ((0.0, 0.0), 0.75)
    if rng.random() < 0.75:
        organ, span, cover = _draw_organ(picture, rng)
        covers.append(cover)
    count = int(rng.choice(4, p=(0.22, 0.4, 0.26, 0.12))) if organ else int(rng.choice([1, 2, 3]))
    taken: list[tuple[float, float, float]] = []
    for _ in range(count):
        drawn = _draw_finding(picture, span, taken, rng)
        if drawn is not None:
            findings.append(drawn[0])
            covers.append(drawn[1])
    if organ is not None:
        findings.insert(0, replace(organ, plain=not findings))
    gain, lift = rng.uniform(0.85, 1.1), rng.uniform(-0.04, 0.04)
    picture = scan(
        picture * gain + lift,
        rng,
        noise=rng.uniform(0.0, 0.05),
        grain=rng.uniform(0.0, 0.04),
        blur=rng.choice([0.0, 0.3, 0.6]),
    )
    cell = side // CELLS
    where = np.array(covers).reshape(len(covers), CELLS, cell, CELLS, cell).max((2, 4)) > 0.5
    return Scene(np.rint(picture * 255).astype(np.uint8), tuple(findings), where)


def _background(side: int, rng: np.random.Generator) -> Field:
    """Tissue or fat, sometimes the body's edge, and vague shapes that no caption mentions."""
    picture = np.full((side, side), rng.uniform(0.12, 0.42))
    picture += rng.uniform(0.0, 0.05) * smooth_noise(side, int(rng.integers(4, 12)), rng)
    for _ in range(int(rng.integers(0, 5))):
        direction, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.75, 1.2)
        centre = (far * np.cos(direction), far * np.sin(direction))
        level = rng.uniform(0.15, 0.55)
        paint(picture, "lobed", rng.choice(["blurred", "sharp"]), "grey", "even", centre,
              rng.uniform(0.2, 0.5), 0.0, rng, level=level)  # fmt: skip
    if rng.random() < 0.25:  # a bone at the picture's edge
        direction, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.95, 1.15)
        centre = (far * np.cos(direction), far * np.sin(direction))
        paint(picture, "oval", "thin-wall", "bright", "mottled", centre, rng.uniform(0.2, 0.4),
              rng.uniform(0, np.pi), rng, level=rng.uniform(0.75, 1.0))  # fmt: skip
    if rng.random() < 0.25:  # air outside of the body
        direction = rng.uniform(0, 2 * np.pi)
        axis = np.linspace(-1, 1, side)
        depth = axis[None] * np.cos(direction) + axis[:, None] * np.sin(direction)
        picture[depth > rng.uniform(0.8, 1.1)] = 0.01
    return picture


def _draw_organ(
    picture: Field, rng: np.random.Generator
) -> tuple[Finding, tuple[tuple[float, float], float], Field]:
    shape = str(rng.choice(["bean", "oval", "round", "lobed"], p=(0.5, 0.2, 0.1, 0.2)))
    border = str(rng.choice(["sharp", "blurred", "ragged", "thick-wall"], p=(0.55, 0.15, 0.15, 0.15)))
    density = str(rng.choice(["grey", "bright"], p=(0.75, 0.25)))
    texture = str(rng.choice(["even", "mottled", "hollow", "speckled"], p=(0.45, 0.15, 0.35, 0.05)))
    radius = rng.uniform(0.55, 0.85)
    centre = (rng.uniform(-0.15, 0.15), rng.uniform(-0.15, 0.15))
    angle = np.pi / 2 + rng.uniform(-0.6, 0.6) + (np.pi if rng.random() < 0.5 else 0)
    level = rng.uniform(0.48, 0.6) if density == "grey" else rng.uniform(*LEVELS["bright"])
    cover = paint(picture, shape, border, density, texture, centre, radius, angle, rng, level=level)
    organ = Finding(shape, border, density, texture, "large", kind="organ")
    return organ, (centre, radius * 0.75), cover


def _draw_finding(
    picture: Field,
    span: tuple[tuple[float, float], float],
    taken: list[tuple[float, float, float]],
    rng: np.random.Generator,
) -> tuple[Finding, Field] | None:
    shape, border, density, texture, size, count = _draw_values(rng)
    radius = rng.uniform(*RADII[size])
    (cx, cy), reach = span
    for _ in range(12):
        direction = rng.uniform(0, 2 * np.pi)
        far = rng.choice([rng.uniform(0, 0.3), rng.uniform(0.3, 1.0), rng.uniform(0.95, 1.1)])
        x, y = cx + far * reach * np.cos(direction), cy + far * reach * np.sin(direction)
        if all(np.hypot(x - a, y - b) > radius + r for a, b, r in taken):
            break
    else:
        return None
    cover = np.zeros_like(picture)
    members = {"one": 1, "two": 2, "several": int(rng.integers(3, 6))}[count]
    for number in range(members):
        dx, dy = 0.0, 0.0
        if members > 1:
            spread = radius * (1.5 if members == 2 else 2.4)
            turn = direction + number * 2 * np.pi / members + rng.uniform(-0.3, 0.3)
            dx, dy = spread * np.cos(turn), spread * np.sin(turn)
        one = paint(picture, shape, border, density, texture, (x + dx, y + dy),
                    radius * rng.uniform(0.9, 1.1), rng.uniform(0, 2 * np.pi), rng)  # fmt: skip
        np.maximum(cover, one, out=cover)
    taken.append((x, y, radius * (1 if members == 1 else 3)))
    where = places((x - cx) / reach, (y - cy) / reach)
    return Finding(shape, border, density, texture, size, count, where), cover


def _draw_values(rng: np.random.Generator) -> tuple[str, str, str, str, str, str]:
    """Shape, border, density, texture, size and count that can be seen together."""
    size = str(rng.choice(["tiny", "small", "medium", "large"], p=(0.2, 0.25, 0.35, 0.2)))
    density = str(rng.choice(["black", "dark", "grey", "bright", "white"], p=(0.1, 0.3, 0.2, 0.18, 0.22)))
    count = "one"
    if size in ("tiny", "small"):
        count = str(rng.choice(["one", "two", "several"], p=(0.6, 0.15, 0.25)))
    if size == "tiny":
        density = str(rng.choice(["black", "dark", "bright", "white"], p=(0.1, 0.2, 0.25, 0.45)))
        return "round", "sharp", density, "even", size, count
    shapes = ["round", "oval", "lobed", "bean", "branching", "line"]
    shape = str(rng.choice(shapes, p=(0.3, 0.18, 0.26, 0.06, 0.12, 0.08)))
    if shape in ("branching", "line"):
        return shape, "sharp", density, "even", size if size != "small" else "medium", "one"
    borders = ["sharp", "thin-wall", "thick-wall", "ragged", "spiky", "blurred"]
    border = str(rng.choice(borders, p=(0.3, 0.18, 0.12, 0.16, 0.1, 0.14)))
    texture = "even"
    if size in ("medium", "large") and border != "spiky":
        textures = ["even", "mottled", "septated", "speckled", "nodule", "hollow"]
        texture = str(rng.choice(textures, p=(0.4, 0.2, 0.12, 0.1, 0.08, 0.1)))
    if texture == "hollow" and density in ("black", "dark", "white"):
        density = str(rng.choice(["grey", "bright"]))
    if border == "blurred" and density == "grey":
        density = "bright"  # it would hardly be seen on grey
    return shape, border, density, texture, size, count


def places(x: float, y: float) -> tuple[str, ...]:
    """Words for a position; x and y are 0 in the middle of the organ and reach 1 at its outline."""
    far = float(np.hypot(x, y))
    if far < 0.33:
        return ("centre",)
    names = []
    if abs(y) > 0.38:
        names.append("upper" if y < 0 else "lower")
    if abs(x) > 0.38:
        names.append("left" if x < 0 else "right")
    if far > 0.9:
        names.append("edge")
    return tuple(names)
