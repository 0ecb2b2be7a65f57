"""`vr controls`: a method trained with the sentences as written and with control texts, cell by cell.

Every cell is a run in its own directory. That of the sentences as written is the directory of `vr train`, so
that it is not trained twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from attrgen.core.errors import UserError
from attrgen.core.names import did_you_mean
from attrgen.schema import attribute_set
from vr.explanation.controls.measurement import Measured, measure
from vr.explanation.controls.texts import NAMES, WRITTEN, Control, all_controls, control_set, digest
from vr.runs import run as runs
from vr.runs.experiment import Experiment, Resolved, Say, resolve
from vr.runs.predictions import Predictions
from vr.runs.predictions import load as load_predictions
from vr.training.sweep import Cell, inspect
from vr.training.sweep.cell import is_finished

TEXTS = "control-texts"


@dataclass(frozen=True)
class Plan:
    """What is to be trained.

    Attributes:
        resolved: the experiment with the sentences as written.
        controls: that are compared, by name.
        cells: by control (`WRITTEN` among them) and seed.
    """

    resolved: Resolved
    controls: Mapping[str, Control]
    cells: Mapping[tuple[str, int], Cell]


def plan(
    asked: Experiment, seeds: Sequence[int], names: Sequence[str] = (), say: Say = lambda line: None
) -> Plan:
    """Write the control texts and list the cells.

    Args:
        asked: the experiment with the sentences as written; its seed is replaced.
        names: of the controls; all by default. Class names only are always among them.

    Raises:
        UserError: as for `resolve`; the method reads no attributes; an unknown control.
    """
    resolved = resolve(asked.model_copy(update={"seed": seeds[0]}), say)
    attributes = resolved.attributes
    if attributes is None:
        raise UserError(
            f"{resolved.kind.name} reads no attributes with these settings, so its texts cannot be exchanged",
            code="controls-no-attributes",
            remedy="Choose a method that reads them, such as labo, cross-modal or biomedvr.",
        )
    controls = _chosen(all_controls(attributes), names)
    experiments: dict[tuple[str, int], Experiment] = {}
    unchanged: set[str] = set()
    dataset = asked.dataset or attributes.dataset
    for seed in seeds:
        experiments[WRITTEN, seed] = asked.model_copy(update={"seed": seed})
        for control in controls.values():
            made = control_set(control, attributes, resolved.card, seed)
            if made.id == attributes.id:
                unchanged.add(control.name)
                continue
            file = _folder(asked, resolved) / f"{digest(control, seed, attributes)}.json"
            if not file.is_file():
                attribute_set.save(made, file)
            changes = {"seed": seed, "attrs": file, "dataset": dataset, "control": control.name}
            experiments[control.name, seed] = asked.model_copy(update=changes)
    for name in sorted(unchanged):
        say(f"{controls[name].title}: the sentences as written are the same, so they are not trained again")
    cells = {key: inspect(experiment) for key, experiment in experiments.items()}
    kept = {name: control for name, control in controls.items() if name not in unchanged}
    return Plan(resolved, kept, cells)


def _chosen(known: Mapping[str, Control], names: Sequence[str]) -> dict[str, Control]:
    for name in names:
        if name not in known:
            raise UserError(
                f"there is no control '{name}' of this set",
                code="controls-unknown",
                remedy=f"{did_you_mean(name, known)} There are: {', '.join(known)}.",
            )
    return {name: control for name, control in known.items() if not names or name in (NAMES, *names)}


def _folder(asked: Experiment, resolved: Resolved) -> Path:
    return asked.runs / resolved.card.name / TEXTS


def collect(planned: Plan) -> Measured:
    """Compare the cells that are finished.

    Raises:
        UserError: no seed has both the sentences as written and class names only.
    """
    predictions: dict[str, dict[int, Predictions]] = {}
    for (name, seed), cell in planned.cells.items():
        if is_finished(cell.path):
            predictions.setdefault(name, {})[seed] = load_predictions(cell.path / runs.PREDICTIONS)
    if not predictions.get(WRITTEN, {}).keys() & predictions.get(NAMES, {}).keys():
        raise UserError(
            "no seed has both the sentences as written and class names only",
            code="controls-not-finished",
            remedy="Run the same command again to finish the cells that are missing.",
        )
    return measure(planned.resolved.kind.name, planned.controls, predictions)
