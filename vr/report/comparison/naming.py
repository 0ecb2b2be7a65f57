"""Short names for runs: what differs between them; and runs by the names that a user types."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from attrgen.core.errors import UserError
from vr.report.captions import counted
from vr.report.comparison.results import Result


def short_names(results: Sequence[Result]) -> tuple[str, list[str]]:
    """What all runs have in common, and a name per run of what differs.

    Names hold method, settings, shots, seed, fold, backbone and dataset, each only if it is not the same for
    all; then the attribute set, the few-shot sample and the directory, as long as names agree.
    """
    common, names = [], [""] * len(results)
    for column in _settings(results):
        if len(set(column)) == 1:
            common.append(column[0])
        else:
            names = _with(names, column)
    for column in _details(results):
        if _agree(names):
            names = _with(names, column)
    return ", ".join(filter(None, common)), names


def _settings(results: Sequence[Result]) -> list[list[str]]:
    """By setting, the words of every run."""
    changes = [result.label.split(" ")[1:] for result in results]
    shared = set(changes[0]).intersection(*changes)
    own = [" ".join(word for word in words if word not in shared) for words in changes]
    configs = [result.config for result in results]
    return [
        [config.method for config in configs],
        [" ".join(word for word in changes[0] if word in shared)] * len(results),
        [words or ("defaults" if any(own) else "") for words in own],
        [counted(config.shots, "shot") for config in configs],
        [f"seed {config.seed}" for config in configs],
        ["" if config.fold is None else f"fold {config.fold.number}" for config in configs],
        [result.backbone for result in results],
        [config.card.name for config in configs],
    ]


def _details(results: Sequence[Result]) -> list[list[str]]:
    """What tells runs apart that have the same settings."""
    attributes = [result.config.attributes for result in results]
    columns = [
        ["no attributes" if record is None else f"attributes {record.id[:7]}" for record in attributes],
        [f"sample {result.config.fewshot[:7]}" for result in results],
    ]
    return [*(column for column in columns if len(set(column)) > 1), _directories(results)]


def _directories(results: Sequence[Result]) -> list[str]:
    """The last parts of the directories, as few as tell them apart."""
    parts = [result.path.resolve().parts for result in results]
    tails: list[str] = []
    for length in range(1, max(map(len, parts)) + 1):
        tails = [f"({'/'.join(path[-length:])})" for path in parts]
        if not _agree(tails):
            break
    return tails


def _with(names: Sequence[str], column: Sequence[str]) -> list[str]:
    return [", ".join(filter(None, pair)) for pair in zip(names, column, strict=True)]


def _agree(names: Sequence[str]) -> bool:
    return len(set(names)) < len(names)


def find_run(results: Sequence[Result], name: str) -> int:
    """The position of the run that a user names: by its directory, its method, or its method and settings.

    Raises:
        UserError: no run has that name, or several have.
    """
    paths = [n for n, result in enumerate(results) if result.path.resolve() == Path(name).resolve()]
    labels = [n for n, result in enumerate(results) if result.label == name]
    methods = [n for n, result in enumerate(results) if result.config.method == name]
    for matches in (paths, labels, methods):
        if len(matches) == 1:
            return matches[0]
    several = len(labels or methods)
    raise UserError(
        f"{several} runs are called '{name}'" if several else f"no run is called '{name}'",
        code="compare-ambiguous-baseline" if several else "compare-unknown-baseline",
        remedy=f"Name one by its directory: {', '.join(str(result.path) for result in results[:4])}.",
    )


def find_label(labels: Sequence[str], name: str) -> str:
    """The row of a table that a user names: its label, or its method if only one row has that method.

    Settings may be in another order, and joined as in the name of a run's folder, `attrvr+epochs=3`.

    Raises:
        UserError: no row has that name, or several have.
    """
    for label in labels:
        if name == label or _words(name) == _words(label):
            return label
    matches = [label for label in labels if label.split(" ")[0] == name]
    if len(matches) == 1:
        return matches[0]
    known = ", ".join(f"'{label}'" for label in sorted(matches or labels))
    raise UserError(
        f"{len(matches)} rows are called '{name}'" if matches else f"no row is called '{name}'",
        code="table-ambiguous-baseline" if matches else "table-unknown-baseline",
        remedy=f"There are: {known}.",
    )


def _words(label: str) -> tuple[str, frozenset[str]]:
    """The method of a row and what it changes, whatever the order and the signs between them."""
    method, _, changes = label.replace("+", " ").partition(" ")
    return method, frozenset(changes.split())
