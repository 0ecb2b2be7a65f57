"""`vr audit` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vr.cli import options, values

AUDIT = "Audit"


Top = Annotated[int, options.option(AUDIT, "Number of worst texts to list and to prune.", min=1)]
NearDuplicates = Annotated[
    float,
    options.option(AUDIT, "Cosine similarity from which texts are near-duplicates.", min=0, max=1),
]
Keep = Annotated[
    int, options.option(AUDIT, "With --prune: texts of a kind that each class keeps at least.", min=1)
]
Best = Annotated[
    int | None,
    options.option(
        AUDIT, "With --prune: keep only so many texts of each list, the best.", default="all", min=1
    ),
]


def audit(
    context: typer.Context,
    attrs: options.Attributes = None,
    dataset: options.Dataset = None,
    data: options.Data = None,
    data_format: options.Format = None,
    classes: options.Classes = "",
    shots: options.Shots = 16,
    seed: options.Seed = 1,
    fewshot: options.FewShot = None,
    top: Top = 10,
    near_duplicates: NearDuplicates = 0.95,
    keep: Keep = 3,
    best: Best = None,
    prune: Annotated[
        Path | None,
        options.option(options.OUTPUT, "Write a new set without the worst texts.", default="not written"),
    ] = None,
    as_json: options.AsJson = False,
    backbone: options.Backbone = "ViT-B-16-quickgelu",
    weights: options.Weights = None,
    device: options.Device = "auto",
    precision: options.ComputeIn = options.Precision.auto,
) -> None:
    """Rate attributes on the few-shot images, before training.

    A text is worth keeping if it separates its class from the others, by its words, its embedding and the
    images' similarity to it.
    """
    import json

    from vr.explanation.audit.subject import find_subject

    values.check_free(prune)
    subject = find_subject(values.experiment(context.params), lambda line: typer.echo(line, err=True))

    from vr.explanation.audit import run_audit, table  # torch, after everything that can be mistyped

    audited = run_audit.run_audit(subject, near_duplicates_from=near_duplicates)
    if as_json:
        typer.echo(json.dumps(run_audit.as_json(audited), indent=2, ensure_ascii=False))
    else:
        table.show(audited, top=top, near_duplicates_from=near_duplicates)
    if prune is not None:
        dropped = run_audit.prune(audited, prune, top=top, keep=keep, best=best)
        typer.echo(f"written: {prune}, without {len(dropped)} texts", err=True)
