"""The visual expert against plain implementations: classifiers, views, fusion, and what is chosen."""

from __future__ import annotations

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional as F

from vr.data.loading.training_images import TrainingImages
from vr.methods import find_method
from vr.methods.common.base import Context, Method
from vr.methods.common.gaussian import gaussian_classifier
from vr.methods.common.options import VisualOptions
from vr.methods.common.visual import (
    SCALES,
    VisualExpert,
    chosen_scale,
    classifier,
    packed,
    scaled_classifier,
    scaled_views,
    unpacked,
)
from vr.training.trainer import Trainer

LABELS = torch.tensor([0, 1, 2] * 5)


def rows(seed: int = 0, spread: float = 1.0) -> Tensor:
    """15 unit features of three classes around three directions."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(3, 8, generator=torch.Generator().manual_seed(9))
    return F.normalize(centres[LABELS] + spread * torch.randn(15, 8, generator=generator), dim=-1)


def trained(context: Context, name: str, images: object, epochs: int = 1, **options: object) -> Method:
    """A method after a short training on six images, with six others for validation."""
    kind = find_method(name)
    method = kind(context, kind.options_type.model_validate(options))

    def of(seed: int) -> TrainingImages:
        pixels = (255 * images(method, seed)).to(torch.uint8)  # type: ignore[operator]
        return TrainingImages(list(pixels), [0, 1, 2, 0, 1, 2], method.image_size)

    recipe = method.recipe.model_copy(update={"epochs": epochs, "batch_size": 4})
    Trainer(method, of(0), recipe, seed=1, val=of(1)).train()
    return method.eval()


def test_prototypes_are_unit_means() -> None:
    features = rows()
    weight, bias = classifier("prototype", features[None], LABELS, 3, 1.0)
    for label in range(3):
        mean = features[label == LABELS].mean(0)
        assert torch.allclose(weight[label], mean / mean.norm(), atol=1e-5)
    assert not bias.any()


@pytest.mark.parametrize("form", ["prototype", "gda", "probe"])
def test_a_class_without_images_is_never_predicted(form) -> None:
    weight, bias = scaled_classifier(form, rows()[None], LABELS, 4, 1.0)
    assert (rows(1) @ weight.T + bias).argmax(1).max() < 3 and bias[3] < -1e3


def test_the_probe_is_logistic_regression_over_all_passes() -> None:
    passes = torch.stack([rows(0), rows(1)])
    model = LogisticRegression(C=10.0, max_iter=1000)
    model.fit(passes.flatten(0, 1).double().numpy(), LABELS.repeat(2).numpy())
    weight, bias = classifier("probe", passes, LABELS, 3, 10.0)
    expected = model.decision_function(rows(2).double().numpy())
    assert (rows(2) @ weight.T + bias).numpy() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("form", ["prototype", "gda"])
def test_the_scale_has_the_greatest_held_out_likelihood(form) -> None:
    features = rows(spread=2.0)
    losses = {}
    for scale in SCALES:
        total = 0.0
        for fold in range(4):
            held = torch.tensor([number // 3 % 4 == fold for number in range(15)])
            model = classifier(form, features[None, ~held], LABELS[~held], 3, 1.0)
            scores = scale * (features[held] @ model.weight.T + model.bias).double()
            total -= float(scores.log_softmax(-1)[range(int(held.sum())), LABELS[held]].sum())
        losses[scale] = total
    chosen = chosen_scale(form, features[None], LABELS, 3)
    assert losses[chosen] == pytest.approx(min(losses.values()), rel=1e-6)
    scaled, plain = (make(form, features[None], LABELS, 3, 1.0) for make in (scaled_classifier, classifier))
    assert torch.allclose(scaled.weight, chosen * plain.weight)


def test_a_missing_view_is_never_left_out(context, images) -> None:
    """Images that were prepared for training lack the views of other sizes."""
    method = trained(context, "attrvr", images, visual="prototype", visual_scales=[1.0])
    method.train()
    with pytest.raises(ValueError, match="1 views"):
        method.scores(method.prepare(images(method, 2)))


def test_one_image_of_a_class_leaves_nothing_to_hold_out() -> None:
    assert chosen_scale("gda", rows()[None, :3], LABELS[:3], 3) == 1


def test_views_of_other_sizes_stand_in_grey(tiny) -> None:
    images = torch.rand(2, 3, 36, 36, generator=torch.Generator().manual_seed(0))
    views = scaled_views(tiny, images, (1.0, 0.5))
    small = F.interpolate(images, size=24, mode="bicubic", antialias=True).clamp(0, 1)
    shown = torch.full((2, 3, 48, 48), 0.5)
    shown[:, :, 12:36, 12:36] = small
    large = F.interpolate(images, size=48, mode="bicubic", antialias=True).clamp(0, 1)
    for view, pixels in zip(views, (large, shown), strict=True):
        assert torch.allclose(view, tiny.encode_image(pixels), atol=1e-6)


def test_packing_loses_nothing() -> None:
    inputs, views = torch.rand(3, 5, 4).bfloat16(), torch.rand(2, 3, 7)
    flat, others = unpacked(packed(inputs, views), 2, 7)
    assert torch.equal(flat.unflatten(1, (5, 4)).bfloat16(), inputs) and torch.equal(others, views)


@pytest.mark.parametrize("name", ["vp", "ar", "attrvr", "biomedvr"])
def test_the_fused_score_is_the_weighted_mean_of_texts_and_views(context, images, name) -> None:
    method = trained(context, name, images, visual="gda", visual_weight=0.3, visual_scales=[1.0, 0.5])
    pictures, backbone = images(method, 2), context.backbone
    with torch.no_grad():
        prepared = method.prepare(pictures)
        inside = method.features(method.inputs(pictures))
        texts = sum(term.value for term in method.text_contributions(inside))
        views = [*inside, *scaled_views(backbone, pictures, (1.0, 0.5))]
        train = images(method, 0)
        train = (255 * train).to(torch.uint8).float() / 255
        seen = [*method.features(method.inputs(train)), *scaled_views(backbone, train, (1.0, 0.5))]
        labels = torch.tensor([0, 1, 2, 0, 1, 2])
        visual = []
        for test, features in zip(views, seen, strict=True):
            weight, bias = gaussian_classifier(features, labels, 3)
            scale = chosen_scale("gda", features[None], labels, 3)
            visual.append(scale * (test @ weight.T + bias))
        programs, others = visual[: len(inside)], visual[len(inside) :]
        expected = 0.7 * texts + 0.3 * (sum(programs) / len(programs) + sum(others)) / 3
        assert torch.allclose(method.scores(prepared).fused, expected, atol=1e-4)


def test_its_weight_is_chosen_by_validation_likelihood() -> None:
    expert = VisualExpert(
        VisualOptions(visual="prototype", visual_weight=None, visual_scales=[]), ("a", "b", "c"), ("pos",)
    )
    expert.fit(iter([rows()[None]]), LABELS)
    assert expert.weight == 0.5
    features = rows(1)[None]
    right = 900 * F.one_hot(LABELS, 3).float()
    expert.choose_weight(right, features, LABELS)
    assert expert.weight == 0.0
    expert.choose_weight(-right, features, LABELS)
    assert expert.weight == 1.0


def test_training_reads_texts_alone(context, images) -> None:
    plain, beside = trained(context, "attrvr", images), trained(context, "attrvr", images, visual="probe")
    assert torch.equal(plain.delta, beside.delta)
    assert "visual.weight" in beside.state() and "visual.weight" not in plain.state()


def test_augmented_passes_are_views_of_the_same_images(context, images) -> None:
    once = trained(context, "ar", images, visual="prototype", visual_scales=[])
    again = trained(context, "ar", images, visual="prototype", visual_scales=[], visual_passes=3)
    assert not torch.equal(once.state()["visual.weight"], again.state()["visual.weight"])
