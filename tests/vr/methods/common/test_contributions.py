"""Contributions add up to the scores, and know the texts behind them, trained and loaded again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from attrgen.core.errors import UserError
from vr.clip import bank as banks
from vr.methods import built_in_methods
from vr.methods.common.base import Context, Method
from vr.methods.common.contributions import Contribution, total

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
def test_contributions_add_up_to_the_scores(name, changes, context, images) -> None:
    method = disturbed(METHODS[name], context, changes)
    prepared = method.prepare(images(method))
    scores, contributions = method.scores(prepared), method.contributions(prepared)
    value = sum(term.value for term in contributions)
    torch.testing.assert_close(value.expand_as(scores.fused), scores.fused, atol=1e-5, rtol=0)
    for expert, expected in (("positive", scores.positive), ("negative", scores.negative)):
        if expected is not None:
            value = sum(term.value for term in contributions if term.expert == expert)
            gate = next(term.gate for term in contributions if term.expert == expert)
            torch.testing.assert_close(value, gate * expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_the_scores_of_two_gated_experts() -> None:
    generator = torch.Generator().manual_seed(1)
    z = F.normalize(torch.randn(2, 4, 8, generator=generator), dim=-1)
    rows = [F.normalize(torch.randn(count, 8, generator=generator), dim=-1) for count in (4, 2, 1)]
    bank, gate = banks.from_classes(rows), torch.rand(3, 2, generator=generator)
    contributions = [
        Contribution("a", bank, z[0], tau=30.0, k=1, share=0.25, gate=gate[:, 0]),
        Contribution("b", bank, z[0], tau=30.0, k=3, share=0.75, gate=gate[:, 0]),
        Contribution("c", bank, z[1], tau=30.0, k=2, expert="negative", gate=-gate[:, 1]),
    ]

    def nearest(image: torch.Tensor, texts: torch.Tensor, k: int) -> float:
        largest = sorted((30.0 * texts @ image).tolist(), reverse=True)[:k]
        return sum(largest) / len(largest)

    fused, positive, negative = total(contributions)
    assert positive is not None and negative is not None
    for b in range(4):
        for c, texts in enumerate(rows):
            one = 0.25 * nearest(z[0, b], texts, 1) + 0.75 * nearest(z[0, b], texts, 3)
            other = nearest(z[1, b], texts, 2)
            assert float(positive[b, c]) == pytest.approx(one, abs=1e-4)
            assert float(negative[b, c]) == pytest.approx(other, abs=1e-4)
            expected = float(gate[c, 0]) * one - float(gate[c, 1]) * other
            assert float(fused[b, c]) == pytest.approx(expected, abs=1e-4)
    for term in contributions:
        similarities, positions, weights = term.terms
        torch.testing.assert_close((weights * similarities).sum(-1), term.score)
        assert float(weights.sum(-1).min()) == pytest.approx(1)
        for b, c in ((0, 0), (3, 1)):
            count = int((weights[b, c] > 0).sum())
            cosines = rows[c] @ term.features[b]
            nearest_first = cosines.argsort(descending=True).tolist()[:count]
            assert count == min(term.k, len(rows[c])) and positions[b, c, :count].tolist() == nearest_first


@pytest.mark.parametrize(("name", "changes"), SPLITTABLE)
@torch.no_grad()
def test_a_loaded_method_knows_the_same_words(name, changes, context, images, plain_text, tmp_path) -> None:
    method = disturbed(METHODS[name], context, changes)
    save_file(method.state(), tmp_path / "model.safetensors")
    again = METHODS[name](Context(context.backbone, context.card, None), method.options)
    again.load_state(load_file(tmp_path / "model.safetensors"))
    prepared = method.prepare(images(method))
    pairs = zip(method.contributions(prepared), again.contributions(prepared), strict=True)
    for trained, stored in pairs:
        assert trained.bank.texts == stored.bank.texts
        assert len(trained.bank.texts) == len(context.card.classes)
        for label, texts in enumerate(stored.bank.texts):
            assert stored.bank.present[label].sum() == len(texts)
            expected = plain_text(list(texts))
            torch.testing.assert_close(stored.bank.embeddings[label, : len(texts)], expected)


def test_words_of_any_script_survive(tmp_path: Path) -> None:
    texts = (('a „quoted" text — naïve', "肾囊肿"), ("\\ / {}",))
    bank = banks.from_classes([torch.eye(3)[:2], torch.eye(3)[2:]], texts)
    save_file(bank.tensors("bank.x"), tmp_path / "bank.safetensors")
    assert banks.Bank.from_tensors("bank.x", load_file(tmp_path / "bank.safetensors")).texts == texts


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"labo"} - {name for name, _ in SPLITTABLE}))
def test_other_methods_refuse(name, context, images) -> None:
    method = METHODS[name](context)
    with pytest.raises(UserError) as caught:
        method.contributions(method.prepare(images(method)))
    assert caught.value.code == "method-without-contributions" and name in caught.value.what
