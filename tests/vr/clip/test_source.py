"""Backbones by name, tag, file, folder and repository: what each brings, and what is refused."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_models import BERT, FAMILIES
from safetensors.torch import load_file, save_file

from attrgen.core.errors import UserError
from vr.clip import backbone as backbones
from vr.clip import source
from vr.clip.preprocessing import OPENAI_MEAN

SIGLIP, BIOMED, LAION = (FAMILIES[name] for name in ("SigLIP", "BiomedCLIP", "LAION"))


def code_of(name: str, weights: str | None = None) -> str:
    """The code of the error with which a backbone is refused."""
    with pytest.raises(UserError) as caught:
        source.resolve(name, weights)
    return caught.value.code


@pytest.fixture
def architecture(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives an architecture of open_clip the size of a tiny model, and tags in the stand-in hub."""
    from open_clip import factory, pretrained

    def register(name: str, family: Any, **tags: Any) -> str:
        monkeypatch.setitem(factory._MODEL_CONFIGS, name, family.model)
        monkeypatch.setitem(pretrained._PRETRAINED, name, tags)
        return name

    return register


def tag(family: Any, **changes: Any) -> dict[str, Any]:
    return {"hf_hub": f"{family.repo}/", "quick_gelu": False, **family.preprocess, **changes}


