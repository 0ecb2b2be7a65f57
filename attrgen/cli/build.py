"""`attrgen build` on the command line: parse, call, print."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from attrgen.cli.build_options import BuildOptions
from attrgen.core.command import with_options
from attrgen.core.errors import UserError, one_or_many

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
    dataset: str
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

    _check_out(options)
    jobs = [_job(options, dataset) for dataset in dict.fromkeys(options.dataset)]
    shared = _Shared(_ledger(options))
    with Cache(options.cache) as cache:
        for job in jobs:
            if len(jobs) > 1:
                print(f"{job.dataset}:")
            if options.dry_run:
                _show_plan(job, cache)
                continue
            # A second build of the set waits: it would ask for the same lists.
            with locked_file(job.path, purpose="build", wait=inf, say=_note):
                _fill(replace(job, existing=_existing(job.path, job.card)), cache, shared)
    if shared.errors:
        raise one_or_many(shared.errors)


@dataclass
class _Shared:
    """What the sets of one command share: the budget, and how many requests the server takes at a time.

    Attributes:
        errors: of sets that could not be completed; the others are built all the same.
    """

    ledger: Ledger
    in_flight: int = 1
    errors: list[UserError] = field(default_factory=list)


def _check_out(options: BuildOptions) -> None:
    if options.out is not None and len(set(options.dataset)) > 1:
        raise UserError(
            f"--out names one set, and there are {len(set(options.dataset))} datasets",
            code="build-out-of-several",
            remedy="Leave it out: each set is attrs/DATASET.json.",
        )


def _job(options: BuildOptions, dataset: str) -> _Job:
    from attrgen.cli.parsing import set_file
    from attrgen.llm import prompts
    from attrgen.llm.client import Server
    from attrgen.schema import card

    its_card = card.find(dataset)
    path = set_file(options.out, its_card)
    existing = _existing(path, its_card)
    templates = prompts.load(options.prompts)
    server = None if options.offline else Server.from_environment(options.base_url)
    return _Job(options, dataset, its_card, path, existing, _settings(options), templates, server)


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


def _fill(job: _Job, cache: Cache, shared: _Shared) -> None:
    from attrgen.generation import report
    from attrgen.generation.build import Builder
    from attrgen.generation.report import require_dataset
    from attrgen.generation.saving import save
    from attrgen.schema import library

    ledger = shared.ledger
    with report.Progress() as progress:
        client = None if job.server is None else _client(job, job.server, shared, progress)
        builder = Builder(job.card, job.settings, job.prompts, cache, client, progress=progress.update)
        result = builder.build(job.existing)
    if client is not None:
        shared.in_flight = client.in_flight
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
    try:
        report.raise_for(result, job.path, job.server, job.dataset)
    except UserError as error:
        if result.stopped is not None:
            raise  # a limit or the server: the other sets would end the same way
        shared.errors.append(error)


def _note(line: str) -> None:
    print(line, file=sys.stderr)


def _ledger(options: BuildOptions) -> Ledger:
    from attrgen.cli.parsing import price_of
    from attrgen.llm.spending import Ledger

    price = price_of(options.model, options.prices, options.max_cost)
    return Ledger(price, max_tokens=options.max_tokens_total, max_cost=options.max_cost)


def _client(job: _Job, server: Server, shared: _Shared, progress: Progress) -> Client:
    from attrgen.llm.capabilities import Memory
    from attrgen.llm.client import Client
    from attrgen.llm.log import opened

    return Client(
        server,
        job.prompts,
        shared.ledger,
        start=shared.in_flight,
        structured=job.options.structured.value,
        concurrency=job.options.concurrency,
        retries=job.options.retries,
        repairs=job.options.repairs,
        timeout=job.options.timeout,
        note=progress.note,
        memory=Memory(job.options.cache),
        log=None if job.options.log is None else opened(job.options.log),
    )
