"""`vr table`: methods against datasets, mean and spread over seeds, in Markdown, CSV or LaTeX.

Published numbers stand beside as reference and are never mixed with measured ones.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.core.files import read_text
from attrgen.core.resources import resource
from vr.report.comparison.results import Key, Result, grouped
from vr.report.comparison.statistics import Difference, Spread, accuracy_interval, paired, spread

METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "ece", "nll", "oracle")
MISSING = "missing"
CSV_COLUMNS = (
    *("backbone", "shots", "dataset", "method", "metric", "mean", "std", "seeds", "low", "high"),
    *("baseline", "difference", "difference_low", "difference_high", "mcnemar_p", "published"),
)


@dataclass(frozen=True)
class TableCell:
    """One method on one dataset."""

    key: Key
    spread: Spread | None
    interval: tuple[float, float] | None
    difference: Difference | None


@dataclass(frozen=True)
class Table:
    """All cells of one backbone and number of shots; `rows` and `columns` are labels and datasets."""

    backbone: str
    shots: int
    metric: str
    baseline: str | None
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], TableCell]
    published: Mapping[tuple[str, str], float]


def make_tables(
    results: Sequence[Result],
    *,
    metric: str = "accuracy",
    baseline: str | None = None,
    published: Mapping[tuple[str, str], float] | None = None,
) -> list[Table]:
    """A table for every backbone and number of shots.

    Args:
        metric: one of `METRICS`; `oracle` is the test-selected accuracy of runs that noted it.
        baseline: a row's label; every other row gets its paired difference in accuracy from it.
        published: reference accuracies in [0, 1] by method and dataset.

    Raises:
        UserError: an unknown metric or baseline, two runs of one cell and seed, or damaged predictions.
    """
    if metric not in METRICS:
        raise UserError(f"unknown metric '{metric}'", remedy=f"Known: {', '.join(METRICS)}.")
    cells = grouped(results)
    labels = {key.label for key in cells}
    if baseline is not None and baseline not in labels:
        raise UserError(
            f"no run of the baseline '{baseline}'", remedy=f"There are: {', '.join(sorted(labels))}."
        )
    tables = []
    for backbone, shots in dict.fromkeys((key.backbone, key.shots) for key in sorted(cells)):
        own = {key: runs for key, runs in cells.items() if (key.backbone, key.shots) == (backbone, shots)}
        rows = tuple(sorted({key.label for key in own}, key=_method_order))
        columns = tuple(sorted({key.dataset for key in own}))
        made = {(key.label, key.dataset): _cell(key, own, metric, baseline) for key in own}
        tables.append(Table(backbone, shots, metric, baseline, rows, columns, made, dict(published or {})))
    return tables


def _cell(key: Key, cells: Mapping[Key, list[Result]], metric: str, baseline: str | None) -> TableCell:
    values = [value for run in cells[key] if (value := run.value(metric)) is not None]
    found = spread(values) if values else None
    interval = difference = None
    if metric == "accuracy":
        interval = accuracy_interval([run.predictions() for run in cells[key]])
        other = cells.get(Key(key.backbone, key.shots, key.dataset, baseline or ""))
        if other is not None and key.label != baseline:
            seeds = {run.config.seed: run for run in other}
            both = [(run, seeds[run.config.seed]) for run in cells[key] if run.config.seed in seeds]
            if both:
                ours, theirs = ([run.predictions() for run in side] for side in zip(*both, strict=True))
                difference = paired(ours, theirs)
    return TableCell(key, found, interval, difference)


def read_published(name: str = "16-shot-vit-b-16") -> dict[tuple[str, str], float]:
    """Published accuracies, `data/published/NAME.csv`, in [0, 1] by method and dataset."""
    rows = csv.DictReader(
        io.StringIO(read_text(resource("data", "published", f"{name}.csv"), what="published table"))
    )
    return {(row["method"], row["dataset"]): float(row["accuracy"]) / 100 for row in rows}


def markdown(table: Table) -> str:
    """A Markdown table with a caption."""
    lines = ["| " + " | ".join(["method", *table.columns, *_extra_heads(table)]) + " |"]
    lines.append("|" + "---|" * (1 + len(table.columns) + len(_extra_heads(table))))
    lines += ["| " + " | ".join([row, *cells]) + " |" for row, cells in _body(table, _plain)]
    return f"{caption(table)}\n\n" + "\n".join(lines) + "\n"


def latex(table: Table) -> str:
    """A LaTeX table (booktabs)."""
    columns = 1 + len(table.columns) + len(_extra_heads(table))
    head = " & ".join(_tex(text) for text in ("method", *table.columns, *_extra_heads(table)))
    body = [" & ".join([_tex(row), *cells]) + r" \\" for row, cells in _body(table, _tex_number)]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_tex(caption(table))}}}",
            r"\begin{tabular}{l" + "r" * (columns - 1) + "}",
            r"\toprule",
            head + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def to_csv(tables: Sequence[Table]) -> str:
    """All cells in long form, a row a cell, missing ones included; shares in [0, 1]."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(CSV_COLUMNS)
    for table in tables:
        for row in table.rows:
            for column in table.columns:
                rows.writerow(_csv_row(table, row, column))
    return text.getvalue()


