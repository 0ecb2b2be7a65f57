"""Findings onto a picture: grey level, border, texture, and the scanner's noise."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from vr.phantom.finding import LEVELS
from vr.phantom.shapes import Field, distance, grid


def paint(
    picture: Field,
    shape: str,
    border: str,
    density: str,
    texture: str,
    centre: tuple[float, float],
    radius: float,
    angle: float,
    rng: np.random.Generator,
    *,
    level: float | None = None,
) -> Field:
    """Draw one finding into `picture` (side, side), grey levels in [0, 1], in place.

    Args:
        shape, border, density, texture: values of `vr.phantom.finding.ATTRIBUTES`.
        centre, radius: in units of half the picture's side.
        level: grey level; by default drawn from those of the density.

    Returns:
        How much each pixel belongs to the finding, (side, side) in [0, 1].
    """
    side = len(picture)
    pixel = 2 / side
    outside = distance(side, shape, border, centre, radius, angle, rng)
    softness = radius * rng.uniform(0.7, 1.0) if border == "blurred" else 1.2 * pixel
    cover = np.clip(0.5 - outside / softness, 0, 1)
    if level is None:
        level = rng.uniform(*LEVELS[density])
    inside = _texture(side, texture, density, level, centre, radius, outside, rng)
    if border in ("thin-wall", "thick-wall"):
        width = 1.3 * pixel if border == "thin-wall" else max(radius * rng.uniform(0.25, 0.35), 2 * pixel)
        wall = np.clip(0.5 - (np.abs(outside + width / 2) - width / 2) / pixel, 0, 1)
        rim = min(1.0, max(level + 0.3, rng.uniform(0.72, 0.85)))
        if density in ("bright", "white"):
            rim = rng.uniform(0.2, 0.35)  # a bright thing has a dark rim
        inside = inside + wall * (rim - inside)
        cover = np.maximum(cover, wall * (outside < pixel))
    picture += cover * (inside - picture)
    return cover


def _texture(
    side: int,
    texture: str,
    density: str,
    level: float,
    centre: tuple[float, float],
    radius: float,
    outside: Field,
    rng: np.random.Generator,
) -> Field:
    """Grey levels of the inside, (side, side)."""
    x, y = grid(side)
    x, y = (x - centre[0]) / radius, (y - centre[1]) / radius
    inside = np.full((side, side), level)
    mark = level - 0.4 if level > 0.6 else level + 0.35  # what stands out from the level
    pixel = 2 / side / radius
    if texture == "mottled":
        inside += rng.uniform(0.16, 0.24) * smooth_noise(side, max(4, round(3.2 / radius)), rng)
    elif texture == "septated":
        turn = rng.uniform(0, np.pi)
        across = x * np.cos(turn) + y * np.sin(turn) + 0.15 * np.sin(2 * y + turn)
        count = int(rng.integers(1, 4))
        for offset in (np.arange(count) - (count - 1) / 2) * (1.1 / count) + rng.uniform(-0.1, 0.1):
            inside += np.clip(1 - np.abs(across - offset) / (0.9 * pixel), 0, 1) * (mark - level)
    elif texture == "speckled":
        for _ in range(int(rng.integers(5, 9))):
            direction, far = rng.uniform(0, 2 * np.pi), 0.75 * np.sqrt(rng.uniform())
            gap = np.hypot(x - far * np.cos(direction), y - far * np.sin(direction))
            inside += np.clip(1.2 - gap / max(0.1, pixel), 0, 1) * (mark - inside)
    elif texture == "nodule":
        direction = rng.uniform(0, 2 * np.pi)
        gap = np.hypot(x - 0.5 * np.cos(direction), y - 0.5 * np.sin(direction))
        inside += np.clip(0.5 - (gap - rng.uniform(0.26, 0.36)) / pixel, 0, 1) * (mark - level)
    elif texture == "hollow":
        core = distance(side, "lobed", "sharp", centre, radius * rng.uniform(0.4, 0.55), 0.0, rng)
        dark = rng.uniform(0.05, 0.25) if density != "dark" else rng.uniform(0.02, 0.07)
        inside += np.clip(0.5 - core * side / 4, 0, 1) * (dark - level)
    return inside


@lru_cache(maxsize=128)
def _between(side: int, knots: int) -> tuple[np.ndarray, Field]:
    """For each of `side` positions: the knot before it (side,), and how far it is to the next (side, 1)."""
    at = np.linspace(0, knots - 1, side)
    before = np.minimum(at.astype(int), knots - 2)
    return before, (at - before)[:, None]


def smooth_noise(side: int, knots: int, rng: np.random.Generator) -> Field:
    """Normal noise with `knots` independent values a side, interpolated to (side, side)."""
    knots = min(knots, side)
    noise = rng.standard_normal((knots, knots))
    before, share = _between(side, knots)
    rows = noise[before] + share * (noise[before + 1] - noise[before])
    columns = rows.T
    return (columns[before] + share * (columns[before + 1] - columns[before])).T


def scan(picture: Field, rng: np.random.Generator, *, noise: float, grain: float, blur: float) -> Field:
    """What a scanner does: a little blur, correlated and white noise. Grey levels stay in [0, 1].

    Args:
        noise, grain: standard deviations of noise that is correlated over two pixels, and of white noise.
        blur: 0 (none) to 1 (each pixel the mean of its neighbours).
    """
    side = len(picture)
    if blur:
        picture = _blurred(_blurred(picture, blur).T, blur).T
    correlated = smooth_noise(side, side // 2, rng)
    return np.clip(picture + noise * correlated + grain * rng.standard_normal((side, side)), 0, 1)


def _blurred(picture: Field, share: float) -> Field:
    padded = np.pad(picture, ((1, 1), (0, 0)), mode="edge")
    return (1 - share) * picture + share * (padded[:-2] + picture + padded[2:]) / 3
