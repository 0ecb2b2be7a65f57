"""Outlines as signed distances: negative inside, positive outside, in units of half the picture's side."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

Field = np.ndarray
_FAR = 9.0


@lru_cache(maxsize=8)
def grid(side: int) -> tuple[Field, Field]:
    """Coordinates of the pixels' centres in (-1, 1), (side, side) each: x to the right, y downwards."""
    axis = (np.arange(side) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(axis, axis)
    x.setflags(write=False)
    y.setflags(write=False)
    return x, y


def distance(
    side: int,
    shape: str,
    border: str,
    centre: tuple[float, float],
    radius: float,
    angle: float,
    rng: np.random.Generator,
) -> Field:
    """Signed distance to the outline of a shape, (side, side).

    Args:
        shape, border: values of `vr.phantom.finding.ATTRIBUTES`.
        radius: half of the largest extent, roughly.
        angle: of the long axis, in radians.
    """
    rows, columns = _window(side, centre[1], radius), _window(side, centre[0], radius)
    x, y = grid(side)
    x, y = x[rows, columns] - centre[0], y[rows, columns] - centre[1]
    if shape == "branching":
        near = _tree(x, y, radius, angle, rng)
    elif shape == "line":
        near = _streak(x, y, radius, angle, rng)
    else:
        theta = np.arctan2(y, x) - angle
        near = np.hypot(x, y) - radius * _outline(theta, shape, rng) * _roughness(theta, border, rng)
    field = np.full((side, side), _FAR)
    field[rows, columns] = near
    return field


def _window(side: int, centre: float, radius: float) -> slice:
    """The pixels along one axis that a shape can reach; all others are far outside."""
    first, last = ((centre + sign * (2 * radius + 8 / side) + 1) / 2 * side for sign in (-1, 1))
    return slice(int(np.clip(first, 0, side)), int(np.clip(np.ceil(last), 0, side)))


def _outline(theta: Field, shape: str, rng: np.random.Generator) -> Field:
    if shape == "round":
        return np.ones_like(theta)
    if shape == "oval":
        return _ellipse(theta, rng.uniform(0.5, 0.68))
    if shape == "bean":
        away = np.angle(np.exp(1j * (theta - np.pi / 2)))
        dent = rng.uniform(0.4, 0.55) * np.exp(-((away / rng.uniform(0.5, 0.7)) ** 2))
        return _ellipse(theta, rng.uniform(0.58, 0.7)) * (1 - dent)
    return 0.85 + _waves(theta, (2, 3, 5), (0.09, 0.18), rng)


def _waves(
    theta: Field, numbers: tuple[int, ...], height: tuple[float, float], rng: np.random.Generator
) -> Field:
    """A sum of cosine waves of those numbers of periods, each of random height and phase."""
    total = np.zeros_like(theta)
    for number in numbers:
        total += rng.uniform(*height) * np.cos(number * theta + rng.uniform(0, 2 * np.pi))
    return total


def _ellipse(theta: Field, aspect: float) -> Field:
    return aspect / np.sqrt((aspect * np.cos(theta)) ** 2 + np.sin(theta) ** 2)


def _roughness(theta: Field, border: str, rng: np.random.Generator) -> Field | float:
    if border == "ragged":
        return 1 + _waves(theta, (9, 13, 17), (0.05, 0.10), rng)
    if border == "spiky":
        rays = np.abs(np.cos(int(rng.integers(4, 8)) * theta / 2 + rng.uniform(0, np.pi)))
        return 0.6 + rng.uniform(0.6, 0.9) * rays**6
    return 1.0


def _segment(x: Field, y: Field, a: tuple[float, float], b: tuple[float, float]) -> Field:
    dx, dy = b[0] - a[0], b[1] - a[1]
    along = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy + 1e-12), 0, 1)
    return np.hypot(x - a[0] - along * dx, y - a[1] - along * dy)


def _tree(x: Field, y: Field, radius: float, angle: float, rng: np.random.Generator) -> Field:
    """A trunk that ends in three to five branches, as a cast of a collecting system looks."""
    width = radius * rng.uniform(0.14, 0.2)
    root = (-radius * np.cos(angle), -radius * np.sin(angle))
    fork = (root[0] * 0.1, root[1] * 0.1)
    nearest = _segment(x, y, root, fork)
    count = int(rng.integers(3, 6))
    for turn in np.linspace(-1.2, 1.2, count) + rng.uniform(-0.15, 0.15, count):
        length = radius * rng.uniform(0.75, 1.05)
        tip = (fork[0] + length * np.cos(angle + turn), fork[1] + length * np.sin(angle + turn))
        nearest = np.minimum(nearest, _segment(x, y, fork, tip))
    return nearest - width


def _streak(x: Field, y: Field, radius: float, angle: float, rng: np.random.Generator) -> Field:
    """A slightly bent tube."""
    width = radius * rng.uniform(0.1, 0.16)
    bend = rng.uniform(-0.35, 0.35) * radius
    ends = np.array([[-radius, 0.0], [0.0, bend], [radius, 0.0]])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    a, b, c = (tuple(point) for point in ends @ turn)
    return np.minimum(_segment(x, y, a, b), _segment(x, y, b, c)) - width
