"""VP, AR, AttrVR and BioMedVR against plain implementations of their formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from vr.clip.backbone import Backbone
from vr.methods.ar import AR, AROptions
from vr.methods.attrvr import AttrVR, AttrVROptions
from vr.methods.biomedvr import BioMedVR, BioMedVROptions
from vr.methods.common.base import Context
from vr.methods.vp import VP, VPOptions
from vr.reprogramming.program import frame_width

SIDE = 48
FRAME = frame_width(SIDE, 8)


def unit(features: Tensor) -> Tensor:
    return features / features.norm(dim=-1, keepdim=True)


def see(backbone: Backbone, pixels: Tensor) -> Tensor:
    """Unit features of whole images in [0, 1], one at a time."""
    model: Any = backbone.model
    rows = [model.encode_image(((image - backbone.mean) / backbone.std)[None])[0] for image in pixels]
    return unit(torch.stack(rows))


def framed(images: Tensor, delta: Tensor, frame: int = FRAME) -> Tensor:
    """Each image in the middle of a grey-starting frame, drawn side by side."""
    side = delta.shape[-1]
    grey = 1 / (1 + torch.exp(-delta))
    shown = []
    for image in images:
        middle = torch.cat(
            [grey[:, frame:-frame, :frame], image, grey[:, frame:-frame, side - frame :]], dim=2
        )
        shown.append(torch.cat([grey[:, :frame], middle, grey[:, side - frame :]], dim=1))
    return torch.stack(shown)


def nearest(features: Tensor, banks: list[Tensor], tau: float, k: int = 3) -> Tensor:
    """Mean of the k largest scaled cosines of every class, class by class and image by image."""
    rows = []
    for z in features:
        row = []
        for bank in banks:
            similar = sorted((tau * (t @ z) for t in bank), key=Tensor.item, reverse=True)
            row.append(sum(similar[:k]) / min(k, len(similar)))
        rows.append(torch.stack(row))
    return torch.stack(rows)


def cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    rows = [math.e ** (row - row.max()) for row in scores]
    return -torch.stack([torch.log(row[y] / row.sum()) for row, y in zip(rows, labels, strict=True)]).mean()


@pytest.fixture
def banks(context: Context, plain_text: Callable[[list[str]], Tensor]) -> dict[str, list[Tensor]]:
    assert context.attributes is not None
    classes = [context.attributes.classes[name] for name in context.card.class_names]
    kinds = ("descriptive", "distinctive", "confusion")
    return {kind: [plain_text(entry.texts(kind)) for entry in classes] for kind in kinds}


@pytest.fixture
def label_bank(context: Context, plain_text: Callable[[list[str]], Tensor]) -> list[Tensor]:
    return [plain_text([f"This is a photo of {name}."]) for name in context.card.class_names]


@pytest.mark.parametrize("start", ["zero", "normal"])
def test_vp(context, images, labels, label_bank, method_steps, plain_steps, same_steps, start) -> None:
    method = VP(context, VPOptions(start=start))
    assert method.learned(6) == 3 * SIDE * SIDE
    pictures, backbone = images(method), context.backbone
    border = round(SIDE * 30 / 224)
    inside = torch.zeros(SIDE, SIDE)
    inside[border : SIDE - border, border : SIDE - border] = 1

    def loss(delta: Tensor) -> Tensor:
        shown = (pictures - backbone.mean) / backbone.std + delta * (1 - inside)
        z = unit(backbone.model.encode_image(shown))
        return cross_entropy(nearest(z, label_bank, backbone.tau), labels)

    expected = plain_steps(loss, [method.delta], [40.0])
    result = method_steps(method, pictures, labels, lr=40.0)
    same_steps(result, expected)
    assert result[0][1][0][:, border:-border, border:-border].abs().max() == 0
    assert bool((method.delta.std() > 0.9) == (start == "normal"))


def test_ar(context, images, labels, label_bank, method_steps, plain_steps, same_steps) -> None:
    method = AR(context, AROptions())
    assert method.learned(6) == 3 * SIDE * SIDE
    assert method.image_size == SIDE - 2 * FRAME
    pictures, backbone = images(method), context.backbone

    def loss(delta: Tensor) -> Tensor:
        z = see(backbone, framed(pictures, delta[0]))
        return cross_entropy(nearest(z, label_bank, backbone.tau), labels)

    expected = plain_steps(loss, [method.delta], [40.0])
    same_steps(method_steps(method, pictures, labels, lr=40.0), expected)


def test_attrvr(context, images, labels, banks, method_steps, plain_steps, same_steps) -> None:
    method = AttrVR(context, AttrVROptions(alpha=0.3))
    assert method.learned(6) == 3 * SIDE * SIDE
    pictures, backbone = images(method), context.backbone

    def loss(delta: Tensor) -> Tensor:
        z = see(backbone, framed(pictures, delta[0]))
        scores = 0.3 * nearest(z, banks["descriptive"], backbone.tau)
        return cross_entropy(scores + 0.7 * nearest(z, banks["distinctive"], backbone.tau), labels)

    expected = plain_steps(loss, [method.delta], [40.0])
    same_steps(method_steps(method, pictures, labels, lr=40.0), expected)


def gate_of(kind: str, gate: Tensor, z: Tensor) -> Tensor:
    """The positive expert's weight, for every image and class."""
    logits = (
        torch.stack([gate @ torch.cat([row, torch.ones(1)]) for row in z]) if kind == "per-image" else gate
    )
    weight = torch.exp(logits[..., 0]) / torch.exp(logits).sum(-1)
    return weight[:, None] if kind == "per-image" else weight


