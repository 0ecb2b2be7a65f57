"""A frozen CLIP: what it computes, its identity, the cache of its text embeddings."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from attrgen.core.errors import UserError
from vr.clip import backbone as backbones
from vr.clip.text_embeddings import embed
from vr.reprogramming.prompt import word_vectors


def test_sizes_and_normalisation_come_from_the_model(tiny: Any) -> None:
    assert (tiny.image_size, tiny.patch_size, tiny.context_length) == (48, 8, 40)
    assert tiny.mean.flatten().tolist() == pytest.approx([0.48, 0.46, 0.41])
    assert tiny.tau == pytest.approx(1 / 0.07, rel=1e-4)
    assert not any(p.requires_grad for p in tiny.model.parameters())


def test_images_are_encoded_as_open_clip_does(tiny: Any) -> None:
    pixels = torch.rand(2, 3, 48, 48)
    mean = torch.tensor([0.48, 0.46, 0.41])[:, None, None]
    std = torch.tensor([0.27, 0.26, 0.28])[:, None, None]
    with torch.no_grad():
        expected = tiny.model.encode_image((pixels - mean) / std, normalize=True)
        assert torch.allclose(tiny.encode_image(pixels), expected, atol=1e-6)
        assert torch.equal(tiny.encode_by_model(pixels), expected)


def test_the_gradient_of_pixels_is_that_of_the_model(tiny: Any) -> None:
    pixels = torch.rand(2, 3, 48, 48).requires_grad_()
    gradients = [
        torch.autograd.grad(encode(pixels)[:, ::3].sum(), pixels)[0]
        for encode in (tiny.encode_image, tiny.encode_by_model)
    ]
    assert float(gradients[1].norm()) > 1e-3
    assert torch.allclose(*gradients, atol=1e-6)


def test_a_tower_is_read_once_and_for_its_model_alone(tiny: Any) -> None:
    tower = tiny.tower()
    assert tower is tiny.tower() is replace(tiny, precision="fp32").tower()
    assert tower is not tiny.tower(torch.bfloat16)
    assert replace(tiny, model=copy.deepcopy(tiny.model)).tower() is not tower


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_weights_that_were_changed_are_read_again(tiny_folder: Path, precision: Any) -> None:
    backbone = backbones.load(str(tiny_folder), "random", seed=1, precision=precision)
    pixels = torch.rand(2, 3, 48, 48)
    with torch.no_grad():
        before = backbone.encode_image(pixels)
        other = backbones.load(str(tiny_folder), "random", seed=2)
        backbone.model.load_state_dict(other.model.state_dict())
        after = backbone.encode_image(pixels)
    assert torch.nn.functional.cosine_similarity(after, other.encode_image(pixels)).min() > 0.99
    assert torch.nn.functional.cosine_similarity(after, before).max() < 0.99


@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (1, 3, 48, 56), (3, 48, 48), (1, 3, 40, 40)])
def test_pixels_of_another_shape_are_as_wrong_as_for_the_model(tiny: Any, shape: tuple[int, ...]) -> None:
    tiny.encode_image(torch.rand(1, 3, 48, 48))
    for encode in (tiny.encode_by_model, tiny.encode_image):
        with pytest.raises((RuntimeError, AssertionError)):
            encode(torch.rand(*shape))


def test_weights_of_another_type_are_left_to_the_model(tiny_folder: Path) -> None:
    backbone = backbones.load(str(tiny_folder), "random", seed=1)
    backbone.model.double()
    pixels = torch.rand(1, 3, 48, 48, dtype=torch.float64)
    with torch.no_grad():
        assert torch.equal(backbone.encode_image(pixels), backbone.encode_by_model(pixels))


def test_a_backbone_that_has_encoded_can_be_copied_and_sent_to_a_process(tiny: Any) -> None:
    pixels = torch.rand(1, 3, 48, 48)
    with torch.no_grad():
        expected = tiny.encode_image(pixels)
        for twin in (copy.deepcopy(tiny), pickle.loads(pickle.dumps(tiny))):
            assert torch.allclose(twin.encode_image(pixels), expected, atol=1e-6)


def test_a_tower_that_was_read_while_predicting_can_train(tiny_folder: Path) -> None:
    half = backbones.load(str(tiny_folder), "random", seed=1, precision="bf16")
    with torch.inference_mode():
        half.encode_image(torch.rand(1, 3, 48, 48))
    pixels = torch.rand(1, 3, 48, 48).requires_grad_()
    half.encode_image(pixels).sum().backward()
    assert pixels.grad is not None and bool(pixels.grad.any())


def test_weights_that_are_trained_get_their_gradient(tiny_folder: Path) -> None:
    backbone = backbones.load(str(tiny_folder), "random", seed=1)
    pixels = torch.rand(1, 3, 48, 48)
    backbone.encode_image(pixels)
    weight = backbone.model.visual.conv1.weight.requires_grad_()  # type: ignore[union-attr]
    backbone.encode_image(pixels)[:, ::3].sum().backward()
    assert weight.grad is not None and bool(weight.grad.any())  # type: ignore[union-attr]


def test_an_unknown_tower_is_encoded_by_the_model(tiny_folder: Path) -> None:
    backbone = backbones.load(str(tiny_folder), "random", seed=1)
    backbone.model.visual.ln_pre = torch.nn.Sequential(backbone.model.visual.ln_pre)  # type: ignore
    pixels = torch.rand(1, 3, 48, 48)
    with torch.no_grad():
        assert torch.equal(backbone.encode_image(pixels), backbone.encode_by_model(pixels))


def test_the_tokenizer_is_made_when_it_is_needed_and_is_open_clips(tiny_folder: Path) -> None:
    from open_clip.tokenizer import SimpleTokenizer

    tokenizer, expected = backbones.load("mini").tokenizer, SimpleTokenizer(context_length=77)
    assert "_made" not in vars(tokenizer)
    assert torch.equal(tokenizer(["a dark area"], context_length=9), expected(["a dark area"], 9))
    assert tokenizer.encode("a dark area") == expected.encode("a dark area")
    assert (tokenizer.eot_token_id, tokenizer.vocab_size) == (expected.eot_token_id, expected.vocab_size)
    twin = pickle.loads(pickle.dumps(backbones.load("mini").tokenizer))
    assert twin.encode("a dark area") == expected.encode("a dark area")


def test_texts_are_encoded_as_open_clip_does(tiny: Any) -> None:
    texts = ["a round dark area", "a small white spot"]
    tokens = tiny.tokenizer(texts, context_length=40)
    expected = tiny.model.encode_text(tokens, normalize=True)
    assert torch.allclose(tiny.encode_text(texts), expected, atol=1e-6)


def test_a_tokenizer_of_another_model_is_an_error(tiny: Any) -> None:
    class Larger:
        context_length = 40

        def __call__(self, texts: list[str], context_length: int) -> torch.Tensor:
            return torch.full((len(texts), context_length), tiny.model.vocab_size)

        def encode(self, text: str) -> list[int]:
            return [1]

    with pytest.raises(UserError) as caught:
        replace(tiny, tokenizer=Larger()).encode_text(["a dark area"])
    assert caught.value.code == "backbone-tokenizer-of-another-model"
    with pytest.raises(UserError):
        word_vectors(replace(tiny, tokenizer=Larger()), "a photo")


def test_a_text_over_the_context_is_named(tiny: Any) -> None:
    with pytest.raises(UserError) as caught:
        tiny.encode_text(["short", " ".join(["dark"] * 40)])
    assert caught.value.code == "backbone-text-too-long"
    assert "42 tokens" in caught.value.what and "'dark dark" in caught.value.what


def test_identity_depends_on_weights_and_configuration(tiny_folder: Path, tiny: Any) -> None:
    same = backbones.load(str(tiny_folder), "random", seed=1)
    other = backbones.load(str(tiny_folder), "random", seed=2)
    assert same.id == tiny.id != other.id and len(tiny.id) == 64


def test_bf16_is_for_the_image_tower_and_comes_back_as_float(tiny_folder: Path, tiny: Any) -> None:
    half = backbones.load(str(tiny_folder), "random", seed=1, precision="bf16")
    pixels = torch.rand(2, 3, 48, 48)
    with torch.no_grad():
        result, exact = half.encode_image(pixels), tiny.encode_image(pixels)
    assert result.dtype == torch.float32 and not torch.equal(result, exact)
    assert torch.nn.functional.cosine_similarity(result, exact).min() > 0.999


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A model folder as a user would have it, still without weights."""
    (tmp_path / "open_clip_config.json").write_bytes((tiny_folder / "open_clip_config.json").read_bytes())
    return tmp_path


