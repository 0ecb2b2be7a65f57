"""Options of `vr` commands that are words with a form of their own, and how metrics are printed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError


def assignments(words: Iterable[str]) -> dict[str, Any]:
    """`key=value` words as a dictionary; a value that is JSON (3, true, null) is read so, else as text.

    Raises:
        UserError: a word without '='.
    """
    found: dict[str, Any] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key.strip():
            raise UserError(
                f"--set {word}: not of the form key=value", remedy="Write for instance --set k=5."
            )
        try:
            found[key.strip().replace("-", "_")] = json.loads(value)
        except ValueError:
            found[key.strip().replace("-", "_")] = value
    return found


def names(words: str) -> tuple[str, ...]:
    """The parts of a comma-separated list, without blanks around them."""
    return tuple(part.strip() for part in words.split(",") if part.strip())


def check_free(*paths: Path | None, remedy: str = "Choose another place.") -> None:
    """Check that files to be written are not there yet; an option that was not given is None.

    Raises:
        UserError: one is there.
    """
    for path in paths:
        if path is not None and path.exists():
            raise UserError("is there already", file=path, remedy=remedy)


def numbers(words: str, what: str) -> tuple[int, ...]:
    """Whole numbers of a comma-separated list.

    Raises:
        UserError: a part is no whole number.
    """
    try:
        return tuple(int(part) for part in names(words))
    except ValueError as error:
        raise UserError(f"--{what} {words}: not whole numbers with commas between") from error


def given(**values: Any) -> dict[str, Any]:
    """Those of the options that the user gave."""
    return {key: value for key, value in values.items() if value is not None}


def metric_lines(metrics: Mapping[str, Any]) -> list[str]:
    """What `vr train` and `vr eval` print of `metrics.json`."""
    overall, intervals = metrics["overall"], metrics["intervals"]

    def percent(key: str) -> str:
        if overall[key] is None:
            return "not defined"
        low_high = intervals.get(key)
        spread = "" if low_high is None else f" (95%: {100 * low_high[0]:.1f} to {100 * low_high[1]:.1f})"
        return f"{100 * overall[key]:.1f}%{spread}"

    lines = [
        f"{metrics['split']}: {metrics['images']} images",
        f"  accuracy           {percent('accuracy')}",
        f"  balanced accuracy  {percent('balanced_accuracy')}",
        f"  macro F1           {percent('macro_f1')}",
        f"  AUROC              {percent('auroc')}",
        f"  ECE                {percent('ece')}",
        f"  NLL                {overall['nll']:.3f}",
    ]
    width = max(map(len, metrics["per_class"]))
    for name, values in metrics["per_class"].items():
        recall = "no images" if values["recall"] is None else f"recall {100 * values['recall']:5.1f}%"
        lines.append(f"  {name:<{width}}  {recall}  of {values['images']}")
    if "oracle" in metrics:
        oracle = metrics["oracle"]
        lines.append(
            f"  oracle (selected on the test set, not a result): {100 * oracle['accuracy']:.1f}% "
            f"in epoch {oracle['epoch']}"
        )
    return lines
