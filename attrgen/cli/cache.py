"""`attrgen cache` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attrgen.core.command import Command, application

app = application("The LLM's answers: kept, shared, checked.", main=False)

Folder = Annotated[Path, typer.Option("--cache", envvar="ATTRGEN_CACHE", help="Folder of the cache.")]
DEFAULT = Path("cache")


@app.command("list", cls=Command, epilog="attrgen cache list --dataset ct-kidney")
def list_(
    cache: Folder = DEFAULT,
    dataset: Annotated[str | None, typer.Option(help="Only the answers for this dataset.")] = None,
) -> None:
    """Key, day, model, and what each answer is for."""
    from attrgen.llm.cache import Cache

    with Cache(cache) as answers:
        for key, entry in answers.entries():
            about = entry.about
            if dataset in (None, about.dataset):
                place = "/".join(filter(None, (about.dataset, about.class_name, about.kind, about.confused)))
                print(f"{key[:12]}  {entry.answer.date}  {entry.answer.resolved_model}  {place}")


@app.command("show", cls=Command, epilog="attrgen cache show 1a2b3c4d")
def show(
    key: Annotated[str, typer.Argument(help="A key, or its first digits.")], cache: Folder = DEFAULT
) -> None:
    """One entry: what was asked and what was answered."""
    from attrgen.llm.cache import Cache

    with Cache(cache) as answers:
        print(answers.find(key).model_dump_json(indent=2, exclude_none=True))


@app.command("export", cls=Command, epilog="attrgen cache export answers.jsonl")
def export(
    file: Annotated[Path, typer.Argument(help="A JSON-lines file to write.")], cache: Folder = DEFAULT
) -> None:
    """Write all answers to one file. It rebuilds the same sets on another machine without a network."""
    from attrgen.llm import cache as caches

    with caches.Cache(cache) as answers:
        print(f"{file}: {caches.export(answers, file)} answers.")


@app.command("import", cls=Command, epilog="attrgen cache import answers.jsonl")
def import_(
    file: Annotated[Path, typer.Argument(help="A file that `attrgen cache export` wrote.")],
    cache: Folder = DEFAULT,
    replace: Annotated[bool, typer.Option("--replace", help="Replace answers that are there.")] = False,
) -> None:
    """Take in the answers of another cache. A file with a defect is refused as a whole."""
    from attrgen.llm import cache as caches

    with caches.Cache(cache) as answers:
        taken, known = caches.import_(answers, file, replace=replace)
    print(f"{taken} answers taken in, {known} were there already.")


@app.command("clear", cls=Command, epilog="attrgen cache clear --dataset ct-kidney")
def clear(
    cache: Folder = DEFAULT,
    dataset: Annotated[str | None, typer.Option(help="Only the answers for this dataset.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove answers. They can only be had again by asking, and paying, again."""
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
def verify(cache: Folder = DEFAULT) -> None:
    """Check every answer as if it came fresh; exits 1 when one is not valid. Such answers are never used."""
    from attrgen.llm.cache import Cache

    with Cache(cache) as answers:
        defects = list(answers.verify())
        for key, defect in defects:
            print(f"{key[:12]}: {defect}")
        print(f"{len(answers.keys())} answers, {len(defects)} not valid.")
    if defects:
        raise typer.Exit(1)
