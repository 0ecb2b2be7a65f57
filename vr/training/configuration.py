"""The `config.json` of a new run."""

from __future__ import annotations

import hashlib
import platform
from importlib import metadata

from attrgen.core.names import readable
from attrgen.core.version import DISTRIBUTION, program_version
from vr.data.infer_card import is_collection
from vr.data.sampling import fewshot
from vr.data.sampling.fewshot import FewShot
from vr.methods.common.base import Method
from vr.runs import run as runs
from vr.runs.experiment import Experiment, Resolved
from vr.runs.run import FoldRecord, RunConfig

_PACKAGES = ("torch", "torchvision", "open_clip_torch", "pillow", "numpy", "scipy", "scikit-learn")


def make_config(
    resolved: Resolved, method: Method, sample: FewShot, fold: FoldRecord | None = None
) -> RunConfig:
    """Everything that the run can be repeated from."""
    asked, backbone = resolved.asked, method.context.backbone
    attributes = None
    if resolved.attributes is not None:
        attributes = runs.AttributesRecord(file=str(resolved.attributes_file), id=resolved.attributes.id)
    encoder = getattr(method, "encoder", None)
    return RunConfig(
        method=asked.method,
        preset=asked.preset,
        options=resolved.options.model_dump(mode="json"),
        recipe=resolved.recipe,
        select=asked.select,
        shots=asked.shots,
        seed=asked.seed,
        fewshot=hashlib.sha256(fewshot.dumps(sample).encode()).hexdigest(),
        card=resolved.card,
        data=_data(asked),
        data_format=asked.data_format,
        attributes=attributes,
        backbone=runs.BackboneRecord(
            name=asked.backbone,
            weights=asked.weights,
            id=backbone.id,
            image_size=backbone.image_size,
            tau=backbone.tau,
            preprocessing=backbone.preprocessing,
        ),
        precision=backbone.precision,
        device=str(backbone.device),
        encoder="plain" if encoder is None else encoder.path,
        learned_parameters=method.learned(len(sample.train)),
        versions=versions(),
        fold=fold,
        images={split: len(items) for split, items in resolved.source.splits.items()},
        limit=asked.limit,
        control=asked.control,
        tuning=asked.tuning,
        mined=asked.mined,
    )


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    installed = {"python": platform.python_version(), DISTRIBUTION: program_version()}
    for package in _PACKAGES:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return installed


def summary(resolved: Resolved, config: RunConfig) -> str:
    """The experiment in one line."""
    attributes = "none" if config.attributes is None else config.attributes.id[:12]
    fold = "" if config.fold is None else f", fold {config.fold.number} of {config.fold.folds}"
    return (
        f"{config.method} on {resolved.card.title}: {len(resolved.card.classes)} classes, "
        f"{config.shots} shots, seed {config.seed}{fold}; {config.backbone.name} on {config.device} "
        f"in {config.precision}; {config.learned_parameters:,} trained parameters, "
        f"{config.recipe.epochs} epochs; attributes {attributes}"
    )


def _data(asked: Experiment) -> str | None:
    """Where later commands find the images; a collection may have been named as the dataset."""
    if asked.data is not None:
        return readable(str(asked.data))
    return asked.dataset if asked.dataset is not None and is_collection(asked.dataset) else None
