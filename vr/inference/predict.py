"""Many images without labels, to a table of predictions: streamed, past broken files, safe from a kill."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from attrgen.core.errors import UserError
from attrgen.core.files import write_text
from vr.data.formats.source import ImageSource, Item
from vr.data.loading.unlabelled import NO_LABEL, UnlabelledFiles
from vr.evaluation import calibration as calibrations
from vr.evaluation.evaluation import score_batches
from vr.inference import prediction_table
from vr.inference.decision import Decision, Prediction
from vr.inference.journal import Journal
from vr.runs.run import Run


@dataclass(frozen=True)
class Outcome:
    """What became of a prediction: rows in the table, those of them that were there before, and errors."""

    rows: int
    before: int
    unreadable: list[UserError]


@torch.inference_mode()
def predictions(
    run: Run,
    decision: Decision,
    source: ImageSource,
    items: Iterable[Item],
    *,
    batch_size: int | None = None,
    workers: int = 4,
    unreadable: list[UserError] | None = None,
) -> Iterator[list[Prediction]]:
    """Predictions of images, in order, a batch at a time; `path` is each item's.

    Args:
        items: taken as they are needed.
        batch_size: by default what `vr.evaluation.evaluation.usual_batch_size` says.
        unreadable: where errors of images go that cannot be read; without it they are raised.

    Raises:
        UserError: an image cannot be read (without `unreadable`).
    """
    on_error: Literal["raise", "skip"] = "raise" if unreadable is None else "skip"
    batches = score_batches(
        run.method,
        source,
        items,
        batch_size=batch_size,
        workers=workers,
        on_error=on_error,
        unreadable=unreadable,
    )
    for scores, paths in batches:
        yield decision.predict(scores, paths)


def predict_files(
    run: Run,
    decision: Decision,
    paths: Iterable[str],
    *,
    batch_size: int | None = None,
    workers: int = 4,
    unreadable: list[UserError],
    progress: Callable[[int], None] = lambda count: None,
) -> Iterator[list[prediction_table.Row]]:
    """Rows of files, a batch at a time; those that cannot be read are in `unreadable` and have no row."""
    source = UnlabelledFiles(run.card.images.window if run.card.images else None)
    items = (Item(path, NO_LABEL) for path in paths)
    known = 0
    for batch in predictions(
        run, decision, source, items, batch_size=batch_size, workers=workers, unreadable=unreadable
    ):
        yield [prediction_table.row_of(prediction) for prediction in batch]
        progress(len(batch) + len(unreadable) - known)
        known = len(unreadable)


def predict_to_file(
    run: Run,
    decision: Decision,
    paths: Iterable[str],
    out: Path,
    *,
    batch_size: int | None = None,
    workers: int = 4,
    resume: bool = False,
    force: bool = False,
    say: Callable[[str], None] = lambda line: None,
    progress: Callable[[int], None] = lambda count: None,
) -> Outcome:
    """Predict files into a table. Until it is whole, its rows are kept in a journal beside it, `OUT.part`.

    Args:
        resume: go on with the journal, if there is one; images that could not be read are tried again.
        force: begin again, and replace the table if it is there.

    Raises:
        UserError: there is a table or a journal already, or it cannot be written.
    """
    part = journal_path(out)
    if is_finished(out, resume=resume, force=force):
        return Outcome(0, 0, [])
    if force:
        part.unlink(missing_ok=True)
    journal = Journal(part, _head(run, decision))
    unreadable: list[UserError] = []
    try:
        done = {row["path"] for row in journal.rows()}
        if done:
            say(f"going on after {len(done):,} images")
        left = (path for path in paths if prediction_table.printable(path) not in done)
        rows = len(done)
        for batch in predict_files(
            run,
            decision,
            left,
            batch_size=batch_size,
            workers=workers,
            unreadable=unreadable,
            progress=progress,
        ):
            journal.append(batch)
            rows += len(batch)
        sets = decision.set_limit is not None
        prediction_table.write(out, run.card.class_names, journal.rows(), sets=sets)
    except BaseException as error:
        journal.close()
        if isinstance(error, KeyboardInterrupt):
            say(f"{part} keeps what is done: go on with --resume")
        raise
    journal.close(remove=True)
    return Outcome(rows, len(done), unreadable)


def predict_to_stream(
    run: Run,
    decision: Decision,
    paths: Iterable[str],
    write: Callable[[str], object],
    *,
    jsonl: bool = False,
    batch_size: int | None = None,
    workers: int = 4,
) -> Outcome:
    """Predict files and write each row, as a line of CSV or JSON, as soon as its batch is done."""
    unreadable: list[UserError] = []
    batches = predict_files(
        run, decision, paths, batch_size=batch_size, workers=workers, unreadable=unreadable
    )
    rows = 0

    def counted() -> Iterator[prediction_table.Row]:
        nonlocal rows
        for batch in batches:
            rows += len(batch)
            yield from batch

    if jsonl:
        lines = prediction_table.json_lines(counted())
    else:
        lines = prediction_table.csv_lines(decision.classes, counted(), sets=decision.set_limit is not None)
    for line in lines:
        write(line)
    return Outcome(rows, 0, unreadable)


def is_finished(out: Path, *, resume: bool, force: bool) -> bool:
    """Whether there is nothing left to do; found out before anything heavy is loaded.

    Raises:
        UserError: the table or a journal is there already, or it is no format that can be written.
    """
    prediction_table.check_format(out)
    if resume and force:
        raise UserError("--resume and --force say two things", remedy="Give one of them.")
    begun = journal_path(out).exists()
    if out.exists() and not force and not (resume and begun):
        if resume:
            return True
        raise UserError(
            "is there already", file=out, remedy="Use --out for another place, or --force to replace it."
        )
    if begun and not force and not resume:
        raise UserError(
            "is an unfinished prediction",
            file=journal_path(out),
            remedy="Use --resume to go on with it, or --force to begin again.",
        )
    return False


def journal_path(out: Path) -> Path:
    """Where rows are kept until the table is whole."""
    return out.with_name(f"{out.name}.part")


def error_lines(unreadable: Sequence[UserError], *, most: int = 100) -> list[str]:
    """What is said at the end of the files that could not be read."""
    if not unreadable:
        return []
    files = "file" if len(unreadable) == 1 else "files"
    head = f"{len(unreadable):,} {files} could not be read:"
    lines = [head, *(f"  {error}" for error in unreadable[:most])]
    more = len(unreadable) - most
    return [*lines, f"  and {more:,} more; --errors FILE lists all"] if more > 0 else lines


def write_errors(unreadable: Iterable[UserError], path: Path) -> None:
    """Write a CSV of the files that could not be read: path and error."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["path", "error"])
    rows.writerows([prediction_table.printable(error.file or ""), error.what] for error in unreadable)
    write_text(path, text.getvalue())


def _head(run: Run, decision: Decision) -> dict[str, object]:
    return {
        "model": calibrations.model_id(run.path),
        "backbone": run.config.backbone.id,
        "classes": list(decision.classes),
        "temperature": decision.temperature,
        "threshold": decision.threshold,
        "sets": [decision.set_score, str(decision.set_limit)],
    }
