"""`vr mine`: new confusion texts for the pairs that a run confuses on validation, and training again.

Round by round: count the mistakes on validation, have `attrgen build` write the lists of the worst pairs
anew, train with the new set, and stop when validation no longer improves. All is kept in `<run>-mined`.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from attrgen.core.day import today
from attrgen.core.errors import UserError
from attrgen.core.files import write_text
from attrgen.core.locks import locked_folder
from attrgen.schema import attribute_set
from attrgen.schema.card import Card, shipped_cards
from attrgen.schema.card import find as find_card
from vr.data.formats.source import ImageSource, Item
from vr.data.infer_card import to_toml
from vr.data.sampling import fewshot
from vr.evaluation.evaluation import evaluate
from vr.methods import find_declaration
from vr.runs import predictions
from vr.runs import run as runs
from vr.runs.experiment import Say
from vr.runs.images import open_images
from vr.runs.predictions import Predictions
from vr.runs.repeat import experiment_of
from vr.runs.run import Run, RunConfig
from vr.runs.unreadable import read_unreadable
from vr.training.train import run_experiment

LOG, SET, CARD = "mining.json", "attributes.json", "card.toml"
Pair = tuple[str, str]  # a class, and the class that its images are taken for


@dataclass(frozen=True)
class Round:
    """One round of mining.

    Attributes:
        pairs: class, class that it was taken for, mistakes on validation before and after.
        before, after: accuracy on validation.
        improved: whether the new run is better: by accuracy, then by likelihood.
        run: the new run directory; attributes: the id of its set.
    """

    number: int
    pairs: list[tuple[str, str, int, int]]
    before: float
    after: float
    improved: bool
    run: str
    attributes: str


@dataclass(frozen=True)
class Mined:
    """All rounds, the best run by validation, and why mining stopped."""

    rounds: list[Round]
    best: Path
    reason: str


@dataclass
class Miner:
    """Mines one run.

    Args:
        path: of the run.
        pairs: how many pairs get new texts in each round.
        arguments: more options for `attrgen build`, such as `--model NAME`.
        loading: arguments of `vr.runs.run.load_run`: where the backbone is, and the device.
    """

    path: Path
    pairs: int = 3
    data: Path | None = None
    arguments: Sequence[str] = ()
    loading: dict[str, str | None] = field(default_factory=dict)
    say: Say = lambda line: None

    def mine(self, rounds: int) -> Mined:
        """Mine until validation stops improving, or for so many rounds; finished rounds are not repeated.

        Raises:
            UserError: not a finished run; its method reads no confusion texts; there are no validation
                images; `attrgen build` fails.
        """
        config = runs.trained_config(self.path)
        _check_reads_confusions(config, self.path)
        folder = self.path.with_name(f"{self.path.name}-mined")
        with locked_folder(folder):
            return self._mine(config, folder, rounds)

    def _mine(self, config: RunConfig, folder: Path, rounds: int) -> Mined:
        source = open_images(config, self.data)
        items = _validation(config, self.path, source)
        best = runs.load_run(self.path, **self.loading)  # type: ignore[arg-type]
        scored = evaluate(best.method, source, items)
        done: list[Round] = []
        reason = f"{rounds} rounds are done"
        for number in range(1, rounds + 1):
            worst = worst_pairs(scored, self.pairs)
            if not worst:
                reason = "there is no mistake on validation"
                break
            place = folder / f"round-{number}"
            file = self._new_texts(config.card, best, place, worst, number)
            if attribute_set.load(file).id == _attributes_id(best):
                reason = "the new texts are the same as before"
                break
            run, result = self._train(file, place / "run", number, best, source, items)
            made = _round(number, worst, scored, result, run)
            done.append(made)
            predictions.save(result, place / "validation.csv")
            write_text(folder / LOG, _log(self.path, done))
            self.say(_line(made))
            if not made.improved:
                reason = "validation stopped improving"
                break
            best, scored = run, result
        return Mined(done, best.path, reason)

    def _train(
        self, file: Path, out: Path, number: int, before: Run, source: ImageSource, items: Sequence[Item]
    ) -> tuple[Run, Predictions]:
        """The run again with the new set, and its predictions of the validation images."""
        changes = {"attrs": file, "out": out, "mined": number, "data": self.data or None}
        asked = experiment_of(self.path / runs.CONFIG)
        kept = {key: value for key, value in changes.items() if value is not None}
        backbone = before.method.context.backbone
        asked = asked.model_copy(update={**kept, "device": str(backbone.device)})
        run = run_experiment(asked, resume=True, backbone=backbone)
        return run, evaluate(run.method, source, items)

    def _new_texts(
        self, card: Card, before: Run, place: Path, worst: Sequence[tuple[Pair, int]], number: int
    ) -> Path:
        """The set of the run before with new lists for the pairs; written once per round."""
        file = place / SET
        if file.is_file():
            return file
        self.say(f"round {number}: asking for new texts of {', '.join(f'{a} as {b}' for (a, b), _ in worst)}")
        draft = place / "draft.json"
        attributes = runs.load_attributes(before.path)
        assert attributes is not None
        attribute_set.save(attributes, draft)
        _write_mistakes(place / runs.PREDICTIONS, worst)
        words = ["build", "--dataset", _card_words(card, place), "--out", str(draft), "--kinds", "confusion"]
        words += ["--from-run", str(place)]
        for (name, other), _ in worst:
            words += ["--refresh", f"{name}/confusion/{other}"]
        _attrgen([*words, *self.arguments])
        made = attribute_set.load(draft)
        note = {
            "date": today(),
            "by": "vr mine",
            "round": number,
            "from": attributes.id,
            "pairs": [{"class": name, "taken_for": other, "mistakes": n} for (name, other), n in worst],
        }
        earlier = attributes.provenance.get("mined", [])
        provenance = {**made.provenance, "mined": [*(earlier if isinstance(earlier, list) else []), note]}
        attribute_set.save(made.model_copy(update={"provenance": provenance}), file)
        draft.unlink()
        return file


def worst_pairs(scored: Predictions, count: int) -> list[tuple[Pair, int]]:
    """The most frequent mistakes, with their numbers; equal ones in the order of the classes."""
    pairs = Counter(
        (label, answer)
        for label, answer in zip(scored.labels.tolist(), scored.predicted.tolist(), strict=True)
        if label != answer
    )
    ordered = sorted(pairs, key=lambda pair: (-pairs[pair], pair))
    return [((scored.classes[a], scored.classes[b]), pairs[a, b]) for a, b in ordered[:count]]


def _check_reads_confusions(config: RunConfig, path: Path) -> None:
    kind = find_declaration(config.method)
    options = kind.options_type.of_run(config.options)
    attributes = runs.load_attributes(path)
    if attributes is None or "confusion" not in kind.required_kinds(options, attributes):
        raise UserError(
            f"{config.method} reads no confusion texts with the settings of this run",
            code="mine-no-confusion-texts",
            file=path,
            remedy="Mine a run of a method that reads them, such as biomedvr.",
        )


def _validation(config: RunConfig, path: Path, source: ImageSource) -> list[Item]:
    """The val split, or else the validation images of the few-shot sample."""
    left_out = read_unreadable(path)
    items = [item for item in source.splits.get("val", ()) if item.path not in left_out]
    if not items and (path / runs.FEWSHOT).is_file():
        items = list(fewshot.load(path / runs.FEWSHOT, source, config.card).val)
    if not items:
        raise UserError(
            "there are no validation images, and the test images must not choose texts",
            code="mine-no-validation",
            file=path,
            remedy="Give the collection a val split.",
        )
    return items


def _round(
    number: int, worst: Sequence[tuple[Pair, int]], before: Predictions, after: Predictions, run: Run
) -> Round:
    now = dict(worst_pairs(after, len(after.labels)))
    (old, old_loss), (new, new_loss) = (_quality(scored) for scored in (before, after))
    return Round(
        number=number,
        pairs=[(name, other, count, now.get((name, other), 0)) for (name, other), count in worst],
        before=old,
        after=new,
        improved=(new, -new_loss) > (old, -old_loss),
        run=str(run.path),
        attributes=_attributes_id(run) or "",
    )


def _quality(scored: Predictions) -> tuple[float, float]:
    loss = torch.nn.functional.cross_entropy(scored.logits.double(), scored.labels)
    return float((scored.predicted == scored.labels).double().mean()), float(loss)


def _attributes_id(run: Run) -> str | None:
    return None if run.config.attributes is None else run.config.attributes.id


def _write_mistakes(path: Path, worst: Sequence[tuple[Pair, int]]) -> None:
    """A table of mistakes, as `attrgen build --from-run` reads it: these pairs and no others."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["path", "label", "predicted"])
    for (name, other), count in worst:
        rows.writerows([["", name, other]] * count)
    write_text(path, text.getvalue())


