"""The texts behind mistakes, recounted image by image."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from attrgen.core.errors import UserError
from vr.data.decoding.resize import to_square
from vr.data.formats.source import ImageSource
from vr.data.sources import open_source
from vr.report import image_sections, report_data
from vr.report.misclassified import ConfusedPair, Mistake
from vr.report.misleading_texts import misleading_texts
from vr.runs import run as runs
from vr.runs.run import Run


def _pair(run: Run, label: int, predicted: int) -> tuple[ConfusedPair, ImageSource]:
    source = open_source(run.card, Path(str(run.config.data)))
    chosen = [item for item in source.splits["test"] if item.label == label]
    wrong = tuple(Mistake(item.path, label, predicted, 0.5, 0.2) for item in chosen)
    return ConfusedPair(label, predicted, wrong, len(wrong)), source


def test_texts_are_those_nearest_most_often(confused_run: Path) -> None:
    run = runs.load_run(confused_run)
    pair, source = _pair(run, 0, 2)
    banks = misleading_texts(run, source, [pair])[0]
    assert [(bank.name, bank.expert) for bank in banks] == [
        ("descriptive", "positive"),
        ("distinctive", "positive"),
        ("confusion", "negative"),
    ]
    method: Any = run.method
    size = method.image_size
    images = [to_square(source.read(each.path), size).float() / 255 for each in pair.mistakes]
    assert run.attributes is not None
    texts = run.attributes.classes[run.card.class_names[2]].texts("confusion")
    times, cosines = dict.fromkeys(texts, 0), dict.fromkeys(texts, 0.0)
    margin = 0.0
    with torch.no_grad():
        for image in images:
            features = method.encoder.encode(method.prepare(image[None]), method.delta)[1, 0]
            own = {
                text: float(features @ vector)
                for text, vector in zip(texts, run.method.context.backbone.encode_text(texts), strict=True)
            }
            for text in sorted(own, key=lambda name: -own[name])[:3]:
                times[text] += 1
            for text, value in own.items():
                cosines[text] += value / len(images)
            scores = method.scores(method.prepare(image[None]))
            assert scores.negative is not None
            gate = float(method.gate.softmax(0)[1])
            margin += gate * float(scores.negative[0, 2] - scores.negative[0, 0]) / len(images)
    expected = sorted(times, key=lambda name: (-times[name], -cosines[name]))[:3]
    heard = banks[2].predicted
    assert [each.text for each in heard] == expected
    assert [each.times for each in heard] == [times[text] for text in expected]
    assert [each.cosine for each in heard] == pytest.approx([cosines[text] for text in expected], abs=1e-5)
    assert banks[2].margin == pytest.approx(margin, abs=1e-4) and banks[2].sign == 1
    for each in heard:
        assert len(each.describes) == 1 and each.text.startswith(each.describes[0])


def test_the_visual_expert_is_in_the_sentence_and_not_among_the_texts(toy_run: Path) -> None:
    data = report_data.reopen(toy_run)
    scored = data.predictions
    wrong = dataclasses.replace(scored, logits=scored.logits.roll(1, 1))
    cards, reason = image_sections.pairs(dataclasses.replace(data, predictions=wrong))
    assert cards and reason == ""
    for card in cards:
        assert {bank.expert for bank in card["banks"]} == {"positive", "negative"}
        assert "the visual expert favoured" in card["sentence"]


def test_every_pair_gets_its_own_images(toy_run: Path) -> None:
    run = runs.load_run(toy_run)
    first, source = _pair(run, 0, 2)
    second, _ = _pair(run, 1, 0)
    together = misleading_texts(run, source, [first, second])
    alone = misleading_texts(run, source, [second])[0]
    for bank, same in zip(together[1], alone, strict=True):
        assert [each.text for each in bank.true] == [each.text for each in same.true]
        assert bank.margin == pytest.approx(same.margin, abs=1e-4)


def test_a_method_without_texts_says_so(toy: Any, tmp_path: Path) -> None:
    from vr.training.train import run_experiment

    run = run_experiment(toy.experiment(method="linear-probe", recipe={}, out=tmp_path / "run"))
    pair, source = _pair(run, 0, 1)
    with pytest.raises(UserError) as caught:
        misleading_texts(run, source, [pair])
    assert caught.value.code == "method-without-contributions"
