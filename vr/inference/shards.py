"""A list of images that several processes predict, each its shard, and the table that is merged from them.

Any scheduler may start the shards, in any order and again: each has a journal in the folder `OUT.parts`, and
continues it. Shards take stripes of the list in turn, so that none has to know its length.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError
from vr.evaluation.calibration import model_id
from vr.inference import stored_row
from vr.inference.blocks import AT, ListedPaths, Row
from vr.inference.journal import END, Journal, head_of
from vr.inference.outcome import Outcome, write_ordered
from vr.inference.predictor import Predictor
from vr.inference.recorded import Recorded, in_order
from vr.inference.shard import Shard, end_of, folder_of, numbers_of_shards, part_of

_LISTED = 20  # shards that a message names


@dataclass(frozen=True)
class ShardOutcome:
    """How many images a shard has, how many of them before this call, and how many cannot be read."""

    images: int
    before: int
    unreadable: int


def predict_shard(
    predictor: Predictor,
    paths: Iterable[str],
    out: Path,
    shard: Shard,
    *,
    force: bool = False,
    say: Callable[[str], None] = lambda line: None,
    progress: Callable[[int], None] = lambda count: None,
) -> ShardOutcome:
    """Predict the images of a shard into its journal, and continue it if there is one.

    Args:
        paths: the whole list, the same for all shards.
        out: the table that will be merged.
        force: start again.

    Raises:
        UserError: the journal has other settings, another process uses it, or it cannot be written.
    """
    path = part_of(out, shard)
    if force:
        path.unlink(missing_ok=True)
    listed = ListedPaths(paths)
    head = {**predictor.settings(), "stripe": predictor.stripe, "shards": shard.total}
    with closing(Journal(path, head)) as journal:
        recorded = Recorded(journal)
        before = recorded.images
        if before:
            say(f"continuing after {before:,} images")
        blocks = shard.share(predictor.blocks(listed), predictor.stripe)
        for block, rows in predictor.rows(recorded.to_do(blocks, predictor.source)):
            recorded.add(rows)
            progress(len(block.paths))
        journal.append([{END: {"images": listed.count, "list": listed.digest}}])
    return ShardOutcome(recorded.images, before, len(recorded.failed))


def merge(out: Path, run: Path) -> Outcome:
    """Write the table of all shards, sorted as the list is: the same that one process writes.

    Args:
        run: the directory of the run with which they were predicted.

    Raises:
        UserError: shards are missing or unfinished (the message names them), or do not fit together.
    """
    parts = _parts(out)
    head = _common_head(parts)
    if head.get("model") != model_id(run):
        raise UserError(
            f"the shards were predicted with another run than {run}",
            code="merge-other-run",
            file=folder_of(out),
            remedy="Name their run.",
        )
    images = _length_of_list(parts)
    rows = heapq.merge(*map(in_order, parts), key=lambda row: row[AT])
    if not stored_row.is_head(head):
        raise UserError(
            "a part does not say what it predicts",
            code="journal-damaged",
            file=folder_of(out),
            remedy="Predict all shards again with --force.",
        )
    classes, sets = head["classes"], head["sets"][1] != str(None)
    return write_ordered(out, classes, _complete(rows, images, out), sets=sets, flags="point" in head)


def _parts(out: Path) -> list[Path]:
    """The journals of all shards, which must be complete."""
    folder = folder_of(out)
    counts = numbers_of_shards(out)
    if len(counts) != 1:
        raise UserError(
            f"there are shards of {' and of '.join(map(str, counts))}" if counts else "there are no shards",
            code="merge-no-shards" if not counts else "merge-other-shards",
            file=folder,
            remedy="Predict them with --shard 1/N to N/N and the same --out; N is the same for all.",
        )
    shards = [Shard(number, counts[0]) for number in range(1, counts[0] + 1)]
    missing = [shard for shard in shards if not part_of(out, shard).is_file()]
    unfinished = [s for s in shards if s not in missing and end_of(part_of(out, s)) is None]
    if missing or unfinished:
        kinds = {"missing": missing, "unfinished": unfinished}
        raise UserError(
            "; ".join(f"{kind}: shard {_listed(group)}" for kind, group in kinds.items() if group),
            code="merge-missing-shards",
            file=folder,
            remedy="Run the same command for each of them with --shard; what they have is kept.",
        )
    return [part_of(out, shard) for shard in shards]


def _listed(shards: Sequence[Shard]) -> str:
    more = len(shards) - _LISTED
    return ", ".join(map(str, shards[:_LISTED])) + (f" and {more:,} more" if more > 0 else "")


def _common_head(parts: Sequence[Path]) -> dict[str, Any]:
    """The settings that all parts share."""
    heads = {part: head_of(part) for part in parts}
    first = heads[parts[0]]
    for part, head in heads.items():
        keys = sorted(key for key in {*head, *first} if head.get(key) != first.get(key))
        if keys:
            raise UserError(
                f"has other settings than {parts[0].name}: {', '.join(keys)}",
                code="merge-other-settings",
                file=part,
                remedy="Predict this shard again with --force and the options of the others, "
                "--batch-size and --device too.",
            )
    return first


def _length_of_list(parts: Sequence[Path]) -> int:
    """The number of images in the list, which must have been the same for all parts."""
    ends = {part: end_of(part) for part in parts}
    first = ends[parts[0]]
    for part, end in ends.items():
        if end != first:
            raise UserError(
                f"was predicted from another list of images than {parts[0].name}",
                code="merge-other-list",
                file=part,
                remedy="Give all shards the same list, and predict again with --force.",
            )
    return int(first["images"]) if first else 0


def _complete(rows: Iterable[Row], images: int, out: Path) -> Iterator[Row]:
    """The rows, which must be one per image of the list."""
    count = 0
    for row in rows:
        if row[AT] != count:
            break
        count += 1
        yield row
    if count != images:
        raise UserError(
            f"the shards have no single row of image {count + 1:,} of {images:,}",
            code="merge-incomplete",
            file=folder_of(out),
            remedy="A part is damaged: predict all shards again with --force.",
        )
