"""`check_method`: the contract of a method, as a test that other packages can call for their own.

from vr.testing import check_method
def test_my_method():
    check_method(MyMethod)
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from attrgen.core.errors import UserError
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes
from attrgen.schema.card import Card, CardClass
from vr.clip import backbone as backbones
from vr.clip.backbone import Backbone
from vr.data.loading.training_images import TrainingImages
from vr.methods.common.base import Context, Method
from vr.methods.common.facts import FAMILIES, Options, Reference
from vr.methods.common.recipe import Recipe
from vr.training.trainer import Trainer

CLASSES = ("bright spot", "dark ring", "plain ground")
LABELS = [0, 1, 2, 0, 1, 2]
_VISION = {"image_size": 48, "patch_size": 8, "layers": 2, "width": 32, "head_width": 16}
_TEXT = {"context_length": 40, "vocab_size": 49408, "width": 24, "heads": 2, "layers": 2}


def check_method(method: type[Method], options: Mapping[str, Any] | None = None) -> None:
    """Train a method on six drawn images of three classes and check that it keeps the contract.

    It needs no network, no data and a few seconds: the CLIP is tiny and has random weights.

    Args:
        options: changes of the method's default options.

    Raises:
        AssertionError: it does not keep the contract; the message says where.
    """
    check_facts(method)
    with _temporary_cache():
        context = toy_context()
        weights = _weights(context.backbone)
        changed = method.options_type.model_validate(dict(options or {}))
        trained = _trained(method, context, changed)
        _check_input(trained)
        _check_learned(trained)
        _check_gradients(trained)
        _check_scores(trained)
        _check_contributions(trained)
        _check_state(trained, changed)
        _check_determinism(trained, _trained(method, context, changed))
        _require(_equal(weights, _weights(context.backbone)), trained, "training changes the backbone")


def check_facts(method: type[Method]) -> None:
    """Check what a method states about itself: name, title, reference, options, presets.

    Raises:
        AssertionError: something is missing or does not fit.
    """
    name = getattr(method, "name", "")
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name), f"{method.__name__}: '{name}' is not kebab-case"
    for fact in ("title", "learns", "text_side"):
        assert getattr(method, fact, ""), f"{name}: no {fact}"
    assert getattr(method, "family", None) in FAMILIES, f"{name}: family is none of {', '.join(FAMILIES)}"
    assert isinstance(getattr(method, "reference", None), Reference), f"{name}: no reference"
    assert issubclass(method.options_type, Options), f"{name}: options_type is no Options"
    for key, field in method.options_type.model_fields.items():
        assert field.description, f"{name}: option {key} has no description"
    for preset_name, preset in method.presets.items():
        assert preset.about, f"{name}: preset {preset_name} does not say what it is for"
        method.options_type.model_validate({**method.options_type().model_dump(), **preset.options})
        Recipe.model_validate({**method.recipe.model_dump(), **preset.recipe})


def toy_context(seed: int = 3) -> Context:
    """A tiny CLIP with random weights, three classes, and an attribute set with every kind of text.

    The set is ragged: its classes have five, four and two texts of a kind.
    """
    classes = tuple(CardClass(name=name, folder=name.replace(" ", "_")) for name in CLASSES)
    card = Card(name="toy", title="Toy", modality="CT", shows="a toy", classes=classes)
    texts = {}
    for name, other, count in zip(CLASSES, CLASSES[1:] + CLASSES[:1], (5, 4, 2), strict=True):
        texts[name] = ClassAttributes(
            descriptive=[f"a {name} of kind {i}" for i in range(count)],
            distinctive=[f"number {i}, brighter than {other}, {name}" for i in range(count)],
            confusion={other: [f"{other} instead, seen {i} times" for i in range(count)]},
        )
    return Context(tiny_backbone(), card, AttributeSet(dataset="toy", classes=texts), seed=seed)


@cache
def tiny_backbone() -> Backbone:
    """A ViT of 48 pixels and 32 output dimensions, with random weights that are always the same."""
    config = {
        "model_cfg": {"embed_dim": 32, "vision_cfg": _VISION, "text_cfg": _TEXT, "quick_gelu": True},
        "preprocess_cfg": {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]},
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "open_clip_config.json").write_text(json.dumps(config))
        return backbones.load(folder, "random", seed=1)


def _trained(method: type[Method], context: Context, options: Options) -> Method:
    """As `vr train` does it: two epochs of the method's recipe in batches of four, or a closed form."""
    torch.manual_seed(context.seed)
    result = method(context, options)
    changes: dict[str, Any] = {"epochs": min(method.recipe.epochs, 2), "batch_size": 4}
    Trainer(
        result,
        _images(result, seed=0),
        method.recipe.model_copy(update=changes),
        seed=1,
        val=_images(result, seed=1),
    ).train()
    return result.eval()


