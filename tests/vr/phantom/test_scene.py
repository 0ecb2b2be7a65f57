"""Drawn pictures: the same from the same seed, and showing what they say they show."""

from __future__ import annotations

import numpy as np
import pytest

from vr.phantom.finding import ATTRIBUTES, LEVELS, VALUES, Finding, mirrored
from vr.phantom.paint import paint, smooth_noise
from vr.phantom.scene import draw_scene, places
from vr.phantom.shapes import distance, grid


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_same_seed_draws_the_same_picture() -> None:
    one, other = draw_scene(_rng(3)), draw_scene(_rng(3))
    assert one.picture.tobytes() == other.picture.tobytes()
    assert one.findings == other.findings
    assert draw_scene(_rng(4)).picture.tobytes() != one.picture.tobytes()


def test_pictures_hold_every_value_and_no_other() -> None:
    seen = {
        value
        for seed in range(300)
        for finding in draw_scene(_rng(seed)).findings
        for value in finding.values
    }
    assert seen == set(VALUES)


def test_only_an_organ_without_findings_is_plain() -> None:
    for seed in range(60):
        findings = draw_scene(_rng(seed)).findings
        for finding in findings:
            assert finding.plain == (finding.kind == "organ" and len(findings) == 1)


@pytest.mark.parametrize("density", ATTRIBUTES["density"])
def test_a_density_has_its_grey_level(density: str) -> None:
    picture = np.full((80, 80), 0.6)
    cover = paint(picture, "round", "sharp", density, "even", (0.1, -0.2), 0.3, 0.0, _rng())
    inside = picture[cover == 1]
    assert LEVELS[density][0] <= inside.min() and inside.max() <= LEVELS[density][1]
    assert np.all(picture[cover == 0] == 0.6)


@pytest.mark.parametrize("shape", ATTRIBUTES["shape"])
def test_a_shape_lies_around_its_centre_and_within_its_window(shape: str) -> None:
    field = distance(96, shape, "sharp", (0.2, 0.1), 0.3, 0.4, _rng(1))
    x, y = grid(96)
    inside = field < 0
    assert 0.005 < inside.mean() < 0.12
    assert np.hypot(x[inside] - 0.2, y[inside] - 0.1).max() < 2 * 0.3
    round_one = distance(96, "round", "sharp", (0.2, 0.1), 0.3, 0.4, _rng(1))
    if shape != "round":
        assert inside.sum() < (round_one < 0).sum() * 1.2


def test_a_round_outline_is_a_circle() -> None:
    x, y = grid(64)
    field = distance(64, "round", "sharp", (0.0, 0.0), 0.4, 0.0, _rng())
    near = np.hypot(x, y) < 0.7
    np.testing.assert_allclose(field[near], np.hypot(x, y)[near] - 0.4)


@pytest.mark.parametrize(("border", "outermost"), [("thin-wall", True), ("sharp", False)])
def test_a_wall_is_brighter_than_the_inside(border: str, outermost: bool) -> None:
    picture = np.full((80, 80), 0.5)
    paint(picture, "round", border, "dark", "even", (0.0, 0.0), 0.5, 0.0, _rng())
    assert bool(picture.max() > 0.6) is outermost
    assert picture[40, 40] < 0.3


def test_a_blurred_border_fades_slower_than_a_sharp_one() -> None:
    widths = {}
    for border in ("sharp", "blurred"):
        picture = np.full((80, 80), 0.2)
        cover = paint(picture, "round", border, "bright", "even", (0.0, 0.0), 0.4, 0.0, _rng())
        widths[border] = int(((cover > 0.05) & (cover < 0.95)).sum())
    assert widths["blurred"] > 3 * widths["sharp"]


def test_mottled_varies_more_than_even() -> None:
    spread = {}
    for texture in ("even", "mottled"):
        picture = np.zeros((80, 80))
        cover = paint(picture, "round", "sharp", "grey", texture, (0.0, 0.0), 0.5, 0.0, _rng())
        spread[texture] = picture[cover == 1].std()
    assert spread["even"] < 1e-9 < 0.03 < spread["mottled"]


def test_smooth_noise_interpolates_between_its_knots() -> None:
    values = smooth_noise(33, 5, _rng(2))
    knots = _rng(2).standard_normal((5, 5))
    np.testing.assert_allclose(values[::8, ::8], knots, atol=1e-12)
    np.testing.assert_allclose(values[4, 0], (knots[0, 0] + knots[1, 0]) / 2, atol=1e-12)


def test_places_and_their_mirror_image() -> None:
    assert places(0.1, -0.1) == ("centre",)
    assert places(-0.9, 0.5) == ("lower", "left", "edge")
    values = Finding("round", "sharp", "dark", "even", "small", places=places(-0.9, 0.5)).values
    assert "place:right" in mirrored(values) and "place:left" not in mirrored(values)
    assert mirrored(mirrored(values)) == values
