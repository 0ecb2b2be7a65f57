"""`vr bench` measures every path against the plain one, and says which paths are missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from vr.cli import app
from vr.training.benchmark.measurement import Measurement, measure
from vr.training.benchmark.table import lines


@pytest.fixture(scope="module")
def measured(tiny: Any) -> Measurement:
    """The tiny ViT, two steps."""
    return measure(tiny, batch_size=3, steps=2)[0]


def test_rows_agree_with_one_another(measured: Measurement) -> None:
    plain, fast = measured.rows
    assert (plain.path, fast.path) == ("plain, fp32", "fast, fp32")
    assert (plain.speedup, plain.memory_share) == (1.0, 1.0)
    for row in measured.rows:
        assert row.images_per_second == pytest.approx(3 / (row.ms / 1000))
        assert row.speedup == pytest.approx(plain.ms / row.ms)
        rate = row.gflop / (row.ms / 1000)
        assert row.matmul_share == pytest.approx(rate / measured.matmul_gflops["fp32"])
        assert row.run_seconds == pytest.approx(400 * 22 * row.ms / 1000)  # 64 images in batches of 3


def test_the_fast_path_does_less_and_holds_less(measured: Measurement) -> None:
    plain, fast = measured.rows
    assert fast.gflop < 0.95 * plain.gflop
    assert fast.peak_mb < 0.8 * plain.peak_mb
    assert fast.memory_share == pytest.approx(fast.peak_mb / plain.peak_mb)


def test_bf16_is_measured_beside_fp32(tiny: Any) -> None:
    measurement = measure(replace(tiny, precision="bf16"), batch_size=2, steps=1)[0]
    paths = ["plain, fp32", "fast, fp32", "plain, bf16", "fast, bf16"]
    assert [row.path for row in measurement.rows] == paths
    assert set(measurement.matmul_gflops) == {"fp32", "bf16"}
    assert measurement.rows[3].memory_share < measurement.rows[1].memory_share


def test_a_tower_without_a_fast_path_is_told(tiny_resnet: Any) -> None:
    measurement = measure(tiny_resnet, batch_size=2, steps=1)[0]
    assert [row.path for row in measurement.rows] == ["plain, fp32"]
    assert measurement.notes == ("No fast path: the image tower is a ModifiedResNet.",)


def test_the_command_prints_json_and_writes_a_profile(tiny_folder: Path, tmp_path: Path) -> None:
    arguments = ["bench", "--backbone", str(tiny_folder), "--weights", "random", "--device", "cpu"]
    page = tmp_path / "profile.txt"
    arguments += ["--batch-size", "2", "--steps", "1", "--json", "--profile", str(page)]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    measurement = json.loads(done.stdout)
    assert (measurement["batch_size"], measurement["steps"], len(measurement["rows"])) == (2, 1, 2)
    assert "native_layer_norm" in page.read_text()


def test_bf16_is_left_out_where_there_is_none(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("vr.runtime.device.computes_in_bf16", lambda device: False)
    arguments = ["bench", "--backbone", str(tiny_folder), "--weights", "random", "--device", "cpu"]
    arguments += ["--batch-size", "2", "--steps", "1", "--precision", "bf16", "--json"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert [row["path"] for row in json.loads(done.stdout)["rows"]] == ["plain, fp32", "fast, fp32"]
    assert "this processor has no bf16 arithmetic" in caplog.text


def test_the_command_prints_a_table(tiny_folder: Path) -> None:
    arguments = ["bench", "--backbone", str(tiny_folder), "--weights", "random", "--device", "cpu"]
    done = CliRunner().invoke(app, [*arguments, "--batch-size", "2", "--steps", "1"], catch_exceptions=False)
    assert "1.00x" in done.stdout


def test_five_paths_fit_eighty_columns(measured: Measurement) -> None:
    plain, fast = measured.rows
    names = ("plain, fp32", "fast, tf32", "plain, bf16", "fast, bf16", "fast, bf16, compiled")
    slow = replace(plain, ms=123456.7, images_per_second=12345.6, peak_mb=123456, run_seconds=1e6)
    rows = tuple(replace(slow if number == 0 else fast, path=name) for number, name in enumerate(names))
    printed = lines(replace(measured, rows=rows))
    table = printed[3 : printed.index("", 3)]
    assert max(map(len, table)) <= 80
    assert table[0].split() == ["plain", "fast", "plain", "fast", "fast"]
    assert table[2].split() == ["compiled"] and table[2].endswith("compiled")
    cells = next(line for line in table if line.startswith("ms per step")).split()
    assert cells[3:] == ["123,456.7", *[f"{fast.ms:,.1f}"] * 4]
    assert len({len(line) for line in table}) == 1  # right-aligned, one under the other
