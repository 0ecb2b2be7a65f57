"""Where predictions are written: is it free, is it finished; checked before anything heavy is loaded."""

from __future__ import annotations

from pathlib import Path

from attrgen.core.errors import UserError
from vr.inference import prediction_table


def is_finished(out: Path, *, resume: bool, force: bool) -> bool:
    """Whether the table is complete; checked before anything heavy is loaded.

    Raises:
        UserError: the table or a journal exists already, or its format cannot be written.
    """
    if resume and force:
        raise UserError(
            "--resume and --force exclude each other",
            code="predict-resume-or-force",
            remedy="Give one of them.",
        )
    unfinished = journal_path(out).exists()
    if out.exists() and resume and not unfinished:
        return True
    check_new(out, force=force or (resume and unfinished))
    if unfinished and not force and not resume:
        raise UserError(
            "is an unfinished prediction",
            code="predict-unfinished",
            file=journal_path(out),
            remedy="Continue with --resume, or start again with --force.",
        )
    return False


def check_new(out: Path, *, force: bool) -> None:
    """Check that a table may be written.

    Raises:
        UserError: there is a file (without `force`), or its format cannot be written.
    """
    prediction_table.check_format(out)
    if out.exists() and not force:
        raise UserError(
            "exists already",
            code="file-exists",
            file=out,
            remedy="Give another path with --out, or overwrite it with --force.",
        )


def journal_path(out: Path) -> Path:
    """Where rows are kept until the table is complete."""
    return out.with_name(f"{out.name}.part")
