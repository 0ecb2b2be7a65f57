"""`attrgen push` and `attrgen pull` on the command line: parse, call, print."""

from __future__ import annotations

from typing import Annotated

import typer

from attrgen.cli.options import Force, NewSet, SetFile

Repo = Annotated[str, typer.Argument(metavar="REPO", help="A dataset repository, OWNER/NAME.")]


def push(
    file: SetFile,
    repo: Repo,
    message: Annotated[
        str | None, typer.Option(help="Message of the commit.  [default: the dataset and the set's id]")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
) -> None:
    """Put a set and its id into a Hugging Face repository.

    The token is HF_TOKEN or that of `hf auth login`. HF_ENDPOINT names a mirror.
    """
    from attrgen.curation import hub
    from attrgen.schema import attribute_set

    attributes = attribute_set.load(file)
    print(f"{hub.push(attributes, repo, message=message, private=private)}: id {attributes.id}.")


def pull(
    repo: Repo,
    dataset: Annotated[
        str | None, typer.Option(help="Which set, where there are several.  [default: the only one]")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.  [default: main]")] = None,
    id: Annotated[
        str | None,
        typer.Option(
            "--id",
            help="The id that the set must have, as a paper cites it; 8 digits or more.  "
            "[default: the id that the repository states]",
        ),
    ] = None,
    out: NewSet = None,
    force: Force = False,
) -> None:
    """Get a set from a Hugging Face repository and verify its id."""
    from attrgen.cli.options import SETS
    from attrgen.core.overwrite import write_new
    from attrgen.curation import hub
    from attrgen.schema import attribute_set

    attributes, verified = hub.pull(repo, dataset=dataset, revision=revision, expected=id)
    path = out or SETS / f"{hub.file_name(attributes.dataset)}.json"
    write_new({path: attribute_set.dumps(attributes)}, force=force)
    how = "verified" if verified else "NOT verified: the repository states none, and --id is not given"
    print(f"{path}: written, id {attributes.id}, {how}.")
