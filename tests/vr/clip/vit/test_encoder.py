"""The fast path equals the plain path: embeddings, loss, and gradients of the programs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from vr.clip import bank as banks
from vr.clip.vit.linear import Linear
from vr.clip.vit.mlp import Mlp
from vr.clip.vit.norm import Norm
from vr.clip.vit.tower import Block, Tower
from vr.reprogramming.encoder import PlainEncoder, make_encoder
from vr.reprogramming.fast_encoder import FrameEncoder
from vr.reprogramming.loss import confusion_penalty
from vr.reprogramming.score import score

BATCH, CLASSES = 3, 4


def problem(encoder: Any) -> tuple[Tensor, Tensor]:
    """Random images (B, 3, s, s) and two random programs (2, 3, H, W)."""
    generator = torch.Generator().manual_seed(1)
    size = encoder.image_size
    images = torch.rand(BATCH, 3, size, size, generator=generator)
    side = size + 2 * encoder.frame
    return images, torch.randn(2, 3, side, side, generator=generator)


def loss_and_gradient(encoder: Any, images: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
    """BioMedVR's loss against random banks, and its gradient with respect to the programs."""
    delta = delta.clone().requires_grad_()
    features = encoder.encode(encoder.prepare(images), delta)
    generator = torch.Generator().manual_seed(2)

    def scores(embeddings: Tensor) -> Tensor:
        rows = [torch.randn(5, embeddings.shape[-1], generator=generator) for _ in range(CLASSES)]
        return score(embeddings, banks.from_classes([F.normalize(r, dim=-1) for r in rows]), tau=30.0, k=3)

    labels = torch.arange(BATCH) % CLASSES
    positive, negative = scores(features[0]), scores(features[1])
    fused = 0.6 * positive + 0.4 * negative
    penalty = confusion_penalty(negative, fused, labels, margin=0.5, over="all")
    loss = F.cross_entropy(fused, labels) + 0.3 * penalty
    (gradient,) = torch.autograd.grad(loss, delta)
    return loss.detach(), gradient


def smooth_gradient(encoder: Any, images: Tensor, delta: Tensor) -> Tensor:
    """Of a loss without the choice of the k largest, in which rounding may choose another text."""
    delta = delta.clone().requires_grad_()
    features = encoder.encode(encoder.prepare(images), delta).flatten(0, 1)
    generator = torch.Generator().manual_seed(2)
    texts = F.normalize(torch.randn(len(features), features.shape[-1], generator=generator), dim=-1)
    loss = F.cross_entropy(30.0 * features @ texts.T, torch.arange(len(features)))
    return torch.autograd.grad(loss, delta)[0]


def relative(result: Tensor, expected: Tensor) -> float:
    """Norm of the difference over the norm of the expected tensor."""
    return float((result - expected).norm() / expected.norm())


def test_it_equals_the_plain_path(family: tuple[Any, int]) -> None:
    backbone, frame = family
    fast, plain = make_encoder(backbone, frame), PlainEncoder(backbone, frame)
    assert fast.path == "fast, fp32"
    assert fast.image_size == plain.image_size
    images, delta = problem(fast)
    loss, gradient = loss_and_gradient(fast, images, delta)
    expected_loss, expected_gradient = loss_and_gradient(plain, images, delta)
    assert float(expected_gradient.norm()) > 1e-6
    assert relative(loss, expected_loss) < 1e-5
    assert relative(gradient, expected_gradient) < 1e-5
    centre = gradient[..., frame:-frame, frame:-frame]
    assert not centre.any()


def test_bf16_gradients_have_the_direction_of_plain_fp32(family: tuple[Any, int]) -> None:
    backbone, frame = family
    fast = FrameEncoder(backbone, frame, dtype=torch.bfloat16)
    assert fast.path == "fast, bf16"
    images, delta = problem(fast)
    assert fast.prepare(images).dtype == torch.bfloat16
    gradient = smooth_gradient(fast, images, delta)
    expected = smooth_gradient(PlainEncoder(backbone, frame), images, delta)
    assert float(F.cosine_similarity(gradient.flatten(), expected.flatten(), dim=0)) > 0.999


def test_one_program_and_no_gradient(family: tuple[Any, int]) -> None:
    backbone, frame = family
    fast, plain = make_encoder(backbone, frame), PlainEncoder(backbone, frame)
    images, delta = problem(fast)
    with torch.inference_mode():
        features = fast.encode(fast.prepare(images), delta[:1])
        assert relative(features, plain.encode(images, delta[:1])) < 1e-5
        assert relative(features[:, :1], fast.encode(fast.prepare(images[:1]), delta[:1])) < 1e-5


def test_it_is_checked_without_tf32(small_clip: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = small_clip(image_size=64, patch_size=16, layers=1, width=32, head_width=16)
    seen: list[bool] = []
    original = backbone.model.encode_image

    def spy(pixels: Tensor) -> Tensor:
        seen.append(torch.backends.cuda.matmul.allow_tf32)
        result: Tensor = original(pixels)
        return result

    monkeypatch.setattr(backbone.model, "encode_image", spy)
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        assert make_encoder(backbone, 16).path == "fast, fp32"
        assert seen == [False]
        assert torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False


def test_it_compiles_as_one_graph_and_equals_the_uncompiled_step(small_clip: Any) -> None:
    vision = {"patch_size": 16, "layers": 2, "width": 32, "head_width": 16}
    fast = FrameEncoder(small_clip(image_size=64, quick_gelu=True, **vision), 16)
    images, delta = problem(fast)
    prepared = fast.prepare(images)

    def gradient(encode: Any) -> Tensor:
        program = delta.clone().requires_grad_()
        result: Tensor = torch.autograd.grad(encode(prepared, program)[..., ::3].sum(), program)[0]
        return result

    step = torch.compile(fast.encode, backend="aot_eager", fullgraph=True, dynamic=False)
    assert relative(gradient(step), gradient(fast.encode)) < 1e-5


@pytest.mark.parametrize("pool", ["tok", "avg"])
def test_a_step_builds_no_object_of_the_tower(
    small_clip: Any, pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some versions of torch do not compile the construction of an object inside a step."""
    vision = {"patch_size": 16, "layers": 2, "width": 32, "head_width": 16, "pool_type": pool}
    fast = FrameEncoder(small_clip(image_size=64, quick_gelu=True, **vision), 16)
    images, delta = problem(fast)
    built: list[str] = []
    for kind in (Block, Linear, Mlp, Norm, Tower):
        monkeypatch.setattr(kind, "__init__", lambda self, *_, **__: built.append(type(self).__name__))
    fast.encode(fast.prepare(images), delta)
    assert not built
