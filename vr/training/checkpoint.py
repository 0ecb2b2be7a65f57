"""A training that can be resumed: parameters, momentum and history of a run, after a whole epoch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from safetensors import safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor
from torch.optim import Optimizer

from attrgen.core.decoding import decoding
from attrgen.core.errors import UserError
from attrgen.core.files import write_bytes
from attrgen.core.validation import Strict
from vr.methods.common.base import Method


@dataclass
class Checkpoint:
    """Everything that the next epoch depends on; randomness is drawn from (seed, epoch) alone.

    Attributes:
        epoch: epochs that are done.
        tensors: `parameter.NAME`, `optimizer.GROUP.PARAMETER.KEY`, and `best.NAME` with `select=val`.
        history: a row per epoch.
        fingerprint: of the configuration; a checkpoint fits only the run that wrote it.
    """

    epoch: int
    tensors: dict[str, Tensor]
    history: list[dict[str, float]]
    fingerprint: str


class _Head(Strict):
    """The metadata of the file."""

    epoch: int = Field(ge=0)
    history: list[dict[str, float]]
    fingerprint: str


def capture(method: Method, optimizer: Optimizer) -> dict[str, Tensor]:
    """Copies of a method's parameters and its optimiser's state, on their device: nothing waits."""
    tensors = {f"parameter.{name}": _copy(p) for name, p in method.named_parameters()}
    for number, parameter in _numbered(optimizer):
        for key, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"optimizer.{number}.{key}"] = _copy(value)
    return tensors


def restore(tensors: Mapping[str, Tensor], method: Method, optimizer: Optimizer | None = None) -> None:
    """The reverse of `capture`; without an optimiser, only the parameters.

    Raises:
        UserError: a tensor lacks or has another shape.
    """
    with torch.no_grad():
        for name, parameter in method.named_parameters():
            parameter.copy_(_fitting(tensors, f"parameter.{name}", parameter.shape))
    if optimizer is None:
        return
    for number, weight in _numbered(optimizer):
        prefix = f"optimizer.{number}."
        names = [name for name in tensors if name.startswith(prefix)]
        if names:
            optimizer.state[weight] = {
                name.removeprefix(prefix): _fitting(tensors, name, weight.shape, torch.Size()).to(
                    weight.device, copy=True
                )
                for name in names
            }


def _fitting(tensors: Mapping[str, Tensor], name: str, *shapes: torch.Size) -> Tensor:
    tensor = tensors.get(name)
    if tensor is None or tensor.shape not in shapes:
        what = "lacks" if tensor is None else f"has the shape {tuple(tensor.shape)} for"
        raise UserError(
            f"the checkpoint {what} {name}", code="checkpoint-damaged", remedy="Start again with --fresh."
        )
    return tensor


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write it atomically, as safetensors with the rest as its metadata."""
    head = {
        "epoch": checkpoint.epoch,
        "history": checkpoint.history,
        "fingerprint": checkpoint.fingerprint,
    }
    # The best parameters may be the current ones; a file must not hold one memory twice.
    tensors = {key: tensor.to("cpu", copy=True) for key, tensor in checkpoint.tensors.items()}
    write_bytes(path, to_bytes(tensors, metadata={"checkpoint": json.dumps(head)}))


def load(path: Path, fingerprint: str) -> Checkpoint | None:
    """The checkpoint at `path`, or None where there is none.

    Raises:
        UserError: it is damaged, or of a run with another configuration.
    """
    if not path.is_file():
        return None
    with _opened(path) as (file, head):
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    checkpoint = Checkpoint(head.epoch, tensors, head.history, head.fingerprint)
    if checkpoint.fingerprint != fingerprint:
        raise UserError(
            "the checkpoint belongs to a run with other settings",
            code="checkpoint-other-settings",
            file=path,
            remedy="Resume with the settings of its config.json, or start again with --fresh.",
        )
    return checkpoint


def epochs_done(path: Path) -> int:
    """How many epochs a checkpoint has; 0 where there is none, or none that can be read."""
    try:
        with _opened(path) as (_, head):
            return head.epoch
    except UserError:
        return 0


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, _Head]]:
    """A checkpoint file and its head; whatever is wrong with it is a user's error."""
    with (
        decoding(
            path,
            what="the checkpoint cannot be read",
            code="checkpoint-damaged",
            remedy="Start again with --fresh.",
        ),
        safe_open(path, framework="pt") as file,
    ):
        yield file, _Head.model_validate_json((file.metadata() or {})["checkpoint"])


def _numbered(optimizer: Optimizer) -> list[tuple[str, Tensor]]:
    return [
        (f"{group}.{position}", parameter)
        for group, entry in enumerate(optimizer.param_groups)
        for position, parameter in enumerate(entry["params"])
    ]


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().clone(memory_format=torch.contiguous_format)
