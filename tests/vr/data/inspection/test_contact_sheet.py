"""The contact sheet shows the sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from attrgen.schema.card import Card
from vr.data.decoding.resize import to_square
from vr.data.inspection.contact_sheet import contact_sheet, framed
from vr.data.sampling import fewshot
from vr.data.sources import open_source


def test_it_shows_every_image_of_the_sample(forms: dict[str, Path], card: Card) -> None:
    source = open_source(card, forms["folder"])
    sample = fewshot.draw(source, card, 2, 1)
    sheet = np.asarray(contact_sheet(source, sample)).astype(int)
    for item in (*sample.train, *sample.val):
        tile = to_square(source.read(item.path), 96).permute(1, 2, 0).numpy().astype(int)
        corners = np.argwhere((np.abs(sheet[:-95, :-95] - tile[0, 0]) == 0).all(-1))
        assert any((sheet[y : y + 96, x : x + 96] == tile).all() for y, x in corners), item


def test_the_frame_is_half_grey(forms: dict[str, Path], card: Card) -> None:
    source = open_source(card, forms["folder"])
    image = source.read(source.splits["train"][0].path).resize((192, 192))
    values = np.asarray(framed(image, 224))
    assert (values[:16] == 128).all()
    assert (values[:, -16:] == 128).all()
    assert np.array_equal(values[16:-16, 16:-16], np.asarray(image))
