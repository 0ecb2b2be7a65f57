"""When `--precision auto` computes in bf16 on a CPU."""

from __future__ import annotations

import pytest

from vr.clip import backbone as backbones
from vr.clip import bf16
from vr.clip.backbone import Backbone
from vr.clip.vit.read_layers import Unsupported


@pytest.fixture(scope="module")
def mini() -> Backbone:
    return backbones.load("mini")


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor with bf16 arithmetic, and no tower that is too small."""
    monkeypatch.setattr(bf16, "computes_in_bf16", lambda device: True)
    monkeypatch.setattr(bf16, "LEAST_PARAMETERS", 0)
    monkeypatch.setattr(bf16, "_agreeing", {})


def test_gradients_of_mini_agree_in_bf16(mini: Backbone) -> None:
    assert 0.9 < bf16.gradient_cosine(mini) <= 1 + 1e-6


@pytest.mark.usefixtures("able")
@pytest.mark.parametrize(("cosine", "expected"), [(0.995, True), (0.98, False)])
def test_the_gradient_decides(
    mini: Backbone, monkeypatch: pytest.MonkeyPatch, cosine: float, expected: bool
) -> None:
    monkeypatch.setattr(bf16, "gradient_cosine", lambda backbone: cosine)
    assert bf16.gains_from_bf16(mini) is expected


@pytest.mark.usefixtures("able")
def test_not_on_a_processor_without_it(mini: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bf16, "computes_in_bf16", lambda device: False)
    assert not bf16.gains_from_bf16(mini)


@pytest.mark.usefixtures("able")
def test_a_tower_that_only_the_model_can_compute_stays_in_fp32(
    mini: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(backbone: Backbone, dtype: object) -> None:
        raise Unsupported("the image tower is a ModifiedResNet")

    monkeypatch.setattr(Backbone, "tower", unknown)
    monkeypatch.setattr(bf16, "gradient_cosine", lambda backbone: 1.0)
    assert not bf16.gains_from_bf16(mini)


def test_a_small_tower_stays_in_fp32(mini: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bf16, "computes_in_bf16", lambda device: True)
    monkeypatch.setattr(bf16, "gradient_cosine", lambda backbone: pytest.fail("it is not even asked"))
    assert not bf16.gains_from_bf16(mini)
