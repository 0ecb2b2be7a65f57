"""Features that a sweep's worker keeps: of the same batch alone, unchanged, and never more than the limit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from vr.clip.backbone import Backbone
from vr.clip.kept_features import KeptFeatures


class Encodes:
    """Counts how often it encodes: (B, 3, 4, 4) -> (B, 2)."""

    def __init__(self, limit: int = 10_000) -> None:
        self.kept = KeptFeatures(limit)
        self.count = 0

    @torch.no_grad()
    def __call__(self, pixels: Tensor, encoder: str = "tower") -> Tensor:
        def encode(pixels: Tensor) -> Tensor:
            self.count += 1
            return pixels.flatten(1)[:, :2] * 1.0

        return self.kept.of(pixels, encoder, encode)


def batch(seed: int = 0, images: int = 3) -> Tensor:
    return torch.rand(images, 3, 4, 4, generator=torch.Generator().manual_seed(seed))


def test_a_batch_is_encoded_once() -> None:
    encodes, pixels = Encodes(), batch()
    with encodes.kept.reusing():
        first = encodes(pixels)
        expected = first.clone()
        first.zero_()  # what a caller does to it changes nothing
        assert torch.equal(encodes(pixels.clone()), expected) and encodes.count == 1
        encodes(pixels).zero_()
        assert torch.equal(encodes(pixels), expected)


def test_outside_of_the_block_nothing_is_kept_or_reused() -> None:
    encodes = Encodes()
    encodes(batch()), encodes(batch())
    with encodes.kept.reusing():
        encodes(batch())
    encodes(batch())
    assert encodes.count == 4


def test_one_bit_another_order_another_batch_and_another_encoder_are_encoded() -> None:
    encodes, pixels = Encodes(), batch()
    bit = pixels.clone()
    bit.view(torch.int32)[1, 2, 3, 3] ^= 1
    with encodes.kept.reusing():
        for other in (pixels, bit, pixels.flip(0), pixels[:2], pixels.transpose(2, 3)):
            encodes(other)
        encodes(pixels, "another tower")
    assert encodes.count == 6


def test_gradients_are_computed() -> None:
    encodes, pixels = Encodes(), batch().requires_grad_()
    with encodes.kept.reusing():
        encodes(pixels)
        result = encodes.kept.of(pixels, "tower", lambda pixels: pixels.flatten(1)[:, :2])
    assert result.requires_grad


def test_a_training_gets_no_tensor_of_inference_mode() -> None:
    encodes, weight = Encodes(), torch.ones(2, requires_grad=True)
    with encodes.kept.reusing():
        with torch.inference_mode():
            encodes(batch())
        features = encodes(batch())
    (features * weight).sum().backward()  # saves the features
    assert weight.grad is not None


def test_the_limit_holds_and_the_oldest_goes() -> None:
    encodes = Encodes(limit=2 * 3 * 2 * 4)  # two batches
    with encodes.kept.reusing():
        encodes(batch(0)), encodes(batch(1)), encodes(batch(0)), encodes(batch(2))
        assert encodes.count == 3
        encodes(batch(0)), encodes(batch(2))
        assert encodes.count == 3
        encodes(batch(1))
        assert encodes.count == 4


def test_a_backbone_that_keeps_gives_what_one_that_does_not_gives(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    pixels = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    keeps = replace(tiny, kept=KeptFeatures())
    with torch.no_grad(), keeps.reusing():
        expected = tiny.encode_image(pixels)
        assert torch.equal(keeps.encode_image(pixels), expected)
        monkeypatch.setattr(Backbone, "_encoded", None)
        assert torch.equal(keeps.encode_image(pixels), expected)
        with pytest.raises(TypeError):  # other preprocessing, other features
            replace(keeps, id="another").encode_image(pixels)
