"""Progress bars on a terminal; nothing where the output goes to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def count_bar(title: str, total: int | None, *, shown: bool = True) -> Iterator[Callable[..., None]]:
    """A bar that counts to `total`; call what it gives after each piece of work, or with a count of them.

    Where nobody knows how many there will be (None), it shows how many are done.
    """
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    console = Console(stderr=True)
    endless = (SpinnerColumn(), TextColumn("{task.description}: {task.completed:,}"))
    columns = endless if total is None else Progress.get_default_columns()
    hidden = not (shown and console.is_terminal)
    with Progress(*columns, console=console, disable=hidden, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda count=1: bar.advance(task, count)


@contextmanager
def byte_bar(title: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar in bytes; call what it gives with the bytes that are there and those there will be."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda there, whole: bar.update(task, completed=there, total=whole)


@contextmanager
def epoch_bar(title: str, epochs: int) -> Iterator[Callable[[dict[str, float], int], None]]:
    """A bar over epochs with loss, accuracy and time left; without a terminal, a line now and then."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
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
def sweep_bar(cells: int) -> Iterator[Callable[[str], None]]:
    """A bar over the cells of a sweep with the time left; call what it gives with a cell's error, or ""."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("cells"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[broken]} broken"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("cells", total=cells, broken=0)
        state = {"done": 0, "broken": 0}

        def advance(error: str) -> None:
            state["done"] += 1
            state["broken"] += bool(error)
            bar.update(task, completed=state["done"], broken=state["broken"])
            if not console.is_terminal:
                console.print(f"{state['done']} of {cells} cells, {state['broken']} broken", soft_wrap=True)

        yield advance


def _milestones(epochs: int) -> set[int]:
    return {max(1, round(epochs * share / 5)) for share in range(1, 6)}
