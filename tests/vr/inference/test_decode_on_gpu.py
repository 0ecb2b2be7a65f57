"""`vr predict --decode gpu`: what is refused and recorded, and rows; without a GPU the device is the CPU."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from attrgen.core.errors import UserError
from vr.cli import app
from vr.data.decoding.jpeg_batches import JpegBatches
from vr.data.loading.squares import CpuSquares, DeviceSquares
from vr.inference import on_ray, predict
from vr.inference.blocks import error_of
from vr.inference.decision import Decision
from vr.inference.journal import Journal
from vr.inference.on_ray import Setup
from vr.inference.output import journal_path
from vr.inference.predictor import Predictor, settings
from vr.runs.run import Run

BATCH = 4


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Ten smooth images: JPEG and PNG files in turn, the last two damaged."""
    folder, rng = tmp_path_factory.mktemp("mixed"), np.random.default_rng(0)
    paths = [folder / f"{number}.{'png' if number % 2 else 'jpg'}" for number in range(10)]
    for path in paths:
        coarse = Image.fromarray(rng.integers(40, 210, (5, 7, 3), dtype=np.uint8))
        coarse.resize((70, 50), Image.Resampling.BICUBIC).save(path)
    for path in paths[-2:]:
        path.write_bytes(path.read_bytes()[:700])
    return list(map(str, paths))


@pytest.fixture
def gpu(loaded_run: Run, with_sets: Decision) -> Predictor:
    """A predictor that decodes in batches, as with a GPU, but on the CPU."""
    plain = Predictor.of(loaded_run, with_sets, batch_size=BATCH, workers=2)
    size, backbone = loaded_run.method.image_size, loaded_run.method.context.backbone
    batches = JpegBatches(backbone.device, size, backbone.preprocessing)
    cpu = CpuSquares(plain.source, size, backbone.preprocessing)
    return replace(plain, squares=DeviceSquares(cpu, batches, 2), jpeg="gpu")


def test_rows_are_those_of_the_cpu_and_images_are_counted(gpu: Predictor, mixed: list[str]) -> None:
    plain = Predictor.of(gpu.run, gpu.decision, batch_size=BATCH, workers=2)
    expected = [row for _, rows in plain.rows(plain.blocks(mixed)) for row in rows]
    actual = [row for _, rows in gpu.rows(gpu.blocks(mixed)) for row in rows]
    assert plain.notes() == ()
    assert gpu.notes() == ("4 images were decoded on the GPU, 4 on the CPU",)
    for row, other in zip(actual, expected, strict=True):
        if error_of(other) is not None:
            assert row == other
            continue
        assert (row["at"], row["path"]) == (other["at"], other["path"])
        assert list(row["probabilities"].values()) == pytest.approx(
            list(other["probabilities"].values()), abs=0.02
        )
    assert [row["path"] for row in actual if error_of(row) is not None] == mixed[-2:]


def test_the_choice_is_recorded_and_another_one_does_not_continue(
    gpu: Predictor, loaded_run: Run, with_sets: Decision, mixed: list[str], tmp_path: Path
) -> None:
    plain = settings(loaded_run.path, loaded_run.config, with_sets)
    assert gpu.settings() == {**plain, "decode": "gpu"}
    assert settings(loaded_run.path, loaded_run.config, with_sets, "reduced") == {
        **plain,
        "reduced_jpeg": True,
    }
    out = tmp_path / "out.csv"
    Journal(journal_path(out), gpu.settings()).close()
    with pytest.raises(UserError) as caught:
        predict.predict_to_file(loaded_run, with_sets, mixed, out, resume=True)
    assert caught.value.code == "journal-other-settings" and caught.value.what.endswith(": decode")


@pytest.mark.parametrize("jpeg", ["gpu", "reduced"])
@pytest.mark.parametrize("is_first", [True, False])
def test_parts_on_ray_are_of_one_choice(
    jpeg: str, is_first: bool, loaded_run: Run, with_sets: Decision, tmp_path: Path
) -> None:
    plain = Setup(loaded_run.path, {}, with_sets, batch_size=2, workers=2)
    other = replace(plain, jpeg=jpeg)  # type: ignore[arg-type]
    first, second = (other, plain) if is_first else (plain, other)
    on_ray._prepare(tmp_path, first, ["a.png"], 1, False)
    (tmp_path / "part-000000000000-000000000001.parquet").touch()
    on_ray._prepare(tmp_path, first, ["a.png"], 1, False)
    with pytest.raises(UserError) as caught:
        on_ray._prepare(tmp_path, second, ["a.png"], 1, False)
    assert caught.value.code == "predict-other-parts"


def test_without_a_gpu_it_is_refused(loaded_run: Run, with_sets: Decision) -> None:
    with pytest.raises(UserError) as caught:
        Predictor.of(loaded_run, with_sets, batch_size=None, workers=1, jpeg="gpu")
    assert caught.value.code == "device-no-gpu"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--device", "cpu"], "device-no-gpu"),
        (["--device", "cpu", "--on", "ray", "--out", "x.csv"], "device-no-gpu"),
        (["--device", "cpu", "--shard", "1/2", "--out", "x.csv"], "device-no-gpu"),
        (["--reduced-jpeg"], "predict-gpu-or-reduced"),
    ],
)
def test_options_that_exclude_each_other(
    words: list[str], code: str, mixed: list[str], tmp_path: Path
) -> None:
    """Before the run is read: there is none."""
    result = run_command("predict", str(tmp_path / "no-run"), *mixed, "--decode", "gpu", *words)
    assert isinstance(result.exception, UserError) and result.exception.code == code


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
@pytest.mark.parametrize("words", [[], ["--shard", "1/2", "--out"]])
def test_a_machine_without_a_gpu(words: list[str], toy_run: Path, mixed: list[str], tmp_path: Path) -> None:
    more = [*words, str(tmp_path / "x.csv")] if words else []
    result = run_command("predict", str(toy_run), *mixed, "--decode", "gpu", *more)
    assert isinstance(result.exception, UserError) and result.exception.code == "device-no-gpu"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.xdist_group("ray")
def test_jobs_on_ray_without_a_gpu(
    loaded_run: Run, with_sets: Decision, mixed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    setup = Setup(loaded_run.path, {}, with_sets, batch_size=2, workers=2, jpeg="gpu")
    with pytest.raises(UserError) as caught:
        on_ray.predict_on_ray(setup, mixed, tmp_path / "x.csv", gpus_per_job=0)
    assert caught.value.code == "ray-no-gpu" and not ray.is_initialized()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu(toy_run: Path, mixed: list[str], tmp_path: Path) -> None:
    rows = {}
    for decode in ("cpu", "gpu"):
        out = tmp_path / f"{decode}.jsonl"
        words = ["--decode", decode, "--device", "cuda", "--out", str(out)]
        result = run_command("predict", str(toy_run), *mixed, *words)
        assert result.exit_code == 1  # two are damaged
        rows[decode] = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert "4 images were decoded on the GPU, 4 on the CPU" in result.stderr
    for row, other in zip(rows["gpu"], rows["cpu"], strict=True):
        assert row["path"] == other["path"]
        assert list(row["probabilities"].values()) == pytest.approx(
            list(other["probabilities"].values()), abs=0.1
        )


def run_command(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))
