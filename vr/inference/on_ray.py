"""A list of images that a Ray cluster predicts: paths in, Parquet parts out, and the table of one process.

Ray Data hands chunks of the list to a pool of actors, each of which keeps its loaded run; an actor writes the
part of a chunk and returns only its figures, so that memory does not grow with the list. What is written is
not done again.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from attrgen.core.decoding import cached
from attrgen.core.errors import UserError
from attrgen.core.files import read_text, whole_file, write_text
from vr.data.loading.squares import Count
from vr.inference.blocks import AT, ListedPaths, Row, Stages
from vr.inference.decision import Decision
from vr.inference.outcome import Outcome, write_ordered
from vr.inference.parquet_parts import read_part, write_part
from vr.inference.predictor import JpegDecoding, Predictor, settings
from vr.inference.shard import folder_of
from vr.runs.run import read_config
from vr.runtime.memory import DEFAULT_BATCH, LARGEST_BATCH
from vr.runtime.ray_client import is_outside, run_inside
from vr.runtime.ray_cluster import check_nodes, connected
from vr.runtime.ray_jobs import check_share, gpu_share, jobs_to_start
from vr.runtime.surroundings import Surroundings

_LIST, _HEAD = "list.jsonl", "head.json"
_BLOCKS_PER_CHUNK = 8


@dataclass(frozen=True)
class Setup:
    """What an actor needs to predict: the run, how it is loaded, and the decision.

    Attributes:
        loading: keywords of `vr.runs.run.load_run`.
        batch_size: images per block; None for what the device holds.
        workers: threads that decode, per actor.
    """

    run: Path
    loading: Mapping[str, Any]
    decision: Decision
    batch_size: int | None
    workers: int
    jpeg: JpegDecoding = "cpu"

    def predictor(self) -> Predictor:
        """The loaded run."""
        from vr.runs import run as runs

        loaded = runs.load_run(self.run, **self.loading)
        return Predictor.of(
            loaded,
            self.decision,
            batch_size=self.batch_size,
            workers=self.workers,
            jpeg=self.jpeg,
        )


@dataclass(frozen=True)
class _Chunk:
    """Consecutive images of the list: the position of the first, how many, and where its line begins."""

    start: int
    images: int
    offset: int

    @property
    def name(self) -> str:
        return f"part-{self.start:012d}-{self.start + self.images:012d}.parquet"


def predict_on_ray(
    setup: Setup,
    paths: Iterable[str],
    out: Path,
    *,
    address: str | None = None,
    jobs: int | None = None,
    gpus_per_job: float | None = None,
    force: bool = False,
    say: Callable[[str], None] = lambda line: None,
    progress: Callable[[int], None] = lambda count: None,
) -> Outcome:
    """Predict a list on a cluster, and write the table that one process would write.

    Args:
        address: see `vr.runtime.ray_cluster.connected`.
        jobs: actors; by default as many as the cluster holds.
        gpus_per_job: share of a GPU; by default a whole one where there are GPUs.
        force: start again; else what an earlier call has written is kept.

    Raises:
        UserError: no Ray, a cluster that does not see the folder, parts of other settings or another list;
            JPEG files are to be decoded on a GPU that the jobs do not have.
    """
    check_share(gpus_per_job)
    folder = folder_of(out)
    with connected(address) as ray:
        check_nodes(ray, _made(folder))
        gpus = _gpus_per_job(ray, setup, gpus_per_job)
        jobs = jobs_to_start(ray, jobs, gpus, say)
        chunks = _prepare(folder, setup, paths, gpus, force)
        missing = [chunk for chunk in chunks if not (folder / chunk.name).is_file()]
        before = sum(chunk.images for chunk in chunks) - sum(chunk.images for chunk in missing)
        if before:
            say(f"continuing after {before:,} images")
        if missing:
            work = partial(_run, setup, folder, missing, min(jobs, len(missing)), gpus)
            figures = _figures_of(ray, work, progress)
            say(figures.line(jobs))
            if setup.jpeg == "gpu":
                say(figures.decoded.sentence())
    return _table(out, folder, chunks, setup.decision, before)


def _table(out: Path, folder: Path, chunks: Iterable[_Chunk], decision: Decision, before: int) -> Outcome:
    """Write the table of all parts, in the order of the list."""
    columns = {"sets": decision.set_limit is not None, "flags": decision.point is not None}
    parts = (read_part(folder / chunk.name, decision.classes, **columns) for chunk in chunks)
    return write_ordered(out, decision.classes, chain.from_iterable(parts), **columns, before=before)


def _gpus_per_job(ray: Any, setup: Setup, asked: float | None) -> float:
    """What a job gets of a GPU."""
    gpus = gpu_share(ray, asked)
    if setup.jpeg == "gpu" and not gpus:
        raise UserError(
            "--decode gpu needs jobs with a GPU",
            code="ray-no-gpu",
            remedy="Use a cluster with GPUs and --gpus-per-job 1, or a share, or leave out --decode gpu.",
        )
    return gpus


@dataclass
class Figures:
    """What a prediction took: images, where they were decoded, seconds, and those of the actors, of which
    some waited."""

    images: int = 0
    seconds: float = 0.0
    working: float = 0.0
    waiting: float = 0.0
    decoded: Count = field(default_factory=Count)

    def line(self, jobs: int) -> str:
        """The figures, and what limits."""
        share = self.waiting / self.working if self.working else 0.0
        limit = "decoding" if share > 0.5 else "the model"
        pace = self.images / max(self.seconds, 1e-9)
        return (
            f"{self.images:,} images in {self.seconds:.0f} s, {pace:.0f} per second with {jobs} jobs; "
            f"{share:.0%} of their time they waited for images: {limit} limits"
        )


class _Actor:
    """Keeps the loaded run, and predicts one chunk after the other."""

    def __init__(self, setup: Setup, folder: str, surroundings: Surroundings) -> None:
        surroundings.enter()
        self._folder = Path(folder)
        self._predictor = setup.predictor()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        began = time.perf_counter()
        chunk = _Chunk(*(int(batch[name][0]) for name in ("start", "images", "offset")))
        paths = list(_paths_of(self._folder / _LIST, chunk))
        stages, count = Stages(), self._predictor.squares.count
        before = replace(count)
        rows: list[Row] = []
        for _, predicted in self._predictor.rows(self._predictor.blocks(paths), stages):
            rows += [{**row, AT: chunk.start + row[AT]} for row in predicted]
        write_part(self._folder / chunk.name, self._predictor.decision.classes, rows)
        working = time.perf_counter() - began
        return {
            "images": [chunk.images],
            "working": [working],
            "waiting": [stages.waiting],
            "on_device": [count.on_device - before.on_device],
            "on_cpu": [count.on_cpu - before.on_cpu],
        }


def _figures_of(
    ray: Any, work: Callable[[Callable[[int], None]], Figures], progress: Callable[[int], None]
) -> Figures:
    """Do the work here, or inside of the cluster, for Ray Data does not work from outside."""
    try:
        return run_inside(ray, work, progress) if is_outside() else work(progress)
    except ray.exceptions.RayError as error:
        raise UserError(
            f"the prediction on Ray stopped: {str(error).strip().splitlines()[-1]}",
            code="ray-prediction-stopped",
            remedy="What is written is kept: correct this, then run the same command again.",
        ) from error


def _run(
    setup: Setup,
    folder: Path,
    chunks: list[_Chunk],
    jobs: int,
    gpus: float,
    progress: Callable[[int], None],
) -> Figures:
    """Predict chunks on a pool of actors."""
    ray_data = _ray_data()
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    context = ray_data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = 0
    items = [{"start": chunk.start, "images": chunk.images, "offset": chunk.offset} for chunk in chunks]
    dataset = ray_data.from_items(items, override_num_blocks=len(items)).map_batches(
        _Actor,
        fn_constructor_args=(setup, str(folder.absolute()), Surroundings.here()),
        batch_size=1,
        compute=ray_data.ActorPoolStrategy(size=jobs),
        num_gpus=gpus,
        num_cpus=1,
    )
    figures, began = Figures(), time.monotonic()
    for row in dataset.iter_rows():
        figures.images += int(row["images"])
        figures.working += float(row["working"])
        figures.waiting += float(row["waiting"])
        figures.decoded.add(int(row["on_device"]), int(row["on_cpu"]))
        progress(int(row["images"]))
    figures.seconds = time.monotonic() - began
    return figures


def _prepare(folder: Path, setup: Setup, paths: Iterable[str], gpus: float, force: bool) -> list[_Chunk]:
    """Write the list and its settings, unless an earlier call did; the chunks of the list."""
    if force:
        for part in folder.glob("part-*.parquet"):
            part.unlink()
    size = _BLOCKS_PER_CHUNK * (setup.batch_size or (LARGEST_BATCH if gpus else DEFAULT_BATCH))
    listed = ListedPaths(paths)
    with whole_file(folder / _LIST) as temporary:
        chunks = list(_written(listed, temporary, size))
    run_settings = settings(setup.run, read_config(setup.run), setup.decision, setup.jpeg)
    head = {**json.loads(json.dumps(run_settings)), "list": listed.digest, "chunk": size}
    file = folder / _HEAD
    if any(folder.glob("part-*.parquet")) and file.is_file():
        before = cached(lambda: dict(json.loads(read_text(file, what="head of a prediction")))) or {}
        different = sorted(key for key in {*head, *before} if head.get(key) != before.get(key))
        if different:
            raise UserError(
                f"holds parts of another prediction: {', '.join(different)}",
                code="predict-other-parts",
                file=folder,
                remedy="Predict with the same run, options and images, or start again with --force.",
            )
    write_text(file, json.dumps(head, indent=2) + "\n")
    return chunks


def _written(paths: ListedPaths, file: Path, size: int) -> Iterator[_Chunk]:
    """Write a list, one JSON string per line; its chunks of `size` images."""
    start, images, begin = 0, 0, 0
    with file.open("wb") as lines:
        for path in paths:
            if images == size:
                yield _Chunk(start, images, begin)
                start, images, begin = start + images, 0, lines.tell()
            lines.write(json.dumps(path).encode() + b"\n")
            images += 1
    if images:
        yield _Chunk(start, images, begin)


def _paths_of(file: Path, chunk: _Chunk) -> Iterator[str]:
    """The paths of a chunk, from the list."""
    with file.open("rb") as lines:
        lines.seek(chunk.offset)
        for line in islice(lines, chunk.images):
            yield json.loads(line)


def _ray_data() -> Any:
    try:
        import ray.data
    except ImportError as error:
        raise UserError(
            f"Ray Data needs another package: {error}",
            code="ray-not-installed",
            remedy="pip install 'biomedvr[ray]'",
        ) from error
    return ray.data


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
