"""The training of `mini`: its loss, that it goes on where it stopped, and what it exports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from open_clip import SimpleTokenizer

from attrgen.core.errors import UserError
from vr.clip import backbone
from vr.phantom.pool import Pool, tokenize, vocabulary
from vr.phantom.train_mini import (
    CHECKPOINT,
    MODEL,
    Settings,
    contrastive_loss,
    encode_text,
    export,
    make_model,
    train,
)

TINY = Settings(steps=4, batch_size=4, scenes=12, warmup=1, checkpoint_every=2)


@pytest.fixture(scope="module")
def tokenizer() -> SimpleTokenizer:
    return SimpleTokenizer()


def test_with_one_true_caption_each_the_loss_is_clips() -> None:
    logits = torch.randn(5, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(5)
    cross_entropy = torch.nn.functional.cross_entropy
    expected = (cross_entropy(logits, labels) + cross_entropy(logits.T, labels)) / 2
    torch.testing.assert_close(contrastive_loss(logits, torch.eye(5, dtype=torch.bool)), expected)


def test_every_true_caption_counts_the_same() -> None:
    truth = torch.tensor([[True, True, False], [False, True, True]])
    logits = torch.tensor([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]])
    rows, columns = logits.log_softmax(1), logits.log_softmax(0)
    by_picture = -((rows[0, 0] + rows[0, 1]) / 2 + (rows[1, 1] + rows[1, 2]) / 2) / 2
    by_caption = -(columns[0, 0] + (columns[0, 1] + columns[1, 1]) / 2 + columns[1, 2]) / 3
    torch.testing.assert_close(contrastive_loss(logits, truth), (by_picture + by_caption) / 2)


def test_short_tokens_are_encoded_as_open_clip_encodes_long_ones(tokenizer: SimpleTokenizer) -> None:
    model = make_model(0).eval()
    texts = ["a small white speck", "a round, dark, fluid-filled area with a hair-thin smooth wall"]
    with torch.no_grad():
        torch.testing.assert_close(
            encode_text(model, tokenize(texts, tokenizer)),
            model.encode_text(tokenizer(texts)),
            atol=1e-5,
            rtol=1e-4,
        )


def test_words_are_tokenized_one_by_one_as_in_a_sentence(tokenizer: SimpleTokenizer) -> None:
    texts = [
        "a lobed, bone-white nugget with a hair-thin wall, as if traced",
        " ".join(sorted(vocabulary())[:30]),
    ]
    length = tokenize(texts, tokenizer).shape[1]
    assert tokenize(texts, tokenizer).tolist() == tokenizer(texts, context_length=length).tolist()


def test_a_batch_depends_on_seed_and_step_alone(tokenizer: SimpleTokenizer) -> None:
    pools = [Pool(tokenizer, scenes=12, batch_size=4, seed=3) for _ in range(2)]
    pools[1].batch(0)
    for step in (1, 5):
        one, other = (pool.batch(step) for pool in pools)
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
        assert bool(one.truth.any(0).all()) and bool(one.truth.any(1).all())
        assert one.pictures.shape == (4, 3, 80, 80)
        assert float(one.pictures.min()) >= 0 and float(one.pictures.max()) <= 1


def test_it_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", TINY)

    class _StopError(Exception):
        pass

    def stop(step: int, *_: float) -> None:
        if step == 2:  # after the checkpoint of two steps, in the middle of the next two
            raise _StopError

    with pytest.raises(_StopError):
        train(tmp_path / "parted", TINY, report=stop)
    steps: list[int] = []
    parted = train(tmp_path / "parted", TINY, report=lambda step, *_: steps.append(step))
    assert steps == [2, 3]
    for (name, one), other in zip(whole.state_dict().items(), parted.state_dict().values(), strict=True):
        assert torch.equal(one, other), name


def test_only_words_of_the_captions_are_learned(tmp_path: Path, tokenizer: SimpleTokenizer) -> None:
    start = make_model(TINY.seed).token_embedding.weight.detach().clone()
    learned = train(tmp_path, replace(TINY, steps=1)).token_embedding.weight.detach()
    moved = set((learned != start).any(1).nonzero()[:, 0].tolist())
    known = {token for word in vocabulary() for token in tokenizer.encode(word)}
    assert moved
    assert moved <= known | {tokenizer.sot_token_id, tokenizer.eot_token_id}


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    train(tmp_path, replace(TINY, steps=1))
    assert (tmp_path / CHECKPOINT).exists()
    with pytest.raises(UserError) as caught:
        train(tmp_path, replace(TINY, steps=1, lr=1.0))
    assert caught.value.code == "mini-other-settings"


def test_what_is_exported_is_loaded_by_open_clip(tmp_path: Path) -> None:
    model = make_model(5)
    export(model, tmp_path)
    loaded = backbone.load(str(tmp_path))
    assert loaded.image_size == MODEL["vision_cfg"]["image_size"]
    assert next(loaded.model.parameters()).dtype == torch.float32
    for name, tensor in loaded.model.state_dict().items():
        torch.testing.assert_close(tensor, model.state_dict()[name].half().float())
