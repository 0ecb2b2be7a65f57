"""Every row that a prediction writes into its journal has the form that reading it back asks for."""

from __future__ import annotations

import dataclasses
import json
from itertools import product
from pathlib import Path

import pytest
import torch

from tests.vr.inference.conftest import draw_images
from vr.evaluation.operating_point import OperatingPoint
from vr.inference import stored_row
from vr.inference.decision import Decision
from vr.inference.predict import predict_to_file
from vr.inference.prediction_table import csv_lines, row_of
from vr.inference.predictor import settings
from vr.runs.run import Run


def point(decision: Decision) -> OperatingPoint:
    return OperatingPoint(
        class_name=decision.classes[0],
        target="sensitivity",
        value=0.9,
        threshold=0.2,
        temperature=1,
        model="",
        images_from="validation images",
        images=10,
        images_of_class=5,
        reached=0.9,
    )


@pytest.mark.parametrize(("sets", "flags"), product((False, True), repeat=2))
def test_rows_fit_their_own_settings_and_no_others(sets: bool, flags: bool, loaded_run: Run) -> None:
    plain = Decision(loaded_run.card.class_names)
    forms = {
        (s, f): dataclasses.replace(plain, set_limit=0.8 if s else None, point=point(plain) if f else None)
        for s, f in product((False, True), repeat=2)
    }
    logits = torch.arange(len(plain.classes), dtype=torch.float64)[None]
    row = json.loads(json.dumps({"at": 0, **row_of(forms[sets, flags].predict(logits, ["a.png"])[0])}))
    for form, decision in forms.items():
        head = json.loads(json.dumps(settings(loaded_run.path, loaded_run.config, decision)))
        assert stored_row.fits(row, head) is (form == (sets, flags))


def test_a_table_of_a_run_with_an_operating_point_is_written(loaded_run: Run, tmp_path: Path) -> None:
    images = [str(path) for path in draw_images(tmp_path / "images", 3)]
    decision = Decision(loaded_run.card.class_names, set_limit=0.8)
    decision = dataclasses.replace(decision, point=point(decision))
    out = tmp_path / "table.csv"
    assert predict_to_file(loaded_run, decision, images, out).rows == 3
    lines = out.read_text().splitlines(keepends=True)
    assert lines[0] == next(csv_lines(decision.classes, [], sets=True, flags=True))
    assert len(lines) == 4
