"""Several sets built at the same time, so that a server is busy also while the last lists of one are made."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from attrgen.core.command import Terminated
from attrgen.core.errors import UserError, one_or_many
from attrgen.core.locks import LOCKED, locked_file
from attrgen.generation.answers import Turns
from attrgen.generation.build import Builder, most_prepared
from attrgen.generation.report import Progress, raise_for, require_dataset, summary
from attrgen.generation.result import Result
from attrgen.generation.runner import Runner
from attrgen.generation.saving import save
from attrgen.generation.settings import BuildSettings
from attrgen.generation.suitability import Suitability
from attrgen.llm.cache import Cache
from attrgen.llm.client import Client
from attrgen.llm.prompts import Prompts
from attrgen.llm.spending import Ledger
from attrgen.schema import attribute_set, library
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card

_MOST_SETS = 8  # at the same time; their lists together keep a server busy
_POLL_SECONDS = 0.2  # until the lock of a set is tried again


@dataclass(frozen=True)
class Job:
    """One set to fill.

    Args:
        dataset: as the command line names it.
        path: the file of the set.
    """

    dataset: str
    card: Card
    path: Path

    def existing(self) -> AttributeSet | None:
        """The set as it is in the file; None where there is no file.

        Raises:
            UserError: the file cannot be read, or is the set of another dataset.
        """
        existing = attribute_set.load(self.path) if self.path.exists() else None
        require_dataset(existing, self.card, self.path)
        return existing


class Batch:
    """Builds sets with one client (one pace, one budget) and one cache.

    Each set is locked while it is built: a second build of it would ask for the same lists. A set that
    another process builds is tried again and again, while the other sets are built.

    Args:
        client: None uses only the cache and the curated library.
        ledger: the budget of all sets.
        progress: where bars, notes and the summary of each finished set are shown.
    """

    def __init__(
        self,
        settings: BuildSettings,
        prompts: Prompts,
        cache: Cache,
        client: Client | None,
        ledger: Ledger,
        progress: Progress,
    ) -> None:
        self._settings = settings
        self._prompts = prompts
        self._cache = cache
        self._client = client
        self._ledger = ledger
        self._progress = progress
        self._turns = Turns()
        self._suitability = Suitability(settings.model)
        self._stopped: UserError | None = None
        self._are_several = False

    def build(self, jobs: Sequence[Job]) -> None:
        """Build and save the sets; a set that cannot be completed does not stop the others.

        Raises:
            UserError: of all sets, after the last; a limit or a fatal error of the server ends all of them.
            KeyboardInterrupt: Ctrl-C or `kill`; what was done by then is saved.
        """
        self._are_several = len(jobs) > 1
        stopped_by, outcomes = asyncio.run(self._all(jobs))
        for outcome in outcomes:
            if outcome is not None and not isinstance(outcome, UserError):
                raise outcome
        if stopped_by is not None:
            raise Terminated if stopped_by == signal.SIGTERM else KeyboardInterrupt
        errors = [error for error in (self._stopped, *outcomes) if isinstance(error, UserError)]
        if errors:
            raise one_or_many(list({str(error): error for error in errors}.values()))

    async def _all(self, jobs: Sequence[Job]) -> tuple[signal.Signals | None, list[BaseException | None]]:
        """The signal that stopped the builds, and the error of each set."""
        runner = Runner(most_prepared(self._client), signals=(signal.SIGINT, signal.SIGTERM))
        slots = asyncio.Semaphore(1 if self._client is None else min(_MOST_SETS, self._client.concurrency))
        files: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        tasks = (self._one(job, runner, slots, files[os.path.realpath(job.path)]) for job in jobs)
        try:
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            if self._client is not None:
                await self._client.close()
        return runner.stopped_by, outcomes

    async def _one(self, job: Job, runner: Runner, slots: asyncio.Semaphore, file: asyncio.Lock) -> None:
        """Build one set as soon as it is nobody else's.

        Args:
            file: held by one of the jobs that fill the same file, for two cards may have one name.
        """
        waits = False
        async with file:
            while True:
                async with slots:  # given back while another process has the set: others need it
                    if runner.interrupted or self._stopped is not None:
                        return
                    with ExitStack() as stack:
                        held_elsewhere = _locked(stack, job.path)
                        if held_elsewhere is None:
                            await self._filled(job, runner)
                            return
                if not waits:
                    self._progress.note(f"{job.path}: {held_elsewhere.what}; waiting for it")
                    waits = True
                await asyncio.sleep(_POLL_SECONDS)

    async def _filled(self, job: Job, runner: Runner) -> None:
        existing = job.existing()
        ledger, client = self._ledger.part(), None
        if self._client is not None:
            name = f"{job.card.name}: " if self._are_several else ""
            client = self._client.sharing(ledger, lambda line: self._progress.note(f"{name}{line}"))
        builder = Builder(
            job.card,
            self._settings,
            self._prompts,
            self._cache,
            client,
            progress=partial(self._progress.update, job.card.name),
            turns=self._turns,
            suitability=self._suitability,
        )
        result = await builder.build_in(runner, existing)
        if result.stopped is not None:
            self._stopped = self._stopped or result.stopped
        if result.filled:
            # In a thread, for a person's command may hold the file for a moment.
            check = partial(require_dataset, card=job.card, path=job.path)
            result = await asyncio.to_thread(save, result, existing, job.card, job.path, check)
        self._report(job, result, ledger)

    def _report(self, job: Job, result: Result, ledger: Ledger) -> None:
        server = None if self._client is None else self._client.server
        shipped = library.path_of(job.card.name)
        text = summary(result, job.path, ledger, server, library_path=shipped)
        self._progress.end(job.card.name, f"{job.dataset}:\n{text}" if self._are_several else text)
        if not result.interrupted and result.stopped is None:
            raise_for(result, job.path, server, job.dataset)


def _locked(stack: ExitStack, path: Path) -> UserError | None:
    """Hold the lock of a set's build until the stack ends; the error where another process holds it."""
    try:
        stack.enter_context(locked_file(path, purpose="build", wait=0))
    except UserError as error:
        if error.code != LOCKED:
            raise
        return error
    return None
