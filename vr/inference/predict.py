"""Many unlabelled images to a table of predictions: streamed, resumable; damaged files are listed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from attrgen.core.errors import UserError
from vr.data.formats.source import ImageSource, Item
from vr.evaluation.evaluation import score_batches
from vr.inference import prediction_table
from vr.inference.blocks import error_of
from vr.inference.decision import Decision, Prediction
from vr.inference.journal import Journal
from vr.inference.outcome import Outcome, without_position, write_ordered
from vr.inference.output import is_finished, journal_path
from vr.inference.predictor import JpegDecoding, Predictor
from vr.inference.recorded import Recorded
from vr.runs.run import Run


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
    jpeg: JpegDecoding = "cpu",
    on_error: Callable[[UserError], None] | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> Iterator[list[prediction_table.Row]]:
    """Rows of files, a batch at a time; see `predictions`. `progress` is called with counts of files."""
    predictor = Predictor.of(run, decision, batch_size=batch_size, workers=workers, jpeg=jpeg)
    return _rows(predictor, paths, on_error, progress)


def _rows(
    predictor: Predictor,
    paths: Iterable[str],
    on_error: Callable[[UserError], None] | None,
    progress: Callable[[int], None] = lambda count: None,
) -> Iterator[list[prediction_table.Row]]:
    for block, rows in predictor.rows(predictor.blocks(paths)):
        predicted = []
        for row in rows:
            if (error := error_of(row)) is None:
                predicted.append(without_position(row))
            elif on_error is None:
                raise error
            else:
                on_error(error)
        if predicted:
            yield predicted
        progress(len(block.paths))


def predict_to_file(
    run: Run,
    decision: Decision,
    paths: Iterable[str],
    out: Path,
    *,
    batch_size: int | None = None,
    workers: int = 4,
    jpeg: JpegDecoding = "cpu",
    resume: bool = False,
    force: bool = False,
    say: Callable[[str], None] = lambda line: None,
    progress: Callable[[int], None] = lambda count: None,
) -> Outcome:
    """Predict files into a table. Until it is complete, its rows are kept in a journal beside it, `OUT.part`.

    Args:
        jpeg: see `vr.inference.predictor.JpegDecoding`.
        resume: continue with the journal, if there is one; images that could not be read are tried again.
        force: start again, and overwrite the table if it exists.

    Raises:
        UserError: there is a table or a journal already, or it cannot be written.
    """
    if is_finished(out, resume=resume, force=force):
        return Outcome(0, 0, [])
    predictor = Predictor.of(run, decision, batch_size=batch_size, workers=workers, jpeg=jpeg)
    with _journal(journal_path(out), predictor.settings(), force=force, say=say) as journal:
        recorded = Recorded(journal)
        before = len(recorded.predicted)
        if before:
            say(f"continuing after {before:,} images")
        blocks = recorded.to_do(predictor.blocks(paths), predictor.source)
        for block, rows in predictor.rows(blocks):
            recorded.add(rows)
            progress(len(block.paths))
        outcome = write_ordered(
            out,
            run.card.class_names,
            recorded.in_order(),
            sets=predictor.has_sets,
            flags=predictor.has_flags,
            before=before,
        )
        return replace(outcome, notes=predictor.notes())


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
    jpeg: JpegDecoding = "cpu",
) -> Outcome:
    """Predict files and write each row, as a line of CSV or JSON, as soon as its batch is done."""
    errors: list[UserError] = []
    predictor = Predictor.of(run, decision, batch_size=batch_size, workers=workers, jpeg=jpeg)
    batches = _rows(predictor, paths, errors.append)
    rows = 0

    def counted() -> Iterator[prediction_table.Row]:
        nonlocal rows
        for batch in batches:
            rows += len(batch)
            yield from batch

    if jsonl:
        lines = prediction_table.json_lines(counted())
    else:
        columns = {"sets": decision.set_limit is not None, "flags": decision.point is not None}
        lines = prediction_table.csv_lines(decision.classes, counted(), **columns)
    for line in lines:
        write(line)
    return Outcome(rows, 0, errors, predictor.notes())
