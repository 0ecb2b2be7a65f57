"""What a run is called: the directory of an experiment, and the row of a table that a run belongs to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrgen.schema.card import Card
from vr.methods import find_declaration
from vr.methods.common.declaration import Declaration
from vr.methods.common.facts import Options
from vr.methods.common.recipe import Recipe
from vr.runs.run import RunConfig
from vr.runs.settings import preset, preset_of_run
from vr.runs.tuning import TuningRecord


def label_of(config: RunConfig) -> str:
    """The method of a run with what differs from its defaults: `biomedvr`, `biomedvr fusion=subtract`."""
    kind = find_declaration(config.method)
    options = kind.options_type.of_run(config.options)
    folds = None if config.fold is None else config.fold.folds
    preset_name = preset_of_run(kind, config.preset)
    changed = differences(
        kind, preset_name, config.shots, options, config.recipe, config.select, folds, config.limit
    )
    changed = marked(changed, config.control, config.tuning, config.mined)
    return " ".join([config.method, *(f"{key}={value}" for key, value in changed.items())])


def marked(
    changed: Mapping[str, Any], control: str | None, tuning: TuningRecord | None, mined: int | None
) -> dict[str, Any]:
    """Changed settings, and what else tells runs apart: control texts, trials, rounds of mining.

    Settings that were tuned are left out: they may be others for each seed.
    """
    values = {key: value for key, value in changed.items() if tuning is None or key not in tuning.space}
    marks = {"tuned": None if tuning is None else tuning.trials, "control": control, "mined": mined}
    return values | {key: value for key, value in marks.items() if value is not None}


def differences(
    kind: type[Declaration],
    preset_name: str,
    shots: int,
    options: Options,
    recipe: Recipe,
    select: str,
    folds: int | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """What a run's settings change, by name: preset, options, recipe, selection, folds, limit."""
    default_options, default_recipe = preset(kind, preset_name, shots)
    changed: dict[str, Any] = {} if preset_name == "default" else {"preset": preset_name}
    for default, chosen in ((default_options, options), (default_recipe, recipe)):
        before = default.model_dump(mode="json")
        changed |= {
            key: value for key, value in chosen.model_dump(mode="json").items() if value != before[key]
        }
    if select != "last":
        changed["select"] = select
    if folds is not None:
        changed["folds"] = folds
    if limit is not None:
        changed["limit"] = limit
    return changed


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


def _slug(value: Any) -> str:
    return re.sub(r"[^A-Za-z0-9.,_-]+", "-", str(value)).strip("-") or "none"
