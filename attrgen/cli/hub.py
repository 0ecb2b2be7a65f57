"""`attrgen push` and `attrgen pull` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Repo = Annotated[str, typer.Argument(metavar="REPO", help="A dataset repository, OWNER/NAME.")]


def push(
    file: Annotated[Path, typer.Argument(help="An attribute set.")],
    repo: Repo,
    message: Annotated[str | None, typer.Option(help="Message of the commit.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
) -> None:
    """Put an attribute set with its id into a Hugging Face dataset repository.

    The token is HF_TOKEN or that of `hf auth login`. HF_ENDPOINT names a mirror.
    """
    from attrgen.curation import hub
    from attrgen.schema import attribute_set

    attributes = attribute_set.load(file)
    print(f"{hub.push(attributes, repo, message=message, private=private)}: id {attributes.id}.")


def pull(
    repo: Repo,
    dataset: Annotated[str | None, typer.Option(help="Which set, where the repository has several.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.  [default: main]")] = None,
    id: Annotated[
        str | None,
        typer.Option("--id", help="The id that it must have, as a paper cites it; 8 digits or more."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The set to write.  [default: attrs/DATASET.json]")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a set that is there.")] = False,
) -> None:
    """Get an attribute set from a Hugging Face dataset repository and verify its id."""
    from attrgen.cli.options import SETS
    from attrgen.core.overwrite import write_new
    from attrgen.curation import hub
    from attrgen.schema import attribute_set

    attributes, verified = hub.pull(repo, dataset=dataset, revision=revision, expected=id)
    path = out or SETS / f"{hub.file_name(attributes.dataset)}.json"
    write_new({path: attribute_set.dumps(attributes)}, force=force)
    how = "verified" if verified else "NOT verified: the repository states none, and --id is not given"
    print(f"{path}: written, id {attributes.id}, {how}.")
