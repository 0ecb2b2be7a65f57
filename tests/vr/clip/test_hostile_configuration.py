"""A model's configuration cannot run code, and cannot ask for a model that no machine holds."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from vr.clip import backbone

TEXT = {"context_length": 16, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1}
VISION = {"image_size": 16, "patch_size": 8, "layers": 1, "width": 8, "head_width": 8}


def folder_of(tmp_path: Path, *, text: Any = None, vision: Any = None) -> Path:
    """A folder with a configuration, changed."""
    model = {"embed_dim": 8, "text_cfg": {**TEXT, **(text or {})}, "vision_cfg": {**VISION, **(vision or {})}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": model}))
    return tmp_path


def load_error(folder: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        backbone.load(str(folder), "random")
    return caught.value


@pytest.mark.parametrize("asks", [True, False])
def test_a_tokenizer_runs_no_code_of_its_own(tmp_path: Path, asks: bool) -> None:
    pytest.importorskip("transformers")
    options = {"tokenizer_kwargs": {"trust_remote_code": True}} if asks else {}
    folder = folder_of(tmp_path, text={"hf_tokenizer_name": "somebody/theirs", **options})
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "Theirs", "auto_map": {"AutoTokenizer": ["theirs.Theirs", None]}})
    )
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    (folder / "theirs.py").write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w')\nfrom transformers import BertTokenizer as Theirs\n"
    )
    error = load_error(folder)
    assert error.code == ("backbone-config-runs-code" if asks else "backbone-tokenizer-unreadable")
    assert not (tmp_path / "ran").exists()


def test_a_tokenizer_without_a_token_for_padding(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    folder = folder_of(tmp_path, text={"hf_tokenizer_name": "somebody/theirs"})
    model = {"type": "WordLevel", "vocab": {"[PAD]": 0, "[UNK]": 1, "a": 2}, "unk_token": "[UNK]"}
    parts = {"normalizer": None, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None}
    rest = {"truncation": None, "padding": None, "added_tokens": [], "decoder": None}
    file = {"version": "1.0", **rest, **parts, "model": model}
    (folder / "tokenizer.json").write_text(json.dumps(file))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    assert load_error(folder).code == "backbone-tokenizer-unreadable"
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "pad_token": "[PAD]"}))
    assert backbone.load(str(folder), "random").tokenizer(["a"]).shape[0] == 1


def test_a_text_tower_runs_no_code_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    folder = folder_of(tmp_path, text={"hf_model_name": "somebody/theirs", "hf_tokenizer_name": ""})
    auto_map = {"AutoConfig": "theirs.Theirs", "AutoModel": "theirs.Theirs"}
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "auto_map": auto_map}))
    (folder / "theirs.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with suppress(UserError):  # a class of transformers may be used in its place
        backbone.load(str(folder), "random")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"vision": {"width": 10**9}},
        {"vision": {"layers": 10**9}},
        {"vision": {"layers": [1, 1, 1, 10**6]}},
        {"text": {"vocab_size": 2**40}},
        {"vision": {"width": "wide"}},
        {"vision": {"patch_size": 0}},
        {"text": {"heads": None}},
        {"text": {"tokenizer_kwargs": []}, "vision": {"layers": -1}},
        {"text": {"tokenizer_kwargs": ["x"]}},
    ],
)
def test_a_model_that_cannot_be_built(tmp_path: Path, changes: Any) -> None:
    assert load_error(folder_of(tmp_path, **changes)).code == "backbone-config-unusable"


@pytest.mark.parametrize("model", [None, [], {}, {"embed_dim": 8, "vision_cfg": [], "text_cfg": {}}])
def test_a_configuration_of_another_form(tmp_path: Path, model: Any) -> None:
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": model}))
    assert load_error(tmp_path).code == "backbone-config-value"