def caption(table: Table) -> str:
    """What the table shows, in a sentence or two."""
    name = "oracle (SELECTED ON THE TEST SET: not a result)" if table.metric == "oracle" else table.metric
    seeds = sorted({cell.spread.seeds for cell in table.cells.values() if cell.spread is not None})
    unit = "" if table.metric == "nll" else ", %"
    text = (
        f"{name.replace('_', ' ')}{unit}, {table.shots} shots, {table.backbone}: "
        f"mean ± standard deviation over {_range(seeds)} seeds."
    )
    if table.baseline is not None and table.metric == "accuracy":
        text += (
            f" In brackets: difference from {table.baseline} on the same images, 95% bootstrap interval; "
            "* p < 0.05 in McNemar's test for every seed."
        )
    return text


def _body(table: Table, show: Callable[[str], str]) -> list[tuple[str, list[str]]]:
    best = {
        column: max(
            (cell.spread.mean for (_, own), cell in table.cells.items() if own == column and cell.spread),
            default=None,
        )
        for column in table.columns
    }
    body = []
    for row in table.rows:
        texts = []
        means = []
        for column in table.columns:
            cell = table.cells.get((row, column))
            if cell is None or cell.spread is None:
                texts.append(MISSING)
                continue
            means.append(cell.spread.mean)
            mark = table.metric not in ("ece", "nll") and cell.spread.mean == best[column]
            number = show(_number(table, cell.spread, mark))
            texts.append(number if cell.difference is None else f"{number} {show(_delta(cell.difference))}")
        whole = len(means) == len(table.columns)
        mean = sum(means) / len(means) if whole else None
        texts += [MISSING if mean is None else _scaled(table, mean)] if len(table.columns) > 1 else []
        if table.published:
            texts += [_published(table, row)]
        body.append((row, texts))
    return body


def _extra_heads(table: Table) -> list[str]:
    heads = ["mean"] if len(table.columns) > 1 else []
    return [*heads, "published (ViT-B/16, 16 shots)"] if table.published else heads


def _published(table: Table, row: str) -> str:
    method = row.split()[0]
    values = [
        f"{column} {100 * table.published[method, column]:.1f}"
        for column in table.columns
        if (method, column) in table.published
    ]
    return ", ".join(values) or "none"


def _number(table: Table, found: Spread, best: bool) -> str:
    text = _scaled(table, found.mean)
    if found.std is not None:
        text += f" ± {_scaled(table, found.std)}"
    return f"**{text}**" if best else text


def _scaled(table: Table, value: float) -> str:
    return f"{value:.3f}" if table.metric == "nll" else f"{100 * value:.1f}"


def _delta(found: Difference) -> str:
    star = "*" if found.p < 0.05 else ""
    return f"({100 * found.mean:+.1f}{star}: {100 * found.low:+.1f} to {100 * found.high:+.1f})"


def _csv_row(table: Table, row: str, column: str) -> list[str | float | int]:
    cell = table.cells.get((row, column))
    start: list[str | float | int] = [table.backbone, table.shots, column, row, table.metric]
    published = table.published.get((row.split()[0], column), "")
    if cell is None or cell.spread is None:
        return [*start, MISSING, "", 0, "", "", "", "", "", "", "", published]
    low, high = cell.interval or ("", "")
    std = "" if cell.spread.std is None else cell.spread.std
    values: list[str | float | int] = [cell.spread.mean, std, cell.spread.seeds, low, high]
    if cell.difference is None:
        return [*start, *values, "", "", "", "", "", published]
    found = cell.difference
    compared: list[str | float | int] = [table.baseline or "", found.mean, found.low, found.high, found.p]
    return [*start, *values, *compared, published]


def _plain(text: str) -> str:
    return text


def _tex_number(text: str) -> str:
    if text.startswith("**"):
        return rf"\textbf{{{_tex(text.strip('*'))}}}"
    return _tex(text)


def _tex(text: str) -> str:
    for plain, escaped in (
        ("\\", r"\textbackslash{}"),
        ("_", r"\_"),
        ("%", r"\%"),
        ("&", r"\&"),
        ("#", r"\#"),
    ):
        text = text.replace(plain, escaped)
    return text.replace("±", r"$\pm$").replace("<", "$<$")


def _range(numbers: Sequence[int]) -> str:
    if not numbers:
        return "no"
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def _method_order(label: str) -> tuple[int, str]:
    from vr.methods import built_in_methods

    name, methods = label.split()[0], list(built_in_methods())
    return (methods.index(name) if name in methods else len(methods), label)


def write_by_suffix(tables: Sequence[Table], path: Path | None, form: str | None) -> str:
    """The text of the tables in `form` (md, csv, latex), or as the file's suffix says.

    Raises:
        UserError: neither names a known form.
    """
    forms = {"md": "md", "csv": "csv", "tex": "latex", "latex": "latex", "markdown": "md"}
    asked = form or (path.suffix.removeprefix(".") if path is not None else "md")
    if asked not in forms:
        raise UserError(f"unknown form '{asked}'", remedy="Use md, csv or latex (files: .md, .csv, .tex).")
    match forms[asked]:
        case "csv":
            return to_csv(tables)
        case "latex":
            return "\n".join(latex(table) for table in tables)
        case _:
            return "\n".join(markdown(table) for table in tables)
