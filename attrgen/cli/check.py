"""`attrgen check` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attrgen.cli.options import SETS, Json, SetCard


def check(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="Attribute sets.", show_default=False)
    ] = None,
    dataset: SetCard = None,
    json: Json = False,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix",
            help="Fix white space in texts and remove repeated texts from a list; "
            "everything else in the file stays as it is, byte for byte.",
        ),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings, too.")] = False,
    rules: Annotated[bool, typer.Option("--rules", help="List all rules and what they look for.")] = False,
) -> None:
    """Find errors in attribute sets, and texts that CLIP cannot use.

    Exit status: 0 no problems, 1 errors (with --strict also warnings), 2 a file or a card cannot be read.
    """
    from attrgen.checks import report
    from attrgen.checks.file import check_file
    from attrgen.checks.fix import fix_file
    from attrgen.core.errors import UserError
    from attrgen.core.shell import command
    from attrgen.schema import card

    if rules:
        print(report.rules())
        return
    if not files:
        sets = sorted(SETS.glob("*.json"))
        raise UserError(
            "no file is given",
            code="option-no-file",
            remedy=f"For instance: {command('attrgen', 'check', sets[0])}." if sets else "Name a set.",
        )
    its_card = None if dataset is None else card.find(dataset)
    fixes = {path: fix_file(path) for path in files} if fix else {}
    reports = [check_file(path, its_card) for path in files]
    print(report.as_json(reports, fixes) if json else report.table(reports, fixes, dataset))
    raise typer.Exit(report.status(reports, strict=strict))
