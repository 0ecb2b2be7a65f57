"""Towers that are not a known ViT take the plain path and say why; results are never wrong."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from vr.reprogramming.encoder import PlainEncoder, make_encoder

VIT = {"width": 32, "head_width": 16}
TIMM = {"timm_pool": "", "timm_proj": "linear", "custom": True}
SMALL = {"image_size": 64, "patch_size": 16, "layers": 2, **VIT}


@pytest.mark.parametrize(
    ("vision", "reason"),
    [
        ({**SMALL, "attentional_pool": True, "attn_pooler_heads": 2}, "plain: the tower pools by attention"),
        ({**SMALL, "pool_type": "none"}, "plain: the tower pools by 'none'"),
        ({**SMALL, "output_tokens": True}, "plain: the tower gives its tokens"),
        ({**SMALL, "qk_norm": True}, "plain: a block is a CustomResidualAttentionBlock"),
        (
            {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "head_width": 16},
            "plain: the image tower is a ModifiedResNet",
        ),
        (
            {"image_size": 160, "timm_model_name": "test_vit3", **TIMM, "timm_pool": "map"},
            "plain: the tower pools by attention",
        ),
        ({"image_size": 160, "timm_model_name": "test_vit4", **TIMM}, "plain: a norm is a RmsNorm"),
        (
            {"image_size": 160, "timm_model_name": "test_convnext", **TIMM, "timm_pool": "avg"},
            "plain: the image tower is timm's ConvNeXt",
        ),
    ],
)
def test_unknown_towers_take_the_plain_path(vision: dict[str, Any], reason: str, small_clip: Any) -> None:
    encoder = make_encoder(small_clip(**vision), 8)
    assert isinstance(encoder, PlainEncoder)
    assert encoder.path == reason


def test_a_replaced_module_is_detected_by_its_type(small_clip: Any) -> None:
    class Another(nn.LayerNorm):
        pass

    backbone = small_clip(**SMALL)
    backbone.model.visual.transformer.resblocks[1].ln_2 = Another(VIT["width"])
    assert make_encoder(backbone, 16).path == "plain: a norm is a Another"


def test_a_change_without_a_new_type_is_detected_by_the_numbers(small_clip: Any) -> None:
    backbone = small_clip(**SMALL)
    block = backbone.model.visual.transformer.resblocks[1]
    block.register_forward_hook(lambda module, inputs, output: output * torch.linspace(0, 2, VIT["width"]))
    path = make_encoder(backbone, 16).path
    assert path.startswith("plain: the tower computes something unknown (off by ")


def test_it_does_not_change_the_random_state(small_clip: Any) -> None:
    backbone = small_clip(**SMALL)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    make_encoder(backbone, 16)
    assert torch.equal(torch.rand(3), expected)
