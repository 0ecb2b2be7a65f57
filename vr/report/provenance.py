"""The provenance of a run as rows for a person: data, texts, backbone, training, versions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrgen.schema.attribute_set import AttributeSet
from vr.runs.run import RunConfig

Rows = dict[str, str]


def groups(config: RunConfig, attributes: AttributeSet | None) -> dict[str, Rows]:
    """Titled groups of names and values, in reading order.

    Of paths only the last part is shown: a page is passed around, and `config.json` has the whole path.
    """
    card = config.card
    data = {
        "dataset": f"{card.title} ({card.name}, card version {card.version})",
        "shows": card.shows,
        "licence": card.licence,
        "source": card.source,
        "citation": card.citation,
        "notes": card.notes,
    }
    sample = {
        "few-shot sample": config.fewshot,
        "shots": f"{config.shots} per class",
        "seed": str(config.seed),
    }
    backbone = config.backbone
    model = {
        "backbone": Path(backbone.name).name if Path(backbone.name).is_absolute() else backbone.name,
        "weights": None if backbone.weights is None else Path(backbone.weights).name,
        "identity": backbone.id,
        "image size": f"{backbone.image_size} by {backbone.image_size} pixels",
        "tau": f"{backbone.tau:.4g}",
    }
    method = {
        "method": config.method,
        "preset": config.preset,
        "trained parameters": f"{config.learned_parameters:,}",
        "kept epoch": "the best on validation" if config.select == "val" else "the last",
    }
    machine = {"device": config.device, "precision": config.precision, "encoder": config.encoder}
    values = {
        "Data": data | sample,
        "Attributes": _texts(config, attributes),
        "Backbone": model,
        "Method": method,
        "Options": config.options,
        "Recipe": config.recipe.model_dump(mode="json"),
        "Machine": machine,
        "Versions": config.versions,
    }
    return {title: rows for title, group in values.items() if (rows := as_rows(group))}


def settings(config: RunConfig) -> Rows:
    """Everything that can differ between runs, flat, by name."""
    values: dict[str, Any] = {
        "dataset": config.card.name,
        "classes": len(config.card.classes),
        "method": config.method,
        "preset": config.preset,
        "shots": config.shots,
        "seed": config.seed,
        "few-shot sample": config.fewshot[:12],
        "attribute set": None if config.attributes is None else config.attributes.id[:12],
        "backbone": f"{Path(config.backbone.name).name} ({config.backbone.id[:8]})",
        "kept epoch": config.select,
        "trained parameters": f"{config.learned_parameters:,}",
        "precision": config.precision,
        "device": config.device,
        **config.options,
        **config.recipe.model_dump(mode="json"),
        **{f"version of {name}": version for name, version in config.versions.items()},
    }
    return as_rows(values)


def _texts(config: RunConfig, attributes: AttributeSet | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if config.attributes is not None:
        values = {"attribute set": config.attributes.id, "file": Path(config.attributes.file).name}
    if attributes is None:
        return values
    # Generated texts are listed one by one in the file, not here.
    values |= {key: value for key, value in attributes.provenance.items() if key != "runs"}
    builds = attributes.provenance.get("runs")
    for number, build in enumerate(builds if isinstance(builds, list) else [], 1):
        if isinstance(build, Mapping):
            kept = {key: value for key, value in build.items() if key not in ("generated", "prompts")}
            values[f"build {number}"] = kept
    return values


def as_rows(values: Mapping[str, Any]) -> Rows:
    """Values as words; empty ones are left out, and nested ones are flattened."""
    rows: Rows = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows |= {f"{key}: {inner}": text for inner, text in as_rows(value).items()}
        elif isinstance(value, list | tuple):
            if value:
                rows[key] = ", ".join(map(str, value))
        elif isinstance(value, bool):
            rows[key] = "yes" if value else "no"
        elif value is not None and value != "":
            rows[key] = str(value)
    return rows
