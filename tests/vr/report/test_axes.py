"""Axes: where values are drawn, round ticks, and room for labels."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from vr.report.axes import Axes, around, percent_ticks, round_ticks
from vr.report.svg import ACCENT, Drawing, path


def test_values_are_drawn_where_they_are() -> None:
    axes = Axes(Drawing(200, 120), 40, 30, (0, 10), (-1, 1))
    assert axes.at(0, -1) == (40, 90)
    assert axes.at(10, 1) == (190, 10)
    assert axes.at(5, 0) == (115, 50)
    turned = Axes(Drawing(200, 120), 40, 30, (0, 10), (4, 0))
    assert turned.at(0, 4) == (40, 90) and turned.at(0, 0) == (40, 10)


def test_a_bar_lies_between_its_values() -> None:
    drawing = Drawing(200, 120)
    axes = Axes(drawing, 40, 30, (0, 10), (4, 0))
    axes.bar((2, 4), (1, 3), ACCENT, 0.5)
    svg = ET.fromstring(str(drawing.inline("a bar")))
    (bar,) = (element for element in svg if element.tag.endswith("rect"))
    assert [float(bar.attrib[key]) for key in ("x", "y", "width", "height")] == [70, 30, 30, 40]


@pytest.mark.parametrize(
    ("limits", "whole", "labels"),
    [
        ((0, 1), False, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ((-0.06, 0.26), False, ["0.0", "0.1", "0.2"]),
        ((0, 1.2), False, ["0.00", "0.25", "0.50", "0.75", "1.00"]),
        ((0.95, 1.05), True, ["1"]),
        ((-3.95, 104.95), True, ["0", "25", "50", "75", "100"]),
        ((0.6, 8.4), True, ["2", "4", "6", "8"]),
        ((0, 1234), False, ["0", "250", "500", "750", "1000"]),
    ],
)
def test_ticks_are_round(limits: tuple[float, float], whole: bool, labels: list[str]) -> None:
    values, texts = round_ticks(limits, whole=whole)
    assert 1 <= len(values) <= 6
    assert [float(text.replace("−", "-")) for text in texts] == pytest.approx(values)
    assert all(limits[0] - 1e-9 <= value <= limits[1] + 1e-9 for value in values)
    assert texts == labels


def test_shares_are_shown_in_percent() -> None:
    assert percent_ticks((0, 0.1)) == (
        pytest.approx([0, 0.02, 0.04, 0.06, 0.08, 0.1]),
        ["0%", *(f"{n}%" for n in (2, 4, 6, 8, 10))],
    )


def test_there_is_room_around_values() -> None:
    assert around([1, 3]) == pytest.approx((0.9, 3.1))
    assert around([2, 2]) == pytest.approx((1.9, 2.1))
    assert around([0]) == (-1, 1)
    assert around([]) == pytest.approx((-0.05, 1.05))


def test_points_that_cannot_be_told_apart_are_left_out_and_the_ends_stay() -> None:
    points = [(number / 100, 0.0) for number in range(1001)]
    drawn = re.findall(r"([\d.]+) 0\b", path(points, ""))
    assert len(drawn) < 50
    assert (drawn[0], drawn[-1]) == ("0", "10")


def test_a_drawing_grows_by_its_labels() -> None:
    def box(label: str) -> list[float]:
        drawing = Drawing(200, 120)
        Axes(drawing, 40, 30, (0, 1), (0, 1)).y_ticks([0.5], [label])
        return [float(number) for number in ET.fromstring(str(drawing.inline("x"))).attrib["viewBox"].split()]

    assert box("0.5") == [0, 0, 200, 120]
    left, top, width, height = box("a name that is longer than the margin")
    assert left < -100 and (top, height) == (0, 120) and left + width == 200


def test_what_is_drawn_beyond_the_axes_is_cut() -> None:
    drawing = Drawing(200, 120)
    axes = Axes(drawing, 40, 30, (0, 1), (0, 1))
    axes.line([0, 1], [0, 9], ACCENT)
    svg = str(drawing.inline("x"))
    (name,) = re.findall(r'<clipPath id="([^"]+)"><rect x="40" y="10" width="150" height="80"/>', svg)
    assert f'clip-path="url(#{name})"' in svg
