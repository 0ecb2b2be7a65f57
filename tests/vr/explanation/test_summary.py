"""The sentence of an explanation names the texts that decided between the first two classes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from vr.evaluation.operating_point import OperatingPoint
from vr.explanation import summary
from vr.explanation.decomposition import BankScore, ClassScore, ExpertScore, Origin, TextScore
from vr.explanation.explanation import explain
from vr.explanation.summary import Summary, reasons, summarise


def text(words: str, contribution: float, weight: float = 0.5) -> TextScore:
    return TextScore(words, Origin(), 0.2, contribution / weight, weight, contribution, 0.5)


def scored(name: str, logit: float, *banks: tuple[TextScore, ...]) -> ClassScore:
    """A class with one expert per bank."""
    experts = tuple(
        ExpertScore(f"expert {number}", 0, 1, 0, 0, (BankScore("bank", 0, 1, 0, 0, texts),))
        for number, texts in enumerate(banks)
    )
    return ClassScore(name, logit, 0.0, 0.0, experts)


def test_reasons_are_the_texts_that_made_the_difference() -> None:
    best = scored("tumor", 2.0, (text("a thick wall", 6.0), text("a mass", 3.0)))
    second = scored("cyst", 1.0, (text("a thin wall", 4.0), text("dark inside", 1.0)))
    chosen = reasons(best, second)
    assert [(reason.text, reason.class_name, reason.matches) for reason in chosen] == [
        ("a thick wall", "tumor", True),
        ("dark inside", "cyst", False),
        ("a mass", "tumor", True),
    ]
    assert [reason.difference for reason in chosen] == pytest.approx([1.75, 1.75, 0.25])


def test_a_negative_weight_turns_matches_round() -> None:
    best = scored("tumor", 2.0, (text("a bubble", -1.0, -0.5),))
    second = scored("cyst", 1.0, (text("a nodule", -3.0, -0.5),))
    assert {(reason.text, reason.matches) for reason in reasons(best, second)} == {
        ("a bubble", False),
        ("a nodule", True),
    }


def test_texts_of_both_classes_and_empty_banks_say_nothing() -> None:
    best = scored("tumor", 2.0, (text("same", 5.0),), ())
    second = scored("cyst", 1.0, (text("same", 1.0), text("other", 9.0)), (text("alone", 1.0),))
    assert "same" not in [reason.text for reason in reasons(best, second)]
    assert "alone" not in [reason.text for reason in reasons(best, second)]


def test_a_text_of_both_classes_speaks_for_that_of_the_greater_weight() -> None:
    best = scored("tumor", 2.0, (text("a mass", 4.0, 0.8), text("a bubble", -0.2, 0.1)))
    second = scored("cyst", 1.0, (text("a mass", 1.0, 0.2), text("a bubble", -1.8, 0.9)))
    assert [(r.text, r.class_name, r.matches, r.difference) for r in reasons(best, second)] == [
        ("a mass", "tumor", True, 3.0),
        ("a bubble", "cyst", False, pytest.approx(1.6)),
    ]


def test_weighted_sentences_explain_themselves(disturbed) -> None:
    run = disturbed("labo")
    side = run.method.image_size
    pictures = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(2))
    for classes in explain(run, pictures):
        chosen = summarise(classes).reasons
        assert len(chosen) == summary.MOST_REASONS
        best, second = ({t.text: t for b in c.experts[0].banks for t in b.texts} for c in classes[:2])
        differences = {words: t.contribution - second[words].contribution for words, t in best.items()}
        largest = sorted(differences.values(), reverse=True)[: summary.MOST_REASONS]
        assert [reason.difference for reason in chosen] == pytest.approx(largest)
        assert sum(differences.values()) == pytest.approx(classes[0].logit - classes[1].logit, abs=1e-4)


def test_all_texts_add_up_to_the_difference_of_the_logits(disturbed) -> None:
    run = disturbed("biomedvr")
    side = run.method.image_size
    pictures = torch.rand(5, 3, side, side, generator=torch.Generator().manual_seed(2))
    for best, second, *_ in explain(run, pictures):
        banks = summary._banks(best, second)
        differences = [
            d for texts, others in banks for d in summary._differences(best, second, texts, others)
        ]
        total = sum(reason.difference for reason in differences)
        assert total == pytest.approx(best.logit - second.logit, abs=1e-4)


def test_the_sentence() -> None:
    best = scored("tumor", 2.0, (text("a thick wall", 6.0), text("a mass", 3.0)))
    second = scored("cyst", 1.0, (text("a thin wall", 4.0), text("dark inside", 1.0)))
    actual = summarise([best, second])
    assert actual.confidence == pytest.approx(0.731, abs=1e-3) and not actual.calibrated
    assert actual.confidence + actual.runner_up_confidence == pytest.approx(1)
    assert actual.sentence == (
        "tumor, 73% sure (not calibrated), rather than cyst (27%), because it matches “a thick wall” and "
        "“a mass” and does not match “dark inside” as well."
    )
    unsure = replace(actual, calibrated=True, threshold=0.8, reasons=())
    assert unsure.sentence == (
        "tumor, 73% sure (after calibration), rather than cyst (27%); that is below the threshold of 80%: "
        "a person should decide."
    )


def test_a_confusion_text_says_what_it_describes() -> None:
    confusing = replace(text("a thick wall", 6.0), origin=Origin(("cyst", "stone")))
    best, second = scored("tumor", 2.0, (confusing,)), scored("cyst", 1.0, (text("dark inside", 1.0),))
    actual = summarise([best, second])
    assert [reason.describes for reason in actual.reasons] == [("cyst", "stone"), ()]
    assert "matches “a thick wall” (a confusion text: it describes cyst or stone) and" in actual.sentence


def test_the_operating_point_is_named_where_it_says_something_else() -> None:
    classes = [scored("tumor", 2.0), scored("cyst", 1.0)]  # 73% and 27%
    point = OperatingPoint(
        class_name="cyst",
        target="sensitivity",
        value=0.9,
        threshold=0.2,
        temperature=1,
        model="",
        images_from="validation images",
        images=10,
        images_of_class=5,
        reached=0.9,
    )
    actual = summarise(classes, None, point)
    assert actual.flagged is True and actual.probabilities == pytest.approx((0.731, 0.269), abs=1e-3)
    assert actual.sentence.endswith("; at the operating point it counts as cyst.")
    unflagged = summarise(classes, None, point.model_copy(update={"threshold": 0.3}))
    assert unflagged.flagged is False and "operating point" not in unflagged.sentence
    predicted = point.model_copy(update={"class_name": "tumor", "threshold": 0.8})
    assert summarise(classes, None, predicted).sentence.endswith(
        "; at the operating point it does not count as tumor."
    )


def test_without_texts_or_with_one_class() -> None:
    assert summarise([ClassScore("a", 1.0, 0.7, 0.0), ClassScore("b", 0.0, 0.3, 0.0)]).reasons == ()
    alone: Summary = summarise([ClassScore("a", 1.0, 1.0, 0.0)])
    assert alone.sentence == "a, 100% sure (not calibrated)."
