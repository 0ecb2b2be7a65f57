"""Tables of a comparison as Markdown, CSV or LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from attrgen.core.errors import UserError
from vr.evaluation.metrics import find_metric
from vr.evaluation.statistics import Difference
from vr.report import markdown
from vr.report.comparison.caption import caption, verdicts
from vr.report.comparison.table import Table, TableCell

MISSING = "missing"
CSV_COLUMNS = (
    *("backbone", "shots", "dataset", "method", "metric", "mean", "std", "seeds", "low", "high"),
    *("baseline", "difference", "difference_low", "difference_high", "p", "p_holm"),
    *("published", "folds", "class", "rank"),
)
Form = Literal["md", "csv", "latex"]
_FORMS: Mapping[str, Form] = {
    "md": "md",
    "markdown": "md",
    "csv": "csv",
    "tex": "latex",
    "latex": "latex",
}


def form_of(name: str | None, path: Path | None) -> Form:
    """The form that a user named, else that of the file's suffix, else Markdown.

    Raises:
        UserError: the name or suffix is unknown.
    """
    asked = name or (path.suffix.removeprefix(".") if path is not None else "md")
    if asked not in _FORMS:
        raise UserError(
            f"unknown form '{asked}'",
            code="table-unknown-form",
            remedy="Use md, csv or latex (files: .md, .csv, .tex).",
        )
    return _FORMS[asked]


def render(tables: Sequence[Table], form: Form) -> str:
    """All tables in one text."""
    if form == "csv":
        return to_csv(tables)
    return "\n".join((latex if form == "latex" else to_markdown)(table) for table in tables)


def to_markdown(table: Table) -> str:
    """A Markdown table with a caption."""
    escaped = markdown.escaped
    heads = [escaped(head) for head in _heads(table)]
    body = [[escaped(row), *cells] for row, *cells in _body(table, "**{}**".format)]
    title = caption(replace(table, backbone=escaped(table.backbone)))
    notes = " ".join(verdicts(table))
    return f"{title}\n\n{markdown.table(heads, body)}\n" + (f"\n{notes}\n" if notes else "")


def latex(table: Table) -> str:
    """A LaTeX table (booktabs)."""
    from tabulate import DataRow, Line, TableFormat, tabulate

    heads = [_tex(head) for head in _heads(table)]
    booktabs = TableFormat(
        lineabove=lambda widths, aligns: rf"\begin{{tabular}}{{l{'r' * (len(widths) - 1)}}}" + "\n\\toprule",
        linebelowheader=Line(r"\midrule", "", "", ""),
        linebetweenrows=None,
        linebelow=Line("\\bottomrule\n\\end{tabular}", "", "", ""),
        headerrow=DataRow("", "&", r" \\"),
        datarow=DataRow("", "&", r" \\"),
        padding=1,
        with_header_hide=None,
    )
    rows = _body(table, r"\textbf{{{}}}".format, _tex)
    body = tabulate(rows, headers=heads, tablefmt=booktabs, disable_numparse=True)
    title = rf"\caption{{{_tex(' '.join([caption(table), *verdicts(table)]))}}}"
    return "\n".join([r"\begin{table}", r"\centering", title, body, r"\end{table}", ""])


def to_csv(tables: Sequence[Table]) -> str:
    """All cells in long form, a row per cell, missing ones included; shares in [0, 1]."""
    text = io.StringIO()
    rows = csv.DictWriter(text, CSV_COLUMNS, restval="", lineterminator="\n")
    rows.writeheader()
    for table in tables:
        for row in table.rows:
            rows.writerows(_csv_row(table, row, column) for column in table.columns)
    return text.getvalue()


def csv_number(value: float) -> float:
    """A measured number with six significant digits: more are noise."""
    return float(f"{value:.6g}")


def _heads(table: Table) -> list[str]:
    heads = ["method", *table.columns]
    heads += ["mean"] if len(table.columns) > 1 else []
    heads += ["rank"] if _is_ranked(table) else []
    return [*heads, "published (ViT-B/16, 16 shots)"] if table.published else heads


def _body(
    table: Table, bold: Callable[[str], str], escape: Callable[[str], str] = lambda text: text
) -> list[list[str]]:
    best = {column: _best(table, column) for column in table.columns}
    ranks = table.ranks() if _is_ranked(table) else {}
    rows = []
    for row in table.rows:
        cells = [table.cells.get((row, column)) for column in table.columns]
        texts = [escape(row)]
        for column, cell in zip(table.columns, cells, strict=True):
            is_best = cell is not None and cell.spread is not None and cell.spread.mean == best[column]
            texts.append(_cell_text(table, cell, bold if is_best else str, escape))
        if len(table.columns) > 1:
            texts.append(_mean(table, table.means(row)))
        if ranks:
            texts.append(f"{ranks[row]:.1f}" if row in ranks else MISSING)
        if table.published:
            texts.append(escape(_published(table, row)))
        rows.append(texts)
    return rows


def _cell_text(
    table: Table, cell: TableCell | None, bold: Callable[[str], str], escape: Callable[[str], str]
) -> str:
    if cell is None or cell.spread is None:
        return MISSING
    number = _scaled(table, cell.spread.mean)
    if cell.spread.std is not None:
        number += f" ± {_scaled(table, cell.spread.std)}"
    number = bold(escape(number))
    return number if cell.difference is None else f"{number} {escape(_delta(cell.difference, cell.verdict))}"


def _best(table: Table, column: str) -> float | None:
    """The mean to print in bold, among rows that were measured on the same images."""
    means = [
        cell.spread.mean
        for (_, name), cell in table.cells.items()
        if name == column and cell.spread and not cell.other_images
    ]
    return find_metric(table.metric).best(means)


def _is_ranked(table: Table) -> bool:
    return len(table.columns) > 1 and table.dataset is None and bool(table.ranks())


def _mean(table: Table, means: Sequence[float | None]) -> str:
    known = [mean for mean in means if mean is not None]
    return _scaled(table, sum(known) / len(known)) if len(known) == len(means) else MISSING


def _published(table: Table, row: str) -> str:
    method = row.split()[0]
    values = [
        f"{column} {100 * table.published[method, column]:.1f}"
        for column in table.columns
        if (method, column) in table.published
    ]
    return ", ".join(values) or "none"


def _scaled(table: Table, value: float) -> str:
    return find_metric(table.metric).number(value)


def _delta(difference: Difference, verdict: int) -> str:
    star = "*" if verdict else ""
    low, high = 100 * difference.low, 100 * difference.high
    return f"({100 * difference.mean:+.1f}{star}: {low:+.1f} to {high:+.1f})"


def _csv_row(table: Table, row: str, column: str) -> dict[str, object]:
    cell = table.cells.get((row, column))
    values: dict[str, object] = {
        "backbone": table.backbone,
        "shots": table.shots,
        "dataset": table.dataset or column,
        "method": row,
        "metric": table.metric,
    }
    if table.dataset is not None:
        values |= {"metric": find_metric(table.metric).by_class, "class": column}
    if _is_ranked(table) and (rank := table.ranks().get(row)) is not None:
        values["rank"] = csv_number(rank)
    published = table.published.get((row.split()[0], column))
    if published is not None:
        values["published"] = csv_number(published)
    if cell is None or cell.spread is None:
        return {**values, "mean": MISSING, "seeds": 0}
    numbers = {"mean": cell.spread.mean, "std": cell.spread.std}
    if cell.interval is not None:
        numbers |= {"low": cell.interval[0], "high": cell.interval[1]}
    if (difference := cell.difference) is not None:
        values["baseline"] = table.baseline
        numbers |= {"difference": difference.mean, "p": difference.p, "p_holm": cell.p}
        numbers |= {"difference_low": difference.low, "difference_high": difference.high}
    rounded = {key: csv_number(number) for key, number in numbers.items() if number is not None}
    if cell.folds is not None:
        values["folds"] = cell.folds
    return {**values, "seeds": cell.spread.seeds, **rounded}


def _tex(text: str) -> str:
    from tabulate import LATEX_ESCAPE_RULES

    escapes = {ord(sign): escape for sign, escape in LATEX_ESCAPE_RULES.items()}
    return text.translate({**escapes, ord("±"): r"$\pm$"})
