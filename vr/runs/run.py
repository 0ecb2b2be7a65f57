"""The run directory: its files, its configuration, and a trained run loaded from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrgen.core.decoding import decoding
from attrgen.core.errors import UserError
from attrgen.core.files import write_bytes, write_text
from attrgen.core.shell import command
from attrgen.core.validation import read_json, validate
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from vr.methods import find_declaration, find_method
from vr.runs.files import (
    ATTRIBUTES,
    CALIBRATION,
    CHECKPOINT,
    CLASSES_CSV,
    CONFIG,
    CONFUSIONS_CSV,
    FEWSHOT,
    METRICS,
    MODEL,
    OPERATING_POINT,
    PR_CSV,
    PREDICTIONS,
    REPORT,
    RISK_CSV,
    RISK_PNG,
    ROC_CSV,
    how_to_measure,
    resume_command,
)
from vr.runs.history import HISTORY
from vr.runs.metrics_file import MetricsFile
from vr.runs.run_config import CIRCUMSTANCES, AttributesRecord, BackboneRecord, FoldRecord, RunConfig
from vr.runtime.device import resolve_device, resolve_precision

if TYPE_CHECKING:
    import torch

    from vr.clip.backbone import Backbone
    from vr.methods.common.base import Method
    from vr.methods.common.facts import Options

__all__ = [
    "ATTRIBUTES",
    "CALIBRATION",
    "CHECKPOINT",
    "CIRCUMSTANCES",
    "CLASSES_CSV",
    "CONFIG",
    "CONFUSIONS_CSV",
    "FEWSHOT",
    "HISTORY",
    "METRICS",
    "MODEL",
    "OPERATING_POINT",
    "PREDICTIONS",
    "PR_CSV",
    "REPORT",
    "RISK_CSV",
    "RISK_PNG",
    "ROC_CSV",
    "AttributesRecord",
    "BackboneRecord",
    "FoldRecord",
    "Run",
    "RunConfig",
    "how_to_measure",
    "load_attributes",
    "load_run",
    "measured_config",
    "options_of",
    "read_config",
    "read_config_file",
    "read_metrics",
    "resume_command",
    "save_model",
    "trained_config",
    "write_config",
]


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


def read_config(path: Path) -> RunConfig:
    """The configuration of a run directory.

    Raises:
        UserError: not a run directory, or `config.json` is not valid.
    """
    file = path / CONFIG
    if not path.is_dir() or not file.is_file():
        raise UserError(
            f"not a run directory (it has no {CONFIG})",
            code="run-not-a-run",
            file=path,
            remedy=f"Name the directory of a run; {command('vr', 'runs', 'list')} shows those below runs/.",
        )
    return read_config_file(file)


def read_config_file(file: Path) -> RunConfig:
    """The configuration in a `config.json`.

    Raises:
        UserError: it is not there, or not valid.
    """
    config = read_json(RunConfig, file, what="run configuration", code="run-config")
    options_of(config, file)
    return config


def trained_config(path: Path) -> RunConfig:
    """The configuration of a run whose training has ended; it needs no torch.

    Raises:
        UserError: not a run directory, or its training did not end.
    """
    config = read_config(path)
    if not (path / MODEL).is_file():
        raise UserError(
            f"the run has no {MODEL}: its training did not end",
            code="run-not-finished",
            file=path,
            remedy=f"Finish it: {resume_command(path)}.",
        )
    return config


def measured_config(path: Path, results: Path | None = None) -> RunConfig:
    """The configuration of a run that was measured; it needs no torch.

    Args:
        results: the folder of the metrics; the run directory by default.

    Raises:
        UserError: not a run directory, or there are no metrics.
    """
    config = read_config(path)
    if not ((results or path) / METRICS).is_file():
        raise UserError(
            "the run has no metrics yet", code="run-not-finished", file=path, remedy=how_to_measure(path)
        )
    return config


def write_config(path: Path, config: RunConfig) -> None:
    """Write `config.json`."""
    write_text(path / CONFIG, json.dumps(config.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n")


def save_model(path: Path, method: Method) -> None:
    """Write `model.safetensors`: everything that `Method.load_state` needs."""
    from safetensors.torch import save as to_bytes

    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in method.state().items()}
    # One key only: the order of several is not fixed, and equal runs must be equal files.
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
        loaded: a backbone that is already loaded; used where it is the run's.

    Raises:
        UserError: not a finished run, or a backbone that is not the one it was trained with.
    """
    config = trained_config(path)
    if loaded is None or loaded.as_recorded(config.backbone.id) is None:
        loaded = _load_backbone(config, backbone, weights, device, precision)
    recorded = loaded.as_recorded(config.backbone.id)
    if recorded is None:
        raise UserError(
            f"{loaded.name} is not the backbone that this run was trained with "
            f"({loaded.id[:12]}, not {config.backbone.id[:12]})",
            code="run-other-backbone",
            file=path,
            remedy="Give its folder or weights with --backbone and --weights.",
        )
    return Run(path, config, _load_method(path, config, recorded), load_attributes(path))