CASES = [
    ({}, 2),
    ({"gate": "per-class", "fusion": "subtract", "penalty": "positive"}, 6),
    ({"gate": "per-image", "penalty_over": "others", "margin": 2.0}, 66),
    ({"gate": "none", "beta": 0.0}, 0),
    ({"fusion": "learned", "gate_lr": 0.5, "k": 2}, 3),
]


@pytest.mark.parametrize(("changes", "gates"), CASES)
def test_biomedvr(
    context, images, labels, banks, method_steps, plain_steps, same_steps, changes, gates
) -> None:
    options = BioMedVROptions(**changes)
    method = BioMedVR(context, options)
    assert method.learned(6) == 2 * 3 * SIDE * SIDE + gates
    pictures, backbone, tau = images(method), context.backbone, context.backbone.tau
    with torch.no_grad():  # away from the start, where a gate and a sign at zero are alike for all images
        if method.gate is not None:
            method.gate.normal_(generator=torch.Generator().manual_seed(5))
        if method.sign is not None:
            method.sign.fill_(-0.7)

    def loss(delta: Tensor, *rest: Tensor) -> Tensor:
        z_pos, z_neg = (see(backbone, framed(pictures, one)) for one in delta)
        positive = nearest(z_pos, banks["descriptive"], tau, options.k) / 2
        positive = positive + nearest(z_pos, banks["distinctive"], tau, options.k) / 2
        negative = nearest(z_neg, banks["confusion"], tau, options.k)
        weight = gate_of(options.gate, rest[0], z_pos) if rest else torch.tensor(0.5)
        sign = {"add": 1, "subtract": -1, "learned": None}[options.fusion]
        sign = torch.tanh(rest[1]) if sign is None else sign
        fused = weight * positive + sign * (1 - weight) * negative
        lead = fused if options.penalty == "fused" else positive
        hinges = []
        for i, y in enumerate(labels.tolist()):
            rivals = [c for c in range(3) if c != y or options.penalty_over == "all"]
            worst = max((negative[i, c] for c in rivals), key=Tensor.item)
            hinges.append(torch.clamp(worst - lead[i, y] + options.margin, min=0))
        return cross_entropy(fused, labels) + options.beta * torch.stack(hinges).mean()

    learned = [p for p in (method.delta, method.gate, method.sign) if p is not None]
    expected = plain_steps(loss, learned, [40.0, options.gate_lr, options.gate_lr][: len(learned)])
    same_steps(method_steps(method, pictures, labels, lr=40.0), expected)


def test_the_gate_can_share_the_learning_rate_of_the_programs(context) -> None:
    rates = [group["lr"] for group in BioMedVR(context, BioMedVROptions(gate_lr=None)).parameter_groups(40.0)]
    assert rates == [40.0, 40.0]
    assert [group["lr"] for group in BioMedVR(context).parameter_groups(40.0)] == [40.0, 0.01]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, []),
        ({"penalty": "positive"}, ["penalty=positive"]),
        ({"margin": 1.0, "penalty_over": "others"}, ["margin=1.0, penalty_over=others"]),
        ({"penalty": "positive", "beta": 0.3}, []),
    ],
)
def test_a_choice_of_a_penalty_that_is_off_is_told(context, options, named) -> None:
    said = BioMedVR(context, BioMedVROptions(**options)).warnings()
    assert [line.rpartition(": ")[2] for line in said] == named


@pytest.mark.parametrize(
    ("gate", "logits", "says"),
    [
        ("shared", [0.0, 0.0], []),
        ("shared", [-9.0, 9.0], ["saturated: the negative expert alone"]),
        ("shared", [9.0, -9.0], ["saturated: the positive expert alone"]),
        ("per-class", [[-9.0, 9.0], [0.0, 0.0], [-9.0, 9.0]], ["for 2 of 3 classes: the negative expert"]),
    ],
)
def test_a_saturated_gate_is_told(context, gate, logits, says) -> None:
    method = BioMedVR(context, BioMedVROptions(gate=gate))
    with torch.no_grad():
        method.gate.copy_(torch.tensor(logits))
    warnings = method.warnings()
    assert len(warnings) == len(says)
    assert all(part in warning for part, warning in zip(says, warnings, strict=True))


def test_on_a_resnet(tiny_resnet, card, attributes, images, labels, method_steps) -> None:
    method = BioMedVR(Context(tiny_resnet, card, attributes))
    assert method.learned(6) == 2 * 3 * 64 * 64 + 2
    result = method_steps(method, images(method), labels, lr=1.0)
    assert result[-1][0] != result[0][0]
