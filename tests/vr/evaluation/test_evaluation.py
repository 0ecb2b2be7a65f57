"""Scores of many images do not depend on batches, on memory that runs out, or on who computes which."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from attrgen.core.errors import UserError
from vr.cli import app
from vr.clip.kept_features import KeptFeatures
from vr.data.formats.source import ImageSource, Item
from vr.data.sources import open_source
from vr.evaluation import evaluation
from vr.evaluation.evaluation import default_batch_size, evaluate
from vr.inference.decision import Decision
from vr.inference.predict import predict_files
from vr.runs import run as runs
from vr.runs.run import Run
from vr.runtime.distributed import Processes
from vr.training.train import run_experiment

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def trained(toy: Any, toy_run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """A run of a method that reads images, and of one that reads their features."""
    root = tmp_path_factory.mktemp("runs")
    coop = run_experiment(toy.experiment(method="coop", recipe={"epochs": 1}, out=root / "coop")).path
    return {"images": runs.load_run(toy_run), "features": runs.load_run(coop)}


@pytest.fixture(params=["images", "features"])
def run(request: pytest.FixtureRequest, trained: dict[str, Run], no_features: None) -> Run:
    actual = trained[request.param]
    assert actual.method.reads == request.param
    return actual


@pytest.fixture
def no_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No feature of an image is known from another test."""
    monkeypatch.setenv("VR_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def source(trained: dict[str, Run], toy: Any) -> ImageSource:
    return open_source(trained["images"].card, toy.data)


@pytest.fixture(scope="module")
def items(source: ImageSource) -> list[Item]:
    """27 images, those of two splits: no whole number of batches."""
    return [*source.splits["train"], *source.splits["test"]]


@pytest.fixture
def small_device(monkeypatch: pytest.MonkeyPatch) -> Callable[[Run, int], list[int]]:
    """Makes a run's device hold so many images, and gives the pieces that it is asked for."""

    def shrink(run: Run, limit: int) -> list[int]:
        seen: list[int] = []
        for name in ("prepare", "scores"):
            original = getattr(run.method, name)

            def limited(rows: Tensor, original: Any = original) -> Any:
                seen.append(len(rows))
                if len(rows) > limit:
                    raise torch.OutOfMemoryError("CUDA out of memory")
                return original(rows)

            monkeypatch.setattr(run.method, name, limited)
        return seen

    return shrink


def test_memory_that_runs_out_loses_no_image(
    run: Run, source: ImageSource, items: list[Item], small_device: Any, caplog: pytest.LogCaptureFixture
) -> None:
    logits = reference(run, source, items)
    seen = small_device(run, 5)
    actual = evaluate(run.method, source, items)
    assert actual.paths == tuple(item.path for item in items)
    torch.testing.assert_close(actual.logits, logits, rtol=1e-5, atol=1e-4)
    assert seen[:4] == [27, 13, 6, 3]
    assert "continuing with batches of 3 images" in caplog.text


def reference(run: Run, source: ImageSource, items: list[Item]) -> Tensor:
    """Scores of one image after another, with none of the code under test."""
    from vr.data.decoding.resize import to_square

    rows = []
    with torch.no_grad():
        run.method.eval()
        for item in items:
            pixels = to_square(source.read(item.path), run.method.image_size)[None].float() / 255
            rows.append(run.method.scores(run.method.prepare(pixels)).fused)
    return torch.cat(rows)


def test_predictions_too(
    trained: dict[str, Run], source: ImageSource, items: list[Item], small_device: Any
) -> None:
    run = trained["images"]
    paths = [str(source.root / item.path) for item in items]
    decision = Decision(run.card.class_names)
    expected = [row for batch in predict_files(run, decision, paths) for row in batch]
    seen = small_device(run, 5)
    actual = [row for batch in predict_files(run, decision, paths) for row in batch]
    assert [row["path"] for row in actual] == [row["path"] for row in expected] == paths
    for row, other in zip(actual, expected, strict=True):
        assert row["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)
    assert seen[:4] == [27, 13, 6, 3]


def test_one_image_that_does_not_fit_is_a_users_error(
    run: Run, source: ImageSource, items: list[Item], small_device: Any
) -> None:
    small_device(run, 0)
    with pytest.raises(UserError) as caught:
        evaluate(run.method, source, items)
    assert caught.value.code == "device-out-of-memory"


def test_batches_are_as_large_as_the_device_allows(
    run: Run, source: ImageSource, items: list[Item], small_device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert default_batch_size(run.method) == 64
    tried: list[Any] = []

    def by_memory(score: Any, image_size: int, device: torch.device) -> int:
        tried.append(
            (tuple(score(torch.zeros(2, 3, image_size, image_size, dtype=torch.uint8)).shape), device)
        )
        return 8

    monkeypatch.setattr("vr.evaluation.evaluation.evaluation_batch_size", by_memory)
    seen = small_device(run, 1000)
    evaluate(run.method, source, items)
    assert tried == [((2, 3), CPU)]
    assert sorted(seen[2:], reverse=True) == [8] * 6 + [3] * 2  # prepared and scored, 8 + 8 + 8 + 3
    seen.clear()
    decision = Decision(run.card.class_names)
    files = [str(source.root / item.path) for item in items]
    list(predict_files(run, decision, files))
    assert sorted(seen[2:], reverse=True) == [8] * 6 + [3] * 2


def test_the_default_batch_is_measured_without_features_that_a_sweep_keeps(
    trained: dict[str, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    method = trained["features"].method
    kept = KeptFeatures()
    monkeypatch.setattr(method.context.backbone, "kept", kept)

    def measured(score: Callable[[Tensor], Tensor], size: int, device: torch.device) -> int:
        return len(score(torch.zeros(4, 3, size, size, dtype=torch.uint8)))

    monkeypatch.setattr(evaluation, "evaluation_batch_size", measured)
    assert default_batch_size(method) == 4
    assert not kept._rows


@dataclass(frozen=True)
class Apart(Processes):
    """A process whose others are called one after another; what it would send is kept."""

    sent: list[Tensor] = field(default_factory=list)

    def gather(self, rows: Tensor, count: int, batch_size: int) -> Tensor:
        self.sent.append(rows)
        return rows.new_zeros(count, rows.shape[1])

    def least(self, number: int) -> int:
        return 4


def test_processes_compute_what_one_computes(run: Run, source: ImageSource, items: list[Item]) -> None:
    whole = evaluate(run.method, source, items, batch_size=4).logits
    counted: list[int] = []
    sent = []
    for rank in range(2):
        group = Apart(rank, 2, CPU)
        evaluate(run.method, source, items, group=group, progress=counted.append)
        sent += group.sent
    # Batches in turn: 0-3, 8-11, 16-19, 24-26 and 4-7, 12-15, 20-23; the very same bits.
    first = torch.cat([whole[start : start + 4] for start in (0, 8, 16, 24)])
    second = torch.cat([whole[start : start + 4] for start in (4, 12, 20)])
    assert torch.equal(sent[0], first) and torch.equal(sent[1], second)
    assert counted == [8, 8, 8, 6, 8, 8, 8]


def test_a_process_without_a_batch_sends_nothing(run: Run, source: ImageSource, items: list[Item]) -> None:
    group = Apart(1, 2, CPU)
    evaluate(run.method, source, items[:3], group=group)
    assert group.sent[0].shape == (0, 3)


def test_the_command_scores_its_share_and_only_one_process_writes(
    toy_run: Path, toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = [Apart(rank, 2, CPU) for rank in range(2)]
    waiting = iter(groups)

    @contextmanager
    def started(device: torch.device) -> Iterator[Processes]:
        yield next(waiting)

    monkeypatch.setattr("vr.runtime.distributed.processes", started)
    words = ["eval", str(toy_run), "--data", str(toy.data), "--device", "cpu", "--out"]
    said = []
    for rank in range(2):
        done = CliRunner().invoke(app, [*words, str(tmp_path / str(rank))], catch_exceptions=False)
        said.append(done.output)
    assert [len(group.sent[0]) for group in groups] == [8, 4]  # of 12 images in batches of four
    assert "accuracy" in said[0] and (tmp_path / "0" / runs.PREDICTIONS).is_file()
    assert said[1] == "" and not (tmp_path / "1").exists()


def test_no_image_is_a_users_error(run: Run, source: ImageSource) -> None:
    with pytest.raises(UserError) as caught:
        evaluate(run.method, source, [])
    assert caught.value.code == "evaluation-no-images"
