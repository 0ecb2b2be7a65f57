"""Loading a frozen CLIP: by folder, name and tag; what does not fit is an error that says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from attrgen.core.errors import UserError
from vr.clip import backbone as backbones
from vr.clip.text import embed


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
        wanted = tiny.model.encode_image((pixels - mean) / std, normalize=True)
        assert torch.allclose(tiny.encode_image(pixels), wanted, atol=1e-6)


def test_texts_are_encoded_as_open_clip_does(tiny: Any) -> None:
    texts = ["a round dark area", "a small white spot"]
    tokens = tiny.tokenizer(texts, context_length=40)
    wanted = tiny.model.encode_text(tokens, normalize=True)
    assert torch.allclose(tiny.encode_text(texts), wanted, atol=1e-6)


def test_a_text_over_the_context_is_named(tiny: Any) -> None:
    with pytest.raises(UserError, match=r"a text has 42 tokens and .* reads 40: 'dark dark"):
        tiny.encode_text(["short", " ".join(["dark"] * 40)])


def test_identity_depends_on_weights_and_configuration(tiny_folder: Path, tiny: Any) -> None:
    same = backbones.load(str(tiny_folder), "random", seed=1)
    other = backbones.load(str(tiny_folder), "random", seed=2)
    assert same.id == tiny.id != other.id and len(tiny.id) == 64


def test_bf16_is_for_the_image_tower_and_comes_back_as_float(tiny_folder: Path, tiny: Any) -> None:
    half = backbones.load(str(tiny_folder), "random", seed=1, precision="bf16")
    pixels = torch.rand(2, 3, 48, 48)
    with torch.no_grad():
        found, exact = half.encode_image(pixels), tiny.encode_image(pixels)
    assert found.dtype == torch.float32 and not torch.equal(found, exact)
    assert torch.nn.functional.cosine_similarity(found, exact).min() > 0.999


def _weights(folder: Path, model: Any, name: str = "open_clip_model.safetensors") -> Path:
    save_file({key: t.contiguous() for key, t in model.state_dict().items()}, folder / name)
    return folder / name


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A model folder as a user would have it, still without weights."""
    (tmp_path / "open_clip_config.json").write_bytes((tiny_folder / "open_clip_config.json").read_bytes())
    return tmp_path


def test_a_folder_with_weights_is_loaded_by_either_spelling(folder: Path, tiny: Any) -> None:
    _weights(folder, tiny.model)
    loaded = backbones.load(str(folder))
    assert loaded.id == tiny.id
    assert backbones.load(f"local-dir:{folder}").id == tiny.id


class TestRefusals:
    def test_unknown_name(self) -> None:
        with pytest.raises(UserError, match=r"unknown backbone 'ViT-B-17'.*ViT-B-16"):
            backbones.load("ViT-B-17", "openai")

    def test_name_without_weights(self) -> None:
        with pytest.raises(UserError, match=r"needs to know its weights.*laion"):
            backbones.load("ViT-B-32")

    def test_unknown_tag(self) -> None:
        with pytest.raises(UserError, match=r"neither a tag of ViT-B-32 nor a weights file.*laion"):
            backbones.load("ViT-B-32", "laion9b")

    def test_weights_of_the_other_activation(self) -> None:
        with pytest.raises(UserError, match=r"trained with QuickGELU.*--backbone ViT-B-16-quickgelu"):
            backbones.load("ViT-B-16", "openai")

    def test_weights_file_beside_a_config_of_the_other_activation(self, tmp_path: Path) -> None:
        config = {"model_cfg": {"quick_gelu": True}}
        (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
        save_file({"x": torch.zeros(1)}, tmp_path / "w.safetensors")
        with pytest.raises(UserError, match="trained with QuickGELU"):
            backbones.load("ViT-B-32", str(tmp_path / "w.safetensors"))

    def test_a_hub_that_cannot_be_reached_names_the_file_to_fetch(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        with pytest.raises(UserError) as caught:
            backbones.load()
        message = str(caught.value)
        assert (
            "could not be fetched" in message and "open_clip_model.safetensors of huggingface.co/" in message
        )
        assert "--weights PATH" in message and "--backbone mini" in message

    def test_missing_folder_config_and_weights(self, folder: Path, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="no such model folder"):
            backbones.load(f"local-dir:{tmp_path / 'absent'}")
        with pytest.raises(UserError, match=r"has no weights.*open_clip_model.safetensors"):
            backbones.load(str(folder))
        (folder / "open_clip_config.json").unlink()
        with pytest.raises(UserError, match=r"no open_clip_config.json"):
            backbones.load(str(folder))

    def test_weights_of_another_architecture(self, folder: Path, tiny: Any, tiny_resnet: Any) -> None:
        _weights(folder, tiny_resnet.model)
        with pytest.raises(UserError, match="do not fit the architecture"):
            backbones.load(str(folder))

    def test_weights_cut_short(self, folder: Path, tiny: Any) -> None:
        file = _weights(folder, tiny.model)
        file.write_bytes(file.read_bytes()[:1000])
        with pytest.raises(UserError, match="are damaged"):
            backbones.load(str(folder))


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


def test_a_mistyped_model_without_weights_is_called_unknown() -> None:
    with pytest.raises(UserError, match=r"unknown backbone 'ViT-B-61'.*Did you mean"):
        backbones.load("ViT-B-61")
