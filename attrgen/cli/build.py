"""`attrgen build` on the command line: parse, call, print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrgen.cli.build_options import BuildOptions
from attrgen.core.command import with_options
from attrgen.core.errors import UserError

if TYPE_CHECKING:
    from attrgen.generation.batch import Job
    from attrgen.generation.report import Progress
    from attrgen.generation.settings import BuildSettings
    from attrgen.llm.cache import Cache
    from attrgen.llm.client import Client, Server
    from attrgen.llm.prompts import Prompts
    from attrgen.llm.spending import Ledger


@with_options(BuildOptions)
def build(options: BuildOptions) -> None:
    """Fill the missing lists of an attribute set.

    With OPENAI_API_KEY or --base-url an LLM is asked; else the lists are copied from the curated library.
    Texts that are in the set stay as they are, also those that you edited. Answers are cached: a build that
    was stopped continues where it was. Several sets are built at the same time.
    """
    from attrgen.llm import prompts
    from attrgen.llm.cache import Cache
    from attrgen.llm.client import Server

    _check_out(options)
    jobs = [_job(options, dataset) for dataset in dict.fromkeys(options.dataset)]
    templates = prompts.load(options.prompts)
    settings = _settings(options)
    server = None if options.offline else Server.from_environment(options.base_url)
    ledger = _ledger(options)
    with Cache(options.cache) as cache:
        if options.dry_run:
            for job in jobs:
                if len(jobs) > 1:
                    print(f"{job.dataset}:")
                _show_plan(job, options, settings, templates, cache, server)
        else:
            _fill(jobs, options, settings, templates, cache, server, ledger)


def _check_out(options: BuildOptions) -> None:
    if options.out is not None and len(set(options.dataset)) > 1:
        raise UserError(
            f"--out names one set, and there are {len(set(options.dataset))} datasets",
            code="build-out-of-several",
            remedy="Leave it out: each set is attrs/DATASET.json.",
        )


def _job(options: BuildOptions, dataset: str) -> Job:
    from attrgen.cli.parsing import set_file
    from attrgen.generation.batch import Job
    from attrgen.schema import card

    its_card = card.find(dataset)
    job = Job(dataset, its_card, set_file(options.out, its_card))
    job.existing()  # a file that cannot be filled is reported before anything is built
    return job


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


def _show_plan(
    job: Job,
    options: BuildOptions,
    settings: BuildSettings,
    templates: Prompts,
    cache: Cache,
    server: Server | None,
) -> None:
    from attrgen.cli.parsing import price_of
    from attrgen.generation import report
    from attrgen.generation.build import Builder

    planned = Builder(job.card, settings, templates, cache).plan(job.existing())
    price = price_of(options.model, options.prices, options.max_cost)
    print(report.plan(planned, server, options.model, price))
    if options.prices is not None and price is None:
        print(f"{options.prices} does not list '{options.model}', so its cost is not known.")


def _fill(
    jobs: list[Job],
    options: BuildOptions,
    settings: BuildSettings,
    templates: Prompts,
    cache: Cache,
    server: Server | None,
    ledger: Ledger,
) -> None:
    from attrgen.generation import report
    from attrgen.generation.batch import Batch

    try:
        with report.Progress() as progress:
            client = None if server is None else _client(server, options, templates, ledger, progress)
            Batch(settings, templates, cache, client, ledger, progress).build(jobs)
    finally:
        if len(jobs) > 1 and (total := report.total(ledger)):
            print(total)


def _ledger(options: BuildOptions) -> Ledger:
    from attrgen.cli.parsing import price_of
    from attrgen.llm.spending import Ledger

    price = price_of(options.model, options.prices, options.max_cost)
    return Ledger(price, max_tokens=options.max_tokens_total, max_cost=options.max_cost)


def _client(
    server: Server, options: BuildOptions, templates: Prompts, ledger: Ledger, progress: Progress
) -> Client:
    from attrgen.llm.capabilities import Memory
    from attrgen.llm.client import Client
    from attrgen.llm.log import opened

    return Client(
        server,
        templates,
        ledger,
        structured=options.structured.value,
        concurrency=options.concurrency,
        retries=options.retries,
        repairs=options.repairs,
        timeout=options.timeout,
        note=progress.note,
        memory=Memory(options.cache),
        log=None if options.log is None else opened(options.log),
    )
