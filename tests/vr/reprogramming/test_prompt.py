"""The text tower run from token embeddings equals `encode_text` for every kind of tower, or is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from attrgen.core.errors import UserError
from vr.clip import backbone
from vr.clip.text_tower import HuggingFaceTower, OpenClipTower, text_tower
from vr.reprogramming.prompt import Prompts, start_tokens, word_vectors

VISION = {"image_size": 16, "patch_size": 8, "layers": 1, "width": 16, "head_width": 16}
TEXT = {"context_length": 30, "vocab_size": 49408, "width": 24, "heads": 2, "layers": 2}
TEXTS = ["a bright spot", "a ring that is dark, of a kidney", "x"]

OPEN_CLIP = {
    "openai": ({}, {}),
    "separate tower": ({}, {"custom_text": True}),
    "projection with bias": ({"proj_bias": True}, {"custom_text": True}),
    "without projection": ({"proj_type": "none", "width": 32}, {"custom_text": True}),
    "end token": ({"pool_type": "eos", "eos_id": 49407}, {}),
    "last position, not causal": ({"pool_type": "last", "no_causal_mask": True}, {"custom_text": True}),
    "end token, not causal": ({"no_causal_mask": True}, {"custom_text": True}),
    "first position": ({"pool_type": "first", "no_causal_mask": True}, {"custom_text": True}),
    "layer scale": ({"ls_init_value": 0.1}, {"quick_gelu": True}),
}
_WORDS = ["a", "bright", "spot", "ring", "that", "is", "dark", "of", "kidney", "photo", "x", "##s", ",", "."]


def make(folder: Path, text: dict[str, Any], model: dict[str, Any]) -> backbone.Backbone:
    config = {"model_cfg": {"embed_dim": 32, "vision_cfg": VISION, "text_cfg": text, **model}}
    config["preprocess_cfg"] = {"mean": [0.5] * 3, "std": [0.25] * 3}
    folder.mkdir(exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return backbone.load(str(folder), "random")


def plain(model: backbone.Backbone) -> tuple[torch.Tensor, torch.Tensor]:
    tokens = model.tokenizer(TEXTS, context_length=model.context_length)
    with torch.no_grad():
        return tokens, model.model.encode_text(tokens)


def check(model: backbone.Backbone, needed: int) -> None:
    tower = text_tower(model)
    tokens, expected = plain(model)
    assert tower.needed(tokens) == needed
    for length in (needed, tokens.shape[1]):
        kept = tokens[:, :length]
        features = tower.encode(tower.embed(kept), kept)
        torch.testing.assert_close(features, expected, atol=1e-5, rtol=1e-5)
    # A prompt whose vectors are the words themselves is that text, in as many classes as there are.
    names = ("spot", "dark ring")
    prompts = Prompts(model, names, 4)
    assert len(word_vectors(model, "a photo of a")) == 4
    texts = [f"a photo of a {name}." for name in names]
    features = prompts.encode(word_vectors(model, "a photo of a"))
    torch.testing.assert_close(features, model.encode_text(texts), atol=1e-5, rtol=1e-5)
    contexts = torch.randn(3, 4, tower.width)
    one_by_one = torch.stack([prompts.encode(context) for context in contexts])
    torch.testing.assert_close(prompts.encode(contexts), one_by_one, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", OPEN_CLIP)
def test_towers_of_open_clip(tmp_path: Path, name: str) -> None:
    text, changes = OPEN_CLIP[name]
    model = make(tmp_path, {**TEXT, **text}, changes)
    assert isinstance(text_tower(model), OpenClipTower)
    assert start_tokens(model) == 1
    whole = bool(text.get("no_causal_mask"))
    check(model, needed=30 if whole else 11)


def bert(folder: Path, **text: Any) -> backbone.Backbone:
    transformers = pytest.importorskip("transformers")
    folder.mkdir(exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=30,
    )
    config.save_pretrained(folder)
    named = {"hf_model_name": str(folder), "hf_tokenizer_name": str(folder), "hf_model_pretrained": False}
    return make(folder, {**named, "context_length": 30, **text}, {"custom_text": True})


@pytest.mark.parametrize(
    ("pooler", "projection"),
    [("cls_last_hidden_state_pooler", "mlp"), ("cls_pooler", "linear"), ("mean_pooler", "linear")],
)
def test_hugging_face_towers(tmp_path: Path, pooler: str, projection: str) -> None:
    model = bert(tmp_path, hf_pooler_type=pooler, hf_proj_type=projection)
    assert isinstance(text_tower(model), HuggingFaceTower)
    assert start_tokens(model) == 1
    check(model, needed=11)


def test_a_tower_that_appends_a_class_token_is_refused(tmp_path: Path) -> None:
    model = make(tmp_path, {**TEXT, "embed_cls": True}, {"custom_text": True})
    with pytest.raises(UserError) as caught:
        text_tower(model)
    assert caught.value.code == "prompt-unsupported-tower"


def test_a_tower_of_another_kind_is_refused(tmp_path: Path) -> None:
    model = make(tmp_path, TEXT, {"custom_text": True})
    model.model.text = torch.nn.Linear(3, 3)
    with pytest.raises(UserError) as caught:
        text_tower(model)
    assert caught.value.code == "prompt-unsupported-tower" and "Linear" in caught.value.what


def test_a_tower_that_computes_something_else_is_refused(tmp_path: Path) -> None:
    model = make(tmp_path, TEXT, {})
    whole = model.model.encode_text
    model.model.encode_text = lambda tokens: whole(tokens) + 1
    with pytest.raises(UserError) as caught:
        Prompts(model, ("spot",), 4)
    assert caught.value.code == "prompt-unsupported-tower"


def test_a_tokenizer_that_cuts_the_filler_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vr.reprogramming.prompt._FILLER", "extracellular")
    with pytest.raises(UserError) as caught:
        Prompts(make(tmp_path, TEXT, {}), ("spot",), 4)
    assert caught.value.code == "prompt-unsupported-tokenizer"