def test_a_folder_with_weights_is_loaded_by_either_spelling(folder: Path, tiny: Any) -> None:
    state = {key: value.contiguous() for key, value in tiny.model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    loaded = backbones.load(str(folder))
    assert loaded.id == tiny.id
    assert backbones.load(f"local-dir:{folder}").id == tiny.id


class TestRefusals:
    def refused(self, name: str, weights: str | None = None) -> UserError:
        with pytest.raises(UserError) as caught:
            backbones.load(name, weights)
        return caught.value

    @pytest.mark.parametrize("weights", ["openai", None])
    def test_unknown_name(self, weights: str | None) -> None:
        error = self.refused("ViT-B-17", weights)
        assert error.code == "backbone-unknown" and "ViT-B-16" in error.remedy

    def test_name_without_weights(self) -> None:
        error = self.refused("ViT-B-32")
        assert error.code == "backbone-no-weights" and "laion2b_s34b_b79k" in error.remedy

    def test_unknown_tag(self) -> None:
        error = self.refused("ViT-B-32", "laion9b")
        assert error.code == "backbone-unknown-weights" and "laion2b_s34b_b79k" in error.remedy

    def test_weights_of_the_other_activation(self) -> None:
        error = self.refused("ViT-B-16", "openai")
        assert error.code == "backbone-other-activation"
        assert "--backbone ViT-B-16-quickgelu" in error.remedy

    def test_missing_folder_and_configuration(self, folder: Path) -> None:
        assert self.refused(f"local-dir:{folder / 'absent'}").code == "backbone-no-folder"
        (folder / "open_clip_config.json").unlink()
        assert self.refused(str(folder)).code == "backbone-no-config"


class TestTextCache:
    def test_each_sentence_is_encoded_once(
        self, tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []
        original = type(tiny).encode_text

        def spy(self: Any, texts: list[str], **kwargs: Any) -> Any:
            asked.extend(texts)
            return original(self, texts, **kwargs)

        monkeypatch.setattr(type(tiny), "encode_text", spy)
        first = embed(tiny, ["a", "b", "a"], folder=tmp_path)
        again = embed(tiny, ["b", "c", "a"], folder=tmp_path)
        assert asked == ["a", "b", "c"]
        assert torch.equal(first[0], first[2]) and torch.equal(first[1], again[0])
        assert torch.allclose(first, original(tiny, ["a", "b", "a"]), atol=1e-6)

    def test_other_weights_share_nothing(self, tiny: Any, tiny_folder: Path, tmp_path: Path) -> None:
        other = backbones.load(str(tiny_folder), "random", seed=2)
        assert not torch.allclose(embed(tiny, ["a"], folder=tmp_path), embed(other, ["a"], folder=tmp_path))

    def test_a_damaged_cache_counts_as_empty(self, tiny: Any, tmp_path: Path) -> None:
        whole = embed(tiny, ["a"], folder=tmp_path)
        (file,) = tmp_path.glob("*.safetensors")
        file.write_bytes(file.read_bytes()[:30])
        assert torch.equal(embed(tiny, ["a"], folder=tmp_path), whole)
