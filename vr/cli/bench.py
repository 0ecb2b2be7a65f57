"""`vr bench` on the command line: parse, call, print."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vr.cli.shared_options import Backbone, Device, Weights


class Precision(StrEnum):
    """What the fast path computes in besides fp32; `auto` is bf16 on a GPU that has it, else fp32."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


def bench(
    backbone: Backbone = "mini",
    weights: Weights = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Training images a step.")] = 64,
    frame: Annotated[
        int | None, typer.Option(min=1, help="Width of the frame in pixels.  [default: the backbone's]")
    ] = None,
    precision: Annotated[Precision, typer.Option()] = Precision.auto,
    device: Device = "auto",
    steps: Annotated[int, typer.Option(min=1, help="Readings of each path; medians are told.")] = 5,
    json: Annotated[bool, typer.Option("--json", help="One JSON object instead of the table.")] = False,
    profile: Annotated[
        Path | None, typer.Option(help="Also write where the time of the last path's step goes.")
    ] = None,
) -> None:
    """Measure a training step: time, memory, operations; the plain path and the fast ones side by side."""
    import os
    from json import dumps

    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # torch's profiler logs to stderr; read when torch loads
    from attrgen.core.files import write_text
    from vr.clip import backbone as backbones
    from vr.runtime.device import resolve_device, resolve_precision
    from vr.training.benchmark import bench as benches
    from vr.training.benchmark.meter import profile_page

    place = resolve_device(device)
    loaded = backbones.load(backbone, weights, device=place, precision=resolve_precision(precision, place))

    def say(line: str) -> None:
        typer.echo(line, err=True)

    found, last = benches.bench(loaded, batch_size=batch_size, steps=steps, frame=frame, say=say)
    if json:
        print(dumps(found.as_json(), indent=2))
    else:
        for line in benches.lines(found):
            typer.echo(line)
    if profile is not None:
        write_text(profile, profile_page(last, place))
