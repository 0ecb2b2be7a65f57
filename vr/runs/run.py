"""Contract 3, the run directory: what a run was asked, what it learned, and how to score with it again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes

from attrgen.core.errors import UserError
from attrgen.core.files import read_text, write_bytes, write_text
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from vr.clip import backbone as backbones
from vr.clip.backbone import Backbone
from vr.clip.preprocessing import Preprocessing
from vr.methods import find_method
from vr.methods.common.base import Context, Method
from vr.methods.common.recipe import Recipe
from vr.runs.history import HISTORY
from vr.runs.selection import Select
from vr.runtime.device import Precision, resolve_device, resolve_precision

CONFIG, FEWSHOT, ATTRIBUTES = "config.json", "fewshot.json", "attributes.json"
CHECKPOINT, MODEL = "checkpoint.safetensors", "model.safetensors"
METRICS, PREDICTIONS, REPORT = "metrics.json", "predictions.csv", "report.html"
CALIBRATION, RISK_CSV, RISK_PNG = "calibration.json", "coverage_risk.csv", "coverage_risk.png"
__all__ = [
    "ATTRIBUTES",
    "CALIBRATION",
    "CHECKPOINT",
    "CONFIG",
    "FEWSHOT",
    "HISTORY",
    "METRICS",
    "MODEL",
    "PREDICTIONS",
    "REPORT",
    "RISK_CSV",
    "RISK_PNG",
    "AttributesRecord",
    "BackboneRecord",
    "Run",
    "RunConfig",
    "default_path",
    "load_attributes",
    "load_run",
    "read_config",
    "read_metrics",
    "save_model",
    "write_config",
]


# What of a configuration training does not depend on.
CIRCUMSTANCES = ("data", "data_format", "device", "encoder", "versions")


class BackboneRecord(BaseModel):
    """Which frozen CLIP a run used: how to load it, and its identity."""

    model_config = ConfigDict(extra="forbid")

    name: str
    weights: str | None
    id: str
    image_size: int
    tau: float
    preprocessing: Preprocessing | None = None  # older runs recorded none


class AttributesRecord(BaseModel):
    """Which attribute set a run used: the file as it was given, and the id that a paper cites."""

    model_config = ConfigDict(extra="forbid")

    file: str
    id: str


class RunConfig(BaseModel):
    """`config.json`: everything resolved, so that the run can be repeated from it alone."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["run/1"] = "run/1"
    method: str
    preset: str
    options: dict[str, Any]
    recipe: Recipe
    select: Select
    shots: int
    seed: int
    fewshot: str  # SHA-256 of fewshot.json
    card: Card
    data: str | None  # as it was given; None: under the data root
    data_format: str | None
    attributes: AttributesRecord | None
    backbone: BackboneRecord
    precision: Precision
    device: str
    encoder: str
    learned_parameters: int
    versions: dict[str, str]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that training depends on: not paths, devices or versions."""
        values = self.model_dump(mode="json")
        for key in CIRCUMSTANCES:
            del values[key]
        if self.attributes is not None:
            values["attributes"] = self.attributes.id
        values["backbone"] = self.backbone.id
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Run:
    """A run that can score images: its directory, configuration and method, on a device."""

    path: Path
    config: RunConfig
    method: Method
    attributes: AttributeSet | None

    @property
    def card(self) -> Card:
        """The classes, in label order."""
        return self.config.card


def default_path(
    runs: Path, card: Card, method: str, shots: int, seed: int, changed: Mapping[str, Any]
) -> Path:
    """`RUNS/<dataset>/<method>/<shots>-shot/seed-<n>`.

    What was changed from the defaults is added to the method (`biomedvr+fusion=subtract`), and a subset of
    the classes to the dataset, so that runs that differ never share a directory.
    """
    parts = [method, *(f"{key}={_slug(value)}" for key, value in sorted(changed.items()))]
    dataset = card.name
    if card.left_out:
        names = hashlib.sha256("|".join(card.class_names).encode()).hexdigest()[:6]
        dataset += f"+{len(card.classes)}-classes-{names}"
    return runs / dataset / "+".join(parts) / f"{shots}-shot" / f"seed-{seed}"


def read_config(path: Path) -> RunConfig:
    """The configuration of a run directory.

    Raises:
        UserError: it is no run directory, or `config.json` is not valid.
    """
    file = path / CONFIG
    if not path.is_dir() or not file.is_file():
        raise UserError(
            f"not a run directory (there is no {CONFIG} in it)",
            file=path,
            remedy="Name a directory that `vr train` wrote, such as runs/DATASET/METHOD/16-shot/seed-1.",
        )
    try:
        return RunConfig.model_validate_json(read_text(file, what="run configuration"))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"not a run configuration: {place}: {first['msg']}", file=file, remedy="Restore it from the run."
        ) from error


def write_config(path: Path, config: RunConfig) -> None:
    """Write `config.json`."""
    write_text(path / CONFIG, json.dumps(config.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n")


def save_model(path: Path, method: Method) -> None:
    """Write `model.safetensors`: all that `Method.load_state` needs."""
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in method.state().items()}
    # One key only: the order of several is not fixed, and equal runs shall be equal files.
    write_bytes(path / MODEL, to_bytes(tensors, metadata={"method": method.name}))


def load_run(
    path: Path,
    *,
    backbone: str | None = None,
    weights: str | None = None,
    device: torch.device | str = "cpu",
    precision: str | None = None,
    loaded: Backbone | None = None,
) -> Run:
    """A trained run, ready to score images.

    Args:
        backbone, weights: where the backbone is now, if not where the run found it.
        device: a device, or what `vr.runtime.device.resolve_device` takes (`auto`, `cuda:1`).
        precision: of the image tower (`auto`, `fp32`, `bf16`); by default the run's own.
            bf16 becomes fp32 on a device that has none; see `vr.runtime.device.resolve_precision`.
        loaded: a backbone that is loaded already; it stands in where it is the run's.

    Raises:
        UserError: not a finished run, or a backbone that is not the one it was trained with.
    """
    config = read_config(path)
    if not (path / MODEL).is_file():
        raise UserError(
            f"the run has no {MODEL}: its training did not end",
            file=path,
            remedy="Finish it: `vr train` with the same options and --resume.",
        )
    if loaded is None or loaded.as_recorded(config.backbone.id) is None:
        place = resolve_device(str(device))
        loaded = backbones.load(
            backbone or config.backbone.name,
            weights if backbone is not None else (weights or config.backbone.weights),
            device=place,
            precision=resolve_precision(precision or config.precision, place),
        )
    recorded = loaded.as_recorded(config.backbone.id)
    if recorded is None:
        raise UserError(
            f"{loaded.name} is not the backbone that this run was trained with "
            f"({loaded.id[:12]} and not {config.backbone.id[:12]})",
            code="run-other-backbone",
            file=path,
            remedy="Give its folder or weights with --backbone and --weights.",
        )
    kind = find_method(config.method)
    context = Context(recorded, config.card, None, seed=config.seed)
    method = kind(context, kind.options_type.model_validate(config.options))
    try:
        method.load_state({key: t.to(recorded.device) for key, t in load_file(path / MODEL).items()})
    except (SafetensorError, OSError, KeyError, RuntimeError) as error:
        raise UserError(
            f"the trained model cannot be read: {error}", file=path / MODEL, remedy="Train it again."
        ) from error
    return Run(path, config, method, load_attributes(path))


def load_attributes(path: Path) -> AttributeSet | None:
    """The attribute set that a run was trained with, or None where it had none."""
    file = path / ATTRIBUTES
    return attribute_set.load(file) if file.is_file() else None


def read_metrics(path: Path) -> dict[str, Any]:
    """The metrics of a finished run.

    Raises:
        UserError: there are none, or they are not JSON.
    """
    file = path / METRICS
    text = read_text(file, what="metrics file")
    try:
        values: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise UserError(f"not JSON: {error}", file=file, remedy="Run `vr eval` again.") from error
    return values


def _slug(value: Any) -> str:
    return re.sub(r"[^A-Za-z0-9.,_-]+", "-", str(value)).strip("-") or "none"
