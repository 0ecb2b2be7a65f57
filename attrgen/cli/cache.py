"""`attrgen cache` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attrgen.cli.options import CacheFolder
from attrgen.core.command import Command, application
from attrgen.llm.defaults import DEFAULT_CACHE

app = application("List, share, check and remove the cached answers of the LLM.", main=False)

Dataset = Annotated[str | None, typer.Option(help="Only the answers for this dataset.  [default: all]")]


@app.command("list", cls=Command, epilog="attrgen cache list --dataset ct-kidney")
def list_(
    cache: CacheFolder = DEFAULT_CACHE,
    dataset: Dataset = None,
) -> None:
    """List key, date, model and purpose of each answer."""
    from attrgen.llm.cache import Cache

    with Cache(cache) as answers:
        for key, entry in answers.entries():
            about = entry.about
            if dataset in (None, about.dataset):
                purpose = filter(None, (about.dataset, about.class_name, about.kind, about.confused))
                print(f"{key[:12]}  {entry.answer.date}  {entry.answer.resolved_model}  {'/'.join(purpose)}")


@app.command("show", cls=Command, epilog="attrgen cache show 'ct-kidney/kidney cyst/descriptive'")
def show(
    entry: Annotated[
        str,
        typer.Argument(
            metavar="KEY|DATASET[/CLASS[/KIND[/CLASS]]]|last",
            help="The first digits of a key, a list or what holds it, or the answer that came last.",
        ),
    ],
    cache: CacheFolder = DEFAULT_CACHE,
) -> None:
    """Show entries: the request and what the model wrote."""
    from attrgen.llm.cache import Cache

    with Cache(cache) as answers:
        for match in answers.find(entry):
            print(match.model_dump_json(indent=2, exclude_none=True))


@app.command("export", cls=Command, epilog="attrgen cache export answers.jsonl")
def export(
    file: Annotated[Path, typer.Argument(help="A JSON-lines file to write.")],
    cache: CacheFolder = DEFAULT_CACHE,
) -> None:
    """Write all answers to one file.

    With it the same sets can be built on another machine without a network.
    """
    from attrgen.llm import cache as caches

    with caches.Cache(cache) as answers:
        print(f"{file}: {caches.export(answers, file)} answers.")


@app.command("import", cls=Command, epilog="attrgen cache import answers.jsonl")
def import_(
    file: Annotated[Path, typer.Argument(help="A file that `attrgen cache export` wrote.")],
    cache: CacheFolder = DEFAULT_CACHE,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace answers that the cache has already.")
    ] = False,
) -> None:
    """Add the answers of an exported file.

    A file with an error is refused as a whole.
    """
    from attrgen.llm import cache as caches

    with caches.Cache(cache) as answers:
        taken, known = caches.import_(answers, file, replace=replace)
    print(f"{taken} answers added, {known} were there already.")


@app.command("clear", cls=Command, epilog="attrgen cache clear --dataset ct-kidney")
def clear(
    cache: CacheFolder = DEFAULT_CACHE,
    dataset: Dataset = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Remove answers; to have them again costs requests again."""
    from attrgen.llm.cache import Cache

    with Cache(cache) as answers:
        keys = None
        if dataset is not None:
            keys = [key for key, entry in answers.entries() if entry.about.dataset == dataset]
        number = len(answers.keys() if keys is None else keys)
        if not yes and not typer.confirm(f"Remove {number} answers?"):
            return
        print(f"{answers.clear(keys)} answers removed.")


@app.command("verify", cls=Command, epilog="attrgen cache verify")
def verify(cache: CacheFolder = DEFAULT_CACHE) -> None:
    """Check every answer; invalid ones are never used.

    Exit status: 0 all are valid, 1 one is not.
    """
    from attrgen.llm.cache import Cache

    with Cache(cache) as answers:
        defects = list(answers.verify())
        for key, defect in defects:
            print(f"{key[:12]}: {defect}")
        print(f"{len(answers.keys())} answers, {len(defects)} not valid.")
    if defects:
        raise typer.Exit(1)
