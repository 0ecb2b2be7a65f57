"""CoOp, CoCoOp and BiomedCoOp against plain implementations of their formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from attrgen.core.errors import UserError
from attrgen.schema.attribute_set import AttributeSet
from vr.methods.biomedcoop import BiomedCoOp, BiomedCoOpOptions, kept_prompts
from vr.methods.cocoop import CoCoOp, CoCoOpOptions
from vr.methods.common.base import Context
from vr.methods.coop import CoOp, CoOpOptions

WIDTH, OUTPUTS = 24, 32
A_PHOTO_OF_A = (320, 1125, 539, 320)


def prompt_features(context: Context, vectors: Tensor) -> Tensor:
    """Unit features of every class's prompt through `encode_text` over the whole context of 40 tokens.

    The vectors are slipped in where the model looks its tokens up.
    """
    model: Any = context.backbone.model
    rows = []
    for name in context.card.class_names:
        words = context.backbone.tokenizer.encode(f"{name}.")
        tokens = [49406, *[320] * len(vectors), *words, 49407]
        padded = torch.tensor([tokens + [0] * (40 - len(tokens))])

        def slip_in(_: Any, __: Any, looked_up: Tensor) -> Tensor:
            return torch.cat([looked_up[:, :1], vectors[None], looked_up[:, 1 + len(vectors) :]], dim=1)

        hook = model.token_embedding.register_forward_hook(slip_in)
        feature = model.encode_text(padded)[0]
        hook.remove()
        rows.append(feature / feature.norm())
    return torch.stack(rows)


def image_features(context: Context, images: Tensor) -> Tensor:
    model: Any = context.backbone.model
    with torch.no_grad():
        features = model.encode_image((images - context.backbone.mean) / context.backbone.std)
    return features / features.norm(dim=-1, keepdim=True)


@pytest.mark.parametrize("words", [None, "a photo of a"])
def test_coop(context, images, labels, method_steps, plain_steps, same_steps, words) -> None:
    method = CoOp(context, CoOpOptions(words=words))
    count = 16 if words is None else 4
    assert method.learned(6) == count * WIDTH
    pictures = images(method)
    z, tau = image_features(context, pictures), context.backbone.tau
    if words is None:
        assert 0.01 < method.vectors.std() < 0.03
    else:
        assert torch.equal(method.vectors, context.backbone.model.token_embedding.weight[list(A_PHOTO_OF_A)])

    def loss(vectors: Tensor) -> Tensor:
        return F.cross_entropy(tau * z @ prompt_features(context, vectors).T, labels)

    expected = plain_steps(loss, [method.vectors], [0.2])
    same_steps(method_steps(method, pictures, labels, lr=0.2), expected)


def test_cocoop(context, images, labels, method_steps, plain_steps, same_steps) -> None:
    method = CoCoOp(context)
    hidden = OUTPUTS // 16
    assert method.learned(6) == 4 * WIDTH + (OUTPUTS * hidden + hidden) + (hidden * WIDTH + WIDTH)
    with torch.no_grad():  # some of the two hidden units on for every image, whatever the draw
        method.network[0].bias.copy_(torch.tensor([0.5, 0.1]))
    pictures = images(method)
    z, tau = image_features(context, pictures), context.backbone.tau

    def loss(vectors: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
        total = torch.zeros(())
        for feature, label in zip(z, labels.tolist(), strict=True):
            shift = w2 @ torch.clamp(w1 @ feature + b1, min=0) + b2
            scores = tau * prompt_features(context, vectors + shift) @ feature
            total = total + torch.logsumexp(scores, 0) - scores[label]
        return total / len(labels)

    expected = plain_steps(loss, list(method.parameters()), [0.2] * 5)
    same_steps(method_steps(method, pictures, labels, lr=0.2), expected)


def test_cocoop_in_parts_is_cocoop(context, images, monkeypatch: pytest.MonkeyPatch) -> None:
    method = CoCoOp(context)
    prepared = method.prepare(images(method))
    whole = method.scores(prepared).fused
    monkeypatch.setattr("vr.methods.cocoop._PROMPTS_AT_ONCE", 4)
    torch.testing.assert_close(method.scores(prepared).fused, whole)


def plain_biomedcoop(
    context: Context, z: Tensor, labels: Tensor, teachers: Tensor, vectors: Tensor
) -> Tensor:
    """The published form, with the median and the median absolute deviation."""
    tau = context.backbone.tau
    text = prompt_features(context, vectors)
    scores = tau * z @ text.T
    prompts = []
    for i in range(teachers.shape[1]):
        prompts.append((tau * z @ teachers[:, i].T).max(dim=1).values.mean())
    values = torch.stack(prompts)
    q = (values - values.median()) / (values - values.median()).abs().median()
    kept = ((q - q.mean()) / q.std()).abs() <= 1.5
    assert 0 < kept.sum() < len(kept)  # the rule does something here
    chosen = teachers[:, kept].mean(dim=1)
    teacher = F.softmax(tau * z @ (chosen / chosen.norm(dim=-1, keepdim=True)).T, dim=1)
    student = F.softmax(scores, dim=1)
    kl = (teacher * (teacher.log() - student.log())).sum() / scores.numel()
    mean = teachers.mean(dim=1)
    mse = ((text - mean / mean.norm(dim=-1, keepdim=True)) ** 2).mean()
    true = torch.stack([student[i, y] for i, y in enumerate(labels.tolist())])
    return -true.log().mean() + 0.75 * mse + 0.75 * kl


def with_captions(attributes: AttributeSet, count: int = 9) -> AttributeSet:
    classes = {
        name: entry.model_copy(update={"ensemble": [f"{'view ' * (i % 9)}{name}, {i}" for i in range(count)]})
        for name, entry in attributes.classes.items()
    }
    return attributes.model_copy(update={"classes": classes})


def test_biomedcoop(
    tiny, card, attributes, images, labels, plain_text, method_steps, plain_steps, same_steps
) -> None:
    attributes = with_captions(attributes)
    context = Context(tiny, card, attributes)
    method = BiomedCoOp(context)
    assert method.learned(6) == 4 * WIDTH
    pictures = images(method)
    z = image_features(context, pictures)
    teachers = torch.stack(
        [plain_text(attributes.classes[name].texts("ensemble")) for name in card.class_names]
    )

    def loss(vectors: Tensor) -> Tensor:
        return plain_biomedcoop(context, z, labels, teachers, vectors)

    expected = plain_steps(loss, [method.vectors], [0.2])
    same_steps(method_steps(method, pictures, labels, lr=0.2), expected)


def test_biomedcoop_takes_what_the_set_has(tiny, card, attributes, plain_text) -> None:
    # Without captions the positive kinds serve; the last class has two of each, so four count.
    entries = [attributes.classes[name] for name in card.class_names]
    texts = [(entry.texts("descriptive") + entry.texts("distinctive"))[:4] for entry in entries]
    teachers = BiomedCoOp(Context(tiny, card, attributes)).teachers
    torch.testing.assert_close(teachers, torch.stack([plain_text(lines) for lines in texts]))
    many = Context(tiny, card, with_captions(attributes, 60))
    assert BiomedCoOp(many).teachers.shape == (3, 50, OUTPUTS)
    assert BiomedCoOp(many, BiomedCoOpOptions(texts_per_class=2)).teachers.shape == (3, 2, OUTPUTS)


def test_prompts_without_spread_are_all_kept() -> None:
    assert kept_prompts(torch.ones(2, 3, 5), 1.5).all()
    assert kept_prompts(torch.ones(2, 3, 1), 1.5).all()


def test_biomedcoop_trains_with_an_attribute_set_only(tiny, card, labels) -> None:
    method = BiomedCoOp(Context(tiny, card, None))
    assert method.scores(torch.eye(6, 32)).fused.shape == (6, 3)
    with pytest.raises(UserError) as caught:
        method.step(torch.eye(6, 32), labels)
    assert caught.value.code == "method-needs-attributes"


@pytest.mark.parametrize("kind", [CoOp, BiomedCoOp])
def test_text_features_are_computed_once_in_evaluation(
    kind, context, labels, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = kind(context)
    calls = []
    encode: Callable[[Tensor], Tensor] = method.prompts.encode
    monkeypatch.setattr(method.prompts, "encode", lambda vectors: calls.append(1) or encode(vectors))
    prepared = torch.eye(6, 32)
    method.eval()
    with torch.no_grad():
        before = [method.scores(prepared).fused for _ in range(3)][-1]
        assert len(calls) == 1
        method.vectors.add_(1.0)  # whoever writes to the vectors: a loaded state, an optimiser
        assert not torch.equal(method.scores(prepared).fused, before)
        assert len(calls) == 2
        method.train()
        method.eval()
        method.scores(prepared)
        assert len(calls) == 3
    method.train()
    method.step(prepared, labels)
    method.step(prepared, labels)
    assert len(calls) == 5


def test_a_name_too_long_for_the_prompt_is_named(tiny, card) -> None:
    longer = card.classes[1].model_copy(update={"name": "ring " * 30})
    card = card.model_copy(update={"classes": (card.classes[0], longer)})
    with pytest.raises(UserError) as caught:
        CoCoOp(Context(tiny, card, None), CoCoOpOptions(words=None, length=9))
    assert caught.value.code == "prompt-too-long"
    assert caught.value.class_name == longer.name and "42 tokens" in caught.value.what


def test_on_a_resnet(tiny_resnet, card, attributes, images, labels, method_steps) -> None:
    for kind in (CoOp, CoCoOp, BiomedCoOp):
        method = kind(Context(tiny_resnet, card, attributes))
        result = method_steps(method, images(method), labels, lr=0.1)
        assert result[-1][0] != result[0][0]
