"""The cross-modal probe: its samples, and that its head is the optimum of the weighted loss."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from attrgen.core.errors import UserError
from vr.methods.common.base import Context
from vr.methods.cross_modal import CrossModal, CrossModalOptions
from vr.methods.linear_probe import LinearProbe, LinearProbeOptions


@pytest.mark.parametrize("options", [{}, {"balance": "modalities"}, {"text": "name"}])
def test_the_head_is_the_optimum(context, images, labels, plain_text, options: dict) -> None:
    method = CrossModal(context, CrossModalOptions(c=2.0, **options))
    features = method.prepare(images(method))
    method.fit(features, labels, None)
    rows, classes = list(features), labels.tolist()
    for label, name in enumerate(context.card.class_names):
        entry = context.attributes.classes[name]
        texts = [*entry.descriptive, *entry.distinctive]
        texts = [f"This is a photo of {name}."] if options.get("text") == "name" else texts
        rows += list(plain_text(texts))
        classes += [label] * len(texts)
    count = len(rows) - len(features)
    weights = [1.0] * len(features) + [len(features) / count if "balance" in options else 1.0] * count
    weight = method.weight.detach().double().clone().requires_grad_()
    bias = method.bias.detach().double().clone().requires_grad_()

    def loss() -> Tensor:
        total = weight.square().sum() / (2 * 2.0)
        for row, label, factor in zip(rows, classes, weights, strict=True):
            logits = weight @ row.double() + bias
            total = total + factor * (torch.logsumexp(logits, 0) - logits[label])
        return total

    gradients = torch.autograd.grad(loss(), (weight, bias))
    assert all(float(gradient.abs().max()) < 2e-3 for gradient in gradients)
    plain = LinearProbe(context, LinearProbeOptions(c=2.0))
    plain.fit(features, labels, None)
    assert not torch.allclose(plain.weight, method.weight, atol=1e-3)
    assert method.learned(6) == plain.learned(6) == 3 * 32 + 3


def test_attributes_are_needed_to_train_and_not_to_score(context, images, labels) -> None:
    assert CrossModal.required_kinds(CrossModalOptions()) == ("descriptive", "distinctive")
    assert CrossModal.required_kinds(CrossModalOptions(text="name")) == ()
    bare = CrossModal(Context(context.backbone, context.card, None))
    features = bare.prepare(images(bare))
    assert bare.scores(features).fused.shape == (6, 3)
    with pytest.raises(UserError) as caught:
        bare.fit(features, labels, None)
    assert caught.value.code == "method-needs-attributes"
