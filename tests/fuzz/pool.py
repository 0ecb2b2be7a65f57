"""Worker processes under a watchdog: one that hangs or dies is replaced, and its case is a failure."""

from __future__ import annotations

import faulthandler
import os
import signal
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

from tests.fuzz import case as cases
from tests.fuzz.case import Case, Result
from tests.fuzz.samples import write_samples

LONGEST = 10.0  # seconds of processor time that a case may take
LONGEST_WAIT = 180.0  # seconds that a case may take in all, on a machine that others use as well
_TICK = 0.2


class Workshop:
    """The samples, and what every worker shares: loaded modules and the loaded backbone."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.samples = root / "samples"
        self.samples.mkdir()
        before = Path.cwd()
        os.chdir(self.samples)
        try:
            _remember_backbones()
            write_samples(self.samples)
        finally:
            os.chdir(before)
        _import_all()


@dataclass
class _Worker:
    """A process, the connection to it, and the case that it runs."""

    process: BaseProcess
    connection: Connection
    stacks: Path
    case: Case | None = None
    began: float = 0.0
    processor_time: float = 0.0


def run_cases(workshop: Workshop, cases_to_run: Iterable[Case], jobs: int) -> Iterator[tuple[Case, Result]]:
    """Run cases in `jobs` processes; each with its result, in the order in which they end."""
    remaining = iter(cases_to_run)
    workers = [_started(workshop, number) for number in range(jobs)]
    try:
        while True:
            for worker in workers:
                if worker.case is None and (chosen := next(remaining, None)) is not None:
                    _give(worker, chosen)
            busy = [worker for worker in workers if worker.case is not None]
            if not busy:
                return
            ready = wait([worker.connection for worker in busy], _TICK)
            for number, worker in enumerate(workers):
                if worker.case is None:
                    continue
                result = _result(worker, worker.connection in ready)
                if result is None:
                    continue
                yield worker.case, result
                worker.case = None
                if result.outcome in (cases.HANG, cases.DIED) or result.outcome == cases.MEMORY:
                    _stop(worker)
                    workers[number] = _started(workshop, number)
    finally:
        for worker in workers:
            _stop(worker)


def run_here(workshop: Workshop, case: Case) -> Result:
    """Run one case in this process, and leave its folder."""
    return cases.run(case, workshop.samples, workshop.root / "case")


def _result(worker: _Worker, is_ready: bool) -> Result | None:
    """The result of a worker's case; None where it still runs."""
    assert worker.case is not None
    failed = Result(worker.case.target.name, worker.case.number, cases.DIED)
    if is_ready:
        try:
            result: Result = worker.connection.recv()
            return result
        except EOFError:
            return replace(failed, where=f"exit status {worker.process.exitcode}", detail=_stacks(worker))
    used = _processor_time(worker.process.pid) - worker.processor_time
    if used > LONGEST or time.monotonic() - worker.began > LONGEST_WAIT:
        os.kill(worker.process.pid or 0, signal.SIGUSR1)  # its stacks
        time.sleep(0.3)
        stacks = _stacks(worker)
        return replace(failed, outcome=cases.HANG, where=_innermost(stacks), detail=stacks)
    return None


def _started(workshop: Workshop, number: int) -> _Worker:
    context = get_context("fork")
    ours, theirs = context.Pipe()
    stacks = Path(tempfile.mkstemp(dir=workshop.root, suffix=".stacks")[1])
    folder = workshop.root / f"case-{number}"
    process = context.Process(target=_work, args=(workshop, folder, theirs, stacks), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours, stacks)


def _give(worker: _Worker, case: Case) -> None:
    worker.case, worker.began = case, time.monotonic()
    worker.processor_time = _processor_time(worker.process.pid)
    worker.connection.send((case.target.name, case.seed, case.number))


def _stop(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.connection.close()
    worker.stacks.unlink(missing_ok=True)


def _work(workshop: Workshop, folder: Path, connection: Connection, stacks: Path) -> None:
    faulthandler.register(signal.SIGUSR1, file=stacks.open("w"), all_threads=True)
    cases.limit_memory()
    torch.set_num_threads(1)  # the threads of the parent are not there after a fork, and would be waited for
    while True:
        name, seed, number = connection.recv()
        connection.send(cases.run(Case(cases.target_named(name), seed, number), workshop.samples, folder))


def _processor_time(process: int | None) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _stacks(worker: _Worker) -> str:
    return worker.stacks.read_text()[-6000:]


def _innermost(stacks: str) -> str:
    """The innermost line of this project in the stack of the main thread."""
    root = str(Path(__file__).parents[2])
    main = stacks.split("Current thread")[-1]
    own = [line for line in main.splitlines() if f'"{root}/vr' in line or f'"{root}/attrgen' in line]
    return own[0].strip().replace(root, "") if own else "unknown"


def _remember_backbones() -> None:
    """Load a backbone of random weights once per configuration; loading it is what takes most time."""
    from vr.clip import backbone as backbones

    load = backbones.load
    loaded: dict[object, object] = {}

    def remembered(name: str = "", weights: str | None = None, **options: object) -> object:
        if name != "tiny" or weights != "random":
            return load(name, weights, **options)  # type: ignore[arg-type]
        key = Path("tiny/open_clip_config.json").read_bytes()
        if key not in loaded:
            if len(loaded) > 1:
                return load(name, weights, **options)  # type: ignore[arg-type]
            loaded[key] = load(name, weights, **options)  # type: ignore[arg-type]
        return loaded[key]

    backbones.load = remembered  # type: ignore[assignment]


def _import_all() -> None:
    """Import what the commands import lazily, so that workers share it."""
    import importlib

    for name in (
        *("matplotlib.figure", "torchmetrics.functional.classification", "pydicom.pixels", "pyarrow.parquet"),
        *("rich.console", "rich.table", "jinja2.sandbox", "scipy.stats", "sklearn.metrics", "tabulate"),
        *("attrgen.cli", "vr.cli", "vr.report.run_report", "vr.report.model_card", "vr.training.sweep"),
        *(
            "vr.inference.predict",
            "vr.explanation.explanation",
            "vr.evaluation.calibrate_run",
            "huggingface_hub",
        ),
    ):
        importlib.import_module(name)
