"""The parts of a method add up to its scores, and know the words behind them, trained and loaded again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from attrgen.core.errors import UserError
from vr.methods import built_in_methods
from vr.methods.common.base import Context, Method

METHODS = built_in_methods()
SPLITTABLE = [
    ("zero-shot", {}),
    ("zero-shot", {"text": "attributes", "k": 2}),
    ("vp", {"start": "normal"}),
    ("ar", {}),
    ("attrvr", {"alpha": 0.3, "pad_to": 7}),
    ("biomedvr", {}),
    ("biomedvr", {"fusion": "subtract", "k": 2}),
    ("biomedvr", {"gate": "per-class", "fusion": "learned"}),
    ("biomedvr", {"gate": "per-image"}),
    ("biomedvr", {"gate": "none"}),
    ("biomedvr", {"negatives": "none"}),
    ("biomedvr", {"negatives": "shuffled", "corrupt_positives": 0.5, "attributes_per_class": 3}),
]


def disturbed(kind: type[Method], context: Context, changes: dict) -> Method:
    """A method whose every learned number is away from where it starts, a learned sign and gate too."""
    method = kind(context, kind.options_type.model_validate(changes))
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in method.parameters():
            parameter += torch.randn(parameter.shape, generator=generator)
    return method.eval()


@pytest.mark.parametrize(("name", "changes"), SPLITTABLE)
@torch.no_grad()
def test_parts_add_up_to_the_scores(name, changes, context, images) -> None:
    method = disturbed(METHODS[name], context, changes)
    prepared = method.prepare(images(method))
    scores, parts = method.scores(prepared), method.parts(prepared)
    total = sum(part.gives for part in parts)
    torch.testing.assert_close(total.expand_as(scores.fused), scores.fused, atol=1e-5, rtol=0)
    for expert, own in (("positive", scores.positive), ("negative", scores.negative)):
        if own is not None:
            gives = sum(part.gives for part in parts if part.expert == expert)
            gate = next(part.gate for part in parts if part.expert == expert)
            torch.testing.assert_close(gives, gate * own, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("name", "changes"), SPLITTABLE)
@torch.no_grad()
def test_a_loaded_method_knows_the_same_words(name, changes, context, images, plain_text, tmp_path) -> None:
    method = disturbed(METHODS[name], context, changes)
    save_file(method.state(), tmp_path / "model.safetensors")
    again = METHODS[name](Context(context.backbone, context.card, None), method.options)
    again.load_state(load_file(tmp_path / "model.safetensors"))
    prepared = method.prepare(images(method))
    for part, stored in zip(method.parts(prepared), again.parts(prepared), strict=True):
        assert part.bank.texts == stored.bank.texts
        assert len(part.bank.texts) == len(context.card.classes)
        for label, texts in enumerate(stored.bank.texts):
            assert stored.bank.present[label].sum() == len(texts)
            expected = plain_text(list(texts))
            torch.testing.assert_close(stored.bank.embeddings[label, : len(texts)], expected)


def test_words_of_any_script_survive(tmp_path: Path) -> None:
    from vr.clip import bank as banks

    texts = (('a „quoted" text — naïve', "肾囊肿"), ("\\ / {}",))
    bank = banks.from_classes([torch.eye(3)[:2], torch.eye(3)[2:]], texts)
    save_file(bank.tensors("bank.x"), tmp_path / "bank.safetensors")
    assert banks.Bank.from_tensors("bank.x", load_file(tmp_path / "bank.safetensors")).texts == texts


@pytest.mark.parametrize("name", sorted(set(METHODS) - {name for name, _ in SPLITTABLE}))
def test_other_methods_refuse(name, context, images) -> None:
    method = METHODS[name](context)
    with pytest.raises(UserError, match=f"^{name} does not score images by texts alone"):
        method.parts(method.prepare(images(method)))
