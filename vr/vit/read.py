"""Reading a CLIP's image tower into a `Tower`, or saying why that cannot be done.

Every module is checked by its exact type: what is not known here leads to the plain path, never to
wrong numbers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vr.vit.linear import Linear, frozen
from vr.vit.tower import Activation, Block, Norm, Tower

_QUICK_GELU_SLOPE = 1.702


class Unsupported(Exception):
    """Why a tower has no fast path: a clause that can follow 'plain: '."""


def read_tower(model: nn.Module, dtype: torch.dtype) -> Tower:
    """The image tower of an open_clip model, its blocks in `dtype`.

    Float32 weights are shared with the model; other precisions, and weights that take a constant factor in,
    are copies.

    Raises:
        Unsupported: it is not a plain ViT, or a part of it is unknown.
    """
    from open_clip import CLIP, CustomTextCLIP
    from open_clip.timm_model import TimmModel
    from open_clip.transformer import VisionTransformer

    _expect(model, CLIP, CustomTextCLIP, what="the model")
    visual: Any = model.visual
    if model.training:
        raise Unsupported("the model is in training mode")
    if type(visual) is VisionTransformer:
        return _read_open_clip(visual, dtype)
    if type(visual) is TimmModel:
        return _read_timm(visual, dtype)
    raise Unsupported(f"the image tower is a {type(visual).__name__}")


def _read_open_clip(visual: Any, dtype: torch.dtype) -> Tower:
    from open_clip.transformer import PatchDropout

    if visual.attn_pool is not None:
        raise Unsupported("the tower pools by attention")
    if visual.pool_type not in ("tok", "avg"):
        raise Unsupported(f"the tower pools by '{visual.pool_type}'")
    if visual.output_tokens:
        raise Unsupported("the tower gives its tokens")
    _expect(visual.patch_dropout, nn.Identity, PatchDropout, what="the patch dropout")
    token = visual.pool_type == "tok"
    norm_first = not token and not visual.final_ln_after_pool
    head: list[Any] = [] if norm_first else [visual.ln_post]
    if visual.proj is not None:
        head.append(lambda pooled: pooled @ visual.proj)
    positions = visual.positional_embedding
    return Tower(
        dtype=dtype,
        patch_size=_square(visual.patch_size),
        patch=_patch(visual.conv1, visual.patch_size),
        position=positions[1:],
        prefix=(visual.class_embedding + positions[0])[None],
        norm_pre=_norm(visual.ln_pre, torch.float32),
        blocks=tuple(_open_clip_block(block, dtype) for block in visual.transformer.resblocks),
        pool="token" if token else "average",
        norm=_norm(visual.ln_post, dtype) if norm_first else None,
        head=tuple(head),
    )


def _open_clip_block(block: Any, dtype: torch.dtype) -> Block:
    from open_clip.transformer import ResidualAttentionBlock

    _expect(block, ResidualAttentionBlock, what="a block")
    attention = block.attn
    _expect(attention, nn.MultiheadAttention, what="the attention")
    if hasattr(block, "ln_1_kv") or not attention._qkv_same_embed_dim:
        raise Unsupported("a block attends to other tokens than its own")
    if attention.bias_k is not None or attention.add_zero_attn:
        raise Unsupported("the attention has keys of its own")
    if list(block.mlp._modules) != ["c_fc", "gelu", "c_proj"]:
        raise Unsupported("the MLP has unknown parts")
    return _block(
        attention.num_heads,
        block.ln_1,
        (attention.in_proj_weight, attention.in_proj_bias),
        attention.out_proj,
        block.ls_1,
        block.ln_2,
        block.mlp.c_fc,
        block.mlp.gelu,
        block.mlp.c_proj,
        block.ls_2,
        dtype,
    )


def _read_timm(visual: Any, dtype: torch.dtype) -> Tower:
    from timm.layers import PatchDropout, PatchEmbed
    from timm.models.vision_transformer import VisionTransformer

    trunk = visual.trunk
    if type(trunk) is not VisionTransformer:
        raise Unsupported(f"the image tower is timm's {type(trunk).__name__}")
    if trunk.attn_pool is not None:
        raise Unsupported("the tower pools by attention")
    if trunk.global_pool not in ("token", "avg"):
        raise Unsupported(f"the tower pools by '{trunk.global_pool}'")
    embed = trunk.patch_embed
    _expect(embed, PatchEmbed, what="the patch embedding")
    _expect(embed.norm, nn.Identity, what="the patch embedding's norm")
    if embed.dynamic_img_pad:
        raise Unsupported("the patch embedding pads images")
    _expect(trunk.patch_drop, nn.Identity, PatchDropout, what="the patch dropout")
    prefix = [token[0] for token in (trunk.cls_token, trunk.reg_token) if token is not None]
    width = trunk.embed_dim
    tokens = torch.cat(prefix) if prefix else embed.proj.weight.new_zeros(0, width)
    if trunk.pos_embed is None:
        position = tokens.new_zeros(embed.num_patches, width)
    elif trunk.no_embed_class:
        position = trunk.pos_embed[0]
    else:
        tokens, position = tokens + trunk.pos_embed[0, : len(tokens)], trunk.pos_embed[0, len(tokens) :]
    token = trunk.global_pool == "token"
    averaged = "average_all" if trunk.pool_include_prefix else "average"
    head = [trunk.norm] if token else []
    return Tower(
        dtype=dtype,
        patch_size=_square(embed.patch_size),
        patch=_patch(embed.proj, embed.patch_size),
        position=position,
        prefix=tokens,
        norm_pre=_norm(trunk.norm_pre, torch.float32),
        blocks=tuple(_timm_block(block, dtype) for block in trunk.blocks),
        pool="token" if token else averaged,
        norm=None if token else _norm(trunk.norm, dtype),
        head=(*head, trunk.fc_norm, trunk.head, visual.head),
    )


def _timm_block(block: Any, dtype: torch.dtype) -> Block:
    from timm.layers import Attention, DropPath, Mlp
    from timm.models.vision_transformer import Block as TimmBlock

    _expect(block, TimmBlock, what="a block")
    attention, mlp = block.attn, block.mlp
    _expect(attention, Attention, what="the attention")
    _expect(mlp, Mlp, what="the MLP")
    for part in (attention.q_norm, attention.k_norm, attention.norm, mlp.norm):
        _expect(part, nn.Identity, what="a norm within a block")
    for part in (block.drop_path1, block.drop_path2):
        _expect(part, nn.Identity, DropPath, what="the stochastic depth")
    if attention.gate is not None or attention.attn_dim != block.norm1.normalized_shape[0]:
        raise Unsupported("the attention is gated or of another width")
    return _block(
        attention.num_heads,
        block.norm1,
        (attention.qkv.weight, attention.qkv.bias),
        attention.proj,
        block.ls1,
        block.norm2,
        mlp.fc1,
        mlp.act,
        mlp.fc2,
        block.ls2,
        dtype,
    )


def _block(
    heads: int,
    norm1: nn.Module,
    qkv: tuple[Tensor, Tensor | None],
    out: nn.Module,
    scale1: nn.Module,
    norm2: nn.Module,
    up: nn.Module,
    activation: nn.Module,
    down: nn.Module,
    scale2: nn.Module,
    dtype: torch.dtype,
) -> Block:
    """A block in `dtype`. Parts that are not exactly known raise `Unsupported`."""
    function, slope = _activation(activation)
    first, second = _norm(norm1, dtype), _norm(norm2, dtype)
    if first is None or second is None:
        raise Unsupported("a block has no norm")
    return Block(
        heads=heads,
        norm1=first,
        qkv=_linear(*qkv, dtype),
        out=_scaled(_weights(out), _layer_scale(scale1), dtype),
        norm2=second,
        up=_scaled(_weights(up), slope, dtype),
        activation=function,
        down=_scaled(_weights(down), _layer_scale(scale2), dtype, inputs=slope),
    )


def _activation(module: nn.Module) -> tuple[Activation, float | None]:
    """The activation `f` and a slope `a`, or None for 1, such that it is `f(a * x) / a`.

    QuickGELU, `x * sigmoid(a * x)`, is `silu(a * x) / a`: one kernel that keeps one tensor.
    """
    from open_clip.transformer import QuickGELU
    from timm.layers.activations import GELU, GELUTanh
    from timm.layers.activations import QuickGELU as TimmQuickGELU

    _expect(module, nn.GELU, GELU, GELUTanh, QuickGELU, TimmQuickGELU, what="the activation")
    if isinstance(module, (QuickGELU, TimmQuickGELU)):
        return F.silu, _QUICK_GELU_SLOPE
    if isinstance(module, GELUTanh) or getattr(module, "approximate", "none") == "tanh":
        return _gelu_tanh, None
    return F.gelu, None


def _gelu_tanh(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


def _layer_scale(module: nn.Module) -> Tensor | None:
    from open_clip.transformer import LayerScale
    from timm.layers import LayerScale as TimmLayerScale

    _expect(module, nn.Identity, LayerScale, TimmLayerScale, what="the layer scale")
    return None if isinstance(module, nn.Identity) else module.gamma  # type: ignore[return-value]


def _norm(module: nn.Module, dtype: torch.dtype) -> Norm | None:
    import timm.layers
    from open_clip import transformer

    if type(module) is nn.Identity:
        return None
    known = (nn.LayerNorm, transformer.LayerNorm, transformer.LayerNormFp32)
    _expect(module, *known, timm.layers.LayerNorm, timm.layers.LayerNormFp32, what="a norm")
    assert isinstance(module, nn.LayerNorm)
    if getattr(module, "_fast_norm", False):
        raise Unsupported("a norm computes in reduced precision")
    weight, bias = (None if t is None else t.detach().to(dtype) for t in (module.weight, module.bias))
    return Norm(weight, bias, module.eps)


def _patch(convolution: nn.Module, patch_size: tuple[int, int]) -> Linear:
    """The patch convolution as a layer on a patch's pixels, channels first, float32."""
    _expect(convolution, nn.Conv2d, what="the patch embedding")
    assert isinstance(convolution, nn.Conv2d)
    size = tuple(patch_size)
    if (convolution.kernel_size, convolution.stride) != (size, size) or any(convolution.padding):
        raise Unsupported("patches overlap")
    if convolution.groups != 1 or convolution.dilation != (1, 1) or convolution.in_channels != 3:
        raise Unsupported("the patch embedding is not a plain convolution of RGB")
    return _linear(convolution.weight.flatten(1), convolution.bias, torch.float32)


