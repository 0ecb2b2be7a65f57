"""Progress bars on a terminal; nothing where the output goes to a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrgen.core.streams import unfiltered


@contextmanager
def count_bar(title: str, total: int | None, *, shown: bool = True) -> Iterator[Callable[..., None]]:
    """A bar that counts to `total`; call the function that it yields per item, or with a count of items.

    Where the total is not known (None), it shows how many are done.
    """
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    console = Console(file=unfiltered(sys.stderr))
    unbounded = (SpinnerColumn(), TextColumn("{task.description}: {task.completed:,}"))
    columns = unbounded if total is None else Progress.get_default_columns()
    hidden = not (shown and console.is_terminal)
    with Progress(*columns, console=console, disable=hidden, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda count=1: bar.advance(task, count)


@contextmanager
def epoch_bar(title: str, epochs: int) -> Iterator[Callable[[dict[str, float], int], None]]:
    """A bar over epochs with loss, accuracy and time left; without a terminal, a line per fifth of them."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=unfiltered(sys.stderr))
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[now]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(title, total=epochs, now="")

        def advance(row: dict[str, float], epochs: int) -> None:
            now = f"loss {row['loss']:.3f}, train accuracy {100 * row['train_accuracy']:.0f}%"
            bar.update(task, completed=row["epoch"], now=now)
            if not console.is_terminal and row["epoch"] in _milestones(epochs):
                console.print(f"{title}: epoch {row['epoch']:.0f} of {epochs}, {now}", soft_wrap=True)

        yield advance


@contextmanager
def sweep_bar(cells: int) -> Iterator[Callable[[str, str], None]]:
    """A bar over the cells of a sweep with the time left; call the function with a cell's name and error.

    Without a terminal, a line per cell. The error is empty where the cell finished.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(file=unfiltered(sys.stderr))
    columns = (
        TextColumn("cells"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]} failed; last: {task.fields[last]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("cells", total=cells, failed=0, last="none yet")
        state = {"done": 0, "failed": 0}
        began = time.monotonic()

        def advance(name: str, error: str) -> None:
            state["done"] += 1
            state["failed"] += bool(error)
            bar.update(task, completed=state["done"], failed=state["failed"], last=name)
            if not console.is_terminal:
                left = (time.monotonic() - began) / state["done"] * (cells - state["done"])
                console.print(
                    f"{state['done']} of {cells} cells, {state['failed']} failed, "
                    f"about {duration(left)} left; {'failed' if error else 'done'}: {name}",
                    soft_wrap=True,
                    highlight=False,
                    markup=False,
                )

        yield advance


def duration(seconds: float) -> str:
    """A time in its two largest units: `2 h 5 min`, `3 min 20 s`, `40 s`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _milestones(epochs: int) -> set[int]:
    return {max(1, round(epochs * share / 5)) for share in range(1, 6)}