def _check_input(method: Method) -> None:
    pixels = _pixels(method, seed=2)
    with torch.no_grad():
        prepared = method.prepare(pixels)
    _require(len(prepared) == len(pixels), method, "prepare does not keep one row per image")
    if method.reads == "features":
        backbone = method.context.backbone
        with torch.no_grad():
            features = backbone.encode_image(pixels)
        _require(method.image_size == backbone.image_size, method, "image_size is not the backbone's")
        _require(torch.equal(prepared, features), method, "reads features, but prepares something else")
        _require(not method.recipe.augment, method, "reads features that are computed once, but augments")


def _check_learned(method: Method) -> None:
    count = sum(parameter.numel() for parameter in method.parameters() if parameter.requires_grad)
    stated = method.learned(len(LABELS))
    _require(stated == count, method, f"learned() says {stated} numbers, and {count} are learned")
    backbone = {id(parameter) for parameter in method.context.backbone.model.parameters()}
    _require(
        not backbone & {id(parameter) for parameter in method.parameters()},
        method,
        "the backbone's parameters are among its own: keep it out of the module's attributes",
    )


def _check_gradients(method: Method) -> None:
    if not method.recipe.epochs:
        return
    groups = [parameter for group in method.parameter_groups(1.0) for parameter in group["params"]]
    learned = {id(parameter) for parameter in method.parameters() if parameter.requires_grad}
    _require({id(p) for p in groups} == learned, method, "parameter_groups are not what requires gradients")
    with torch.no_grad():
        prepared = method.prepare(_pixels(method, seed=2))
    method.train()
    _, loss = method.step(prepared, torch.tensor(LABELS))
    loss.total.backward()
    method.eval()
    _require(all(p.grad is not None for p in groups), method, "a parameter gets no gradient")
    _require(all(bool(p.grad.isfinite().all()) for p in groups), method, "a gradient is not finite")
    frozen = method.context.backbone.model.parameters()
    _require(all(p.grad is None for p in frozen), method, "the backbone gets a gradient")
    method.zero_grad()


def _check_scores(method: Method) -> None:
    for scores in _scores(method):
        if scores is not None:
            _require(scores.shape == (len(LABELS), len(CLASSES)), method, f"scores are {tuple(scores.shape)}")
            _require(scores.dtype == torch.float32, method, f"scores are {scores.dtype}")
            _require(bool(scores.isfinite().all()), method, "scores are not finite")


@torch.no_grad()
def _check_contributions(method: Method) -> None:
    prepared = method.prepare(_pixels(method, seed=2))
    try:
        contributions = method.contributions(prepared)
    except UserError as error:
        _require(error.code == "method-without-contributions", method, f"contributions: {error}")
        return
    value = sum((term.value for term in contributions), start=torch.zeros(()))
    fused = method.scores(prepared).fused
    _require(_close(value.expand_as(fused), fused), method, "contributions do not add up to the scores")
    for term in contributions:
        similarities, _, weights = term.terms
        pooled = (similarities * weights).sum(-1)
        _require(_close(pooled, term.score), method, f"the texts of {term.name} do not add up to its score")


def _check_state(method: Method, options: Options) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.safetensors")
        save_file({key: tensor.contiguous() for key, tensor in method.state().items()}, file)
        bare = replace(method.context, attributes=None, seed=99)
        again = type(method)(bare, options)
        again.load_state(load_file(file))
    for before, after in zip(_scores(method), _scores(again.eval()), strict=True):
        same = before is after if before is None or after is None else torch.equal(before, after)
        _require(same, method, "loaded from its state, without the attribute set, it scores differently")


def _check_determinism(one: Method, other: Method) -> None:
    _require(_equal(one.state(), other.state()), one, "trained twice from one seed, its states differ")


@torch.no_grad()
def _scores(method: Method) -> tuple[Tensor | None, ...]:
    return tuple(method.scores(method.prepare(_pixels(method, seed=2))))


def _images(method: Method, seed: int) -> TrainingImages:
    pixels = (255 * _pixels(method, seed)).to(torch.uint8)
    return TrainingImages(list(pixels), LABELS, method.image_size)


def _pixels(method: Method, seed: int) -> Tensor:
    """Six images (6, 3, s, s) in [0, 1]; those of one class share a tint."""
    generator = torch.Generator().manual_seed(seed)
    tint = torch.rand(3, 3, 1, 1, generator=generator).repeat(2, 1, 1, 1)
    noise = torch.rand(6, 3, method.image_size, method.image_size, generator=generator)
    return (tint + noise) / 2


def _weights(backbone: Backbone) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in backbone.model.state_dict().items()}


def _equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=1e-5, atol=1e-4)


def _require(holds: bool, method: Method, otherwise: str) -> None:
    assert holds, f"{method.name}: {otherwise}"


@contextmanager
def _temporary_cache() -> Iterator[None]:
    """Text embeddings of the check stay out of the user's cache."""
    before = os.environ.get("VR_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VR_CACHE"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["VR_CACHE"]
            else:
                os.environ["VR_CACHE"] = before
