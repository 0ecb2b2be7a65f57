"""The options of `attrgen build`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from attrgen.cli import options
from attrgen.cli.options import LIMITS, MODEL, REQUESTS
from attrgen.llm.defaults import DEFAULT_CACHE, DEFAULT_MODEL

SET, TEXTS = "Attribute set", "Texts"


class StructuredOutput(StrEnum):
    """Structured-output modes; `auto` steps down the others until the server accepts one."""

    auto = "auto"
    json_schema = "json_schema"
    json_object = "json_object"
    text = "text"


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """The options of `attrgen build`, as typed."""

    dataset: Annotated[
        list[str],
        typer.Option(
            metavar="CARD",
            help="A card's name, a card's path, or an image folder. Several times: one budget and one cache "
            "for all sets.",
            rich_help_panel=SET,
        ),
    ]
    out: Annotated[
        Path | None,
        typer.Option(help="The set to fill.  [default: attrs/DATASET.json]", rich_help_panel=SET),
    ] = None
    refresh: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLASS[/KIND[/CLASS]]|all",
            help="Replace these lists by new ones; may be given several times.  [default: only add lists]",
            rich_help_panel=SET,
        ),
    ] = None
    kinds: Annotated[
        str,
        typer.Option(
            help="Kinds of texts, separated by commas: descriptive, distinctive, confusion, ensemble.",
            rich_help_panel=TEXTS,
        ),
    ] = "descriptive,distinctive,confusion"
    descriptive: Annotated[
        int, typer.Option(min=1, help="Descriptive texts per class.", rich_help_panel=TEXTS)
    ] = 10
    distinctive: Annotated[
        int, typer.Option(min=1, help="Distinctive texts per class.", rich_help_panel=TEXTS)
    ] = 10
    confusion: Annotated[
        int, typer.Option(min=1, help="Confusion texts per pair of classes.", rich_help_panel=TEXTS)
    ] = 5
    ensemble: Annotated[int, typer.Option(min=1, help="Ensemble texts per class.", rich_help_panel=TEXTS)] = (
        50
    )
    confusers: Annotated[
        str | None,
        typer.Option(
            metavar="K|all",
            help="Classes that each class is mistaken for.  [default: all up to 10 classes, else 3]",
            rich_help_panel=TEXTS,
        ),
    ] = None
    from_run: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN_DIR",
            help="Take the pairs from the mistakes in this run's predictions.csv.  [default: no run]",
            rich_help_panel=TEXTS,
        ),
    ] = None
    prompts: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder with your own prompt templates.  [default: the shipped ones]",
            rich_help_panel=TEXTS,
        ),
    ] = None
    over_generate: Annotated[
        float,
        typer.Option(
            min=1,
            max=5,
            metavar="FACTOR",
            help="Ask for so many times the texts, and keep those that pass the checks best.",
            rich_help_panel=TEXTS,
        ),
    ] = 1.0
    rounds: Annotated[
        int,
        typer.Option(
            min=0,
            help="How often texts that fail the checks are sent back to be replaced.",
            rich_help_panel=TEXTS,
        ),
    ] = 2
    model: options.Model = DEFAULT_MODEL
    base_url: options.BaseUrl = None
    temperature: Annotated[
        float | None,
        typer.Option(
            min=0, max=2, help="Sampling temperature.  [default: the server's]", rich_help_panel=MODEL
        ),
    ] = None
    seed: Annotated[
        int | None, typer.Option(help="Sampling seed.  [default: the server's]", rich_help_panel=MODEL)
    ] = None
    max_tokens: Annotated[
        int | None,
        typer.Option(
            min=1, help="Most tokens of one answer.  [default: the server's]", rich_help_panel=MODEL
        ),
    ] = None
    reasoning_effort: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            help="How long a reasoning model thinks: low, medium, high, ...  [default: the server's]",
            rich_help_panel=MODEL,
        ),
    ] = None
    extra_body: Annotated[
        str | None,
        typer.Option(
            metavar="JSON",
            help="Further fields of each request, as a JSON object.  [default: none]",
            rich_help_panel=MODEL,
        ),
    ] = None
    structured: Annotated[
        StructuredOutput,
        typer.Option(
            help="Structured-output mode; auto takes the first that the server accepts.",
            rich_help_panel=MODEL,
        ),
    ] = StructuredOutput.auto
    concurrency: Annotated[
        int,
        typer.Option(min=1, help="Most requests at the same time, of all sets.", rich_help_panel=REQUESTS),
    ] = 16
    timeout: options.Timeout = 120
    retries: Annotated[
        int,
        typer.Option(
            min=0,
            help="Retries after rate limits, server errors (5xx), timeouts and lost connections.",
            rich_help_panel=REQUESTS,
        ),
    ] = 6
    repairs: Annotated[
        int,
        typer.Option(
            min=0,
            help="How often an answer in a wrong format is sent back with the reason.",
            rich_help_panel=REQUESTS,
        ),
    ] = 3
    log: options.Log = None
    cache: options.ServerCache = DEFAULT_CACHE
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Ask no server: use the cache, then the curated library.",
            rich_help_panel=LIMITS,
        ),
    ] = False
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Show the prompts and the number of requests; ask no server.",
            rich_help_panel=LIMITS,
        ),
    ] = False
    prices: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="TOML file with prices, as data/prices.toml.  [default: cost is not counted]",
            rich_help_panel=LIMITS,
        ),
    ] = None
    max_tokens_total: Annotated[
        int | None,
        typer.Option(
            min=1, help="Stop before more tokens are used.  [default: no limit]", rich_help_panel=LIMITS
        ),
    ] = None
    max_cost: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Stop before it costs more; needs --prices.  [default: no limit]",
            rich_help_panel=LIMITS,
        ),
    ] = None
