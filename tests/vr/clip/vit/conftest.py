"""Small CLIPs of every family of image towers, with weights that exercise every branch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

TEXT = {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1}


def randomised(model: Any, seed: int = 0) -> Any:
    """Every weight drawn anew: no gain is 1, no bias 0, no LayerScale near 0; layers keep their scale."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("gamma") or (parameter.ndim == 1 and name.endswith("weight")):
                parameter.copy_(1 + 0.3 * noise)
            elif parameter.ndim < 2:
                parameter.copy_(0.2 * noise)
            else:
                parameter.copy_(noise * 1.2 / parameter[0].numel() ** 0.5)
    return model.requires_grad_(False).eval()


def clip(
    *, image_size: int, quick_gelu: bool = False, custom: bool = False, device: str = "cpu", **vision: Any
) -> Any:
    """A backbone around a small open_clip model; `vision` goes into its vision_cfg."""
    from open_clip import CLIP, CustomTextCLIP

    from vr.clip.architecture import patch_size
    from vr.clip.backbone import Backbone
    from vr.clip.preprocessing import Preprocessing

    torch.manual_seed(0)
    config = {"image_size": image_size, **vision}
    model = (CustomTextCLIP if custom else CLIP)(24, config, TEXT, quick_gelu=quick_gelu)
    model = randomised(model).to(device)
    return Backbone(
        name="small",
        weights=None,
        id="",
        weights_id="",
        model=model,
        tokenizer=None,
        preprocessing=Preprocessing(size=image_size, mean=(0.48, 0.46, 0.41), std=(0.27, 0.26, 0.28)),
        patch_size=patch_size(model),
        context_length=8,
        tau=30.0,
    )


VIT = {"width": 32, "head_width": 16}
TIMM = {"timm_pool": "", "timm_proj": "linear", "custom": True}
FAMILIES: dict[str, tuple[int, dict[str, Any]]] = {
    "ViT-B/16, QuickGELU": (16, {"image_size": 80, "patch_size": 16, "layers": 3, "quick_gelu": True, **VIT}),
    "ViT-B/32, patches of frame and image": (16, {"image_size": 96, "patch_size": 32, "layers": 2, **VIT}),
    "ViT-L/14, seven blocks": (
        14,
        {"image_size": 70, "patch_size": 14, "layers": 7, "quick_gelu": True, **VIT},
    ),
    "one block": (16, {"image_size": 64, "patch_size": 16, "layers": 1, **VIT}),
    "tanh GELU": (
        16,
        {"image_size": 64, "patch_size": 16, "layers": 2, "act_kwargs": {"approximate": "tanh"}, **VIT},
    ),
    "LayerScale": (16, {"image_size": 64, "patch_size": 16, "layers": 2, "ls_init_value": 0.5, **VIT}),
    "CLIPA: average, norm after, no norm before": (
        14,
        {
            "image_size": 56,
            "patch_size": 14,
            "layers": 2,
            "no_ln_pre": True,
            "pool_type": "avg",
            "final_ln_after_pool": True,
            **VIT,
        },
    ),
    "average, norm before": (8, {"image_size": 32, "patch_size": 8, "layers": 2, "pool_type": "avg", **VIT}),
    "odd frame": (5, {"image_size": 48, "patch_size": 8, "layers": 2, **VIT}),
    "pixels left over": (8, {"image_size": 52, "patch_size": 8, "layers": 2, **VIT}),
    "no patch without frame": (16, {"image_size": 64, "patch_size": 32, "layers": 2, **VIT}),
    "timm ViT": (16, {"image_size": 160, "timm_model_name": "test_vit", **TIMM}),
    "timm ViT, registers, average": (16, {"image_size": 160, "timm_model_name": "test_vit2", **TIMM}),
}


@pytest.fixture(params=list(FAMILIES))
def family(request: pytest.FixtureRequest) -> tuple[Any, int]:
    """A backbone of each family, and the width of its frame."""
    frame, config = FAMILIES[request.param]
    return clip(**config), frame


@pytest.fixture
def small_clip() -> Any:
    """The function `clip`."""
    return clip
