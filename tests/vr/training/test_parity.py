"""BioMedVR as trained here, against plain implementations of its paper."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from vr.clip.backbone import Backbone
from vr.reprogramming.program import frame_width
from vr.runs import run as runs
from vr.runs.history import read_history
from vr.training import trainer
from vr.training.train import run_experiment


def _train(asked: Any, **options: Any) -> Path:
    return run_experiment(asked, **options).path


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _plain_biomedvr(
    backbone: Backbone, images: Tensor, labels: Tensor, banks: list[list[Tensor]], steps: int, size: int
) -> list[float]:
    """BioMedVR as its paper states it, one image, class and attribute at a time; `paper` preset's choices."""
    frame = (backbone.image_size - size) // 2
    delta = [torch.zeros(3, backbone.image_size, backbone.image_size, requires_grad=True) for _ in range(2)]
    gate = torch.zeros(2, requires_grad=True)
    parameters = [*delta, gate]
    speeds = [torch.zeros_like(p) for p in parameters]
    losses = []
    for step in range(steps):
        total = torch.zeros(())
        fused_rows, penalties = [], []
        weights = torch.exp(gate) / torch.exp(gate).sum()
        for image, label in zip(images, labels.tolist(), strict=True):
            experts = []
            for program in delta:
                canvas = 1 / (1 + torch.exp(-program))
                inside = torch.zeros_like(canvas)
                inside[:, frame : frame + size, frame : frame + size] = 1
                padded = torch.zeros_like(canvas)
                padded[:, frame : frame + size, frame : frame + size] = image
                shown = padded + canvas * (1 - inside)
                pixels = (shown - backbone.mean) / backbone.std
                z = backbone.model.encode_image(pixels[None])[0]  # type: ignore[operator]
                experts.append(z / z.norm())

            def top(z: Tensor, bank: list[Tensor]) -> Tensor:
                rows = []
                for attributes in bank:
                    each = sorted(
                        (backbone.tau * (z @ t) for t in attributes),
                        key=lambda s: float(s.detach()),
                        reverse=True,
                    )[:3]
                    rows.append(sum(each) / len(each))
                return torch.stack(rows)

            positive = (top(experts[0], banks[0]) + top(experts[0], banks[1])) / 2
            negative = top(experts[1], banks[2])
            fused = weights[0] * positive + weights[1] * negative
            fused_rows.append(fused)
            penalties.append(torch.clamp(negative.max() - fused[label] + 0.5, min=0))
        total = -torch.stack(
            [row.log_softmax(0)[y] for row, y in zip(fused_rows, labels, strict=True)]
        ).mean()
        total = total + 0.3 * torch.stack(penalties).mean().clamp(max=1000)
        losses.append(float(total.detach()))
        rate = 40 * 0.5 * (1 + math.cos(math.pi * step / steps))
        for p, speed, gradient in zip(
            parameters, speeds, torch.autograd.grad(total, parameters), strict=True
        ):
            speed.mul_(0.9).add_(gradient)
            p.data -= rate * speed
    return losses


def test_paper_preset_equals_a_plain_implementation_over_ten_steps(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}
    original = trainer.Trainer.train

    def spy(self: trainer.Trainer, *args: Any, **kwargs: Any) -> Any:
        seen["images"] = self.images.batch(torch.arange(len(self.images)), augment=False)
        seen["labels"] = self.images.labels
        method: Any = self.method
        seen["banks"] = [
            [rows[present] for rows, present in zip(bank.embeddings, bank.present, strict=True)]
            for bank in (method.banks[kind] for kind in ("descriptive", "distinctive", "confusion"))
        ]
        seen["backbone"] = method.context.backbone
        return original(self, *args, **kwargs)

    monkeypatch.setattr(trainer.Trainer, "train", spy)
    recipe = {"epochs": 10, "batch_size": 12, "augment": False}
    asked = toy.experiment(preset="paper", recipe=recipe, out=tmp_path / "run")
    path = _train(asked)
    size = seen["images"].shape[-1]
    expected = _plain_biomedvr(seen["backbone"], seen["images"], seen["labels"], seen["banks"], 10, size)
    actual = [row["loss"] for row in read_history(path)]
    assert actual == pytest.approx(expected, rel=1e-4)
    assert actual[0] != pytest.approx(
        actual[-1], rel=1e-3
    )  # something was learned: the parity means something


def test_logits_recomputed_from_the_model_file_equal_the_predictions(toy: Any, tmp_path: Path) -> None:
    from vr.data.decoding.resize import to_square
    from vr.data.sources import open_dataset

    path = _train(toy.experiment(out=tmp_path / "run", options={"visual": "none"}))
    tensors = load_file(path / runs.MODEL)
    backbone = runs.load_run(path).method.context.backbone
    _, source = open_dataset(str(toy.card), toy.data)
    frame = frame_width(48, 8)
    for row in _rows(path / runs.PREDICTIONS)[:4]:
        image = to_square(source.read(row["path"]), 48 - 2 * frame).float() / 255
        scores = {}
        for name in ("pos", "neg"):
            shown = torch.sigmoid(tensors[f"delta_{name}"]).clone()
            shown[:, frame:-frame, frame:-frame] = image
            z = F.normalize(backbone.model.encode_image(backbone.normalise(shown[None])), dim=-1)[0]
            scores[name] = z
        g = tensors["gate"].softmax(0)

        def bank(kind: str, z: Tensor) -> Tensor:
            rows = []
            stored = zip(
                tensors[f"bank.{kind}.embeddings"], tensors[f"bank.{kind}.present"].bool(), strict=True
            )
            for t, present in stored:
                rows.append((backbone.tau * t[present] @ z).sort(descending=True).values[:3].mean())
            return torch.stack(rows)

        positive = (bank("descriptive", scores["pos"]) + bank("distinctive", scores["pos"])) / 2
        logits = g[0] * positive + g[1] * bank("confusion", scores["neg"])
        written = [float(row[name]) for name in ("bright spot", "dark ring", "plain ground")]
        assert written == pytest.approx(logits.tolist(), abs=1e-3)
