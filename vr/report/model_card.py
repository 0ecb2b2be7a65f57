"""`vr card`: what a run is, in Markdown for a person who did not train it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrgen.core.secrets import masked
from attrgen.schema.card import PLACEHOLDERS
from vr.evaluation import calibration_assessment
from vr.evaluation.metrics import METRICS
from vr.report import markdown
from vr.report.captions import counted, listed, resampled_units
from vr.report.markdown import code, escaped
from vr.report.run_facts import FILES, Facts, without_folders
from vr.runs import run as runs

CARD = "README.md"
_FEW = 30  # test images of a class below which its numbers say little
_CLASS_METRICS = ("recall", "precision", "f1", "auroc")


def model_card(facts: Facts) -> str:
    """The card of a run, as Markdown with the front matter of the Hugging Face hub."""
    parts = [section(facts) for section in _SECTIONS]
    return masked("\n\n".join("\n".join(lines) for lines in parts) + "\n")


def _front_matter(facts: Facts) -> list[str]:
    backbone = facts.config.backbone.name
    repository = backbone.removeprefix("hf-hub:")
    named = backbone.startswith("hf-hub:") and re.fullmatch(r"[\w.-]+/[\w.-]+", repository)
    base = [f"base_model: {repository}"] if named else []
    tags = ("biomedvr", facts.config.method, "few-shot", "medical-imaging", "clip")
    lines = ["---", "library_name: biomedvr", "pipeline_tag: image-classification", *base, "tags:"]
    return [*lines, *(f"- {tag}" for tag in dict.fromkeys(tags)), "---"]


def _head(facts: Facts) -> list[str]:
    config = facts.config
    lines = [
        f"# {escaped(config.card.title)}: {config.method}, {counted(config.shots, 'shot')} per class",
        "",
        "> **For research only. This is not a medical device and not for clinical use:** no diagnosis,",
        "> triage or treatment may rest on it.",
    ]
    if config.backbone.name == "mini":
        lines += [
            ">",
            "> **A trial run.** The backbone `mini` was trained on drawn images, to try out and test the",
            "> program. Its numbers say nothing about medical images.",
        ]
    missing = [name for name, value in PLACEHOLDERS.items() if getattr(config.card, name) == value]
    if missing:
        lines += [
            ">",
            f"> **Not filled in:** {listed(missing)} of the data. Fill them in on the dataset card before",
            "> this card is shared.",
        ]
    return lines


def _what(facts: Facts) -> list[str]:
    config, recipe, backbone = facts.config, facts.config.recipe, facts.config.backbone
    weights = "" if backbone.weights is None else f", weights {code(without_folders(backbone.weights))}"
    epoch = facts.metrics.get("selected_epoch")
    kept = "the last" if config.select == "last" else "the best on validation images"
    lines = [
        "## What it is",
        "",
        f"It tells {listed(list(map(escaped, config.card.class_names)))} apart in "
        f"{escaped(config.card.modality)}: each image is {escaped(config.card.shows)}.",
        "",
        f"- Method: {facts.method.title} ({facts.method.reference.short})",
        f"- Frozen backbone: {code(without_folders(backbone.name))}{weights}, id {code(backbone.id[:16])}; "
        f"images of {backbone.image_size} by {backbone.image_size} pixels",
        f"- Learned: {counted(config.learned_parameters, 'number')}",
    ]
    if epoch is not None:
        lines.append(
            f"- Training: {counted(recipe.epochs, 'epoch')} of {recipe.optimizer.upper()} at {recipe.lr:g}, "
            f"batches of {recipe.batch_size}, seed {config.seed}; epoch {epoch} was kept, {kept}"
        )
    if config.preset != "default":
        lines.append(f"- Preset: {escaped(config.preset)}")
    return [*lines, _attributes_line(facts)]


def _attributes_line(facts: Facts) -> str:
    if facts.attributes is None:
        return "- Attribute texts: none"
    provenance = facts.attributes.provenance  # of any form: a person may have edited it
    runs_of_it = provenance.get("runs")
    recorded = [run for run in runs_of_it if isinstance(run, dict)] if isinstance(runs_of_it, list) else []
    models = [str(run.get("resolved_model") or run.get("model") or "") for run in recorded]
    origin = [str(provenance.get("source", "not recorded")), *dict.fromkeys(filter(None, models))]
    if "licence" in provenance:
        origin.append(f"licence {provenance['licence']}")
    listed_origin = ", ".join(map(escaped, origin))
    return f"- Attribute texts: set `{facts.attributes.id[:16]}`; origin: {listed_origin}"


def _data(facts: Facts) -> list[str]:
    card, config = facts.config.card, facts.config
    lines = [
        "## Data",
        "",
        f"- Collection: {escaped(card.title)} ({code(card.name)}, card version {card.version})",
        f"- Licence of the data: {escaped(card.licence)}",
        f"- Source: {escaped(card.source)}",
    ]
    if card.citation:
        lines.append(f"- Citation: {escaped(card.citation)}")
    if card.notes:
        lines.append(f"- Note: {escaped(card.notes)}")
    on_card = {} if card.counts is None else card.counts.model_dump()
    stated = {split: count for split, count in on_card.items() if count}
    if config.images is not None:
        lines.append(f"- Images: {_counts(config.images)}")
    if stated and stated != config.images:
        lines.append(f"- Images as published: {_counts(on_card)}")
    return [
        *lines,
        f"- Trained on {counted(config.shots, 'image')} per class, {config.shots * len(card.classes)} in "
        f"all, drawn with seed {config.seed}; `{runs.FEWSHOT}` names each by path and content "
        f"(SHA-256 of the sample: {code(config.fewshot[:16])})",
    ]


def _counts(images: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {split}" for split, count in images.items())


def _measured(metrics: Mapping[str, Any]) -> str:
    images = counted(metrics["images"], escaped(metrics["split"]) + " image")
    return f"{images} of {metrics['limited_from']:,} (a quick try)" if "limited_from" in metrics else images


def _results(facts: Facts) -> list[str]:
    metrics, rows = facts.metrics, []
    for key, metric in METRICS.items():
        low_high = metrics["intervals"].get(key)
        interval = "" if low_high is None else " to ".join(metric.text(edge) for edge in low_high)
        rows.append([metric.name, metric.text(metric.read(metrics)), interval])
    class_rows = [
        [
            escaped(name),
            str(values["images"]),
            *(_percent(values[key]) for key in ("recall", "precision", "f1", "auroc")),
        ]
        for name, values in metrics["per_class"].items()
    ]
    lines = [
        "## Results",
        "",
        f"On {_measured(metrics)}, measured after training; nothing was chosen on them. "
        f"Intervals: 95%, bootstrap over {resampled_units(metrics)}.",
        "",
        markdown.table(("metric", "value", "interval"), rows),
        "",
        markdown.table(("class", "images", "recall", "precision", "F1", "AUROC"), class_rows),
    ]
    if "oracle" in metrics:
        oracle = metrics["oracle"]
        lines += [
            "",
            f"Oracle, {_percent(oracle['accuracy'])} in epoch {oracle['epoch']}: {escaped(oracle['note'])}.",
        ]
    return lines


def _confidence(facts: Facts) -> list[str]:
    calibration, test = facts.calibration, facts.calibrated_test
    if calibration is None:
        return [
            "## Confidence",
            "",
            "Probabilities are not calibrated: a confidence of 90% need not be right nine times in ten. "
            "Calibration on labelled images corrects that.",
        ]
    lines = [
        "## Confidence",
        "",
        f"Calibrated on {calibration.images} {escaped(calibration.images_from)}: temperature "
        f"{calibration.temperature:.3g}; it abstains below a confidence of {calibration.threshold:.3f}.",
    ]
    if test is not None:
        ece = [_percent(test["ece_before"]), _percent(test["ece_after"])]
        nll = [f"{test['nll_before']:.3f}", f"{test['nll_after']:.3f}"]
        heads = (f"on {counted(test['images'], 'test image')}", "before", "after")
        rows = [["expected calibration error", *ece], ["negative log-likelihood", *nll]]
        lines += [
            "",
            markdown.table(heads, rows),
            "",
            f"- It answers {_percent(test['answered'])} of them and is right on "
            f"{_percent(test['selective_accuracy'])} of those.",
            f"- Prediction sets that should hold the class {100 * test['sets_asked']:.0f}% of the time do so "
            f"{_percent(test['sets_coverage'])} of the time; mean size {test['sets_size']:.2f} classes.",
        ]
    return lines + [f"- {note[0].upper()}{note[1:]}." for note in calibration_assessment.notes(calibration)]


def _limits(facts: Facts) -> list[str]:
    config, metrics = facts.config, facts.metrics
    lines = [
        "## Limits",
        "",
        "- Research only; never for clinical use. It has no approval of any authority.",
        f"- It was trained on {counted(config.shots, 'image')} per class of one collection and tested on "
        "that collection alone. Other scanners, hospitals, protocols and populations were not tried.",
        f"- It knows {len(config.card.classes)} classes and nothing else: whatever an image shows, it "
        "answers one of them.",
    ]
    few = [escaped(name) for name, values in metrics["per_class"].items() if values["images"] < _FEW]
    if few:
        lines.append(f"- Fewer than {_FEW} test images, so that their numbers say little: {listed(few)}.")
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
        "If the backbone is elsewhere: `vr.load(…, backbone=…, weights=…)`; its id is checked.",
    ]


def _cite(facts: Facts) -> list[str]:
    config = facts.config
    lines = [
        "## How to cite",
        "",
        f"- Method: {facts.method.reference.citation}",
        f"- Data: {escaped(config.card.citation or config.card.source)}",
        f"- Backbone: {code(without_folders(config.backbone.name))} (id {code(config.backbone.id)}), loaded "
        "by open_clip; cite the paper of its weights, and CLIP (Radford et al., ICML 2021)",
    ]
    if facts.attributes is not None:
        lines.append(f"- Attribute set: id `{facts.attributes.id}`")
    names = ("biomedvr", "torch")
    biomedvr, torch = (escaped(config.versions.get(name, "unknown")) for name in names)
    return [*lines, f"- Software: biomedvr {biomedvr}, torch {torch}"]


def _files(facts: Facts) -> list[str]:
    present = [name for name in FILES if (facts.path / name).is_file()]
    return ["## Files", "", *(f"- `{name}`: {FILES[name]}" for name in present)]


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


def _percent(value: float | None) -> str:
    return "not defined" if value is None else f"{100 * value:.1f}%"
