"""`vr tune`: a method's settings chosen on training and validation images, then trained and measured once.

Each trial trains the method on a part of the few-shot sample and is scored on the rest: by cross-validation
on the training images, or on the validation images. The test set is opened only by the final run. Optuna
proposes the settings (tree-structured Parzen estimator; Bergstra et al., NeurIPS 2011), after the defaults.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrgen.core.decoding import cached, decoding
from attrgen.core.errors import UserError
from attrgen.core.extras import needed
from attrgen.core.files import read_text, unwritable, write_text
from attrgen.core.locks import locked_folder
from vr.data.formats.groups import group_key
from vr.data.formats.source import Item
from vr.runs.experiment import Experiment, Resolved, Say, resolve
from vr.runs.settings import changed, split_settings
from vr.runs.tuning import By, TuningRecord
from vr.training.sample import ExperimentImages, experiment_images
from vr.training.studies.space import Range, Space, space_of

if TYPE_CHECKING:
    import optuna

    from vr.clip.backbone import Backbone
    from vr.runs.run import Run

JOURNAL, SETTINGS = "trials.log", "settings.json"
ENDED = ("COMPLETE", "PRUNED")
_PER_NAT = 1e-3  # of the likelihood, which decides between equal accuracies


@dataclass(frozen=True)
class Budget:
    """How a study is run.

    Attributes:
        trials: settings that are tried, the defaults among them.
        by: where they are scored.
        folds: of the cross-validation.
    """

    trials: int = 20
    by: By = "folds"
    folds: int = 4


@dataclass(frozen=True)
class Trial:
    """One trial that ended: its number from 1, its settings and its score; None where training diverged."""

    number: int
    settings: dict[str, Any]
    accuracy: float | None
    best: float


def tune(
    asked: Experiment,
    budget: Budget,
    named: dict[str, str] | None = None,
    *,
    say: Say = lambda line: None,
    on_trial: Callable[[Trial], None] = lambda trial: None,
    **training: Any,
) -> Run:
    """Choose settings, then train with them into the run directory, which records how they were chosen.

    Args:
        asked: its options and recipe stay as they are, apart from those that are tuned.
        named: settings to tune; see `vr.training.studies.space.space_of`.
        training: arguments of `vr.training.train.run_experiment`.

    Raises:
        UserError: as for `run_experiment`; optuna is not installed; nothing can be tuned; an older study with
            other settings is there; every trial diverged.
    """
    check_installed()
    say = _once(say)
    resolved = resolve(asked, say)
    space = space_of(resolved.options, resolved.recipe, named)
    if not space:
        raise UserError(
            f"{resolved.kind.name} has no setting to tune",
            code="tune-nothing-to-tune",
            remedy="Name one with --search KEY=LOW..HIGH.",
        )
    images = experiment_images(resolved, say)
    parts = held_out(images.sample.train, budget) if budget.by == "folds" else []
    if not parts and not images.sample.val:
        raise UserError(
            "there are no images to hold out: one training image per class and no validation image",
            code="tune-no-images",
            remedy="Give more --shots.",
        )
    record = _record(budget if parts else Budget(budget.trials, "val"), space)
    final = asked.model_copy(update={"tuning": record})
    path = resolve(final).path
    folder = path.parent / f"tuning-{path.name}"
    with locked_folder(folder):
        study = _study(folder, resolved, record, space, asked.seed)
        backbone = _run_trials(study, resolved, images, parts, record, space, on_trial)
        chosen = _chosen(study, final, record)
    from vr.training.train import run_experiment

    return run_experiment(chosen, say=say, backbone=backbone, **training)


def _once(say: Say) -> Say:
    """Says each line once: the final run repeats what is said of the collection."""
    lines: set[str] = set()

    def once(line: str) -> None:
        if line not in lines:
            lines.add(line)
            say(line)

    return once


def check_installed() -> None:
    """Check that optuna is there.

    Raises:
        UserError: it is not installed.
    """
    with needed(
        "vr tune needs the package optuna",
        code="tune-no-optuna",
        remedy="pip install 'biomedvr[tune]'.",
    ):
        import optuna  # noqa: F401


def held_out(items: Sequence[Item], budget: Budget) -> list[tuple[list[Item], list[Item]]]:
    """Training and held-out images of each fold: classes are divided evenly, groups of images stay together.

    Empty where a class has one image only.
    """
    groups: dict[tuple[bool, str], int] = {}
    counts: dict[int, list[int]] = {}
    least = min(sum(item.label == label for item in items) for label in {item.label for item in items})
    folds = min(budget.folds, least)
    if folds < 2:
        return []
    for item in items:
        of_class = counts.setdefault(item.label, [0] * folds)
        fold = groups.setdefault(group_key(item), of_class.index(min(of_class)))
        of_class[fold] += 1
    parts = [
        (
            [item for item in items if groups[group_key(item)] != fold],
            [item for item in items if groups[group_key(item)] == fold],
        )
        for fold in range(folds)
    ]
    labels = {item.label for item in items}
    return [part for part in parts if part[1] and {item.label for item in part[0]} == labels]


def _record(budget: Budget, space: Space) -> TuningRecord:
    folds = budget.folds if budget.by == "folds" else None
    words = {key: str(dimension) for key, dimension in space.items()}
    return TuningRecord(
        by=budget.by, folds=folds, trials=budget.trials, space=words, accuracy=0.0, default_accuracy=0.0
    )


def _study(folder: Path, resolved: Resolved, record: TuningRecord, space: Space, seed: int) -> optuna.Study:
    """The study in a folder, continued where it stopped.

    Raises:
        UserError: it has other settings, or is damaged.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    settings = json.dumps(_identity(resolved, record), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    file = folder / SETTINGS
    if file.is_file() and cached(lambda: read_text(file, what="settings of a study")) != settings:
        raise UserError(
            "there is a study with other settings",
            code="tune-other-settings",
            file=folder,
            remedy="Give the settings of its settings.json, use another --runs, or remove the folder.",
        )
    write_text(file, settings)
    study = _opened(folder / JOURNAL)
    study.sampler = optuna.samplers.TPESampler(seed=seed + 1000 * len(study.trials))
    if not study.trials:
        values = {**resolved.recipe.model_dump(), **resolved.options.model_dump()}
        study.enqueue_trial({key: values[key] for key in space}, skip_if_exists=True)
    return study


def _opened(journal: Path) -> optuna.Study:
    """The study of a journal.

    Raises:
        UserError: it is damaged, or cannot be written.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    remedy = f"Remove {journal.parent}; the study then starts again."
    with decoding(journal, what="not the journal of a study", code="tune-damaged-study", remedy=remedy):
        try:
            storage = JournalStorage(JournalFileBackend(str(journal)))
            study = optuna.create_study(
                storage=storage, study_name="tuning", direction="maximize", load_if_exists=True
            )
            _best(study)
            for trial in study.trials:
                if trial.state.name == "COMPLETE":
                    numbers: tuple[Any, Any] = (trial.user_attrs["accuracy"], trial.value)
                    if not all(map(isfinite, numbers)):
                        raise ValueError("a trial has no score")
        except OSError as error:
            raise unwritable(journal, error) from error
    return study


def _identity(resolved: Resolved, record: TuningRecord) -> dict[str, Any]:
    asked = resolved.asked
    return {
        "options": resolved.options.model_dump(mode="json"),
        "recipe": resolved.recipe.model_dump(mode="json"),
        "attributes": None if resolved.attributes is None else resolved.attributes.id,
        "backbone": [asked.backbone, asked.weights],
        "classes": list(resolved.card.class_names),
        "sample": [asked.shots, asked.seed, None if asked.fewshot is None else str(asked.fewshot)],
        "tuning": record.model_dump(mode="json"),
    }


def _run_trials(
    study: optuna.Study,
    resolved: Resolved,
    images: ExperimentImages,
    parts: Sequence[tuple[list[Item], list[Item]]],
    record: TuningRecord,
    space: Space,
    on_trial: Callable[[Trial], None],
) -> Backbone | None:
    """Run the trials that are left of the budget; the backbone, if one was loaded."""
    from vr.training.studies.scoring import Scorer

    if _ended(study) >= record.trials:
        return None
    scorer = Scorer(resolved, images, parts)
    while _ended(study) < record.trials:
        trial = study.ask()
        settings = {key: _suggested(trial, key, dimension) for key, dimension in space.items()}
        options, recipe = split_settings(settings)
        try:
            score = scorer.score(*changed(resolved.kind, resolved.options, resolved.recipe, options, recipe))
        except UserError as error:
            if error.code not in ("training-loss-not-finite", "method-setting-value"):
                raise
            study.tell(trial, state=_state("PRUNED"))
            accuracy = None
        else:
            trial.set_user_attr("accuracy", score.accuracy)
            study.tell(trial, score.accuracy - _PER_NAT * min(score.nll, 100.0))
            accuracy = score.accuracy
        on_trial(Trial(_ended(study), settings, accuracy, _best(study)))
    return scorer.backbone


def _state(name: str) -> Any:
    from optuna.trial import TrialState

    return TrialState[name]


def _ended(study: optuna.Study) -> int:
    return sum(trial.state.name in ENDED for trial in study.trials)


def _best(study: optuna.Study) -> float:
    complete = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    return float(study.best_trial.user_attrs["accuracy"]) if complete else 0.0


def _suggested(trial: optuna.Trial, key: str, dimension: Any) -> Any:
    if not isinstance(dimension, Range):
        return trial.suggest_categorical(key, dimension.values)
    if dimension.whole:
        return trial.suggest_int(key, int(dimension.low), int(dimension.high), log=dimension.low >= 1)
    return trial.suggest_float(key, dimension.low, dimension.high, log=dimension.low > 0)


def _chosen(study: optuna.Study, final: Experiment, record: TuningRecord) -> Experiment:
    """The experiment with the best settings, and how they were found.

    Raises:
        UserError: no trial ended well.
    """
    complete = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    if not complete:
        raise UserError(
            "training diverged in every trial",
            code="tune-all-diverged",
            remedy="Name smaller values with --search lr=LOW..HIGH.",
        )
    options, recipe = split_settings(study.best_params)
    first = min(complete, key=lambda trial: trial.number)
    found = {"accuracy": _best(study), "default_accuracy": float(first.user_attrs["accuracy"])}
    return final.model_copy(
        update={
            "options": {**final.options, **options},
            "recipe": {**final.recipe, **recipe},
            "tuning": record.model_copy(update=found),
        }
    )
