"""TensorBoard events of a run, in its directory: the columns of history.csv, to watch while it trains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError
from vr.runs.history import Row

FOLDER = "tensorboard"
_GROUPS = ("train", "val", "oracle")


class Events:
    """Writes events of one run. Events of an earlier, stopped training are replaced by its history.

    Args:
        run: the run directory.
        history: rows of the epochs that are done.

    Raises:
        UserError: tensorboard is not installed.
    """

    def __init__(self, run: Path, history: Iterable[Row] = ()) -> None:
        writer = _writer_type()
        folder = run / FOLDER
        for old in folder.glob("events.out.tfevents.*"):
            old.unlink()
        self._writer = writer(log_dir=str(folder))
        for row in history:
            self.epoch(row)

    def epoch(self, row: Row) -> None:
        """Write the columns of an epoch: `train/loss`, `val/accuracy` and so on."""
        for column, value in row.items():
            if column != "epoch":
                self._writer.add_scalar(_tag(column), value, int(row["epoch"]))
        self._writer.flush()

    def metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write the overall metrics, as `test/accuracy` and so on, at the selected epoch."""
        for name, value in metrics["overall"].items():
            if value is not None:
                self._writer.add_scalar(f"{metrics['split']}/{name}", value, metrics["selected_epoch"] or 0)

    def close(self) -> None:
        """Write what is buffered."""
        self._writer.close()


def check_installed() -> None:
    """Check before training that events can be written.

    Raises:
        UserError: tensorboard is not installed.
    """
    if find_spec("tensorboard") is None:
        raise _not_installed()


def _writer_type() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise _not_installed() from error
    return SummaryWriter


def _not_installed() -> UserError:
    return UserError(
        "--tensorboard needs the package tensorboard",
        code="training-no-tensorboard",
        remedy="pip install 'biomedvr[tensorboard]'; history.csv has the same numbers without it.",
    )


def _tag(column: str) -> str:
    group, _, name = column.partition("_")
    return f"{group}/{name}" if group in _GROUPS and name else f"train/{column}"
