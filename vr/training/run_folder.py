"""The run directory before training: is it free, does it hold the same experiment, its first files."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError
from attrgen.core.files import entries
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet
from vr.data.sampling import fewshot
from vr.data.sampling.fewshot import FewShot
from vr.runs import run as runs
from vr.runs.run import RunConfig
from vr.runs.unreadable import UNREADABLE

RESULTS = (
    *(runs.METRICS, runs.PREDICTIONS, runs.MODEL, runs.HISTORY, runs.REPORT),
    *(runs.CALIBRATION, runs.RISK_CSV, runs.RISK_PNG, UNREADABLE),
    *(runs.OPERATING_POINT, runs.ROC_CSV, runs.PR_CSV),
    *(runs.CLASSES_CSV, runs.CONFUSIONS_CSV),
)


def check_free(path: Path, *, resume: bool, fresh: bool) -> None:
    """Check that a run may be written into `path`.

    Raises:
        UserError: it is a file, holds other things than a run, or holds a run that is neither to be resumed
            nor replaced.
    """
    file = next(filter(_is_no_folder, (path, *path.absolute().parents)), None)
    if file is not None:
        raise UserError(
            "this is a file, and a run is a folder",
            code="run-path-is-a-file",
            file=file,
            remedy="Choose another --out.",
        )
    if not (path / runs.CONFIG).is_file():
        # Hidden files are no reason: a lock, or what a process leaves that is killed while it writes.
        if any(not entry.name.startswith(".") for entry in entries(path)):
            raise UserError(
                "the folder holds other things than a run",
                code="run-folder-not-empty",
                file=path,
                remedy="Choose another one with --out.",
            )
    elif not (resume or fresh):
        raise _exists(path)


def _is_no_folder(path: Path) -> bool:
    """Whether something other than a folder is there; asked once, as other processes remove folders."""
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except OSError:  # nothing is there, or nothing that can be reached
        return False


def _exists(path: Path) -> UserError:
    if (path / runs.METRICS).is_file():
        return UserError(
            "there is a finished run already",
            code="run-exists",
            file=path,
            remedy="Use --out for another path, or --fresh to replace it.",
        )
    return UserError(
        "there is an unfinished run already",
        code="run-exists-unfinished",
        file=path,
        remedy="Use --resume to continue it, or --fresh to replace it.",
    )


def check_same(path: Path, config: RunConfig) -> None:
    """Check that the run in `path` is the experiment that is to be resumed.

    Raises:
        UserError: it has other settings, which are named with both values.
    """
    before = runs.read_config(path)
    if before.fingerprint == config.fingerprint:
        return
    old, new = _settings(before), _settings(config)
    different = ", ".join(
        f"{key} {old.get(key)} there, {new[key]} now" for key in new if old.get(key) != new[key]
    )
    raise UserError(
        f"the run there has other settings: {different}",
        code="run-other-settings",
        file=path,
        remedy="Give the settings of its config.json, use --out for another path, or --fresh to replace it.",
    )


def write_first_files(
    path: Path, config: RunConfig, sample: FewShot, attributes: AttributeSet | None
) -> None:
    """Write what is known before training, and remove the results of a run that is replaced."""
    for name in RESULTS:
        (path / name).unlink(missing_ok=True)  # never beside another run's configuration
    runs.write_config(path, config)
    fewshot.save(sample, path / runs.FEWSHOT)
    if attributes is not None:
        attribute_set.save(attributes, path / runs.ATTRIBUTES)


def _settings(config: RunConfig) -> dict[str, Any]:
    values = config.model_dump(mode="json")
    return _flat({key: value for key, value in values.items() if key not in runs.CIRCUMSTANCES})


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted names."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
