"""`vr audit` on the command line: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vr.cli import options
from vr.cli.shared_options import Backbone, Data, Device, Format, Precision, Weights


def audit(
    attrs: Annotated[
        Path | None, typer.Option(help="Attribute set.  [default: attrs/DATASET.json, else the library]")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Card's name or path, or a collection.  [default: the set's]")
    ] = None,
    data: Data = None,
    format: Format = None,
    classes: Annotated[str, typer.Option(help="Only these classes, with commas between.")] = "",
    shots: Annotated[int, typer.Option(min=1, help="Labelled training images a class.")] = 16,
    seed: Annotated[int, typer.Option(help="Of the few-shot sample.")] = 1,
    fewshot: Annotated[Path | None, typer.Option(help="Use the sample of this fewshot.json.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many of the worst count.")] = 10,
    twins: Annotated[float, typer.Option(min=0, max=1, help="Cosine from which texts are twins.")] = 0.95,
    prune: Annotated[
        Path | None,
        typer.Option(help="Write a new set here, without the worst."),
    ] = None,
    keep: Annotated[int, typer.Option(min=1, help="Texts of a kind that each class keeps.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print every judgement as JSON.")] = False,
    backbone: Backbone = "ViT-B-16-quickgelu",
    weights: Weights = None,
    device: Device = "auto",
    precision: Annotated[Precision, typer.Option()] = Precision.auto,
) -> None:
    """Before training: which attributes tell their class from the others on the few-shot images."""
    import json

    from vr.explanation.audit import run_audit, table
    from vr.runs.experiment import Experiment

    options.check_free(prune)
    asked = Experiment(
        dataset=dataset,
        attrs=attrs,
        data=data,
        data_format=format,
        classes=options.names(classes),
        shots=shots,
        seed=seed,
        fewshot=fewshot,
        backbone=backbone,
        weights=weights,
        device=device,
        precision=precision.value,
    )
    found = run_audit.run_audit(
        asked, near_duplicates_from=twins, say=lambda line: typer.echo(line, err=True)
    )
    if as_json:
        typer.echo(json.dumps(run_audit.as_json(found), indent=2, ensure_ascii=False))
    else:
        table.show(found, top=top, near_duplicates_from=twins)
    if prune is not None:
        gone = run_audit.prune(found, prune, top=top, keep=keep)
        typer.echo(f"written: {prune}, without {len(gone)} texts", err=True)
