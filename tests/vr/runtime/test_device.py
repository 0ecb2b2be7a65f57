"""Device and precision: what a user chooses, what the machine has, and what is recorded where they differ."""

from __future__ import annotations

import json
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from attrgen.core.errors import UserError
from vr.runs import run as runs
from vr.runtime.device import computes_in_bf16, exact_float32, moved, resolve_device, resolve_precision
from vr.training.train import run_experiment

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def no_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vr.runtime.device.computes_in_bf16", lambda device: False)


@pytest.fixture
def tf32() -> Iterator[Any]:
    """What torch is told of TF32: of matrix products, and of convolutions."""
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    products.allow_tf32 = convolutions.allow_tf32 = False
    yield lambda: (products.allow_tf32, convolutions.allow_tf32)
    products.allow_tf32, convolutions.allow_tf32 = before


def test_a_gpu_that_is_resolved_may_use_tf32(monkeypatch: pytest.MonkeyPatch, tf32: Any) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == CPU and tf32() == (False, False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == GPU and tf32() == (True, True)
    with exact_float32():
        assert tf32() == (False, False)
    assert tf32() == (True, True)


def test_texts_that_are_kept_are_encoded_without_tf32(
    tiny: Any, monkeypatch: pytest.MonkeyPatch, tf32: Any
) -> None:
    seen: list[Any] = []
    original = tiny.model.encode_text

    def spy(tokens: torch.Tensor) -> Any:
        seen.append(tf32())
        return original(tokens)

    monkeypatch.setattr(tiny.model, "encode_text", spy)
    torch.backends.cuda.matmul.allow_tf32 = True
    tiny.encode_text(["a dark ring"])
    assert seen == [(False, False)] and tf32() == (True, False)


@pytest.mark.parametrize(
    ("name", "device", "native", "resolved"),
    [
        ("fp32", GPU, True, "fp32"),
        ("bf16", GPU, True, "bf16"),
        ("bf16", GPU, False, "fp32"),
        ("bf16", CPU, True, "bf16"),
        ("bf16", CPU, False, "fp32"),
        ("auto", GPU, True, "bf16"),
        ("auto", GPU, False, "fp32"),
        ("auto", CPU, True, "fp32"),
    ],
)
def test_precision(
    name: str,
    device: torch.device,
    native: bool,
    resolved: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("vr.runtime.device.computes_in_bf16", lambda device: native)
    assert resolve_precision(name, device) == resolved
    assert ("has no bf16 arithmetic: it computes in fp32" in caplog.text) == (name == "bf16" != resolved)


@pytest.mark.parametrize(
    ("machine", "avx512", "amx", "expected"),
    [
        ("x86_64", False, False, False),  # AVX-512 without bf16: oneDNN emulates it
        ("x86_64", True, False, True),
        ("AMD64", False, True, True),
        ("aarch64", False, False, True),  # there oneDNN asks for the instructions themselves
    ],
)
def test_bf16_that_a_processor_emulates_is_not_native(
    monkeypatch: pytest.MonkeyPatch, machine: str, avx512: bool, amx: bool, expected: bool
) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert computes_in_bf16(CPU) is expected
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    assert not computes_in_bf16(CPU)


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="the kernel lists what an x86 has"
)
def test_bf16_of_this_processor_is_what_the_kernel_says() -> None:
    flags = re.search(r"^flags\s*: (.*)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    assert flags is not None
    assert computes_in_bf16(CPU) == bool({"avx512_bf16", "amx_tile"} & set(flags[1].split()))


def test_bf16_that_a_gpu_emulates_is_not_native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert not computes_in_bf16(GPU)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UserError) as caught:
        resolve_precision("fp16", CPU)
    assert caught.value.code == "device-unknown-precision"
    with pytest.raises(UserError) as caught:
        resolve_device("gpu")
    assert caught.value.code == "device-unusable"


def test_a_run_records_what_it_computed_in(
    toy: Any, tmp_path: Path, no_bf16: None, caplog: pytest.LogCaptureFixture
) -> None:
    asked = toy.experiment(precision="bf16", recipe={"epochs": 1}, out=tmp_path / "run")
    path = run_experiment(asked).path
    config = json.loads((path / runs.CONFIG).read_text())
    assert (config["precision"], config["encoder"]) == ("fp32", "fast, fp32")
    assert "this processor has no bf16 arithmetic" in caplog.text
    for precision in ("bf16", "fp32"):  # the same here, so neither is another run
        run_experiment(asked.model_copy(update={"precision": precision}), resume=True)


def test_a_bf16_run_is_scored_in_fp32_where_there_is_no_bf16(
    toy_run: Path, tmp_path: Path, no_bf16: None, caplog: pytest.LogCaptureFixture
) -> None:
    path = Path(shutil.copytree(toy_run, tmp_path / "run"))
    config = json.loads((path / runs.CONFIG).read_text())
    (path / runs.CONFIG).write_text(json.dumps({**config, "precision": "bf16"}))
    loaded = runs.load_run(path)
    assert loaded.method.context.backbone.precision == "fp32"
    assert "this processor has no bf16 arithmetic" in caplog.text


def test_what_goes_to_a_gpu_is_pinned_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    rows = torch.ones(2)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: calls.append("pinned") or self)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *a, **how: calls.append((a, how)) or self)
    moved(rows, GPU)
    moved(rows, CPU)
    assert calls == ["pinned", ((GPU,), {"non_blocking": True}), ((CPU,), {})]
