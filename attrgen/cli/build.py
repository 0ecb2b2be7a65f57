"""`attrgen build` on the command line: parse, call, print."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.cli.build_options import BuildOptions
from attrgen.core.command import with_options

if TYPE_CHECKING:
    from attrgen.generation.report import Progress
    from attrgen.generation.settings import BuildSettings
    from attrgen.llm.cache import Cache
    from attrgen.llm.client import Client, Server
    from attrgen.llm.prompts import Prompts
    from attrgen.llm.spending import Ledger
    from attrgen.schema.attribute_set import AttributeSet
    from attrgen.schema.card import Card


@dataclass(frozen=True)
class _Job:
    """One set to fill. `server` is None where nobody is to be asked."""

    options: BuildOptions
    card: Card
    path: Path
    existing: AttributeSet | None
    settings: BuildSettings
    prompts: Prompts
    server: Server | None


@with_options(BuildOptions)
def build(options: BuildOptions) -> None:
    """Fill the missing lists of an attribute set.

    With OPENAI_API_KEY or --base-url an LLM is asked; else the lists are copied from the curated library.
    Texts that are in the set stay as they are, also those that you edited. Answers are cached: a build that
    was stopped continues where it was.
    """
    from attrgen.core.locks import locked_file
    from attrgen.llm.cache import Cache

    job = _job(options)
    with Cache(options.cache) as cache:
        if options.dry_run:
            _show_plan(job, cache)
        else:
            # A second build of the set waits: it would ask for the same lists.
            with locked_file(job.path, purpose="build", wait=inf, say=_note):
                _fill(replace(job, existing=_existing(job.path, job.card)), cache)


def _job(options: BuildOptions) -> _Job:
    from attrgen.cli.parsing import set_file
    from attrgen.llm import prompts
    from attrgen.llm.client import Server
    from attrgen.schema import card

    its_card = card.find(options.dataset)
    path = set_file(options.out, its_card)
    existing = _existing(path, its_card)
    templates = prompts.load(options.prompts)
    server = None if options.offline else Server.from_environment(options.base_url)
    return _Job(options, its_card, path, existing, _settings(options), templates, server)


def _existing(path: Path, its_card: Card) -> AttributeSet | None:
    from attrgen.generation.report import require_dataset
    from attrgen.schema import attribute_set

    existing = attribute_set.load(path) if path.exists() else None
    require_dataset(existing, its_card, path)
    return existing


def _settings(options: BuildOptions) -> BuildSettings:
    from attrgen.cli.parsing import checked_kinds, checked_model, confuser_limit, extra_body
    from attrgen.generation.settings import BuildSettings
    from attrgen.llm.request import Sampling
    from attrgen.schema.attribute_set import KINDS

    sampling = Sampling(temperature=options.temperature, seed=options.seed, max_tokens=options.max_tokens)
    return BuildSettings(
        model=checked_model(options.model),
        sampling=sampling,
        kinds=checked_kinds(options.kinds),
        counts={kind: getattr(options, kind) for kind in KINDS},
        confusers=confuser_limit(options.confusers),
        run=options.from_run,
        refresh=tuple(options.refresh or ()),
        over_generate=options.over_generate,
        rounds=options.rounds,
        extra=extra_body(options.extra_body, options.reasoning_effort),
    )


def _show_plan(job: _Job, cache: Cache) -> None:
    from attrgen.cli.parsing import price_of
    from attrgen.generation import report
    from attrgen.generation.build import Builder

    planned = Builder(job.card, job.settings, job.prompts, cache).plan(job.existing)
    options = job.options
    price = price_of(options.model, options.prices, options.max_cost)
    print(report.plan(planned, job.server, options.model, price))
    if options.prices is not None and price is None:
        print(f"{options.prices} does not list '{options.model}', so its cost is not known.")


def _fill(job: _Job, cache: Cache) -> None:
    from attrgen.generation import report
    from attrgen.generation.build import Builder
    from attrgen.generation.report import require_dataset
    from attrgen.generation.saving import save
    from attrgen.schema import library

    ledger = _ledger(job.options)
    with report.Progress() as progress:
        client = None if job.server is None else _client(job, job.server, ledger, progress)
        builder = Builder(job.card, job.settings, job.prompts, cache, client, progress=progress.update)
        result = builder.build(job.existing)
    if result.filled:
        result = save(
            result,
            job.existing,
            job.card,
            job.path,
            check=lambda now: require_dataset(now, job.card, job.path),
        )
    library_path = library.path_of(job.card.name)
    print(report.summary(result, job.path, ledger, job.server, library_path=library_path))
    report.raise_for(result, job.path, job.server, job.options.dataset)


def _note(line: str) -> None:
    print(line, file=sys.stderr)


def _ledger(options: BuildOptions) -> Ledger:
    from attrgen.cli.parsing import price_of
    from attrgen.llm.spending import Ledger

    price = price_of(options.model, options.prices, options.max_cost)
    return Ledger(price, max_tokens=options.max_tokens_total, max_cost=options.max_cost)


def _client(job: _Job, server: Server, ledger: Ledger, progress: Progress) -> Client:
    from attrgen.llm.capabilities import Memory
    from attrgen.llm.client import Client
    from attrgen.llm.log import opened

    return Client(
        server,
        job.prompts,
        ledger,
        structured=job.options.structured.value,
        concurrency=job.options.concurrency,
        retries=job.options.retries,
        repairs=job.options.repairs,
        timeout=job.options.timeout,
        note=progress.note,
        memory=Memory(job.options.cache),
        log=None if job.options.log is None else opened(job.options.log),
    )
