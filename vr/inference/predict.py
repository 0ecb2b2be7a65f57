"""Many unlabelled images to a table of predictions: streamed, resumable; damaged files are listed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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
from vr.inference.output import is_finished, journal_path
from vr.runs.run import Run


@dataclass(frozen=True)
class Outcome:
    """Result of a prediction: rows of the table, those that an earlier call had written, and errors."""

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
    on_error: Callable[[UserError], None] | None = None,
) -> Iterator[list[Prediction]]:
    """Predictions of images, in order, a batch at a time; `path` is each item's.

    Args:
        items: read lazily.
        batch_size: by default what `vr.evaluation.evaluation.default_batch_size` says.
        on_error: called with the error of each image that cannot be read; by default it is raised.

    Raises:
        UserError: an image cannot be read (without `on_error`).
    """
    batches = score_batches(
        run.method, source, items, batch_size=batch_size, workers=workers, on_error=on_error
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
    on_error: Callable[[UserError], None] | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> Iterator[list[prediction_table.Row]]:
    """Rows of files, a batch at a time; see `predictions`. `progress` is called with counts of files."""

    def unreadable(error: UserError) -> None:
        if on_error is None:
            raise error
        on_error(error)
        progress(1)

    source = UnlabelledFiles.of(run.card)
    items = (Item(path, NO_LABEL) for path in paths)
    batches = predictions(
        run,
        decision,
        source,
        items,
        batch_size=batch_size,
        workers=workers,
        on_error=None if on_error is None else unreadable,
    )
    for batch in batches:
        yield [prediction_table.row_of(prediction) for prediction in batch]
        progress(len(batch))


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
    """Predict files into a table. Until it is complete, its rows are kept in a journal beside it, `OUT.part`.

    Args:
        resume: continue with the journal, if there is one; images that could not be read are tried again.
        force: start again, and overwrite the table if it exists.

    Raises:
        UserError: there is a table or a journal already, or it cannot be written.
    """
    if is_finished(out, resume=resume, force=force):
        return Outcome(0, 0, [])
    errors: list[UserError] = []
    with _journal(journal_path(out), _head(run, decision), force=force, say=say) as journal:
        before = {row["path"] for row in journal.rows()}
        if before:
            say(f"continuing after {len(before):,} images")
        batches = predict_files(
            run,
            decision,
            (path for path in paths if prediction_table.printable(path) not in before),
            batch_size=batch_size,
            workers=workers,
            on_error=errors.append,
            progress=progress,
        )
        rows = len(before)
        for batch in batches:
            journal.append(batch)
            rows += len(batch)
        sets = decision.set_limit is not None
        prediction_table.write(out, run.card.class_names, journal.rows(), sets=sets)
    return Outcome(rows, len(before), errors)


@contextmanager
def _journal(
    path: Path, head: Mapping[str, object], *, force: bool, say: Callable[[str], None]
) -> Iterator[Journal]:
    """A journal that is removed at the end, and kept when something stops the work."""
    if force:
        path.unlink(missing_ok=True)
    journal = Journal(path, head)
    try:
        yield journal
    except BaseException as error:
        journal.close()
        if isinstance(error, KeyboardInterrupt):
            say(f"{path} keeps what is done: continue with --resume")
        raise
    journal.close(remove=True)


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
    errors: list[UserError] = []
    batches = predict_files(
        run, decision, paths, batch_size=batch_size, workers=workers, on_error=errors.append
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
    return Outcome(rows, 0, errors)


def error_lines(unreadable: Sequence[UserError], *, most: int = 100) -> list[str]:
    """Lines that list the files that could not be read."""
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
