"""Explanations add up to the logits, name the nearest texts, and know where they come from."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from vr.explanation.explanation import explain
from vr.explanation.summary import summarise
from vr.runs.run import Run

COUNT = 200
CASES: list[tuple[str, dict[str, Any]]] = [
    ("biomedvr", {}),
    ("biomedvr", {"fusion": "subtract", "gate": "per-image"}),
    ("biomedvr", {"gate": "per-class", "fusion": "learned", "k": 4}),
    ("attrvr", {"alpha": 0.3, "pad_to": 8}),
    ("zero-shot", {"text": "attributes"}),
    ("ar", {}),
]


def images(run: Run, count: int = COUNT) -> Tensor:
    side = run.method.image_size
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def plain_logits(run: Run, pictures: Tensor) -> Tensor:
    return run.method.scores(run.method.prepare(pictures)).fused


@pytest.mark.parametrize(("name", "changes"), CASES)
def test_every_level_adds_up_on_200_images(name, changes, disturbed) -> None:
    run = disturbed(name, **changes)
    pictures = images(run)
    logits = plain_logits(run, pictures)
    for image, classes in enumerate(explain(run, pictures)):
        assert [entry.logit for entry in classes] == sorted((e.logit for e in classes), reverse=True)
        assert sum(entry.probability for entry in classes) == pytest.approx(1, abs=1e-5)
        assert sum(entry.margin for entry in classes) == pytest.approx(0, abs=1e-4)
        for entry in classes:
            label = run.card.class_names.index(entry.name)
            assert entry.logit == pytest.approx(logits[image, label].item(), abs=1e-4)
            banks = [bank for expert in entry.experts for bank in expert.banks]
            texts = [text for bank in banks for text in bank.texts]
            for level in (entry.experts, banks, texts):
                assert sum(part.contribution for part in level) == pytest.approx(entry.logit, abs=1e-4)
                assert all(p.weight * p.score == pytest.approx(p.contribution, abs=1e-4) for p in level)
            for level in (entry.experts, banks):
                assert sum(part.margin for part in level) == pytest.approx(entry.margin, abs=1e-4)
            for expert in entry.experts:
                assert sum(b.contribution for b in expert.banks) == pytest.approx(
                    expert.contribution, abs=1e-5
                )
            for bank in banks:
                assert sum(t.contribution for t in bank.texts) == pytest.approx(bank.contribution, abs=1e-5)
            assert sum(text.share for text in texts) == pytest.approx(1, abs=1e-5)


def test_experts_are_those_of_the_method(disturbed) -> None:
    run = disturbed("biomedvr", fusion="subtract", gate="per-class")
    pictures = images(run, 5)
    with torch.no_grad():
        scores = run.method.scores(run.method.prepare(pictures))
        gate = run.method.gate.softmax(-1)
    assert scores.positive is not None and scores.negative is not None
    for image, classes in enumerate(explain(run, pictures)):
        for entry in classes:
            label = run.card.class_names.index(entry.name)
            positive, negative = entry.experts
            assert (positive.name, negative.name) == ("positive", "negative")
            assert positive.score == pytest.approx(scores.positive[image, label].item(), abs=1e-4)
            assert negative.score == pytest.approx(scores.negative[image, label].item(), abs=1e-4)
            assert positive.weight == pytest.approx(gate[label, 0].item(), abs=1e-6)
            assert negative.weight == pytest.approx(-gate[label, 1].item(), abs=1e-6)


@torch.no_grad()
def test_the_texts_are_the_nearest_ones(disturbed, attributes, tiny) -> None:
    run = disturbed("biomedvr", visual="none")
    pictures = images(run, 4)
    features = run.method.encoder.encode(run.method.prepare(pictures), run.method.delta)
    for image, classes in enumerate(explain(run, pictures)):
        for entry in classes:
            for expert, z in zip(entry.experts, features[:, image], strict=True):
                for bank in expert.banks:
                    texts = attributes.classes[entry.name].texts(bank.name)
                    cosines = [float(z @ tiny.encode_text([text])[0]) for text in texts]
                    ranked = sorted(zip(cosines, texts, strict=True), reverse=True)[:3]
                    assert [text.cosine for text in bank.texts] == pytest.approx(
                        [cosine for cosine, _ in ranked], abs=1e-5
                    )
                    assert sorted({t.text for t in bank.texts}) == sorted({text for _, text in ranked})
                    for text in bank.texts:
                        assert text.score == pytest.approx(tiny.tau * text.cosine, abs=1e-4)


def test_a_confusion_says_for_which_class_it_stands(disturbed, attributes) -> None:
    run = disturbed("biomedvr", k=9)
    for entry in explain(run, images(run, 1))[0]:
        positive, negative = entry.experts
        for bank in positive.banks:
            assert all(t.origin.describes == () and t.origin.borrowed == "" for t in bank.texts)
        confusion = attributes.classes[entry.name].confusion
        for text in negative.banks[0].texts:
            expected = tuple(other for other, texts in confusion.items() if text.text in texts)
            assert text.origin.describes == expected and text.origin.borrowed == ""
        assert {len(text.origin.describes) for text in negative.banks[0].texts} == {1, 2}


def test_what_an_ablation_put_somewhere_says_where_it_stood(disturbed, attributes) -> None:
    run = disturbed("biomedvr", negatives="shuffled", k=9)
    for entry in explain(run, images(run, 1))[0]:
        for text in entry.experts[1].banks[0].texts:
            assert text.text not in attributes.classes[entry.name].texts("confusion") or (
                text.text.startswith("neither")
            )
            if not text.text.startswith("neither"):
                home = next(n for n, c in attributes.classes.items() if text.text in c.texts("confusion"))
                assert text.origin.borrowed == f"{home}, confusion"
                assert text.origin.describes[0] in text.text


def test_padded_banks_show_a_text_as_often_as_it_counted(disturbed) -> None:
    run = disturbed("attrvr", pad_to=30)
    for entry in explain(run, images(run, 1))[0]:
        for bank in entry.experts[0].banks:
            assert len(bank.texts) == 3
            assert len({text.text for text in bank.texts}) == 1


def test_a_visual_expert_is_decomposed_by_view_and_said_in_the_sentence(disturbed) -> None:
    run = disturbed("biomedvr", visual="prototype", visual_weight=0.4, visual_scales=[1.0])
    pictures, method = images(run, 6), run.method
    with torch.no_grad():
        method.visual.fit(iter([method._in_batches(method.prepare(pictures))]), torch.tensor([0, 1, 2] * 2))
        fused = method.scores(method.prepare(pictures)).fused
    for image, classes in enumerate(explain(run, pictures)):
        for entry in classes:
            visual = entry.experts[-1]
            assert (visual.name, visual.weight) == ("visual", pytest.approx(0.4))
            views = ["images, pos", "images, neg", "images, 100%"]
            assert [bank.name for bank in visual.banks] == views
            assert [text.text for text in visual.banks[0].texts] == [f"the training images of {entry.name}"]
            assert all(-1 <= bank.texts[0].cosine <= 1 for bank in visual.banks)
            label = run.card.class_names.index(entry.name)
            total = sum(expert.contribution for expert in entry.experts)
            assert total == pytest.approx(float(fused[image, label]), abs=1e-3)
        best, second = classes[:2]
        difference = best.experts[-1].contribution - second.experts[-1].contribution
        said = summarise(classes)
        assert said.by_images == pytest.approx(difference / (best.logit - second.logit))
        assert ("looks like the training images of" in said.sentence) == (difference > 0)
        assert not any("training images" in reason.text for reason in said.reasons)
