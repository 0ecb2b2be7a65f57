"""`attrgen prompts` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attrgen.core.command import Command, application

app = application("List, show and render the prompt templates.", main=False)

Folder = Annotated[
    Path | None,
    typer.Option(
        "--prompts", metavar="DIR", help="Folder with your own templates.  [default: the shipped ones]"
    ),
]


@app.command("list", cls=Command, epilog="attrgen prompts list")
def list_(prompts: Folder = None) -> None:
    """List kind, version, digest and file of each template."""
    from attrgen.llm import prompts as templates

    for prompt in templates.load(prompts).values():
        print(f"{prompt.name:<15} version {prompt.version}  {prompt.sha256[:12]}  {prompt.path}")


@app.command("show", cls=Command, epilog="attrgen prompts show descriptive")
def show(
    kind: Annotated[str, typer.Argument(help="As `attrgen prompts list` names it.")], prompts: Folder = None
) -> None:
    """Print a template as it is in its file."""
    from attrgen.core.files import read_text
    from attrgen.llm import prompts as templates

    print(read_text(templates.load(prompts).named(kind).path, what="prompt template"), end="")


@app.command("render", cls=Command, epilog="attrgen prompts render descriptive --dataset ct-kidney")
def render(
    kind: Annotated[str, typer.Argument(help="descriptive, distinctive, confusion, ensemble, confusers.")],
    dataset: Annotated[
        str, typer.Option(metavar="CARD", help="A card's name, a card's path, or an image folder.")
    ],
    class_name: Annotated[
        str | None, typer.Option("--class", help="The class.  [default: the card's first]")
    ] = None,
    confused: Annotated[
        str | None,
        typer.Option(help="For confusion: the class that it is mistaken for.  [default: the next]"),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Texts to ask for.  [default: as a build]")] = None,
    prompts: Folder = None,
) -> None:
    """Print the system and user message that a build would send."""
    from attrgen.llm import prompts as templates
    from attrgen.schema import card

    loaded = templates.load(prompts)
    for role, text in templates.example(loaded, card.find(dataset), kind, class_name, confused, count):
        print(f"--- {role}\n{text}")
