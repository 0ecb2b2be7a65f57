"""`vr controls`: its result as Markdown, CSV and a plot."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.core.files import whole_file
from vr.explanation.controls.measurement import Measured, Row
from vr.explanation.controls.table import NOTE, cells
from vr.report import markdown
from vr.report.comparison.curve import SUFFIXES
from vr.report.comparison.formats import csv_number

CSV_COLUMNS = (
    *("control", "seeds", "accuracy", "low", "high"),
    *("gain", "gain_low", "gain_high", "loss", "loss_low", "loss_high", "p", "p_holm"),
)


def to_markdown(measured: Measured) -> str:
    """The table, what its columns are, and the sentence."""
    heads, rows = cells(measured)
    return f"{markdown.table(heads, rows)}\n\n{NOTE}\n\n{measured.sentence}\n"


def to_csv(measured: Measured) -> str:
    """A row per set of texts; shares in [0, 1]."""
    text = io.StringIO()
    rows = csv.DictWriter(text, CSV_COLUMNS, restval="", lineterminator="\n")
    rows.writeheader()
    for row in measured.rows:
        rows.writerow({"control": row.name, "seeds": row.seeds, **_numbers(row)})
    return text.getvalue()


def check_plot(path: Path | None) -> None:
    """Check before training that a figure can be written under that name.

    Raises:
        UserError: a suffix of another kind.
    """
    if path is not None and path.suffix not in SUFFIXES:
        raise UserError(
            f"a figure cannot be written as '{path.suffix}'",
            code="controls-plot-suffix",
            file=path,
            remedy=f"End the name in {', '.join(SUFFIXES)}.",
        )


def draw(measured: Measured, path: Path) -> None:
    """Accuracies with their intervals, one line per set of texts; the band is that of those as written."""
    from vr.report.svg import printed, printed_color

    rows = measured.rows
    with printed(7.5, 1.1 + 0.34 * len(rows)) as figure:
        panel = figure.subplots()
        panel.axvspan(100 * rows[0].low, 100 * rows[0].high, color=printed_color(0), alpha=0.12, linewidth=0)
        panel.axvline(100 * rows[0].accuracy, color=printed_color(0), linewidth=1)
        for number, row in enumerate(rows):
            color = printed_color(0 if number == 0 else 1)
            panel.plot([100 * row.low, 100 * row.high], [number] * 2, color=color, linewidth=3, alpha=0.5)
            panel.plot([100 * row.accuracy], [number], "o", color=color, markersize=7)
        panel.set_yticks(range(len(rows)), [row.title for row in rows])
        panel.set_ylim(len(rows) - 0.5, -0.5)
        panel.set_xlabel(f"accuracy of {measured.method}, %, with 95% interval")
        with whole_file(path) as temporary:
            figure.savefig(temporary, format=path.suffix.removeprefix("."), dpi=150)


def _numbers(row: Row) -> dict[str, float]:
    values: dict[str, float | None] = {"accuracy": row.accuracy, "low": row.low, "high": row.high}
    for name, difference in (("gain", row.gain), ("loss", row.loss)):
        if difference is not None:
            values |= {
                name: difference.mean,
                f"{name}_low": difference.low,
                f"{name}_high": difference.high,
            }
    if row.loss is not None:
        values |= {"p": row.loss.p, "p_holm": row.p}
    return {key: csv_number(value) for key, value in values.items() if value is not None}
