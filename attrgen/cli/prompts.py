"""`attrgen prompts` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attrgen.core.command import Command, application

app = application("The templates that the LLM sees.", main=False)

Folder = Annotated[Path | None, typer.Option("--prompts", help="Folder of templates of your own.")]


@app.command("list", cls=Command, epilog="attrgen prompts list")
def list_(prompts: Folder = None) -> None:
    """Kind, version, digest and file of each template."""
    from attrgen.llm import prompts as templates

    for prompt in templates.load(prompts).values():
        print(f"{prompt.name:<15} version {prompt.version}  {prompt.sha256[:12]}  {prompt.path}")


@app.command("show", cls=Command, epilog="attrgen prompts show descriptive")
def show(
    kind: Annotated[str, typer.Argument(help="As `attrgen prompts list` names it.")], prompts: Folder = None
) -> None:
    """The template as it stands in its file."""
    from attrgen.core.files import read_text
    from attrgen.llm import prompts as templates

    print(read_text(templates.load(prompts).named(kind).path, what="prompt template"), end="")


@app.command("render", cls=Command, epilog="attrgen prompts render descriptive --dataset ct-kidney")
def render(
    kind: Annotated[str, typer.Argument(help="descriptive, distinctive, confusion, ensemble, confusers.")],
    dataset: Annotated[str, typer.Option(help="A card's name, a card's path, or an image folder.")],
    class_name: Annotated[str | None, typer.Option("--class", help="[default: the card's first]")] = None,
    confused: Annotated[
        str | None, typer.Option(help="For confusion: the class it is mistaken for.  [default: the next]")
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Texts to ask for.")] = None,
    prompts: Folder = None,
) -> None:
    """The system and user message that a build would send."""
    from attrgen.llm import prompts as templates
    from attrgen.schema import card

    found = card.find(dataset)
    loaded = templates.load(prompts)
    for role, text in templates.example(loaded, found, kind, class_name, confused, count):
        print(f"--- {role}\n{text}")
