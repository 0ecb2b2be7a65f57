"""`report.html` of one run: everything gathered, drawn, told, and written as one file."""

from __future__ import annotations

from pathlib import Path

from vr.data.formats.source import ImageSource
from vr.report import measured, page, pictured, provenance, sentences
from vr.report.calibrated import calibrated
from vr.report.evidence import Evidence, read
from vr.runs import run as runs
from vr.runs.run import Run

_SECTIONS = {
    "result": "Result",
    "classes": "Classes",
    "confusion": "Confusion",
    "confidence": "Confidence",
    "curves": "Curves",
    "training": "Training",
    "programs": "Programs",
    "sample": "Sample",
    "errors": "Mistakes",
    "texts": "Texts",
    "provenance": "Provenance",
}


def write_report(
    path: Path,
    *,
    results: Path | None = None,
    run: Run | None = None,
    source: ImageSource | None = None,
) -> Path:
    """Write `report.html` beside the metrics of a run, and return where it is.

    Args:
        results: the folder of the metrics and predictions; the run directory by default.
        run: the run with its backbone: for programs, and for the texts behind mistakes.
        source: the images: for the sample and the mistakes.

    Raises:
        UserError: not a measured run, or a `report.html` that is not ours is there.
    """
    return write(read(path, results=results, run=run, source=source))


def write(evidence: Evidence, out: Path | None = None) -> Path:
    """As `write_report`, of what was read already; `out` is another place for the page."""
    place = out or evidence.results / runs.REPORT
    page.write(place, make_page(evidence), "report")
    return place


def make_page(evidence: Evidence) -> str:
    """The page of one run, as HTML that needs nothing else."""
    config = evidence.config
    training, programs = measured.training(evidence), pictured.programs(evidence)
    pairs, no_texts = pictured.pairs(evidence)
    there = {"training": training is not None, "programs": bool(programs)}
    return page.render(
        "run.html.j2",
        "report",
        sections=[(anchor, name) for anchor, name in _SECTIONS.items() if there.get(anchor, True)],
        title=config.card.title,
        modality=config.card.modality,
        method=config.method,
        facts=sentences.facts(config),
        training=training,
        calibrated=calibrated(evidence),
        programs=programs,
        programs_sentence=sentences.programs(programs[0].signed if programs else False),
        sample=pictured.sample(evidence),
        mistakes=pictured.mistakes(evidence),
        pairs=pairs,
        gaps=[*evidence.gaps, *([no_texts] if no_texts else [])],
        provenance=provenance.groups(config, evidence.attributes),
        fingerprint=config.fingerprint[:12],
        **measured.result(evidence),
    )
