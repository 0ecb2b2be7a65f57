"""`vr card`: what a run is, in Markdown for a person who did not train it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError
from attrgen.schema.attribute_set import AttributeSet
from vr.evaluation import calibration as calibrations
from vr.evaluation import calibration_assessment
from vr.evaluation.calibration import Calibration
from vr.evaluation.metrics import METRICS
from vr.methods import find_method
from vr.runs import run as runs
from vr.runs.run import RunConfig

CARD = "README.md"
_FEW = 30  # test images of a class below which its numbers say little
FILES = {
    runs.CONFIG: "everything the run was asked, and the versions it ran with",
    runs.FEWSHOT: "the images that it was trained on",
    runs.ATTRIBUTES: "the attribute texts",
    runs.MODEL: "what was learned; it needs the frozen backbone beside it",
    runs.METRICS: "all metrics",
    runs.PREDICTIONS: "scores of every test image",
    runs.HISTORY: "a row an epoch",
    runs.CALIBRATION: "temperature, abstention thresholds, prediction sets",
    runs.RISK_CSV: "risk at every coverage",
    runs.RISK_PNG: "the same, drawn",
    runs.REPORT: "figures; it shows images of the collection",
}


@dataclass(frozen=True)
class Facts:
    """All that a card is made of, read from a run directory."""

    path: Path
    config: RunConfig
    metrics: dict[str, Any]
    attributes: AttributeSet | None
    calibration: Calibration | None
    calibrated_test: dict[str, Any] | None


def read_facts(path: Path) -> Facts:
    """Read a finished run.

    Raises:
        UserError: not a run directory, not measured on its test set yet, or a file in it is damaged.
    """
    config = runs.read_config(path)
    if not (path / runs.METRICS).is_file():
        raise UserError(
            "the run has no metrics yet",
            file=path,
            remedy="Finish it with `vr train … --resume` or `vr eval`.",
        )
    calibration = calibrations.load(path)
    return Facts(
        path=path,
        config=config,
        metrics=runs.read_metrics(path),
        attributes=runs.load_attributes(path),
        calibration=calibration,
        calibrated_test=None if calibration is None else calibration_assessment.on_test(path, calibration),
    )


def model_card(facts: Facts) -> str:
    """The card of a run, as Markdown with the front matter of the Hugging Face hub."""
    parts = [section(facts) for section in _SECTIONS]
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def place_word(name: str) -> str:
    """The name of a model, weights or file, without the folders of the machine that it lies on."""
    return name if name.startswith("hf-hub:") else Path(name.removeprefix("local-dir:")).name


def _front_matter(facts: Facts) -> list[str]:
    backbone = facts.config.backbone.name
    base = [f"base_model: {backbone.removeprefix('hf-hub:')}"] if backbone.startswith("hf-hub:") else []
    tags = ("biomedvr", facts.config.method, "few-shot", "medical-imaging", "clip")
    lines = ["---", "library_name: biomedvr", "pipeline_tag: image-classification", *base, "tags:"]
    return [*lines, *(f"- {tag}" for tag in dict.fromkeys(tags)), "---"]


def _head(facts: Facts) -> list[str]:
    config = facts.config
    return [
        f"# {config.card.title}: {config.method}, {config.shots} shots a class",
        "",
        "> **For research only. This is not a medical device and not for clinical use:** no diagnosis,",
        "> triage or treatment may rest on it.",
    ]


def _what(facts: Facts) -> list[str]:
    config, recipe = facts.config, facts.config.recipe
    method = find_method(config.method)
    weights = "" if config.backbone.weights is None else f", weights `{place_word(config.backbone.weights)}`"
    epoch = facts.metrics.get("selected_epoch")
    kept = "the last" if config.select == "last" else "the best on validation images"
    lines = [
        "## What it is",
        "",
        f"It tells {_listed(config.card.class_names)} apart in {config.card.modality}: "
        f"each image is {config.card.shows}.",
        "",
        f"- Method: {method.title} ({method.reference.short})",
        f"- Frozen backbone: `{place_word(config.backbone.name)}`{weights}, id `{config.backbone.id[:16]}`; "
        f"{config.backbone.image_size} pixels a side",
        f"- Learned: {config.learned_parameters:,} numbers; {method.learns}",
    ]
    if epoch is not None:
        lines.append(
            f"- Training: {recipe.epochs} epochs of {recipe.optimizer.upper()} at {recipe.lr:g}, "
            f"batches of {recipe.batch_size}, seed {config.seed}; epoch {epoch} was kept, {kept}"
        )
    if config.preset != "default":
        lines.append(f"- Preset: {config.preset}")
    return [*lines, *_attributes_line(facts)]


def _data(facts: Facts) -> list[str]:
    card = facts.config.card
    lines = [
        "## Data",
        "",
        f"- Collection: {card.title} (`{card.name}`, card version {card.version})",
        f"- Licence of the data: {card.licence}",
        f"- Source: {card.source}",
    ]
    if card.citation:
        lines.append(f"- Citation: {card.citation}")
    if card.notes:
        lines.append(f"- Note: {card.notes}")
    if card.counts:
        counts = (f"{count} {split}" for split, count in card.counts.model_dump().items())
        lines.append(f"- Images as published: {', '.join(counts)}")
    shots = facts.config.shots
    return [
        *lines,
        f"- Trained on {shots} images a class, {shots * len(card.classes)} in all, drawn with seed "
        f"{facts.config.seed}; `{runs.FEWSHOT}` names each by path and content "
        f"(SHA-256 of the sample: `{facts.config.fewshot[:16]}`)",
    ]


def _results(facts: Facts) -> list[str]:
    metrics = facts.metrics
    intervals = metrics["intervals"]
    lines = [
        "## Results",
        "",
        f"On {metrics['images']} {metrics['split']} images, measured after training; nothing was chosen "
        "on them. Intervals: 95%, bootstrap over images.",
        "",
        "| metric | value | interval |",
        "|---|---|---|",
    ]
    for key, metric in METRICS.items():
        low_high = intervals.get(key)
        spread = "" if low_high is None else " to ".join(metric.text(edge) for edge in low_high)
        lines.append(f"| {metric.name} | {metric.text(metric.read(metrics))} | {spread} |")
    lines += ["", "| class | images | recall | precision | F1 | AUROC |", "|---|---|---|---|---|---|"]
    for name, values in metrics["per_class"].items():
        numbers = " | ".join(_percent(values[key]) for key in ("recall", "precision", "f1", "auroc"))
        lines.append(f"| {name} | {values['images']} | {numbers} |")
    if "oracle" in metrics:
        oracle = metrics["oracle"]
        lines += ["", f"Oracle, {_percent(oracle['accuracy'])} in epoch {oracle['epoch']}: {oracle['note']}."]
    return lines


def _confidence(facts: Facts) -> list[str]:
    found, test = facts.calibration, facts.calibrated_test
    lines = ["## Confidence", ""]
    if found is None:
        return [
            *lines,
            "Probabilities are not calibrated: a confidence of 90% need not be right nine times in ten. "
            "`vr calibrate` fits them on labelled images.",
        ]
    lines.append(
        f"Calibrated on {found.images} {found.images_from}: temperature {found.temperature:.3g}; below a "
        f"confidence of {found.threshold:.3f} it abstains."
    )
    if test is not None:
        before, after = _percent(test["ece_before"]), _percent(test["ece_after"])
        lines += [
            "",
            f"| on {test['images']} test images | before | after |",
            "|---|---|---|",
            f"| expected calibration error | {before} | {after} |",
            f"| negative log-likelihood | {test['nll_before']:.3f} | {test['nll_after']:.3f} |",
            "",
            f"- It answers {_percent(test['answered'])} of them and is right on "
            f"{_percent(test['selective_accuracy'])} of those.",
            f"- Prediction sets asked to hold the class {100 * test['sets_asked']:.0f}% of the time do so "
            f"{_percent(test['sets_coverage'])} of the time; mean size {test['sets_size']:.2f} classes.",
        ]
    return lines + [f"- {note[0].upper()}{note[1:]}." for note in calibration_assessment.notes(found)]


def _limits(facts: Facts) -> list[str]:
    config, metrics = facts.config, facts.metrics
    lines = [
        "## Limits",
        "",
        "- Research only; never for clinical use. It has no approval of any authority.",
        f"- It was trained on {config.shots} images a class of one collection and tested on that collection "
        "alone. Other scanners, hospitals, protocols and populations were not tried.",
        f"- It knows {len(config.card.classes)} classes and nothing else: whatever an image shows, it "
        "answers one of them.",
    ]
    few = [name for name, values in metrics["per_class"].items() if values["images"] < _FEW]
    if few:
        lines.append(f"- Fewer than {_FEW} test images, so that their numbers say little: {_listed(few)}.")
    if facts.attributes is not None:
        lines.append(
            "- Attribute texts say what a class looks like in general. An explanation by them shows what "
            "the model matched, not that it is right."
        )
    return lines


def _use(facts: Facts) -> list[str]:
    return [
        "## How to use it",
        "",
        "```python",
        "import vr",
        "",
        'model = vr.load("FOLDER OF THESE FILES")',
        'model.predict("scan.png")',
        "```",
        "",
        "If the backbone lies elsewhere: `vr.load(…, backbone=…, weights=…)`; its id is checked.",
    ]


def _cite(facts: Facts) -> list[str]:
    config = facts.config
    lines = ["## How to cite", "", f"- Method: {find_method(config.method).reference.citation}"]
    lines.append(f"- Data: {config.card.citation or config.card.source}")
    lines.append(
        f"- Backbone: `{place_word(config.backbone.name)}` (id `{config.backbone.id}`), loaded by open_clip; "
        "cite the paper of its weights, and CLIP (Radford et al., ICML 2021)"
    )
    if config.attributes is not None:
        lines.append(f"- Attribute set: id `{config.attributes.id}`")
    version = config.versions.get("biomedvr", "unknown")
    return [*lines, f"- Software: biomedvr {version}, torch {config.versions.get('torch', 'unknown')}"]


def _files(facts: Facts) -> list[str]:
    there = [name for name in FILES if (facts.path / name).is_file()]
    return ["## Files", "", *(f"- `{name}`: {FILES[name]}" for name in there)]


_SECTIONS: Sequence[Callable[[Facts], list[str]]] = (
    _front_matter,
    _head,
    _what,
    _data,
    _results,
    _confidence,
    _limits,
    _use,
    _cite,
    _files,
)


def _attributes_line(facts: Facts) -> list[str]:
    if facts.attributes is None:
        return ["- Attribute texts: none"]
    origin = facts.attributes.provenance
    made = [run.get("resolved_model") or run.get("model") for run in origin.get("runs", ())]
    words = [origin.get("source", "not recorded"), *dict.fromkeys(model for model in made if model)]
    if "licence" in origin:
        words.append(f"licence {origin['licence']}")
    return [f"- Attribute texts: set `{facts.attributes.id[:16]}`; origin: {', '.join(map(str, words))}"]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _percent(value: float | None) -> str:
    return "not defined" if value is None else f"{100 * value:.1f}%"