def _square(patch_size: tuple[int, int]) -> int:
    if patch_size[0] != patch_size[1]:
        raise Unsupported("patches are not square")
    return patch_size[0]


def _weights(module: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Weight and bias of a linear layer; attention's output projection is a subclass that adds nothing."""
    from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

    _expect(module, nn.Linear, NonDynamicallyQuantizableLinear, what="a layer")
    return module.weight, module.bias  # type: ignore[return-value]


def _linear(weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Linear:
    return frozen(weight.detach().to(dtype), None if bias is None else bias.detach().to(dtype))


def _scaled(
    weights: tuple[Tensor, Tensor | None],
    outputs: Tensor | float | None,
    dtype: torch.dtype,
    *,
    inputs: float | None = None,
) -> Linear:
    """A linear layer whose outputs are multiplied by `outputs` and whose inputs are divided by `inputs`."""
    weight, bias = weights
    if inputs is not None:
        weight = weight / inputs
    if outputs is not None:
        weight = weight * (outputs[:, None] if isinstance(outputs, Tensor) else outputs)
        bias = None if bias is None else bias * outputs
    return _linear(weight, bias, dtype)


def _expect(module: nn.Module, *types: type, what: str) -> None:
    if type(module) not in types:
        raise Unsupported(f"{what} is a {type(module).__name__}")
