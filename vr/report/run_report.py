"""`report.html` of one run: everything as one file."""

from __future__ import annotations

from pathlib import Path

from vr.data.formats.source import ImageSource
from vr.report import captions, image_sections, many_classes, metric_sections, page, provenance
from vr.report.calibration_section import calibrated
from vr.report.decision_section import decisions
from vr.report.report_data import ReportData, read
from vr.runs import run as runs
from vr.runs.run import Run

_SECTIONS = {
    "result": "Result",
    "classes": "Classes",
    "confusion": "Confusion",
    "confidence": "Confidence",
    "curves": "Curves",
    "decisions": "Decisions",
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
    """Write `report.html` next to the metrics of a run, and return its path.

    Args:
        results: the folder of the metrics and predictions; the run directory by default.
        run: the run with its backbone: for programs, and for the texts behind mistakes.
        source: the images: for the sample and the mistakes.

    Raises:
        UserError: not a measured run, or the file exists and is not a report.
    """
    return write(read(path, results=results, run=run, source=source))


def write(data: ReportData, out: Path | None = None) -> Path:
    """As `write_report`, from data that was read before; `out` is another path for the page."""
    path = out or data.results / runs.REPORT
    page.write(path, make_page(data), "report")
    many_classes.write_tables(data.metrics, path.parent)
    return path


def make_page(data: ReportData) -> str:
    """The page of one run, as HTML that needs no other file."""
    config = data.config
    training, programs = metric_sections.training(data), image_sections.programs(data)
    pairs, no_texts = image_sections.pairs(data)
    has = {"training": training is not None, "programs": bool(programs)}
    return page.render(
        "run.html.j2",
        "report",
        sections=[(anchor, name) for anchor, name in _SECTIONS.items() if has.get(anchor, True)],
        title=config.card.title,
        modality=config.card.modality,
        method=config.method,
        facts=captions.facts(config),
        training=training,
        calibrated=calibrated(data),
        decisions=decisions(data),
        programs=programs,
        programs_sentence=captions.programs(programs[0].signed if programs else False),
        sample=image_sections.sample(data),
        mistakes=image_sections.mistakes(data),
        pairs=pairs,
        gaps=[*data.gaps, *([no_texts] if no_texts else [])],
        provenance=provenance.groups(config, data.attributes),
        fingerprint=config.fingerprint[:12],
        **metric_sections.result(data),
    )
