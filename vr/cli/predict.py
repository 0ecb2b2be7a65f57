"""`vr predict` on the command line: parse, call, print."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vr.cli import options, values
from vr.cli import options_predict as own

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vr.inference.decision import Decision
    from vr.inference.outcome import Outcome
    from vr.inference.predictor import Predictor


def predict(
    context: typer.Context,
    run_directory: options.RunDirectory,
    paths: own.Paths = None,
    stdin: own.Stdin = False,
    workers: own.Workers = 4,
    reduced_jpeg: own.ReducedJpeg = False,
    decode: own.Decode = own.DecodeOn.cpu,
    threshold: own.Threshold = None,
    coverage: own.Coverage = None,
    sets: own.Sets = None,
    calibrated: own.Calibrated = True,
    out: own.Out = None,
    jsonl: own.Jsonl = False,
    errors: own.Errors = None,
    resume: own.Resume = False,
    force: own.Restart = False,
    shard: own.ShardOption = None,
    merge: own.Merge = False,
    on: own.On = "local",
    jobs: own.Jobs = None,
    gpus_per_job: own.GpusPerJob = None,
    backbone: options.RunBackbone = None,
    weights: options.Weights = None,
    device: options.Device = "auto",
    precision: options.RunPrecision = None,
    batch_size: own.BatchSize = None,
) -> None:
    """Predict unlabelled images.

    One row per image: class, probabilities, abstention, and a prediction set where asked for. Masks and files
    that are not images are left out of folders and archives, and counted.

    Exit status: 0 all images were read, 1 some could not be read (they are listed), 2 the call was wrong.
    """
    from vr.data.loading.unlabelled import check_paths

    flags = context.params
    _check_options(flags)
    if not merge:
        check_paths(paths or ())
    if shard is not None:
        _one_shard(flags)
    elif merge:
        _merged(flags)
    elif on != "local":
        _on_ray(flags)
    else:
        _alone(flags)


def _alone(flags: dict[str, Any]) -> None:
    """All images in this process."""
    from vr.inference.output import is_finished

    out, resume, force = flags["out"], flags["resume"], flags["force"]
    if out is not None and is_finished(out, resume=resume, force=force):
        _say(f"{out} is finished already")
        return
    if not (force or resume):
        values.check_free(flags["errors"])
    rule = _rule(flags)

    from vr.inference import predict as predicting

    with _images(flags) as images:
        run = _run(flags)
        common = _common(flags)
        if out is None:
            outcome = predicting.predict_to_stream(
                run, rule, images, sys.stdout.write, jsonl=flags["jsonl"], **common
            )
        else:
            with _progress() as advance:
                outcome = predicting.predict_to_file(
                    run, rule, images, out, resume=resume, force=force, say=_say, progress=advance, **common
                )
            _say(f"{out}: {outcome.rows:,} images")
    _end(outcome, flags["errors"])


def _one_shard(flags: dict[str, Any]) -> None:
    from vr.inference import prediction_table
    from vr.inference.shard import Shard, is_finished

    out, shard = flags["out"], Shard.parse(flags["shard"])
    prediction_table.check_format(out)
    if not flags["force"] and is_finished(out, shard):
        _say(f"shard {shard} is finished already")
        return
    rule = _rule(flags)

    from vr.inference import shards

    with _images(flags) as images:
        predictor = _predictor(flags, rule)
        with _progress() as advance:
            outcome = shards.predict_shard(
                predictor, images, out, shard, force=flags["force"], say=_say, progress=advance
            )
    for line in predictor.notes():
        _say(f"note: {line}")
    failed = f", {outcome.unreadable:,} of them cannot be read" if outcome.unreadable else ""
    _say(f"shard {shard}: {outcome.images:,} images{failed}. When all are finished: --merge")
    raise typer.Exit(1 if outcome.unreadable else 0)


def _merged(flags: dict[str, Any]) -> None:
    from vr.inference import shards
    from vr.inference.output import check_new
    from vr.inference.shard import folder_of

    out, force = flags["out"], flags["force"]
    check_new(out, force=force)
    if not force:
        values.check_free(flags["errors"])
    outcome = shards.merge(out, flags["run_directory"])
    _say(f"{out}: {outcome.rows:,} images. {folder_of(out)} is no longer needed")
    _end(outcome, flags["errors"])


def _on_ray(flags: dict[str, Any]) -> None:
    from vr.inference.output import check_new

    out, force = flags["out"], flags["force"]
    if out.exists() and flags["resume"]:
        _say(f"{out} is finished already")
        return
    check_new(out, force=force)
    if not (force or flags["resume"]):
        values.check_free(flags["errors"])
    rule = _rule(flags)

    from vr.inference.on_ray import Setup, predict_on_ray

    loading = {key: flags[key] for key in ("backbone", "weights", "device", "precision")}
    setup = Setup(flags["run_directory"], loading, rule, **_common(flags))
    address = None if flags["on"] == "ray" else flags["on"]
    with _images(flags) as images, _progress() as advance:
        outcome = predict_on_ray(
            setup,
            images,
            out,
            address=address,
            jobs=flags["jobs"],
            gpus_per_job=flags["gpus_per_job"],
            force=force,
            say=_say,
            progress=advance,
        )
    _say(f"{out}: {outcome.rows:,} images")
    _end(outcome, flags["errors"])


def _check_options(flags: dict[str, Any]) -> None:
    _check_scale(flags["out"], flags["shard"], flags["merge"], flags["on"])
    _check_decoding(flags["decode"], flags["device"], reduced_jpeg=flags["reduced_jpeg"])
    _check_ray_options(flags["on"], flags["jobs"], flags["gpus_per_job"])


def _check_scale(out: Path | None, shard: str | None, merge: bool, on: str) -> None:
    """Check that options of several processes fit together."""
    from attrgen.core.errors import UserError

    if on not in ("local", "ray") and not on.startswith("ray://"):
        raise UserError(
            f"--on {on} is unknown",
            code="predict-unknown-engine",
            remedy="Use local, ray or ray://HOST:10001; --shard is for every other scheduler.",
        )
    if on != "local" and (shard is not None or merge):
        raise UserError(
            "--on ray divides and merges by itself",
            code="predict-ray-and-shard",
            remedy="Leave out --shard and --merge, or --on.",
        )
    if shard is not None and merge:
        raise UserError(
            "--shard and --merge exclude each other",
            code="predict-shard-or-merge",
            remedy="Predict all shards first, then merge.",
        )
    if out is None and (shard is not None or merge or on != "local"):
        option = "--merge" if merge else "--shard" if shard else "--on ray"
        raise UserError(
            f"{option} needs --out",
            code="predict-needs-out",
            remedy="Name the table, the same for all shards and for --merge.",
        )


def _check_decoding(decode: own.DecodeOn, device: str, *, reduced_jpeg: bool) -> None:
    """Check that the options of decoding fit together, and to the device."""
    from attrgen.core.errors import UserError
    from vr.runtime.device import no_gpu

    if decode == own.DecodeOn.cpu:
        return
    if reduced_jpeg:
        raise UserError(
            "--decode gpu decodes at full size: it and --reduced-jpeg exclude each other",
            code="predict-gpu-or-reduced",
            remedy="Leave out one of them.",
        )
    if device != "auto" and not device.startswith("cuda"):
        raise no_gpu("--decode gpu", f"--device is {device}")


def _check_ray_options(on: str, jobs: int | None, gpus_per_job: float | None) -> None:
    from attrgen.core.errors import UserError

    for option, value in (("--jobs", jobs), ("--gpus-per-job", gpus_per_job)):
        if value is not None and on == "local":
            raise UserError(
                f"{option} {value} is of no use without --on ray",
                code="option-needs-another",
                remedy=f"Add --on ray, or leave out {option}.",
            )


@contextmanager
def _images(flags: dict[str, Any]) -> Iterator[Iterable[str]]:
    """The images that the user names; in the end, what was left out is printed."""
    from vr.data.formats.left_out import LeftOut
    from vr.data.loading.unlabelled import image_paths, named_paths, read_path_list, require_images

    left_out = LeftOut()
    stdin = read_path_list(sys.stdin.buffer) if flags["stdin"] else ()
    named = chain(named_paths(flags["paths"] or ()), stdin)
    yield require_images(image_paths(named, left_out))
    for line in left_out.sentences():
        _say(line)


def _rule(flags: dict[str, Any]) -> Decision:
    from vr.runs import run as runs

    path = flags["run_directory"]
    classes = runs.trained_config(path).card.class_names

    from vr.evaluation import calibration as calibrations
    from vr.evaluation import operating_point
    from vr.inference.decision import decision

    wishes = {key: flags[key] for key in ("threshold", "coverage", "sets")}
    point = operating_point.load(path)
    if point is not None:
        _say(f"flagged: {point.sentence}")
    calibration = calibrations.load(path) if flags["calibrated"] else None
    rule = decision(classes, calibration, point=point, run=path, **wishes)
    if point is not None and point.temperature != rule.temperature:
        _say(
            f"note: the operating point counts probabilities at temperature {point.temperature:.3g}, the "
            f"table has those at {rule.temperature:.3g}: compare only the column flagged with it"
        )
    return rule


def _run(flags: dict[str, Any]) -> Any:
    from vr.runs import run as runs

    if flags["decode"] == own.DecodeOn.gpu:
        from vr.runtime.device import require_gpu, resolve_device

        require_gpu(resolve_device(flags["device"]), "--decode gpu")  # before the backbone is loaded
    keys = ("backbone", "weights", "device", "precision")
    return runs.load_run(flags["run_directory"], **{key: flags[key] for key in keys})


def _predictor(flags: dict[str, Any], rule: Decision) -> Predictor:
    from vr.inference.predictor import Predictor

    return Predictor.of(_run(flags), rule, **_common(flags))


def _common(flags: dict[str, Any]) -> dict[str, Any]:
    """What every way to predict takes."""
    jpeg = "reduced" if flags["reduced_jpeg"] else str(flags["decode"])
    return {"batch_size": flags["batch_size"], "workers": flags["workers"], "jpeg": jpeg}


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    from vr.runtime.progress import count_bar

    with count_bar("predicting", None) as advance:
        yield advance


def _end(outcome: Outcome, errors: Path | None) -> None:
    from vr.inference.outcome import error_lines, write_errors

    if errors is not None:
        write_errors(outcome.unreadable, errors)
    for line in (*(f"note: {note}" for note in outcome.notes), *error_lines(outcome.unreadable)):
        _say(line)
    raise typer.Exit(1 if outcome.unreadable else 0)


def _say(line: str) -> None:
    typer.echo(line, err=True)
