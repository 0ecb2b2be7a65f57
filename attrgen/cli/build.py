"""`attrgen build` on the command line: parse, call, print."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class StructuredOutput(StrEnum):
    """Structured-output modes; `auto` steps down the others until the server accepts one."""

    auto = "auto"
    json_schema = "json_schema"
    json_object = "json_object"
    text = "text"


DEFAULT_MODEL = "gpt-5.4-mini"


def build(
    dataset: Annotated[str, typer.Option(help="A card's name, a card's path, or an image folder.")],
    out: Annotated[Path | None, typer.Option(help="The set to fill.  [default: attrs/DATASET.json]")] = None,
    kinds: Annotated[
        str, typer.Option(help="descriptive, distinctive, confusion, ensemble.")
    ] = "descriptive,distinctive,confusion",
    descriptive: Annotated[int, typer.Option(min=1, help="Texts a list.")] = 10,
    distinctive: Annotated[int, typer.Option(min=1, help="Texts a list.")] = 10,
    confusion: Annotated[int, typer.Option(min=1, help="Texts a pair.")] = 5,
    ensemble: Annotated[int, typer.Option(min=1, help="Texts a list.")] = 50,
    confusers: Annotated[
        str | None,
        typer.Option(
            metavar="K|all",
            help="Classes that each class is mistaken for.  [default: all up to 10 classes, else 3]",
        ),
    ] = None,
    from_run: Annotated[
        Path | None,
        typer.Option(metavar="RUN_DIR", help="Take confusers from the mistakes in its predictions.csv."),
    ] = None,
    refresh: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLASS[/KIND[/CLASS]]",
            help="Replace these lists by new ones. Everything else that is there stays as it is.",
        ),
    ] = None,
    prompts: Annotated[Path | None, typer.Option(help="Folder of templates of your own.")] = None,
    model: Annotated[str, typer.Option(envvar="OPENAI_MODEL", help="Model to ask.")] = DEFAULT_MODEL,
    base_url: Annotated[
        str | None,
        typer.Option(
            envvar="OPENAI_BASE_URL",
            help="An OpenAI-compatible server. The key is OPENAI_API_KEY, from the environment only.",
        ),
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, max=2, help="Left to the server if unset.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Left to the server if unset.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Limit of one answer.")] = None,
    structured: Annotated[
        StructuredOutput, typer.Option(help="Structured-output mode.")
    ] = StructuredOutput.auto,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests in flight.")] = 16,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds a request.")] = 120,
    retries: Annotated[
        int,
        typer.Option(min=0, help="After rate limits, 5xx, timeouts, lost connections."),
    ] = 6,
    repairs: Annotated[int, typer.Option(min=0, help="Times that an invalid answer is sent back.")] = 3,
    rounds: Annotated[int, typer.Option(min=0, help="Times that texts failing the checks go back.")] = 2,
    cache: Annotated[Path, typer.Option(envvar="ATTRGEN_CACHE", help="Folder of the cache.")] = Path("cache"),
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody: the cache, then the curated library.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the prompts and the number of calls; ask nobody.")
    ] = False,
    prices: Annotated[Path | None, typer.Option(help="Card of prices, as data/prices.toml.")] = None,
    max_tokens_total: Annotated[
        int | None, typer.Option(min=1, help="Stop before more tokens than this.")
    ] = None,
    max_cost: Annotated[float | None, typer.Option(min=0, help="Stop before it costs more.")] = None,
) -> None:
    """Write what is missing in an attribute set: by an LLM, or offline from the curated library.

    With OPENAI_API_KEY or --base-url an LLM is asked; else the curated library is copied. Lines that are in
    the set stay as they are, also those that you edited. Answers are kept in the cache: a build that was
    stopped goes on where it was.
    """
    from attrgen.cli.options import checked_kinds, confuser_limit, price_of, set_file
    from attrgen.generation import report
    from attrgen.generation.build import Builder, Wish
    from attrgen.llm import prompts as templates
    from attrgen.llm.cache import Cache
    from attrgen.llm.client import Client, Server
    from attrgen.llm.request import Sampling
    from attrgen.llm.spending import Ledger
    from attrgen.schema import attribute_set, card, library

    found = card.find(dataset)
    path = set_file(out, found)
    existing = attribute_set.load(path) if path.exists() else None
    report.require_dataset(existing, found, path)
    loaded = templates.load(prompts)
    wish = Wish(
        model=model,
        sampling=Sampling(temperature=temperature, seed=seed, max_tokens=max_tokens),
        kinds=checked_kinds(kinds),
        counts={
            "descriptive": descriptive,
            "distinctive": distinctive,
            "confusion": confusion,
            "ensemble": ensemble,
        },
        confusers=confuser_limit(confusers),
        run=from_run,
        refresh=tuple(refresh or ()),
        rounds=rounds,
    )
    server = None if offline else Server.from_environment(base_url)
    ledger = Ledger(price_of(model, prices, max_cost), max_tokens=max_tokens_total, max_cost=max_cost)
    with Cache(cache) as answers:
        if dry_run:
            print(report.plan(Builder(found, wish, loaded, answers).plan(existing), server, wish.model))
            return
        with report.Progress() as progress:
            client = (
                None
                if server is None
                else Client(
                    server,
                    loaded,
                    ledger,
                    structured=structured.value,
                    concurrency=concurrency,
                    retries=retries,
                    repairs=repairs,
                    timeout=timeout,
                    note=progress.note,
                )
            )
            builder = Builder(found, wish, loaded, answers, client, progress=progress.update)
            result = builder.build(existing)
    if result.filled and result.attributes is not None:
        attribute_set.save(result.attributes, path)
    where = library.path_of(found.name)
    print(report.summary(result, path, ledger, server, library_path=where))
    report.raise_for(result, path, server)
