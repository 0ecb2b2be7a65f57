"""CLIP-LoRA against updates merged into the weights of the model itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from attrgen.core.errors import UserError
from vr.clip.backbone import Backbone
from vr.data.loading.training_images import TrainingImages
from vr.methods.clip_lora import CLIPLoRA, CLIPLoRAOptions
from vr.methods.common.base import Context
from vr.methods.zero_shot import ZeroShot
from vr.training.checkpoint import Checkpoint
from vr.training.trainer import Trainer

LAYERS = 4  # of both towers of the tiny CLIP


class Features(torch.nn.Module):
    """A CLIP as one function, so that its weights can be replaced."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        return self.model.encode_image(pixels), self.model.encode_text(tokens)


def merged_scores(backbone: Backbone, images: Tensor, tokens: Tensor, downs: list, ups: list) -> Tensor:
    """Scores of the CLIP with `in_proj_weight + scale * (B_q A_q; B_k A_k; B_v A_v)` in every block."""
    model = Features(backbone.model)
    names = [name for name, _ in model.named_parameters() if name.endswith("in_proj_weight")]
    assert len(names) == len(downs) == len(ups) == LAYERS
    weights = dict(model.named_parameters())
    changed = {}
    for name, down, up in zip(names, downs, ups, strict=True):
        rows = torch.cat([up[i] @ down[i] for i in range(3)])
        changed[name] = weights[name] + rows / 2**0.5
    z, t = functional_call(model, changed, (backbone.normalise(images), tokens))
    return backbone.tau * (z / z.norm(dim=-1, keepdim=True)) @ (t / t.norm(dim=-1, keepdim=True)).T


def test_clip_lora(context, images, labels, method_steps, plain_steps, same_steps) -> None:
    method = CLIPLoRA(context, CLIPLoRAOptions(dropout=0.0))
    width, text_width = 32, 24
    assert method.learned(6) == 2 * 6 * 2 * (width + text_width)
    parameters = [name for name, _ in context.backbone.model.named_parameters()]
    blocks = [name.removesuffix(".in_proj_weight") for name in parameters if name.endswith("in_proj_weight")]
    updates = [method.updates[name.replace(".", "/")] for name in blocks]
    with torch.no_grad():
        for number, update in enumerate(updates):
            update.up.normal_(std=0.3, generator=torch.Generator().manual_seed(number))
    pictures = images(method)
    start = [parameter for update in updates for parameter in (update.down, update.up)]

    def loss(*values: Tensor) -> Tensor:
        scores = merged_scores(
            context.backbone, pictures, method.tokens, list(values[::2]), list(values[1::2])
        )
        exponentials = torch.exp(scores - scores.max())
        return -(exponentials[range(6), labels] / exponentials.sum(1)).log().mean()

    expected = plain_steps(loss, start, [0.05] * len(start))
    method.parameter_groups = lambda lr: [{"params": start, "lr": lr}]  # in the order of the reference
    same_steps(method_steps(method, pictures, labels, lr=0.05), expected)


def test_training_starts_from_zero_shot(context, images) -> None:
    method, zero_shot = CLIPLoRA(context).eval(), ZeroShot(context)
    pictures = images(method)
    with torch.no_grad():
        expected = zero_shot.scores(zero_shot.prepare(pictures)).fused
        torch.testing.assert_close(method.scores(pictures).fused, expected, atol=1e-3, rtol=1e-4)


def test_dropout_is_of_training_alone(context, images) -> None:
    method = CLIPLoRA(context)
    with torch.no_grad():
        for update in method.updates.values():
            update.up.fill_(0.1)
        pictures = images(method)
        method.train()
        assert not torch.equal(method.scores(pictures).fused, method.scores(pictures).fused)
        method.eval()
        assert torch.equal(method.scores(pictures).fused, method.scores(pictures).fused)


def test_a_tower_without_attention_is_refused(tiny_resnet, card) -> None:
    with pytest.raises(UserError) as caught:
        CLIPLoRA(Context(tiny_resnet, card, None))
    assert caught.value.code == "method-unsupported-backbone"


def test_dropout_depends_on_seed_and_epoch_alone(context) -> None:
    def trainer(**callbacks: Any) -> Trainer:
        method = CLIPLoRA(context)
        generator = torch.Generator().manual_seed(0)
        pixels = torch.randint(0, 256, (6, 3, 48, 48), dtype=torch.uint8, generator=generator)
        images = TrainingImages(list(pixels), [0, 1, 2, 0, 1, 2], 48)
        recipe = method.recipe.model_copy(update={"epochs": 3, "batch_size": 4})
        return Trainer(method, images, recipe, seed=1, **callbacks)

    checkpoints: list[Checkpoint] = []
    whole = trainer(on_checkpoint=checkpoints.append, checkpoint_every=0)
    whole.train()
    torch.rand(5)  # whatever else the process draws
    resumed = trainer()
    resumed.train(checkpoints[0])
    for key, tensor in whole.method.state().items():
        assert torch.equal(tensor, resumed.method.state()[key])
