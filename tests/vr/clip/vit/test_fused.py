"""Where kernels run, and what happens where they cannot; and, on a GPU, that the step stays the same."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from vr.clip.vit import fused
from vr.reprogramming.encoder import PlainEncoder
from vr.reprogramming.fast_encoder import FrameEncoder

SMALL = {"image_size": 64, "patch_size": 16, "layers": 2, "width": 64, "head_width": 32}


def gradient_of(encoder: Any, images: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
    """Embeddings (E, B, D), and the gradient of a weighted sum of them by the programs, on the CPU."""
    program = delta.clone().requires_grad_()
    features = encoder.encode(encoder.prepare(images), program)
    generator = torch.Generator().manual_seed(3)
    outer = torch.randn(features.shape, generator=generator).to(features.device)
    return features.detach().cpu(), torch.autograd.grad(features, program, outer)[0].cpu()


def problem(encoder: Any, batch: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Random images and two random programs."""
    generator = torch.Generator().manual_seed(1)
    side = encoder.image_size + 2 * encoder.frame
    images = torch.rand(batch, 3, encoder.image_size, encoder.image_size, generator=generator)
    return images.to(device), torch.randn(2, 3, side, side, generator=generator).to(device)


def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let kernels run on the CPU and on small tensors, as far as they agree."""
    monkeypatch.setattr(fused, "DEVICES", ("cpu",))
    monkeypatch.setattr(fused, "LEAST_ELEMENTS", 0)
    monkeypatch.setattr(fused, "_has_triton", lambda: True)
    monkeypatch.setattr(fused, "_agree", cache(fused._agree.__wrapped__))


@pytest.mark.parametrize("failure", ["raises", "differs"])
def test_without_working_kernels_the_step_stays_the_same(
    failure: str, small_clip: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    encoder = FrameEncoder(small_clip(**SMALL), 16)
    images, delta = problem(encoder, 2)
    expected = gradient_of(encoder, images, delta)

    def error(*_: object) -> float:
        if failure == "raises":
            raise RuntimeError("no compiler\nand more lines")
        return 1.0

    everywhere(monkeypatch)
    monkeypatch.setattr(fused, "_error", error)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            result = gradient_of(encoder, images, delta)
            assert all(torch.equal(*pair) for pair in zip(result, expected, strict=True))
    (record,) = caplog.records
    assert "\n" not in record.getMessage()


def test_kernels_are_for_large_tensors_on_a_gpu() -> None:
    assert not fused.norms(torch.empty(fused.LEAST_ELEMENTS // 768 + 1, 768, dtype=torch.bfloat16))


def test_which_tensors_have_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere(monkeypatch)
    monkeypatch.setattr(fused, "_error", lambda *_: 0.0)
    x = torch.empty(2, 5, 192)
    assert fused.norms(x)
    assert not fused.norms(x.double())
    with fused.without():
        assert not fused.norms(x)
        with fused.without():
            assert not fused.norms(x)
        assert not fused.norms(x)
    assert fused.norms(x)
    monkeypatch.setattr(fused, "LEAST_ELEMENTS", x.numel() + 1)
    assert not fused.norms(x)
    monkeypatch.setattr(fused, "LEAST_ELEMENTS", 0)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert not fused.norms(x)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("layers", [2, 7])
def test_on_a_gpu_the_step_equals_the_one_without_kernels(
    dtype: torch.dtype, layers: int, small_clip: Any, caplog: pytest.LogCaptureFixture
) -> None:
    vision = {"image_size": 224, "patch_size": 16, "layers": layers, "width": 768, "head_width": 64}
    backbone = small_clip(quick_gelu=True, device="cuda", **vision)
    assert backbone.device.type == "cuda"
    encoder = FrameEncoder(backbone, 16, dtype=dtype)
    images, delta = problem(encoder, 24, "cuda")
    assert 2 * len(images) * 197 * 768 >= fused.LEAST_ELEMENTS
    torch.cuda.reset_peak_memory_stats()
    with fused.without():
        expected_features, expected = gradient_of(encoder, images, delta)
    most = torch.cuda.max_memory_allocated()
    gradient_of(encoder, images, delta)  # compiles and checks the kernels
    torch.cuda.reset_peak_memory_stats()
    features, gradient = gradient_of(encoder, images, delta)
    assert torch.cuda.max_memory_allocated() <= most * 1.001
    assert not caplog.records  # no kernel was refused
    tolerance = 2e-2 if dtype == torch.bfloat16 else 1e-4
    assert float((features - expected_features).norm() / expected_features.norm()) < tolerance
    assert float(F.cosine_similarity(gradient.flatten(), expected.flatten(), dim=0)) > 1 - tolerance / 10
    _, plain = gradient_of(PlainEncoder(backbone, 16), images, delta)
    cosines = [float(F.cosine_similarity(g.flatten(), plain.flatten(), dim=0)) for g in (gradient, expected)]
    assert cosines[0] > cosines[1] - 1e-3