class TestHub:
    def test_a_repository_needs_no_prefix(self, hub: Any) -> None:
        loaded = backbones.load(LAION.repo)
        assert loaded.id == backbones.load(f"hf-hub:{LAION.repo}").id
        assert loaded.name == LAION.repo

    def test_the_context_is_the_models_own(self, hub: Any) -> None:
        assert backbones.load(BIOMED.repo).context_length == 256
        assert backbones.load(SIGLIP.repo).context_length == 64

    @pytest.mark.parametrize(("status", "code"), [(401, "RepoNotFound"), (403, "GatedRepo")])
    def test_a_refusal_keeps_the_servers_words_and_names_the_token(
        self, hub: Any, status: int, code: str
    ) -> None:
        hub.refused[LAION.repo] = (status, code, "You have to accept the conditions")
        with pytest.raises(UserError) as caught:
            source.resolve(LAION.repo)
        assert caught.value.code == "hub-access-denied"
        assert str(status) in caught.value.what and "You have to accept the conditions" in caught.value.what
        assert "HF_TOKEN" in caught.value.remedy

    def test_an_unknown_repository_is_refused(self, hub: Any) -> None:
        assert code_of("nobody/nothing") == "hub-access-denied"  # the hub answers 401 to strangers

    def test_a_repository_of_another_library_is_refused(self, hub: Any) -> None:
        assert code_of(BERT) == "hub-not-found"

    def test_a_server_in_trouble_is_quoted(self, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        hub.refused[LAION.repo] = (500, "Internal", "the disk is full")
        with pytest.raises(UserError) as caught:
            source.resolve(LAION.repo)
        assert caught.value.code == "hub-refused" and "the disk is full" in caught.value.what

    def test_without_a_hub_the_files_to_fetch_are_named(self, offline: None) -> None:
        with pytest.raises(UserError) as caught:
            source.resolve(LAION.repo)
        assert caught.value.code == "hub-unreachable"
        assert "open_clip_config.json" in caught.value.remedy and LAION.repo in caught.value.remedy
        with pytest.raises(UserError) as caught:
            source.resolve(source.DEFAULT_NAME)
        assert caught.value.code == "hub-unreachable"
        assert "open_clip_model.safetensors" in caught.value.remedy


class TestTags:
    def test_a_tag_brings_its_preprocessing(self, hub: Any, architecture: Any) -> None:
        name = architecture("ViT-B-16-SigLIP", SIGLIP, webli=tag(SIGLIP))
        loaded = backbones.load(name, "webli")
        assert loaded.preprocessing == backbones.load(SIGLIP.repo).preprocessing
        assert loaded.preprocessing.resize_mode == "squash"

    def test_a_tag_of_the_other_activation_is_refused(self, hub: Any, architecture: Any) -> None:
        name = architecture("ViT-B-16", LAION, openai=tag(LAION, quick_gelu=True))
        assert code_of(name, "openai") == "backbone-other-activation"

    def test_an_architecture_may_be_written_with_a_slash(self, architecture: Any) -> None:
        architecture("ViT-B-16", LAION)
        assert source.resolve("ViT-B/16", "random").configuration.model == LAION.model


class TestBareFiles:
    @pytest.fixture
    def name(self, architecture: Any) -> str:
        return str(architecture("ViT-B-16", LAION, laion2b=tag(LAION), squashed=tag(SIGLIP)))

    @pytest.fixture
    def file(self, repositories: Path, tmp_path: Path) -> Path:
        return Path(shutil.copy(repositories / LAION.repo / LAION.weights, tmp_path / "mine.bin"))

    def test_an_unknown_file_says_what_is_assumed_and_doubts_its_activation(
        self, name: str, file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        loaded = backbones.load(name, str(file))
        assert loaded.preprocessing.mean == OPENAI_MEAN and loaded.preprocessing.resize_mode == "shortest"
        assert "says how it wants its images: OpenAI's preprocessing is assumed" in caplog.text
        assert "QuickGELU" in caplog.text and "--backbone ViT-B-16-quickgelu" in caplog.text

    @pytest.mark.parametrize("place", ["x/squashed.bin", "squashed/x.bin", "vit-squashed_e32.bin"])
    def test_a_file_of_a_known_tag_has_the_tags_preprocessing(
        self, name: str, file: Path, place: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        named = tmp_path / "weights" / place
        named.parent.mkdir(parents=True)
        shutil.copy(file, named)
        loaded = backbones.load(name, str(named))
        assert loaded.preprocessing.resize_mode == "squash" and not caplog.text
        older = loaded.as_recorded(loaded.weights_id)  # earlier versions read no file's tag
        assert older is not None and older.preprocessing.mean == OPENAI_MEAN
        assert older.preprocessing.resize_mode == "shortest"

    def test_a_file_in_the_hubs_cache_is_known_by_its_repository(self, name: str, tmp_path: Path) -> None:
        snapshot = tmp_path / f"models--{SIGLIP.repo.replace('/', '--')}" / "snapshots" / "abc"
        from vr.clip.tags import tag_of_file

        match = tag_of_file(name, snapshot / "open_clip_model.safetensors")
        assert match is not None and match[0] == "squashed"

    def test_a_configuration_beside_it_is_read(
        self, name: str, file: Path, repositories: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        config = {"model_cfg": LAION.model, "preprocess_cfg": {"resize_mode": "longest", "mean": [0, 0, 0]}}
        (file.parent / "open_clip_config.json").write_text(json.dumps(config))
        assert backbones.load(name, str(file)).preprocessing.resize_mode == "longest"
        assert not caplog.text
        config["model_cfg"] = {**LAION.model, "quick_gelu": True}
        (file.parent / "open_clip_config.json").write_text(json.dumps(config))
        assert code_of(name, str(file)) == "backbone-other-activation"
        config["model_cfg"] = SIGLIP.model
        (file.parent / "open_clip_config.json").write_text(json.dumps(config))
        source.resolve(name, str(file))
        assert "describes another model" in caplog.text

    def test_openais_marks_are_seen_and_do_not_hinder(
        self, name: str, architecture: Any, repositories: Path, tmp_path: Path
    ) -> None:
        openai = FAMILIES["OpenAI"]
        state = load_file(repositories / openai.repo / openai.weights)
        extra = {key: torch.tensor(1) for key in ("input_resolution", "context_length", "vocab_size")}
        save_file({**state, **extra}, tmp_path / "w.safetensors")
        assert code_of(name, str(tmp_path / "w.safetensors")) == "backbone-other-activation"
        quick = architecture("ViT-B-16-quickgelu", openai)
        loaded = backbones.load(quick, str(tmp_path / "w.safetensors"))
        assert torch.equal(loaded.model.state_dict()["visual.proj"], state["visual.proj"])

    def test_tokenizer_and_text_configuration_are_found_beside_it(
        self, architecture: Any, repositories: Path, tmp_path: Path, offline: None
    ) -> None:
        name = architecture("biomed", BIOMED, x=tag(BIOMED))
        folder = Path(shutil.copytree(repositories / BIOMED.repo, tmp_path / "own"))
        (folder / "open_clip_config.json").unlink()
        shutil.copy(repositories / BERT / "config.json", folder)
        assert backbones.load(name, str(folder / BIOMED.weights)).context_length == 256


class TestWeightsArgument:
    @pytest.fixture
    def folder(self, repositories: Path, tmp_path: Path) -> Path:
        return Path(shutil.copytree(repositories / LAION.repo, tmp_path / "own"))

    def test_another_file_of_a_folder_is_used(self, folder: Path, tmp_path: Path) -> None:
        state = torch.load(folder / LAION.weights, weights_only=True)
        state["logit_scale"] = torch.tensor(1.0)
        save_file(state, folder / "tuned.safetensors")
        other = shutil.copy(folder / "tuned.safetensors", tmp_path / "elsewhere.safetensors")
        for weights in ("tuned.safetensors", str(other)):
            loaded = backbones.load(str(folder), weights)
            assert loaded.tau == pytest.approx(torch.e) and loaded.weights == weights

    @pytest.mark.parametrize("weights", ["openai", "absent.safetensors", "hf-hub:some/repo", "."])
    def test_what_a_folder_cannot_use_is_refused(self, folder: Path, weights: str) -> None:
        assert code_of(str(folder), weights) == "backbone-weights-unused"

    def test_what_a_repository_cannot_use_is_refused(self, hub: Any, folder: Path) -> None:
        assert code_of(LAION.repo, "openai") == "backbone-weights-unused"
        own = backbones.load(LAION.repo, str(folder / LAION.weights))
        assert own.id == backbones.load(LAION.repo).id

    def test_a_whole_model_is_not_weights(self, folder: Path) -> None:
        assert code_of("ViT-B-16", str(folder)) == "backbone-weights-is-a-model"
        assert code_of("ViT-B-16", "some/repo") == "backbone-weights-is-a-model"
        assert code_of("ViT-B-16", "hf-hub:some/repo") == "backbone-weights-is-a-model"

    def test_the_choice_among_several_is_told(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        assert source.resolve(str(folder)).file == folder / LAION.weights  # by its name
        assert not caplog.text
        (folder / LAION.weights).rename(folder / "b.bin")
        (folder / "model.safetensors").rename(folder / "c.safetensors")
        with caplog.at_level(logging.WARNING):
            assert source.resolve(str(folder)).file == folder / "c.safetensors"
        assert "b.bin" in caplog.text


class TestTextFiles:
    @pytest.mark.parametrize("family", [BIOMED, SIGLIP], ids=["BiomedCLIP", "SigLIP"])
    def test_a_tokenizer_that_is_nowhere_is_named(
        self, family: Any, repositories: Path, tmp_path: Path, offline: None
    ) -> None:
        folder = Path(shutil.copytree(repositories / family.repo, tmp_path / "own"))
        shutil.copy(repositories / BERT / "config.json", folder)
        for file in (*folder.glob("tokenizer*"), *folder.glob("vocab*")):
            file.unlink()
        with pytest.raises(UserError) as caught:
            backbones.load(str(folder))
        assert caught.value.code == "hub-unreachable"
        remedy = caught.value.remedy
        assert "tokenizer.json" in remedy and family.model["text_cfg"]["hf_tokenizer_name"] in remedy
        assert str(folder) in remedy

    def test_a_text_configuration_that_is_nowhere_is_named(
        self, repositories: Path, tmp_path: Path, offline: None
    ) -> None:
        folder = Path(shutil.copytree(repositories / BIOMED.repo, tmp_path / "own"))
        (folder / "config.json").write_text(json.dumps({"model_type": "clip"}))  # of another library
        with pytest.raises(UserError) as caught:
            backbones.load(str(folder))
        assert caught.value.code == "hub-unreachable"
        assert f"config.json of huggingface.co/{BERT}" in caught.value.remedy

    def test_a_damaged_tokenizer_is_told(self, repositories: Path, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(repositories / SIGLIP.repo, tmp_path / "own"))
        (folder / "tokenizer.json").write_text("{")
        with pytest.raises(UserError) as caught:
            backbones.load(str(folder))
        assert caught.value.code == "backbone-tokenizer-unreadable"


TEXTS = [
    "a dark area",
    "a  dark   AREA",
    "a dark &amp; bright spot",
    "area, dark; spot!",
    "",
    "the_kidney's wall",
]


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_are_counted_as_the_tokenizer_cleans_them(family: str, hub: Any) -> None:
    loaded = backbones.load(FAMILIES[family].repo)
    longest = loaded.tokenizer(TEXTS, context_length=60)
    for text, tokens in zip(TEXTS, longest, strict=True):
        # One token less than counted cuts the text; as many as are counted do not.
        count = loaded.count_tokens(text)
        exact = loaded.tokenizer([text], context_length=count)[0]
        assert torch.equal(tokens[:count], exact)
        if count > 2:
            assert not torch.equal(loaded.tokenizer([text], context_length=count - 1)[0], exact[:-1])


@pytest.mark.parametrize("config", ["{", "[]", '{"model_cfg": {}}', '{"model_cfg": {"embed_dim": 1}}'])
def test_a_configuration_that_is_none_is_refused(config: str, tmp_path: Path) -> None:
    (tmp_path / "open_clip_config.json").write_text(config)
    assert code_of(str(tmp_path)).startswith("backbone-config")


@pytest.mark.parametrize("timm_model", ["no_such_model", "test_vit"])
def test_an_architecture_that_cannot_be_built_is_refused(timm_model: str, tmp_path: Path) -> None:
    vision = {"image_size": 64, "timm_model_name": timm_model, "timm_pool": "", "timm_proj": "linear"}
    model = {**LAION.model, "vision_cfg": vision, "custom_text": True}  # test_vit has 160 pixels
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": model}))
    with pytest.raises(UserError) as caught:
        backbones.load(str(tmp_path), "random")
    assert caught.value.code == "backbone-config-unusable"
