"""What the trainer relies on, of every method alike."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from attrgen.core.errors import UserError
from vr.clip.backbone import Backbone
from vr.methods import built_in_methods, find_method
from vr.methods.common.base import Context, Method
from vr.methods.common.recipe import Recipe

METHODS = built_in_methods()
PUBLISHED = ("zero-shot", "vp", "ar", "attrvr", "biomedvr", "coop", "cocoop", "biomedcoop")
ALSO = ("linear-probe", "tip-adapter", "tip-adapter-f")
VARIANTS = [
    *((name, {}) for name in METHODS),
    ("zero-shot", {"text": "attributes"}),
    ("vp", {"start": "normal"}),
    ("coop", {"words": "a photo of a"}),
    ("cocoop", {"words": None}),
    ("attrvr", {"pad_to": 7}),
    ("biomedvr", {"gate": "per-class", "fusion": "learned"}),
    ("biomedvr", {"gate": "per-image"}),
    ("biomedvr", {"gate": "none"}),
    ("biomedvr", {"negatives": "none"}),
    ("biomedvr", {"negatives": "random", "corrupt_positives": 0.5}),
]


def fingerprint(backbone: Backbone) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(backbone.model.state_dict().items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def trained(kind: type[Method], context: Context, options: Any, images: Callable[..., Tensor]) -> Method:
    """As the trainer does it: closed form, three steps of the method's own optimiser, and the end."""
    method = kind(context, options)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    with torch.no_grad():
        prepared = method.prepare(images(method))
        val = method.prepare(images(method, seed=1)), labels
    if method.fits or not kind.recipe.epochs:
        method.fit(prepared, labels, val)
    if kind.recipe.epochs:
        make = torch.optim.SGD if kind.recipe.optimizer == "sgd" else torch.optim.AdamW
        method.train()
        optimizer = make(method.parameter_groups(kind.recipe.lr))
        for _ in range(3):
            _, loss = method.step(prepared, labels)
            optimizer.zero_grad()
            loss.total.backward()
            optimizer.step()
    method.finish(val)
    return method


def test_every_system_of_the_table_is_there() -> None:
    assert set(METHODS) == {*PUBLISHED, *ALSO}
    assert all(name == kind.name for name, kind in METHODS.items())
    with pytest.raises(UserError) as caught:
        find_method("biomed-vr")
    assert caught.value.code == "method-unknown" and "biomedvr" in caught.value.remedy


@pytest.mark.parametrize(("name", "changes"), VARIANTS)
def test_state_round_trip(name, changes, context, images, tmp_path: Path) -> None:
    kind = METHODS[name]
    options = kind.options_type.model_validate(changes)
    before = fingerprint(context.backbone)
    method = trained(kind, context, options, images)
    assert fingerprint(context.backbone) == before
    save_file(method.state(), tmp_path / "model.safetensors")
    bare = Context(context.backbone, context.card, None, seed=99)
    again = kind(bare, options)
    again.load_state(load_file(tmp_path / "model.safetensors"))
    method.eval(), again.eval()
    with torch.no_grad():
        prepared = method.prepare(images(method, seed=2))
        found, expected = again.scores(prepared), method.scores(prepared)
    for one, other in zip(found, expected, strict=True):
        assert (one is None and other is None) or torch.equal(one, other)
    assert found.fused.shape == (6, 3)
    assert found.fused.dtype == torch.float32


@pytest.mark.parametrize("name", METHODS)
def test_training_learns_something(name, context, images, tiny) -> None:
    kind = METHODS[name]
    method = trained(kind, context, kind.options_type(), images)
    untouched = kind(context, kind.options_type())
    with torch.no_grad():
        prepared = method.prepare(images(method))
        if name == "zero-shot":
            assert torch.equal(method.scores(prepared).fused, untouched.scores(prepared).fused)
        else:
            assert not torch.equal(method.scores(prepared).fused, untouched.scores(prepared).fused)
    assert all(not parameter.requires_grad for parameter in tiny.model.parameters())
    owned = {id(parameter) for parameter in method.parameters()}
    assert not owned & {id(parameter) for parameter in tiny.model.parameters()}


@pytest.mark.parametrize("name", METHODS)
def test_what_a_method_reads_is_what_it_prepares(name, context, images) -> None:
    method = METHODS[name](context)
    pictures = images(method)
    with torch.no_grad():
        prepared = method.prepare(pictures)
    assert len(prepared) == len(pictures)
    if method.reads == "features":
        assert method.image_size == context.backbone.image_size
        assert torch.equal(prepared, context.backbone.encode_image(pictures))
        assert not method.recipe.augment  # so that the features are computed once and shared


@pytest.mark.parametrize("name", METHODS)
def test_recipes(name: str) -> None:
    kind = METHODS[name]
    assert kind.recipe.epochs in (0, 100)  # one budget for all in one table
    assert "paper" in kind.presets
    for preset in kind.presets.values():
        kind.options_type.model_validate(dict(preset.options))
        Recipe.model_validate(dict(preset.recipe))


@pytest.mark.parametrize("name", ["zero-shot", "attrvr", "biomedvr"])
def test_without_an_attribute_set_the_scores_say_so(name, tiny, card, images) -> None:
    kind = METHODS[name]
    options = kind.options_type.model_validate({"text": "attributes"} if name == "zero-shot" else {})
    assert set(kind.required_kinds(options)) >= {"descriptive", "distinctive"}
    method = kind(Context(tiny, card, None), options)
    with pytest.raises(UserError) as caught:
        method.scores(method.prepare(images(method)))
    assert caught.value.code == "method-needs-attributes"
