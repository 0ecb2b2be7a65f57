"""Texts pooled by weights against plain implementations."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from vr.clip.bank import from_classes
from vr.methods import find_method
from vr.methods.common.pooling import clustered, counted_weights, keyed, over_all_classes
from vr.reprogramming.score import similarities


@pytest.fixture
def bank():
    generator = torch.Generator().manual_seed(0)
    rows = [torch.nn.functional.normalize(torch.randn(n, 6, generator=generator), dim=-1) for n in (5, 3, 2)]
    return from_classes(rows, [[f"{label}{i}" for i in range(len(row))] for label, row in enumerate(rows)])


def test_counts_of_the_nearest_texts_of_a_class_over_its_own_images(bank) -> None:
    generator = torch.Generator().manual_seed(1)
    features = torch.nn.functional.normalize(torch.randn(9, 6, generator=generator), dim=-1)
    labels = torch.tensor([0, 1, 2, 0, 1, 0, 0, 1, 0])
    weights = counted_weights(similarities(features, bank, 10.0), labels, 3)
    for label, texts in enumerate(bank.texts):
        counts: Counter[int] = Counter()
        for z in features[labels == label]:
            cosines = [float(z @ t) for t in bank.embeddings[label, : len(texts)]]
            counts.update(sorted(range(len(texts)), key=lambda j: -cosines[j])[:3])
        expected = [counts[j] / sum(counts.values()) for j in range(5)]
        assert weights[label].tolist() == pytest.approx(expected)


def test_without_images_all_texts_of_a_class_weigh_alike(bank) -> None:
    features = torch.nn.functional.normalize(torch.ones(1, 6), dim=-1)
    weights = counted_weights(similarities(features, bank, 10.0), torch.tensor([0]), 3)
    assert weights[1].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 0])


def test_learned_weights_start_at_the_mean_of_a_class(bank) -> None:
    joined, weights = over_all_classes(bank)
    assert joined.texts == (("00", "01", "02", "03", "04", "10", "11", "12", "20", "21"),)
    z = torch.nn.functional.normalize(torch.ones(6), dim=0)
    scores = weights @ (joined.embeddings[0] @ z)
    for label, texts in enumerate(bank.texts):
        own = bank.embeddings[label, : len(texts)] @ z
        assert float(scores[label]) == pytest.approx(float(own.mean()), abs=1e-6)


def test_learned_weights_have_a_rate_of_their_own_and_are_counted(context) -> None:
    kind = find_method("attrvr")
    method = kind(context, kind.options_type(pooling="learned", pooling_lr=0.5))
    texts = 5 + 4 + 2
    assert method.learned(6) == 3 * 48 * 48 + 2 * 3 * texts
    assert [group["lr"] for group in method.parameter_groups(40.0)] == [40.0, 0.5]


@pytest.mark.parametrize("name", ["attrvr", "biomedvr"])
def test_counted_scores_are_weighted_sums(context, images, name) -> None:
    kind = find_method(name)
    method = kind(context, kind.options_type(pooling="counted")).eval()
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    with torch.no_grad():
        prepared = method.prepare(images(method))
        nearest = method.scores(prepared).fused
        method.recount(prepared, labels)
        assert not torch.allclose(method.scores(prepared).fused, nearest)
        for term in method.contributions(prepared):
            by_hand = torch.stack(
                [
                    term.tau * (term.features @ rows.T) @ weights
                    for rows, weights in zip(term.bank.embeddings, method.weights[term.name], strict=True)
                ],
                1,
            )
            assert torch.allclose(term.score, by_hand, atol=1e-4)


def test_keyed_confusions_compare_classes_pair_by_pair(bank) -> None:
    # By class and text, the class that it describes.
    described = [[1, 1, 2, None, 2], [0, 0, 2], [None, 0]]
    joined, weights = keyed(bank, described)
    z = torch.nn.functional.normalize(torch.ones(6), dim=0)
    evidence = {}
    for label, others in enumerate(described):
        for other in dict.fromkeys(others):
            cosines = [float(bank.embeddings[label, j] @ z) for j, d in enumerate(others) if d == other]
            evidence[label, other] = sum(cosines) / len(cosines)
    for label in range(3):
        signed = [-value for (owner, _), value in evidence.items() if owner == label]
        signed += [value for (_, other), value in evidence.items() if other == label]
        score = float(weights[label] @ (joined.embeddings[0] @ z))
        assert score == pytest.approx(sum(signed) / len(signed), abs=1e-6)


def test_keyed_confusions_are_the_negative_experts_bank(context, images) -> None:
    kind = find_method("biomedvr")
    method = kind(context, kind.options_type(negatives="keyed")).eval()
    with torch.no_grad():
        negative = method.contributions(method.prepare(images(method)))[-1]
    # Each class's texts describe the next one.
    texts, weights = negative.bank.texts[0], negative.weights
    assert weights[0][texts.index("dark ring instead, seen 0 times")] < 0
    assert weights[1][texts.index("dark ring instead, seen 0 times")] > 0
    assert weights[2][texts.index("dark ring instead, seen 0 times")] == 0


def test_each_text_is_scored_through_the_program_of_its_cluster(context, images) -> None:
    kind = find_method("biomedvr")
    method = kind(context, kind.options_type(programs=2)).eval()
    assert list(method.programs()) == ["pos", "pos-2", "neg"]
    with torch.no_grad():
        method.delta.normal_(generator=torch.Generator().manual_seed(4))
        prepared = method.prepare(images(method))
        seen = method.features(method.inputs(images(method)))
        terms = method.contributions(prepared)
        assert {int(program) for term in terms[:2] for program in term.programs.unique()} == {0, 1}
        for term in terms[:2]:
            for label, texts in enumerate(term.bank.texts):
                for j in range(len(texts)):
                    program = int(term.programs[label, j])
                    cosines = seen[program] @ term.bank.embeddings[label, j]
                    assert torch.allclose(term.similarities[:, label, j], term.tau * cosines, atol=1e-4)
        assert torch.equal(terms[2].features, seen[2]) and terms[2].programs is None


def test_clusters_put_similar_texts_together() -> None:
    directions = torch.eye(4)[:2]
    rows = [directions[[0, 1, 0]], directions[[1, 0]]]
    clusters = clustered({"a": from_classes(rows), "b": from_classes(rows)}, 2, seed=0)
    assert torch.equal(clusters["a"], clusters["b"])
    first, second = clusters["a"][0, 0], clusters["a"][0, 1]
    assert first != second
    assert clusters["a"].tolist()[1][:2] == [int(second), int(first)]
