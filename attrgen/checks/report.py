"""What `attrgen check` prints: a table for people, JSON for programs, and the exit status for both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrgen.checks import all_rules
from attrgen.checks.file import Report
from attrgen.checks.fix import Fixed
from attrgen.checks.form import FORM
from attrgen.checks.rule import Finding
from attrgen.core.wording import counted
from attrgen.schema.filling import how_to_fill

FOUND_STATUS = 1


def status(reports: Sequence[Report], *, strict: bool) -> int:
    """0, or 1 where there are errors (with `strict`, warnings)."""
    levels = ("error", "warning") if strict else ("error",)
    return FOUND_STATUS if any(report.count(level) for report in reports for level in levels) else 0


def table(reports: Sequence[Report], fixes: Mapping[Path, Fixed], dataset: str | None = None) -> str:
    """Two lines per finding: `file:line`, level, rule and list; then the text and what is wrong with it."""
    rows = [(report, finding) for report in reports for finding in report.findings]
    cells = [(_location(report, finding), finding.level, finding.rule) for report, finding in rows]
    widths = [max((len(row[column]) for row in cells), default=0) for column in range(3)]
    lines = []
    for row, (_, finding) in zip(cells, rows, strict=True):
        aligned = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(f"{aligned}  {_list(finding)}".rstrip())
        message = f"'{finding.text}' {finding.message}" if finding.text is not None else finding.message
        lines.append(f"    {message}{'' if message.endswith(('.', '?')) else '.'}")
    lines += next_steps(reports, dataset)
    lines += [_summary(report, fixes.get(report.path)) for report in reports]
    return _printable("\n".join(lines))


def as_json(reports: Sequence[Report], fixes: Mapping[Path, Fixed]) -> str:
    """One object: `files` with their counts, `findings` with their places."""
    files = [
        {
            "file": str(report.path),
            "dataset": report.dataset,
            "card": report.card,
            "texts": report.texts,
            "errors": report.count("error"),
            "warnings": report.count("warning"),
            "tidied": fixes[report.path].tidied if report.path in fixes else 0,
            "removed": fixes[report.path].removed if report.path in fixes else 0,
        }
        for report in reports
    ]
    findings = [_fields(report, finding) for report in reports for finding in report.findings]
    # Escaped as a JSON string has it, half a surrogate pair is valid; as a character it cannot be printed.
    value = json.dumps({"files": files, "findings": findings}, indent=2, ensure_ascii=False)
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def next_steps(reports: Sequence[Report], dataset: str | None = None) -> Iterator[str]:
    """For each set that lacks something, the commands that fill it.

    Args:
        dataset: as the command line names the card; by default each set's own.
    """
    for report in reports:
        named = dataset or report.dataset
        lacking = [item.class_name for item in report.findings if item.rule == "missing" and item.class_name]
        if named is not None and lacking:
            yield f"{report.path} is not complete. {how_to_fill(named, lacking[0], report.path)}"


def rules() -> str:
    """Every rule's id, level and meaning."""
    every = [(rule.id, rule.level, rule.summary) for rule in all_rules().values()]
    every += [(id, level, summary) for id, (level, summary) in FORM.items()]
    width = max(len(id) for id, _, _ in every)
    return "\n".join(f"{id:{width}}  {level:7}  {summary}" for id, level, summary in every)


def _fields(report: Report, finding: Finding) -> dict[str, Any]:
    return {
        "file": str(report.path),
        "line": finding.line,
        "class": finding.class_name,
        "kind": finding.kind,
        "confused": finding.confused,
        "rule": finding.rule,
        "level": finding.level,
        "message": finding.message,
        "text": finding.text,
    }


def _location(report: Report, finding: Finding) -> str:
    return str(report.path) if finding.line is None else f"{report.path}:{finding.line}"


def _list(finding: Finding) -> str:
    return " / ".join(
        part for part in (finding.class_name, finding.kind, finding.confused) if part is not None
    )


def _summary(report: Report, fix: Fixed | None) -> str:
    parts = []
    if fix is not None:
        parts += [f"{counted(fix.tidied, 'text')} tidied", f"{counted(fix.removed, 'duplicate')} removed"]
    levels = {level: report.count(level) for level in ("error", "warning", "note")}
    parts += [counted(number, level) for level, number in levels.items() if number]
    card = f"card '{report.card}'" if report.card else "no card"
    return (
        f"{report.path}: {counted(report.texts, 'text')}, {card}: {', '.join(parts) or 'no problems found'}."
    )


def _printable(text: str) -> str:
    """The text with control characters and halves of surrogate pairs escaped, line breaks left."""
    escaped = (
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii") for c in text
    )
    return "".join(escaped)
