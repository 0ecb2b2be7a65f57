"""Weights files: every form loads without running code or is refused with a remedy that works."""

from __future__ import annotations

import json
import pickle
import shlex
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from attrgen.core.errors import UserError
from vr.clip import backbone as backbones
from vr.clip.weights import read_shapes


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """The tiny model's folder, still without weights."""
    (tmp_path / "open_clip_config.json").write_bytes((tiny_folder / "open_clip_config.json").read_bytes())
    return tmp_path


@pytest.fixture
def state(tiny: Any) -> dict[str, torch.Tensor]:
    return {key: value.contiguous() for key, value in tiny.model.state_dict().items()}


def refused(folder: Path) -> UserError:
    """The error with which a folder's weights are refused; it names the file."""
    with pytest.raises(UserError) as caught:
        backbones.load(str(folder))
    assert caught.value.file is not None and caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    "save",
    [
        lambda state, folder: save_file(state, folder / "open_clip_model.safetensors"),
        lambda state, folder: torch.save(state, folder / "open_clip_pytorch_model.bin"),
        lambda state, folder: torch.save(OrderedDict(state), folder / "x.pt"),
        lambda state, folder: torch.save(state, folder / "x.pth", _use_new_zipfile_serialization=False),
        lambda state, folder: torch.save(
            {"epoch": 3, "name": "run", "state_dict": {f"module.{k}": v for k, v in state.items()}},
            folder / "epoch_3.pt",
        ),
    ],
    ids=["safetensors", "bin", "pt", "old pickle", "training checkpoint"],
)
def test_every_form_gives_the_same_backbone(
    save: Any, folder: Path, state: dict[str, torch.Tensor], tiny: Any
) -> None:
    save(state, folder)
    assert backbones.load(str(folder)).id == tiny.id


def test_half_precision_is_loaded_as_single(folder: Path, state: dict[str, torch.Tensor]) -> None:
    save_file({key: value.half() for key, value in state.items()}, folder / "w.safetensors")
    loaded = backbones.load(str(folder)).model.state_dict()
    assert torch.equal(loaded["visual.proj"], state["visual.proj"].half().float())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "weights-lfs-pointer"),
        (b"", "weights-damaged"),
        (b"\n<!DOCTYPE html><html></html>", "weights-web-page"),
        (b"garbage" * 100, "weights-damaged"),
    ],
)
@pytest.mark.parametrize("name", ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"])
def test_what_is_no_weights_file_is_told(content: bytes, code: str, name: str, folder: Path) -> None:
    (folder / name).write_bytes(content)
    assert refused(folder).code == code


@pytest.mark.parametrize("share", [0.0005, 0.5, 0.999])
def test_truncated_files_are_damaged(folder: Path, state: dict[str, torch.Tensor], share: float) -> None:
    for name in ("open_clip_model.safetensors", "open_clip_pytorch_model.bin"):
        file = folder / name
        save_file(state, file) if file.suffix == ".safetensors" else torch.save(state, file)
        file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
        error = refused(folder)
        assert error.code == "weights-damaged" and error.file == str(file)
        file.unlink()


class Harmful:
    """A pickle that runs code when it is read."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return (Path.write_text, (self.file, "ran"))


def test_a_pickle_with_code_is_refused_and_never_run(folder: Path, state: dict[str, torch.Tensor]) -> None:
    torch.save({**state, "x": Harmful(folder / "ran")}, folder / "w.pt")
    assert refused(folder).code == "weights-can-run-code"
    (folder / "w.pt").write_bytes(pickle.dumps(Harmful(folder / "ran")))
    assert refused(folder).code == "weights-can-run-code"
    assert not (folder / "ran").exists()


def converted(error: UserError) -> Path:
    """The file that the command in the remedy writes."""
    words = shlex.split(error.remedy)
    start = words.index("python")
    command = [sys.executable, *words[start + 1 : start + 5]]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Path(command[-1])


class OpenAIs(torch.nn.Module):
    """A CLIP with the numbers that OpenAI's TorchScript files hold beside the weights."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        for name, child in model.named_children():
            self.add_module(name, child)
        for name, parameter in model.named_parameters(recurse=False):
            self.register_parameter(name, parameter)
        for key in ("input_resolution", "context_length", "vocab_size"):
            self.register_buffer(key, torch.tensor(7))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.input_resolution


def test_torchscript_is_refused_and_its_remedy_works(folder: Path, tiny: Any) -> None:
    copy = backbones.load(tiny.name, "random", seed=1).model
    torch.jit.trace(OpenAIs(copy), torch.zeros(1)).save(str(folder / "it's w.pt"))
    error = refused(folder)
    assert error.code == "weights-can-run-code"
    assert converted(error) == folder / "it's w.safetensors"
    assert backbones.load(str(folder)).id == tiny.id


def test_the_remedy_for_a_whole_pickled_checkpoint_works(
    folder: Path, state: dict[str, torch.Tensor], tiny: Any
) -> None:
    import argparse

    torch.save({"args": argparse.Namespace(lr=1), "state_dict": state}, folder / "w.pt")
    error = refused(folder)
    assert error.code == "weights-can-run-code"
    converted(error)
    assert backbones.load(str(folder)).id == tiny.id


def test_other_widths_are_one_clear_error(tiny_folder: Path, folder: Path, state: Any) -> None:
    save_file(state, folder / "w.safetensors")
    config = json.loads((tiny_folder / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"] |= {"width": 48}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    error = refused(folder)
    assert error.code == "weights-other-architecture"
    assert "32" in error.what and "48" in error.what and "\n" not in error.what


def test_another_depth_and_another_tower_are_told(folder: Path, state: Any, tiny_resnet: Any) -> None:
    save_file({k: v for k, v in state.items() if "resblocks.1" not in k}, folder / "w.safetensors")
    error = refused(folder)
    assert error.code == "weights-other-architecture" and "lacks" in error.what
    save_file(
        {k: v.contiguous() for k, v in tiny_resnet.model.state_dict().items()}, folder / "w.safetensors"
    )
    assert refused(folder).code == "weights-other-architecture"


def test_weights_of_another_library_are_told(folder: Path) -> None:
    save_file(
        {"vision_model.encoder.x": torch.zeros(1), "logit_scale": torch.zeros(())}, folder / "m.safetensors"
    )
    assert refused(folder).code == "weights-transformers-format"
    (folder / "m.safetensors").unlink()
    torch.save([torch.zeros(1)], folder / "m.bin")
    assert refused(folder).code == "weights-not-a-state-dict"


def test_interpolated_positions_are_told(
    tiny_folder: Path, folder: Path, state: Any, caplog: pytest.LogCaptureFixture
) -> None:
    save_file(state, folder / "w.safetensors")
    backbones.load(str(folder))
    assert not caplog.text
    config = json.loads((tiny_folder / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"] |= {"image_size": 64}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    assert backbones.load(str(folder)).image_size == 64
    assert "37 positions and the model has 65" in caplog.text


def test_shapes_are_read_without_values(folder: Path, state: dict[str, torch.Tensor]) -> None:
    torch.save({"state_dict": state}, folder / "a.pt")
    save_file(state, folder / "a.safetensors")
    expected = {key: tuple(value.shape) for key, value in state.items()}
    assert read_shapes(folder / "a.pt") == read_shapes(folder / "a.safetensors") == expected


def test_a_folder_without_weights_is_told(folder: Path) -> None:
    assert refused(folder).code == "weights-missing"
