"""A toy dataset for methods, and a plain SGD to compare their training with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from attrgen.schema.attribute_set import AttributeSet, ClassAttributes
from attrgen.schema.card import Card, CardClass
from vr.clip.backbone import Backbone
from vr.methods.common.base import Context, Method

NAMES = ("bright spot", "dark ring", "plain ground")
MOMENTUM = 0.9


@pytest.fixture
def card() -> Card:
    classes = tuple(CardClass(name=name, folder=name.replace(" ", "_")) for name in NAMES)
    return Card(name="toy", title="Toy", modality="CT", shows="a toy", classes=classes)


@pytest.fixture
def attributes() -> AttributeSet:
    """Ragged on purpose: the first class has five texts of a kind, the second four, the last two."""
    classes = {}
    for number, name in enumerate(NAMES):
        count = (5, 4, 2)[number]
        other = NAMES[(number + 1) % 3]
        classes[name] = ClassAttributes(
            descriptive=[f"a {name} of kind {i}" for i in range(count)],
            distinctive=[f"number {i}, brighter than {other}, {name}" for i in range(count)],
            confusion={other: [f"{other} instead, seen {i} times" for i in range(count)]},
        )
    return AttributeSet(dataset="toy", classes=classes)


@pytest.fixture
def context(tiny: Backbone, card: Card, attributes: AttributeSet) -> Context:
    return Context(tiny, card, attributes, seed=3)


@pytest.fixture
def labels() -> Tensor:
    return torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.fixture
def images() -> Callable[..., Tensor]:
    """Six images of the size that a method asks for; those of one class share a tint."""

    def make(method: Method, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        tint = torch.rand(3, 3, 1, 1, generator=generator).repeat(2, 1, 1, 1)
        noise = torch.rand(6, 3, method.image_size, method.image_size, generator=generator)
        return (tint + noise) / 2

    return make


Steps = list[tuple[float, list[Tensor]]]


@pytest.fixture
def method_steps() -> Callable[..., Steps]:
    """Loss and gradients of three SGD steps of a method."""

    def run(method: Method, images: Tensor, labels: Tensor, lr: float) -> Steps:
        with torch.no_grad():
            prepared = method.prepare(images)
        method.train()
        optimizer = torch.optim.SGD(method.parameter_groups(lr), momentum=MOMENTUM)
        steps = []
        for _ in range(3):
            _, loss = method.step(prepared, labels)
            optimizer.zero_grad()
            loss.total.backward()
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            steps.append((loss.total.item(), [p.grad.clone() for p in parameters if p.grad is not None]))
            optimizer.step()
        return steps

    return run


@pytest.fixture
def plain_steps() -> Callable[..., Steps]:
    """The same of a loss written out plainly: `loss(*parameters)`, each with its own learning rate."""

    def run(loss: Callable[..., Tensor], start: list[Tensor], rates: list[float]) -> Steps:
        values = [value.detach().clone() for value in start]
        speeds = [torch.zeros_like(value) for value in values]
        steps = []
        for _ in range(3):
            leaves = [value.clone().requires_grad_() for value in values]
            result = loss(*leaves)
            gradients = torch.autograd.grad(result, leaves)
            steps.append((result.item(), list(gradients)))
            for i, gradient in enumerate(gradients):
                speeds[i] = MOMENTUM * speeds[i] + gradient
                values[i] = values[i] - rates[i] * speeds[i]
        return steps

    return run


@pytest.fixture
def same_steps() -> Callable[[Steps, Steps], None]:
    """Losses and gradients agree to 1e-4, relative to their size."""

    def check(steps: Steps, expected: Steps) -> None:
        for (loss, gradients), (expected_loss, expected_gradients) in zip(steps, expected, strict=True):
            assert loss == pytest.approx(expected_loss, rel=1e-4)
            for gradient, other in zip(gradients, expected_gradients, strict=True):
                assert other.norm() > 0
                assert float((gradient - other).norm() / other.norm()) < 1e-4
        first, last = steps[0][0], steps[-1][0]
        assert abs(first - last) > 1e-4  # three steps that change nothing would show nothing

    return check


@pytest.fixture
def plain_text(context: Context) -> Callable[[list[str]], Tensor]:
    """Unit text features (N, D) of texts, straight from the model."""
    model: Any = context.backbone.model

    def encode(texts: list[str]) -> Tensor:
        with torch.no_grad():
            tokens = context.backbone.tokenizer(texts, context_length=context.backbone.context_length)
            features = model.encode_text(tokens)
        return features / features.norm(dim=-1, keepdim=True)

    return encode
