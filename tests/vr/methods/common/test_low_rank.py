"""Low-rank updates of a tower by timm, whose q, k and v are one linear layer."""

from __future__ import annotations

import pytest
import torch

from vr.methods.common.low_rank import LowRank, LowRankSettings, with_updates

timm = pytest.importorskip("timm")
SETTINGS = LowRankSettings(rank=3, alpha=2.0, dropout=0.0)


def tower() -> torch.nn.Module:
    torch.manual_seed(0)
    return timm.create_model("vit_tiny_patch16_224", img_size=32, patch_size=8, num_classes=8, depth=2).eval()


@torch.no_grad()
def test_updates_are_products_added_to_the_weights() -> None:
    model, merged = tower(), tower()
    updated, updates = with_updates(model, SETTINGS, torch.Generator().manual_seed(1))
    assert list(updates) == ["blocks.0.attn.qkv", "blocks.1.attn.qkv"]
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(updated(images), model(images))
    weights = merged.state_dict()
    for name, update in updates.items():
        update.up.normal_()
        rows = torch.cat([update.up[i] @ update.down[i] for i in range(3)])
        weights[f"{name}.weight"] += 2.0 / 3**0.5 * rows
    merged.load_state_dict(weights)
    torch.testing.assert_close(updated(images), merged(images), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(updated(images), model(images), atol=1e-2)


def test_the_frozen_weights_are_shared_and_untouched() -> None:
    model = tower()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    updated, updates = with_updates(model, SETTINGS, torch.Generator().manual_seed(1))
    frozen = {tensor.data_ptr() for tensor in model.parameters()}
    own = {p.data_ptr() for update in updates.values() for p in update.parameters()}
    assert {tensor.data_ptr() for tensor in updated.parameters()} == frozen | own
    updated(torch.rand(1, 3, 32, 32)).sum().backward()
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_one_projection() -> None:
    update = LowRank(1, 6, 4, SETTINGS, torch.Generator().manual_seed(0))
    x = torch.rand(5, 6)
    with torch.no_grad():
        assert torch.equal(update(x), torch.zeros(5, 4))
        update.up.normal_()
        expected = 2.0 / 3**0.5 * x @ update.down[0].T @ update.up[0].T
    torch.testing.assert_close(update(x), expected)
