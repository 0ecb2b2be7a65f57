"""`vr push` against a stand-in for the hub's client with the real client's signatures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from typer.testing import CliRunner

from attrgen.core.errors import UserError
from vr.cli import app
from vr.report.model_card import CARD
from vr.report.push import files_to_push, push
from vr.runs import run as runs

hub = pytest.importorskip("huggingface_hub")
TOKEN = "hf_" + "k" * 30


@pytest.fixture
def run(toy_run: Path, tmp_path: Path) -> Path:
    path = Path(shutil.copytree(toy_run, tmp_path / "run"))
    (path / runs.REPORT).write_text("<img src='data:image/png;base64,…'>")
    (path / runs.CHECKPOINT).write_bytes(b"large")
    (path / "notes.txt").write_text("mine")
    return path


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    fake = create_autospec(hub.HfApi, instance=True)
    fake.create_repo.return_value = "https://huggingface.co/me/run"
    return fake


def sent(api: Any) -> dict[str, bytes]:
    (call,) = api.create_commit.call_args_list
    return {each.path_in_repo: each.path_or_fileobj for each in call.args[1]}


def test_it_sends_the_small_files_and_a_card_in_one_commit(run: Path, api: Any) -> None:
    said: list[str] = []
    assert push(run, "me/run", api=api, say=said.append) == "https://huggingface.co/me/run"
    expected = {runs.CONFIG, runs.FEWSHOT, runs.ATTRIBUTES, runs.MODEL, runs.METRICS, runs.PREDICTIONS}
    assert set(sent(api)) == {CARD, runs.HISTORY, *expected}
    assert sent(api)[runs.MODEL] == (run / runs.MODEL).read_bytes()
    assert b"# Toy: biomedvr, 4 shots" in sent(api)[CARD]
    api.create_repo.assert_called_once_with("me/run", repo_type="model", private=True, exist_ok=True)
    assert api.create_commit.call_args.kwargs["commit_message"] == "biomedvr on toy, 4 shots, seed 1"
    assert len(said) == len(sent(api)) and not [line for line in said if TOKEN in line]


def test_images_and_names_go_only_as_the_user_says(run: Path, api: Any) -> None:
    push(run, "me/run", api=api, public=True, report=True, predictions=False)
    assert runs.REPORT in sent(api) and runs.PREDICTIONS not in sent(api)
    assert api.create_repo.call_args.kwargs["private"] is False


def test_an_edited_card_is_sent_as_it_is(run: Path, api: Any) -> None:
    (run / CARD).write_text("my own words")
    push(run, "me/run", api=api)
    assert sent(api)[CARD] == b"my own words"


def test_no_folder_of_this_machine_is_sent(run: Path, toy: Any) -> None:
    for name, content in files_to_push(run).items():
        for place in (run, toy.data, toy.backbone, toy.attrs):
            assert str(place.parent).encode() not in content, name
    config = json.loads(files_to_push(run)[runs.CONFIG])
    assert config["data"] is None and config["backbone"]["name"] == toy.backbone.name
    assert config["attributes"]["file"] == toy.attrs.name


def test_what_was_sent_is_a_run_that_predicts(run: Path, toy: Any, tmp_path: Path) -> None:
    import vr

    folder = tmp_path / "fetched"
    folder.mkdir()
    for name, content in files_to_push(run).items():
        (folder / name).write_bytes(content)
    image = next((toy.data / "test").rglob("*.png"))
    model = vr.load(folder, backbone=str(toy.backbone), weights="random", device="cpu")
    assert model.predict(image) == vr.load(run, device="cpu").predict(image)
    assert runs.read_config(folder).fingerprint == runs.read_config(run).fingerprint


@pytest.mark.parametrize("where", ["create_repo", "create_commit"])
def test_a_refusal_is_told_without_the_token(where: str, run: Path, api: Any) -> None:
    for kind in (OSError, ValueError, AttributeError, RuntimeError):
        getattr(api, where).side_effect = kind(f"bad header 'Bearer {TOKEN}'\nmore")
        with pytest.raises(UserError) as caught:
            push(run, "me/run", api=api)
        assert caught.value.code == "push-refused" and "'Bearer ***'" in str(caught.value)
        assert TOKEN not in str(caught.value)
        assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_a_hub_that_cannot_be_reached(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    api = hub.HfApi(endpoint="http://127.0.0.1:9")
    with pytest.raises(UserError) as caught:
        push(run, "me/run", api=api)
    assert caught.value.code == "push-unreachable"
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("name", ["run", "a/b/c", "me/", "../x", "me/ru n", "https://huggingface.co/me/run"])
def test_what_is_no_repository_is_refused_before_anything_is_read(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        push(tmp_path, name)
    assert caught.value.code == "push-repository-name"


def test_a_file_that_is_not_small(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vr.report.push.LARGEST", 100)
    with pytest.raises(UserError) as caught:
        files_to_push(run)
    assert caught.value.code == "push-too-large"


def test_a_dry_run_asks_nobody(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "HfApi", lambda *_, **__: pytest.fail("asked"))
    ended = CliRunner().invoke(app, ["push", str(run), "me/run", "--dry-run"])
    assert ended.exit_code == 0 and "would be sent" in ended.output and runs.MODEL in ended.output
    assert runs.REPORT not in ended.output