def _load_backbone(
    config: RunConfig,
    name: str | None,
    weights: str | None,
    device: torch.device | str,
    precision: str | None,
) -> Backbone:
    """The backbone that a run names, or the one given instead."""
    from vr.clip import backbone as backbones

    chosen = resolve_device(str(device))
    return backbones.load(
        name or config.backbone.name,
        weights if name is not None else (weights or config.backbone.weights),
        device=chosen,
        precision=resolve_precision(precision or config.precision, chosen),
    )


def _load_method(path: Path, config: RunConfig, backbone: Backbone) -> Method:
    """The trained method of a run directory."""
    from safetensors.torch import load_file

    from vr.methods.common.base import Context

    kind = find_method(config.method)
    context = Context(backbone, config.card, None, seed=config.seed)
    method = kind(context, options_of(config, path / CONFIG))
    with decoding(
        path / MODEL,
        what="the trained model cannot be read",
        code="run-damaged-model",
        remedy="Train it again.",
    ):
        tensors = load_file(path / MODEL)
        if wrong := [name for name, tensor in tensors.items() if tensor.isnan().any()]:
            raise ValueError(f"{wrong[0]} holds values that are not numbers")
        method.load_state({key: tensor.to(backbone.device) for key, tensor in tensors.items()})
        _check_shapes(method, tensors)
        method.check_complete()
    return method.eval()


def _check_shapes(method: Method, tensors: Mapping[str, torch.Tensor]) -> None:
    """Compare what a method has now with what it was given: a small tensor is copied into a larger one.

    Numbers are copied into another type, too.

    Raises:
        ValueError: a tensor has another shape or type, or embeddings are not the backbone's.
    """
    for name, tensor in method.state().items():
        if name in tensors and tensors[name].shape != tensor.shape:
            raise ValueError(f"{name} has the shape {tuple(tensors[name].shape)}")
        if name in tensors and tensors[name].dtype != tensor.dtype:
            raise ValueError(f"{name} has the type {tensors[name].dtype}")
    size = getattr(method.context.backbone.model.visual, "output_dim", None)
    for name, bank in method.banks.items():
        if size is not None and bank.embeddings.shape[-1] != size:
            raise ValueError(f"the bank '{name}' is not the backbone's")


def options_of(config: RunConfig, file: Path) -> Options:
    """The options of a run's method; `file` is the configuration's, for messages.

    Raises:
        UserError: an unknown option, or a value out of range.
    """
    kind = find_declaration(config.method).options_type
    values = {**kind.before(), **config.options}
    return validate(kind, values, what="run configuration", code="run-config", file=file, within="options")


def load_attributes(path: Path) -> AttributeSet | None:
    """The attribute set that a run was trained with, or None where it had none."""
    file = path / ATTRIBUTES
    return attribute_set.load(file) if file.is_file() else None


def read_metrics(path: Path) -> dict[str, Any]:
    """The metrics of a finished run.

    Raises:
        UserError: there is no such file, it is not JSON, or lacks what every `metrics.json` has.
    """
    remedy = f"Write it again: {command('vr', 'eval', path)}."
    file = path / METRICS
    metrics = read_json(MetricsFile, file, what="metrics file", code="run-metrics", remedy=remedy)
    return metrics.model_dump(mode="json", exclude_unset=True)
