"""Run faults and print what became of them: counts by kind and outcome, one line to repeat each failure."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import sys
import tempfile
import textwrap
import time
import traceback
from collections import Counter, defaultdict
from pathlib import Path
from typing import TypeAlias

from tests.faults import kinds, world
from tests.faults.child import ran
from tests.faults.jobs import training
from tests.faults.kinds import Bench, NoReference, Verdict

LINES = 12  # of the output of a command that are shown after a failure
Counts: TypeAlias = Counter[tuple[str, str, bool]]  # by command, outcome, and whether it is a failure
IMPORTED = (
    *("attrgen.cli", "vr.cli"),  # without these, no word can be said
    *("matplotlib.pyplot", "open_clip", "openai", "pooch", "rich.progress", "sklearn.linear_model", "httpx2"),
    *("attrgen.api", "attrgen.cli.parsing", "attrgen.generation.saving", "filelock", "huggingface_hub"),
    *("vr.api", "vr.report.run_report", "vr.report.comparison.page", "vr.training.execution"),
    *("vr.training.sweep", "vr.training.sweep.worker", "vr.evaluation.calibrate_run", "vr.inference.predict"),
)


def main() -> int:
    """Run them; 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--count", "--faults", type=int, default=100, help="how many faults")
    parser.add_argument("--only", type=int, help="only the fault of this number, with the whole output")
    parser.add_argument("--jobs", type=int, default=1, help="processes that share the faults")
    asked = parser.parse_args()
    print(f"faults: seed {asked.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as root, world.made(Path(root)) as made:
        load_everything()
        end = ran(training(made).words, made.root)
        assert end.status == 0, end
        numbers = [asked.only] if asked.only is not None else range(asked.count)
        counts = in_parallel(made, asked.seed, list(numbers), asked.jobs, asked.only is not None)
    show(counts)
    failures = sum(count for (_, _, failed), count in counts.items() if failed)
    print(f"{counts.total()} faults, {time.monotonic() - began:.0f} s, {failures} failures", flush=True)
    return 1 if failures else 0


def load_everything() -> None:
    """Import what the commands import, so that a child does not."""
    for name in IMPORTED:
        importlib.import_module(name)
    import torch

    torch.set_num_threads(1)


def in_parallel(made: world.World, seed: int, numbers: list[int], processes: int, verbose: bool) -> Counts:
    """Divide the faults among forked processes; what became of them."""
    if processes <= 1:
        return run(made, seed, numbers, verbose)
    children = {}
    for part in range(processes):
        sys.stdout.flush()
        counted = made.root / f"counts-{part}.json"
        if (child := os.fork()) == 0:
            try:
                counts = run(made, seed, numbers[part::processes], verbose)
                counted.write_text(json.dumps([[*key, count] for key, count in counts.items()]))
            except BaseException:
                traceback.print_exc()
            finally:  # the folders belong to the parent
                os._exit(0)
        children[child] = counted
    total: Counts = Counter()
    for child, counted in children.items():
        os.waitpid(child, 0)
        rows = json.loads(counted.read_text()) if counted.exists() else [["a process", "died", True, 1]]
        total.update({(name, outcome, failed): count for name, outcome, failed, count in rows})
    return total


def run(made: world.World, seed: int, numbers: list[int], verbose: bool) -> Counts:
    """Run faults one after another; what became of them."""
    counts: Counts = Counter()
    with tempfile.TemporaryDirectory(dir=made.root, ignore_cleanup_errors=True) as folder:
        bench = Bench(made, Path(folder))
        for number in numbers:
            draw = random.Random(f"{seed} {number}")
            job, function = kinds.plan(made, draw)
            try:
                verdict = function(bench, job, draw)
            except NoReference as error:
                wrong, output = error.args
                verdict = Verdict("no fault", wrong, output)
            counts[job.name, verdict.outcome, bool(verdict.wrong)] += 1
            if verdict.wrong:
                print(f"FAILED {job.name}, {verdict.outcome}: {verdict.wrong}")
                print(f"  python -m tests.faults --seed {seed} --only {number}", flush=True)
                print(textwrap.indent("\n".join(verdict.output.splitlines()[-LINES:]), "    "), flush=True)
            if verbose:
                print(f"{' '.join(job.words)}\n{verdict.outcome}\n{verdict.output}")
    return counts


def show(counts: Counts) -> None:
    """Print how often each outcome came, and of which commands."""
    by_outcome: dict[str, Counter[str]] = defaultdict(Counter)
    for (name, outcome, _), count in counts.items():
        by_outcome[outcome][name] += count
    for outcome, names in sorted(by_outcome.items()):
        listed = ", ".join(f"{name} {count}" for name, count in sorted(names.items()))
        print(f"{names.total():5} {outcome:<32} {listed}")


if __name__ == "__main__":
    sys.exit(main())