def _card_words(card: Card, place: Path) -> str:
    """The name of a shipped card, or the path of the run's card, written beside the texts."""
    if card.name in shipped_cards() and find_card(card.name).class_names == card.class_names:
        return card.name
    write_text(place / CARD, to_toml(card))
    return str(place / CARD)


def _attrgen(words: Sequence[str]) -> None:
    """Run `attrgen` in a process of its own.

    Raises:
        UserError: it failed; with its last message.
    """
    program = [sys.executable, "-c", "from attrgen.cli import main; main()"]
    ended = subprocess.run([*program, *words], capture_output=True, text=True, check=False)
    if ended.returncode:
        lines = [line for line in (ended.stderr or ended.stdout).splitlines() if line.strip()]
        raise UserError(
            f"the attributes could not be built: {lines[-1] if lines else f'exit status {ended.returncode}'}",
            code="mine-attrgen-failed",
            remedy="Set OPENAI_API_KEY or OPENAI_BASE_URL, or give options of the build after --.",
        )


def _line(made: Round) -> str:
    changes = ", ".join(f"{name} taken for {other}: {was} to {now}" for name, other, was, now in made.pairs)
    verdict = "improved" if made.improved else "not improved"
    return (
        f"round {made.number}: validation accuracy {100 * made.before:.1f}% to {100 * made.after:.1f}% "
        f"({verdict}); {changes}"
    )


def _log(path: Path, done: Sequence[Round]) -> str:
    values = {"format": "mining/1", "run": str(path), "rounds": [asdict(made) for made in done]}
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"
