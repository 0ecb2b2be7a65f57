"""Run the commands over damaged files, and report what became of them."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

from tests.fuzz import case as cases
from tests.fuzz.case import Case, Result
from tests.fuzz.pool import Workshop, run_cases, run_here
from tests.fuzz.targets import TARGETS

PROGRESS = 1000  # files between two lines of progress


def main() -> int:
    """The command line; the status is 1 where there is a failure."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        workshop = Workshop(Path(arguments.keep or temporary).resolve())
        if arguments.case is not None:
            case = Case(cases.target_named(arguments.only[0]), arguments.seed, arguments.case)
            result = run_here(workshop, case)
            print(f"{result.outcome} {result.where} {result.code}\n{result.detail}")
            return int(result.outcome in cases.FAILURES)
        print(f"{arguments.files} damaged files, seed {arguments.seed}", flush=True)
        chosen = chosen_cases(arguments.files, arguments.seed, arguments.only)
        return report(run_cases(workshop, chosen, arguments.jobs))


def chosen_cases(number: int, seed: int, names: Iterable[str] = ()) -> Iterator[Case]:
    """So many cases, over all targets by their weight, or over those that are named."""
    targets = [cases.target_named(name) for name in names] or list(TARGETS)
    rng, counts = Random(seed), Counter[str]()
    for target in rng.choices(targets, [target.weight for target in targets], k=number):
        yield Case(target, seed, counts[target.name])
        counts[target.name] += 1


def report(results: Iterable[tuple[Case, Result]]) -> int:
    """Print each new failure as it happens, and counts by kind and outcome at the end."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    failures: dict[tuple[str, str, str], list[Case]] = {}
    for case, result in results:
        counts[result.target][result.outcome] += 1
        if result.outcome in cases.FAILURES:
            key = (result.target, result.outcome, result.where)
            failures.setdefault(key, []).append(case)
            if len(failures[key]) == 1:
                print(f"{result.target}: {result.outcome}: {result.where}\n  {case.reproduction}", flush=True)
        if (done := sum(of.total() for of in counts.values())) % PROGRESS == 0:
            print(f"{done:,} files, {sum(map(len, failures.values()))} failures", flush=True)
    print(_table(counts))
    for (target, outcome, where), members in sorted(failures.items(), key=lambda item: -len(item[1])):
        print(f"{len(members):>4} {target}: {outcome}: {where}\n     {members[0].reproduction}")
    total = sum(of.total() for of in counts.values())
    print(f"{total} files, {sum(map(len, failures.values()))} failures of {len(failures)} causes")
    return int(bool(failures))


def _table(counts: dict[str, Counter[str]]) -> str:
    outcomes = [name for name in cases.OUTCOMES if any(of[name] for of in counts.values())]
    width = max(map(len, (*counts, "in all")), default=0)
    lines = [f"{'':<{width}}  " + "  ".join(outcomes)]
    whole: Counter[str] = Counter()
    for target, of in counts.items():
        lines.append(f"{target:<{width}}  " + "  ".join(f"{of[name]:>{len(name)}}" for name in outcomes))
        whole.update(of)
    lines.append(f"{'in all':<{width}}  " + "  ".join(f"{whole[name]:>{len(name)}}" for name in outcomes))
    return "\n".join(lines)


def _names(words: str) -> list[str]:
    """The kinds of files of an argument."""
    names = [name.strip() for name in words.split(",") if name.strip()]
    known = [target.name for target in TARGETS]
    if unknown := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(f"no kind '{unknown[0]}'; there are {', '.join(known)}")
    return names


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="how many")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10**6), help="default: drawn, and printed"
    )
    parser.add_argument("--jobs", type=int, default=min(8, os.cpu_count() or 1), help="processes")
    parser.add_argument("--only", type=_names, default=(), help="these kinds of files, separated by commas")
    parser.add_argument("--case", type=int, help="run one case, and print all that it prints")
    parser.add_argument("--keep", help="an empty folder for samples and cases, which is kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
