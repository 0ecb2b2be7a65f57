"""What `attrgen build` prints: its plan, its progress, its summary and its errors."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.core.errors import UserError
from attrgen.core.secrets import masked
from attrgen.core.shell import command
from attrgen.core.streams import printable, unfiltered
from attrgen.generation.build import Planned
from attrgen.generation.requests import CONFUSERS
from attrgen.generation.result import Result
from attrgen.llm.client import Server
from attrgen.llm.errors import Failed
from attrgen.llm.request import Usage
from attrgen.llm.spending import Ledger, Price, estimated
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from attrgen.schema.plan import Slot

if TYPE_CHECKING:
    from rich.progress import TaskID

_MOST_SHOWN = 20  # lists or texts


def require_dataset(existing: AttributeSet | None, card: Card, path: Path | None) -> None:
    """Check that a set to be filled belongs to the card.

    Raises:
        UserError: it names another dataset.
    """
    if existing is not None and existing.dataset != card.name:
        raise UserError(
            f"is the set of '{existing.dataset}', not of '{card.name}'",
            code="build-other-dataset",
            file=path,
            remedy="Choose another file with --out.",
        )


class Progress:
    """A bar for each set and notes on stderr, in a `with` statement; only notes where it is no terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._console = Console(file=unfiltered(sys.stderr))
        name = TextColumn("{task.description}", markup=False)
        columns = (name, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Bar(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def update(self, name: str, done: int, total: int) -> None:
        """Show how many lists of a set are done."""
        if name not in self._tasks:
            self._tasks[name] = self._bar.add_task(printable(name), total=total)
        self._bar.update(self._tasks[name], completed=done, total=total)

    def end(self, name: str, text: str) -> None:
        """Print a finished set's summary on stdout in place of its bar."""
        from rich.live import Live

        if name in self._tasks:
            self._bar.remove_task(self._tasks.pop(name))
        self._bar.stop()  # while it is shown, everything that is printed goes to stderr
        print(text, flush=True)
        # The old display would be drawn over as many lines above as it had before.
        self._bar.live = Live(console=self._console, transient=True, get_renderable=self._bar.get_renderable)
        self._bar.start()

    def note(self, text: str) -> None:
        """Print one line, such as of a retry."""
        self._console.print(masked(printable(text)), markup=False, highlight=False)


def plan(planned: list[Planned], server: Server | None, model: str, price: Price | None = None) -> str:
    """The prompts that a build would send, how many calls they are, and by the price what they cost."""
    calls = [item for item in planned if not item.cached]
    parts = []
    system = None
    for item in calls:
        for role, text in () if item.assumed else item.request.messages:
            if role == "system" and text == system:
                continue
            system = text if role == "system" else system
            parts.append(f"--- {item.slot} · {role}\n{text}")
    known = [item for item in calls if not item.assumed]
    where = f"to {server.shown}" if server else "(no server: neither OPENAI_API_KEY nor --base-url is given)"
    parts.append(
        f"{len(known)} calls of {model} {where}, {_about(known, price)}; "
        f"{len(planned) - len(calls)} further lists are in the cache."
    )
    if len(calls) > len(known):
        open_classes = sum(item.slot.kind == CONFUSERS for item in known)
        parts.append(
            f"For {open_classes} classes the confusers are asked first; "
            f"{len(calls) - len(known)} calls for their confusion lists follow, estimated with other "
            f"classes: in all {_about(calls, price)}."
        )
    return "\n".join(parts)


def _about(calls: list[Planned], price: Price | None) -> str:
    """What calls take, in words."""
    usage = sum((estimated(item.request) for item in calls), Usage())
    cost = "" if price is None else f", about {price.cost(usage):.4f} by the price list"
    return f"about {usage.total} tokens{cost}"


def summary(result: Result, path: Path, ledger: Ledger, server: Server | None, *, library_path: Path) -> str:
    """What was done, where the texts come from, what was retried and what it cost."""
    lines = []
    if server is None:
        lines.append("No LLM was asked (neither OPENAI_API_KEY nor --base-url is given, or --offline).")
    curated, generated = result.count("curated"), result.count("llm")
    if curated:
        lines.append(f"{curated} lists copied from the curated library ({library_path.name}).")
    if generated:
        counts = f"{ledger.requests} answers, {result.from_cache} from the cache"
        lines.append(f"{generated} lists by LLM: {counts}.")
    if result.interrupted:
        lines.append("Interrupted: answers so far are in the cache; run the same again to continue.")
    elif not result.filled and result.complete:
        lines.append("Nothing is missing.")
    lines += _spending(ledger)
    if result.rejected:
        lines.append(f"{len(result.rejected)} texts failed the checks to the end and were left out:")
        lines += _first(
            f"  {item.slot}: '{item.text}': {'; '.join(item.reasons)}" for item in result.rejected
        )
    if result.short:
        lines.append(
            f"{len(result.short)} lists are shorter than asked for; run the same again to add to them:"
        )
        lines += _first(f"  {slot}: {number} missing" for slot, number in result.short.items())
    if result.conflicts:
        lines.append(
            f"{len(result.conflicts)} lists were changed in {path} during the build; "
            "they have the changes of both, please read them:"
        )
        lines += [f"  {slot}" for slot in result.conflicts]
    if result.filled and result.attributes is not None:
        lines.append(f"{path}: written, id {result.attributes.id[:12]}.")
    else:
        lines.append(f"{path}: unchanged." if path.exists() else f"{path}: not written.")
    return "\n".join(lines)


def total(ledger: Ledger) -> str:
    """What all sets of a command cost together; empty where nobody was asked."""
    spending = _spending(ledger)
    return f"All sets: {ledger.requests} answers, {spending[0]}" if spending else ""


def raise_for(result: Result, path: Path | None, server: Server | None, dataset: str | None) -> None:
    """Raise what kept the set from being complete; what could be filled has been saved.

    Args:
        dataset: as the command line names it; None where it has no name there.

    Raises:
        UserError: a fatal error, a limit, or lists that could not be filled.
        KeyboardInterrupt: Ctrl-C.
    """
    if result.interrupted:
        raise KeyboardInterrupt
    if result.stopped is not None:
        raise result.stopped
    if not result.failed:
        return
    if server is None and not result.filled:
        by_hand = _by_hand(next(iter(result.failed)).class_name, dataset, path)
        raise UserError(
            "there is no API key, and the curated library has nothing for this",
            code="build-no-server",
            remedy="Set OPENAI_API_KEY, or give --base-url of an OpenAI-compatible server. "
            f"To write the texts yourself: {by_hand}. Texts in other files are read by "
            f"{command('attrgen', 'import', '--help')}, and answers of another machine by "
            f"{command('attrgen', 'cache', 'import', '--help')}.",
        )
    listed = _failures(result.failed)
    failures = list(result.failed.values())
    remedies = {error.code: error.remedy for error in failures[::-1] if error.remedy}
    again = "Run the same again to ask for these only." if server else "Give OPENAI_API_KEY or --base-url."
    raise UserError(
        f"{len(result.failed)} lists could not be filled:\n" + "\n".join(listed),
        code="build-incomplete",
        file=path,
        remedy="\n" + "\n".join(remedies.values() or [again]),
    )


def _by_hand(class_name: str, dataset: str | None, path: Path | None) -> str:
    if dataset is None:
        return command("attrgen", "edit", "--help")
    file = () if path is None else ("--attrs", path)
    return command("attrgen", "edit", class_name, "--dataset", dataset, *file)


def _failures(failed: Mapping[Slot, Failed]) -> list[str]:
    """Of each kind of failure the first list with the whole reason, and the names of the others."""
    kinds: dict[str, list[Slot]] = {}
    for slot, error in failed.items():
        kinds.setdefault(error.code, []).append(slot)
    lines = []
    for first, *others in kinds.values():
        lines.append(f"  {first}: {failed[first].what}")
        if others:
            lines += ["  and for a like reason:", *_first(f"    {slot}" for slot in others)]
    return lines


def _first(lines: Iterable[str]) -> list[str]:
    """The first lines, and how many others there are."""
    shown = list(lines)
    others = len(shown) - _MOST_SHOWN
    return [*shown[:_MOST_SHOWN], f"  … and {others} others"] if others > 0 else shown


def _spending(ledger: Ledger) -> list[str]:
    if not ledger.requests and not ledger.retries:
        return []
    lines = []
    usage, wasted = ledger.usage, ledger.wasted
    cost = "" if ledger.cost is None else f", cost {ledger.cost:.4f}"
    lines.append(
        f"{usage.total} tokens ({usage.prompt_tokens} prompt, {usage.completion_tokens} completion), "
        f"{wasted.total} of them in answers that could not be used{cost}."
    )
    if usage.estimated:
        lines.append(f"  {usage.estimated} of them are estimated, because the server does not count them.")
    for title, index in (("kind", 0), ("class", 1)):
        totals: dict[str, int] = {}
        for key, line in ledger.lines.items():
            totals[key[index]] = totals.get(key[index], 0) + (line.usage + line.wasted).total
        shown = ", ".join(f"{name} {tokens}" for name, tokens in sorted(totals.items()))
        lines += [f"  by {title}: {shown}"] if shown else []
    if ledger.retries:
        shown = ", ".join(f"{name} ×{times}" for name, times in sorted(ledger.retries.items()))
        lines.append(f"  retried: {shown}")
    return lines
