"""`attrgen adapt` on the command line: parse, call, print."""

from __future__ import annotations

from typing import Annotated

import typer

from attrgen.cli.options import Force, NewSet, SetFile


def adapt(
    file: SetFile,
    dataset: Annotated[
        str,
        typer.Option(metavar="CARD", help="The other dataset: a card's name or path, or a folder."),
    ],
    out: NewSet = None,
    force: Force = False,
) -> None:
    """Take what fits another dataset from a set.

    Classes are matched by their names and aliases in both cards. The new set's provenance names the old one.
    """
    from attrgen.cli.options import SETS
    from attrgen.core.overwrite import write_new
    from attrgen.core.shell import command
    from attrgen.curation.adapt import adapt as adapted_to
    from attrgen.schema import attribute_set, card, spelling

    attributes, target = attribute_set.load(file), card.find(dataset)
    adapted = adapted_to(attributes, spelling.card_of(attributes), target)
    path = out or SETS / f"{target.name}.json"
    write_new({path: attribute_set.dumps(adapted.attributes)}, force=force)
    lines = [f"{old} → {new}" for old, new in adapted.mapped.items()]
    lines += [f"not in {target.name}: {name}" for name in adapted.unused]
    lines += [f"not clear which class of {target.name}: {name}" for name in adapted.ambiguous]
    lines += [f"left out: {slot}" for slot in adapted.left_out]
    lines += [f"missing: {name}" for name in adapted.missing]
    print(*lines, f"{path}: written, id {adapted.attributes.id[:12]}.", sep="\n")
    if adapted.missing:
        filling = command("attrgen", "build", "--dataset", dataset, "--out", path)
        print(f"{filling} writes what is missing.")
