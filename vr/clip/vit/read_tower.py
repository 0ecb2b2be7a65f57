"""Reading a CLIP's image tower into a `Tower`, or saying why that is not possible.

Every module is checked by its exact type, and the whole by an image: an unknown type leads to the plain path,
never to wrong numbers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from vr.clip.vit.linear import Linear
from vr.clip.vit.read_layers import (
    Unsupported,
    expect,
    read_block,
    read_norm,
    read_patch,
    square,
    with_recomputation,
)
from vr.clip.vit.tower import Block, Tower
from vr.runtime.device import exact_float32

_SEED = 0
_TOLERANCE = {torch.float32: 2e-3, torch.bfloat16: 0.1}  # of unit features


@torch.inference_mode(False)  # copies of weights made in inference mode could not be used in training
@torch.no_grad()
@exact_float32()
def read_tower(model: nn.Module, side: int, dtype: torch.dtype) -> Tower:
    """The image tower of an open_clip model for images of `side` pixels, its blocks in `dtype`.

    Float32 weights are shared with the model. Weights in another precision, and weights multiplied by a
    constant factor, are copies.

    Raises:
        Unsupported: it is not a plain ViT, the type of a layer is not known, or, in case a known type was
            changed, its features of a random image differ from the model's.
    """
    tower = _read(model, dtype)
    if (side // tower.patch_size) ** 2 != len(tower.position):
        raise Unsupported(f"{len(tower.position)} positions do not fit images of {side} pixels")
    noise = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(_SEED))
    noise = noise.to(tower.position.device)
    with torch.autocast(noise.device.type, enabled=False):
        features, expected = tower.encode_image(noise), model.encode_image(noise).float()  # type: ignore[operator]
    error = float((F.normalize(features, dim=-1) - F.normalize(expected, dim=-1)).norm())
    if not error < _TOLERANCE[dtype]:
        raise Unsupported(f"the tower computes something unknown (off by {error:.3g})")
    return tower


def _read(model: nn.Module, dtype: torch.dtype) -> Tower:
    from open_clip import CLIP, CustomTextCLIP
    from open_clip.timm_model import TimmModel
    from open_clip.transformer import VisionTransformer

    expect(model, CLIP, CustomTextCLIP, what="the model")
    visual: Any = model.visual
    if model.training:
        raise Unsupported("the model is in training mode")
    if any(weight.dtype != torch.float32 for weight in visual.parameters()):
        raise Unsupported("the weights are not float32")
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
    expect(visual.patch_dropout, nn.Identity, PatchDropout, what="the patch dropout")
    token = visual.pool_type == "tok"
    norm_first = not token and not visual.final_ln_after_pool
    head: list[Any] = [] if norm_first else [visual.ln_post]
    if visual.proj is not None:
        head.append(Linear(visual.proj.t(), None))
    positions = visual.positional_embedding
    return Tower(
        dtype=dtype,
        patch_size=square(visual.patch_size),
        patch=read_patch(visual.conv1, visual.patch_size),
        position=positions[1:],
        prefix=(visual.class_embedding + positions[0])[None],
        norm_pre=read_norm(visual.ln_pre, torch.float32),
        blocks=with_recomputation([_open_clip_block(block, dtype) for block in visual.transformer.resblocks]),
        pool="token" if token else "average",
        norm=read_norm(visual.ln_post, dtype) if norm_first else None,
        head=tuple(head),
    )


def _open_clip_block(block: Any, dtype: torch.dtype) -> Block:
    from open_clip.transformer import ResidualAttentionBlock

    expect(block, ResidualAttentionBlock, what="a block")
    attention = block.attn
    expect(attention, nn.MultiheadAttention, what="the attention")
    if hasattr(block, "ln_1_kv") or not attention._qkv_same_embed_dim:
        raise Unsupported("a block attends to other tokens than its own")
    if attention.bias_k is not None or attention.add_zero_attn:
        raise Unsupported("the attention has keys of its own")
    if list(block.mlp._modules) != ["c_fc", "gelu", "c_proj"]:
        raise Unsupported("the MLP has unknown parts")
    return read_block(
        heads=attention.num_heads,
        norm1=block.ln_1,
        qkv=(attention.in_proj_weight, attention.in_proj_bias),
        out=attention.out_proj,
        scale1=block.ls_1,
        norm2=block.ln_2,
        up=block.mlp.c_fc,
        activation=block.mlp.gelu,
        down=block.mlp.c_proj,
        scale2=block.ls_2,
        dtype=dtype,
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
    expect(embed, PatchEmbed, what="the patch embedding")
    expect(embed.norm, nn.Identity, what="the patch embedding's norm")
    if embed.dynamic_img_pad:
        raise Unsupported("the patch embedding pads images")
    expect(trunk.patch_drop, nn.Identity, PatchDropout, what="the patch dropout")
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
        patch_size=square(embed.patch_size),
        patch=read_patch(embed.proj, embed.patch_size),
        position=position,
        prefix=tokens,
        norm_pre=read_norm(trunk.norm_pre, torch.float32),
        blocks=with_recomputation([_timm_block(block, dtype) for block in trunk.blocks]),
        pool="token" if token else averaged,
        norm=None if token else read_norm(trunk.norm, dtype),
        head=(*head, trunk.fc_norm, trunk.head, visual.head),
    )


def _timm_block(block: Any, dtype: torch.dtype) -> Block:
    from timm.layers import Attention, DropPath, Mlp
    from timm.models.vision_transformer import Block as TimmBlock

    expect(block, TimmBlock, what="a block")
    attention, mlp = block.attn, block.mlp
    expect(attention, Attention, what="the attention")
    expect(mlp, Mlp, what="the MLP")
    for part in (attention.q_norm, attention.k_norm, attention.norm, mlp.norm):
        expect(part, nn.Identity, what="a norm within a block")
    for part in (block.drop_path1, block.drop_path2):
        expect(part, nn.Identity, DropPath, what="the stochastic depth")
    if attention.gate is not None or attention.attn_dim != block.norm1.normalized_shape[0]:
        raise Unsupported("the attention is gated or of another width")
    return read_block(
        heads=attention.num_heads,
        norm1=block.norm1,
        qkv=(attention.qkv.weight, attention.qkv.bias),
        out=attention.proj,
        scale1=block.ls1,
        norm2=block.norm2,
        up=mlp.fc1,
        activation=mlp.act,
        down=mlp.fc2,
        scale2=block.ls2,
        dtype=dtype,
    )
