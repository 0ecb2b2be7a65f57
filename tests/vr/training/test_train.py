"""Training from images to run directory: what is written, resumed, refused; what of the test set is read."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from attrgen.core.errors import UserError
from attrgen.schema import attribute_set
from vr.clip.backbone import Backbone
from vr.data.formats.source import ImageSource
from vr.reprogramming.program import frame_width
from vr.runs import run as runs
from vr.runs.experiment import resolve
from vr.runs.history import read_history
from vr.training import trainer
from vr.training.checkpoint import Checkpoint
from vr.training.train import run_experiment

ARTEFACTS = (runs.CONFIG, runs.FEWSHOT, runs.ATTRIBUTES, runs.HISTORY, runs.MODEL, runs.METRICS)


def _train(asked: Any, **options: Any) -> Path:
    return run_experiment(asked, **options).path


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_directory_holds_what_the_contract_promises(toy: Any, tmp_path: Path) -> None:
    path = _train(toy.experiment(out=tmp_path / "run"))
    for name in (*ARTEFACTS, runs.PREDICTIONS):
        assert (path / name).is_file(), name
    config = json.loads((path / runs.CONFIG).read_text())
    assert config["attributes"]["id"] == attribute_set.load(toy.attrs).id
    assert config["options"]["gate_lr"] == 0.01 and config["recipe"]["epochs"] == 3
    tensors = load_file(path / runs.MODEL)
    assert tensors["delta_pos"].shape == tensors["delta_neg"].shape == (3, 48, 48)
    assert tensors["gate"].shape == (2,)
    history = read_history(path)
    assert [row["epoch"] for row in history] == [1, 2, 3]
    wanted = {"loss", "cross_entropy", "penalty", "gate_pos", "lr", "train_accuracy", "images_per_second"}
    assert wanted <= set(history[0])
    rows = _rows(path / runs.PREDICTIONS)
    assert len(rows) == 12
    assert set(rows[0]) == {"path", "label", "predicted", "bright spot", "dark ring", "plain ground"}
    hits = sum(row["label"] == row["predicted"] for row in rows)
    metrics = runs.read_metrics(path)
    assert metrics["overall"]["accuracy"] == pytest.approx(hits / 12)
    assert metrics["split"] == "test" and metrics["selected_epoch"] == 3


def _plain_biomedvr(
    backbone: Backbone, images: Tensor, labels: Tensor, banks: list[list[Tensor]], steps: int, size: int
) -> list[float]:
    """BioMedVR as its paper states it, one image, class and attribute at a time; `paper` preset's choices."""
    frame = (backbone.image_size - size) // 2
    delta = [torch.zeros(3, backbone.image_size, backbone.image_size, requires_grad=True) for _ in range(2)]
    gate = torch.zeros(2, requires_grad=True)
    parameters = [*delta, gate]
    speeds = [torch.zeros_like(p) for p in parameters]
    losses = []
    for step in range(steps):
        total = torch.zeros(())
        fused_rows, penalties = [], []
        weights = torch.exp(gate) / torch.exp(gate).sum()
        for image, label in zip(images, labels.tolist(), strict=True):
            experts = []
            for program in delta:
                canvas = 1 / (1 + torch.exp(-program))
                inside = torch.zeros_like(canvas)
                inside[:, frame : frame + size, frame : frame + size] = 1
                padded = torch.zeros_like(canvas)
                padded[:, frame : frame + size, frame : frame + size] = image
                shown = padded + canvas * (1 - inside)
                pixels = (shown - backbone.mean) / backbone.std
                z = backbone.model.encode_image(pixels[None])[0]  # type: ignore[operator]
                experts.append(z / z.norm())

            def top(z: Tensor, bank: list[Tensor]) -> Tensor:
                rows = []
                for attributes in bank:
                    each = sorted(
                        (backbone.tau * (z @ t) for t in attributes),
                        key=lambda s: float(s.detach()),
                        reverse=True,
                    )[:3]
                    rows.append(sum(each) / len(each))
                return torch.stack(rows)

            positive = (top(experts[0], banks[0]) + top(experts[0], banks[1])) / 2
            negative = top(experts[1], banks[2])
            fused = weights[0] * positive + weights[1] * negative
            fused_rows.append(fused)
            penalties.append(torch.clamp(negative.max() - fused[label] + 0.5, min=0))
        total = -torch.stack(
            [row.log_softmax(0)[y] for row, y in zip(fused_rows, labels, strict=True)]
        ).mean()
        total = total + 0.3 * torch.stack(penalties).mean().clamp(max=1000)
        losses.append(float(total.detach()))
        rate = 40 * 0.5 * (1 + math.cos(math.pi * step / steps))
        for p, speed, gradient in zip(
            parameters, speeds, torch.autograd.grad(total, parameters), strict=True
        ):
            speed.mul_(0.9).add_(gradient)
            p.data -= rate * speed
    return losses


def test_paper_preset_equals_a_plain_implementation_over_ten_steps(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}
    original = trainer.Trainer.train

    def spy(self: trainer.Trainer, *args: Any, **kwargs: Any) -> Any:
        seen["images"] = self.images.batch(torch.arange(len(self.images)), augment=False)
        seen["labels"] = self.images.labels
        method: Any = self.method
        seen["banks"] = [
            [rows[present] for rows, present in zip(bank.embeddings, bank.present, strict=True)]
            for bank in (method.banks[kind] for kind in ("descriptive", "distinctive", "confusion"))
        ]
        seen["backbone"] = method.context.backbone
        return original(self, *args, **kwargs)

    monkeypatch.setattr(trainer.Trainer, "train", spy)
    recipe = {"epochs": 10, "batch_size": 12, "augment": False}
    asked = toy.experiment(preset="paper", recipe=recipe, out=tmp_path / "run")
    path = _train(asked)
    size = seen["images"].shape[-1]
    wanted = _plain_biomedvr(seen["backbone"], seen["images"], seen["labels"], seen["banks"], 10, size)
    found = [row["loss"] for row in read_history(path)]
    assert found == pytest.approx(wanted, rel=1e-4)
    assert found[0] != pytest.approx(found[-1], rel=1e-3)  # something was learned: the parity means something


def test_logits_recomputed_from_the_model_file_equal_the_predictions(toy: Any, tmp_path: Path) -> None:
    from vr.data.decoding.resize import to_square
    from vr.data.sources import open_dataset

    path = _train(toy.experiment(out=tmp_path / "run"))
    tensors = load_file(path / runs.MODEL)
    backbone = runs.load_run(path).method.context.backbone
    _, source = open_dataset(str(toy.card), toy.data)
    frame = frame_width(48, 8)
    for row in _rows(path / runs.PREDICTIONS)[:4]:
        image = to_square(source.read(row["path"]), 48 - 2 * frame).float() / 255
        scores = {}
        for name in ("pos", "neg"):
            shown = torch.sigmoid(tensors[f"delta_{name}"]).clone()
            shown[:, frame:-frame, frame:-frame] = image
            z = F.normalize(backbone.model.encode_image(backbone.normalise(shown[None])), dim=-1)[0]
            scores[name] = z
        g = tensors["gate"].softmax(0)

        def bank(kind: str, z: Tensor) -> Tensor:
            rows = []
            stored = zip(
                tensors[f"bank.{kind}.embeddings"], tensors[f"bank.{kind}.present"].bool(), strict=True
            )
            for t, present in stored:
                rows.append((backbone.tau * t[present] @ z).sort(descending=True).values[:3].mean())
            return torch.stack(rows)

        positive = (bank("descriptive", scores["pos"]) + bank("distinctive", scores["pos"])) / 2
        logits = g[0] * positive + g[1] * bank("confusion", scores["neg"])
        written = [float(row[name]) for name in ("bright spot", "dark ring", "plain ground")]
        assert written == pytest.approx(logits.tolist(), abs=1e-3)


def _numbers(path: Path) -> list[dict[str, float]]:
    return [
        {key: value for key, value in row.items() if key != "images_per_second"} for row in read_history(path)
    ]


class Killed(Exception):
    """Stands for SIGKILL: nothing gets a chance to clean up."""


@pytest.mark.parametrize("stop_after", [1, 4])
@pytest.mark.parametrize("method", ["biomedvr", "attrvr", "tip-adapter-f"])
def test_a_killed_run_resumes_to_the_same_end_bit_for_bit(
    toy: Any, tmp_path: Path, method: str, stop_after: int
) -> None:
    recipe = {"epochs": 6, "batch_size": 5}
    whole = _train(toy.experiment(method=method, recipe=recipe, select="val", out=tmp_path / "whole"))
    asked = toy.experiment(method=method, recipe=recipe, select="val", out=tmp_path / "stopped")

    def kill(row: dict[str, float], epochs: int) -> None:
        if row["epoch"] == stop_after + 1:
            raise Killed

    with pytest.raises(Killed):
        run_experiment(asked, on_epoch=kill, checkpoint_every=0)
    assert not (tmp_path / "stopped" / runs.METRICS).exists()
    with pytest.raises(UserError, match="unfinished"):
        run_experiment(asked)
    lines: list[str] = []
    stopped = _train(asked, resume=True, say=lines.append)
    assert any("going on after epoch" in line for line in lines)
    one, other = load_file(whole / runs.MODEL), load_file(stopped / runs.MODEL)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert _numbers(whole) == _numbers(stopped)
    assert (whole / runs.PREDICTIONS).read_bytes() == (stopped / runs.PREDICTIONS).read_bytes()


def test_ctrl_c_writes_a_checkpoint_of_the_last_whole_epoch(toy: Any, tmp_path: Path) -> None:
    def stop(row: dict[str, float], epochs: int) -> None:
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_experiment(toy.experiment(out=tmp_path / "run"), on_epoch=stop)
    assert (tmp_path / "run" / runs.CHECKPOINT).is_file()
    lines: list[str] = []
    _train(toy.experiment(out=tmp_path / "run"), resume=True, say=lines.append)
    assert "going on after epoch 2" in lines


def test_a_checkpoint_of_other_settings_is_refused(toy: Any, tmp_path: Path) -> None:
    path = _train(toy.experiment(out=tmp_path / "run"))
    (path / runs.METRICS).unlink()
    with pytest.raises(UserError, match=r"other settings: .*seed"):
        run_experiment(toy.experiment(out=path, seed=2), resume=True)


def test_a_finished_run_is_never_replaced_unasked(toy: Any, tmp_path: Path) -> None:
    path = _train(toy.experiment(out=tmp_path / "run"))
    before = (path / runs.MODEL).read_bytes()
    with pytest.raises(UserError, match=r"finished run already.*--fresh"):
        run_experiment(toy.experiment(out=path, seed=2))
    assert (path / runs.MODEL).read_bytes() == before
    _train(toy.experiment(out=path, seed=2), fresh=True)
    assert (path / runs.MODEL).read_bytes() != before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="other things"):
        run_experiment(toy.experiment(out=tmp_path / "other"), fresh=True)


@pytest.fixture
def shuffled(toy: Any, tmp_path: Path) -> Path:
    """The toy images with the test images' classes permuted: a leak would show."""
    data = tmp_path / "shuffled" / "Toy"
    shutil.copytree(toy.data, data)
    folders = sorted((data / "test").iterdir())
    parked = [folder.rename(folder.with_name(f"{folder.name}.parked")) for folder in folders]
    for folder, target in zip(parked, [*folders[1:], folders[0]], strict=True):
        folder.rename(target)
    return data


@pytest.mark.parametrize("select", ["last", "val"])
def test_test_labels_change_nothing_of_training(
    toy: Any, tmp_path: Path, shuffled: Path, select: str
) -> None:
    plain = _train(toy.experiment(out=tmp_path / "plain", select=select))
    leaky = _train(toy.experiment(out=tmp_path / "leaky", select=select, data=shuffled))
    for name in (runs.MODEL, runs.FEWSHOT):
        assert (plain / name).read_bytes() == (leaky / name).read_bytes(), name
    assert _numbers(plain) == _numbers(leaky)
    assert (plain / runs.PREDICTIONS).read_bytes() != (leaky / runs.PREDICTIONS).read_bytes()


def test_test_images_are_not_read_before_training_ended(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vr.data.formats.file_source import FileSource

    read: list[str] = []
    original: Callable[..., Any] = FileSource.read

    def spy(self: ImageSource, item_path: str) -> Any:
        read.append(item_path)
        return original(self, item_path)

    monkeypatch.setattr(FileSource, "read", spy)
    at_epochs: list[list[str]] = []
    _train(
        toy.experiment(out=tmp_path / "run", select="val"),
        on_epoch=lambda row, epochs: at_epochs.append(list(read)),
    )
    assert not any("test" in path for path in at_epochs[-1])
    assert any("test" in path for path in read)


def test_oracle_is_noted_only_when_asked_and_says_what_it_is(toy: Any, tmp_path: Path) -> None:
    plain = runs.read_metrics(_train(toy.experiment(out=tmp_path / "plain")))
    assert "oracle" not in plain
    metrics = runs.read_metrics(_train(toy.experiment(out=tmp_path / "oracle", oracle=True)))
    assert "test set" in metrics["oracle"]["note"]
    assert metrics["oracle"]["accuracy"] >= metrics["overall"]["accuracy"]


def test_selection_on_validation_keeps_the_best_epoch(toy: Any, tmp_path: Path) -> None:
    path = _train(toy.experiment(out=tmp_path / "run", select="val"))
    history = read_history(path)
    best = max(history, key=lambda row: (row["val_accuracy"], -row["val_loss"], -row["epoch"]))
    assert runs.read_metrics(path)["selected_epoch"] == best["epoch"]


def test_nan_loss_stops_with_an_explanation(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vr.methods.biomedvr import BioMedVR

    original = BioMedVR.loss

    def broken(self: BioMedVR, scores: Any, labels: Tensor) -> Any:
        loss = original(self, scores, labels)
        return loss._replace(total=loss.total * float("nan"))

    monkeypatch.setattr(BioMedVR, "loss", broken)
    with pytest.raises(UserError, match=r"the loss is nan in epoch 1.*--lr"):
        run_experiment(toy.experiment(out=tmp_path / "run"))
    assert not (tmp_path / "run" / runs.MODEL).exists()


class TestRefusals:
    """Each mistake is told before anything heavy is loaded, with its remedy."""

    def _refused(self, toy: Any, tmp_path: Path, match: str, **changes: Any) -> None:
        with pytest.raises(UserError, match=match):
            run_experiment(toy.experiment(out=tmp_path / "run", **changes))
        assert not (tmp_path / "run").exists()

    def test_more_shots_than_images(self, toy: Any, tmp_path: Path) -> None:
        self._refused(toy, tmp_path, "9 shots are asked for.*5 images.*--shots 5", shots=9)

    def test_unknown_method(self, toy: Any, tmp_path: Path) -> None:
        self._refused(toy, tmp_path, "unknown method 'biomedrv'.*biomedvr", method="biomedrv")

    def test_unknown_option(self, toy: Any, tmp_path: Path) -> None:
        self._refused(toy, tmp_path, "no option 'fuson'.*fusion", options={"fuson": "add"})

    def test_option_out_of_range(self, toy: Any, tmp_path: Path) -> None:
        self._refused(toy, tmp_path, "fusion = 'divide'", options={"fusion": "divide"})

    def test_unknown_preset(self, toy: Any, tmp_path: Path) -> None:
        self._refused(toy, tmp_path, "no preset 'papr'.*paper", preset="papr")

    def test_a_missing_confusion_bank_is_never_zeros(self, toy: Any, tmp_path: Path) -> None:
        attributes = attribute_set.load(toy.attrs)
        bare = attributes.classes["dark ring"].model_copy(update={"confusion": None})
        file = tmp_path / "bare.json"
        attribute_set.save(
            attributes.model_copy(update={"classes": {**attributes.classes, "dark ring": bare}}), file
        )
        self._refused(toy, tmp_path, "class 'dark ring': has no 'confusion' attributes", attrs=file)
        run_experiment(toy.experiment(out=tmp_path / "attrvr", attrs=file, method="attrvr"))

    @pytest.mark.parametrize("method", ["biomedvr", "biomedcoop"])
    def test_no_attribute_set(
        self, toy: Any, tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vr.clip.backbone.load", lambda *_, **__: pytest.fail("loaded"))
        self._refused(toy, tmp_path, f"{method} needs an attribute set", method=method, attrs=None)

    def test_a_class_that_the_set_lacks(self, toy: Any, tmp_path: Path) -> None:
        attributes = attribute_set.load(toy.attrs)
        classes = {name: value for name, value in attributes.classes.items() if name != "dark ring"}
        for value in classes.values():
            assert value.confusion is not None
            value.confusion.pop("dark ring", None)
        file = tmp_path / "short.json"
        attribute_set.save(attributes.model_copy(update={"classes": classes}), file)
        self._refused(toy, tmp_path, "attribute set lacks: 'dark ring'", attrs=file)

    def test_a_class_that_the_card_lacks(self, toy: Any, tmp_path: Path) -> None:
        attributes = attribute_set.load(toy.attrs)
        extra = {**attributes.classes, "green cube": attributes.classes["dark ring"]}
        file = tmp_path / "long.json"
        attribute_set.save(attributes.model_copy(update={"classes": extra}), file)
        self._refused(toy, tmp_path, "class 'green cube' is not in the card", attrs=file)

    def test_a_text_longer_than_the_context(self, toy: Any, tmp_path: Path) -> None:
        attributes = attribute_set.load(toy.attrs)
        long = "a ring " + "of very many small beads " * 12
        attributes.classes["dark ring"].descriptive = [long]
        file = tmp_path / "long.json"
        attribute_set.save(attributes, file)
        with pytest.raises(UserError, match=r"tokens.*of very many small beads"):
            run_experiment(toy.experiment(out=tmp_path / "run", attrs=file))

    def test_a_directory_that_is_no_run(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"not a run directory.*vr train"):
            runs.load_run(tmp_path)

    def test_a_run_with_another_backbone(self, toy: Any, tmp_path: Path) -> None:
        path = _train(toy.experiment(out=tmp_path / "run"))
        config = json.loads((path / runs.CONFIG).read_text())
        config["backbone"]["id"] = "0" * 64
        (path / runs.CONFIG).write_text(json.dumps(config))
        with pytest.raises(UserError, match="not the backbone that this run was trained with"):
            runs.load_run(path)


def test_keys_that_are_there_only_after_fitting_are_counted(toy: Any, tmp_path: Path) -> None:
    lines: list[str] = []
    asked = toy.experiment(method="tip-adapter-f", recipe={"epochs": 1}, out=tmp_path / "run")
    path = _train(asked, say=lines.append)
    keys = load_file(path / runs.MODEL)["keys"]
    assert len(keys) == 12
    assert runs.read_config(path).learned_parameters == keys.numel() == 12 * 32
    assert any("384 learned numbers" in line for line in lines)


def test_classes_option_trains_on_a_subset(toy: Any, tmp_path: Path) -> None:
    path = _train(toy.experiment(runs=tmp_path / "runs", classes=("bright spot", "plain ground")))
    assert "toy+2-classes-" in str(path)
    metrics = runs.read_metrics(path)
    assert metrics["images"] == 8 and set(metrics["per_class"]) == {"bright spot", "plain ground"}
    stored = runs.load_attributes(path)
    assert stored is not None and set(stored.classes) == {"bright spot", "plain ground"}


def test_runs_that_differ_never_share_a_directory(toy: Any, tmp_path: Path) -> None:

    changes: list[dict[str, Any]] = [
        {},
        {"options": {"fusion": "subtract"}},
        {"preset": "paper"},
        {"preset": "no-penalty"},
        {"recipe": {"epochs": 7}},
        {"select": "val"},
        {"shots": 2},
        {"seed": 2},
        {"method": "attrvr"},
        {"classes": ("bright spot", "dark ring")},
        {"classes": ("bright spot", "plain ground")},
        {"backbone": "mini", "weights": None},
    ]
    paths = [resolve(toy.experiment(**change)).path for change in changes]
    assert len(set(paths)) == len(paths), paths
    spelled_out = toy.experiment(options={"beta": 0.3}, recipe={"epochs": 3, "batch_size": 5, "lr": 5.0})
    assert resolve(spelled_out).path == paths[0]  # a default given by hand is no difference


def test_checkpoint_says_what_it_needs(tmp_path: Path) -> None:
    from vr.training import checkpoint as checkpoints

    file = tmp_path / "checkpoint.safetensors"
    file.write_bytes(b"not a checkpoint")
    with pytest.raises(UserError, match=r"checkpoint cannot be read.*--fresh"):
        checkpoints.load(file, "x")
    checkpoints.save(Checkpoint(1, {"parameter.a": torch.ones(1)}, [], "one"), file)
    with pytest.raises(UserError, match="other settings"):
        checkpoints.load(file, "two")


def test_a_library_set_with_other_class_names_is_passed_over(toy: Any, tmp_path: Path) -> None:
    """A folder that happens to be called as a benchmark, whose classes are only partly those of its card."""
    for name, folder in (("bright_spot", "normal brain"), ("dark_ring", "something else")):
        shutil.copytree(toy.data / "train" / name, tmp_path / "btmri" / folder)
    said: list[str] = []
    change = {"dataset": str(tmp_path / "btmri"), "data": None, "attrs": None, "recipe": {}, "shots": 1}
    resolved = resolve(toy.experiment(**change, method="linear-probe"), said.append)
    assert resolved.attributes is None
    assert any("other class names" in line and "--dataset btmri" in line for line in said)
    with pytest.raises(UserError, match="needs an attribute set"):
        resolve(toy.experiment(**change))


def test_a_place_that_can_hold_no_run(toy: Any, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for place in (file, file / "below"):
        with pytest.raises(UserError, match=r"file: this is a file.*--out"):
            _train(toy.experiment(out=place))
    assert file.read_text() == "mine"


def test_a_disk_that_is_full_when_the_model_is_written(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, content: bytes) -> int:
        if ".safetensors" in self.name:
            raise OSError(28, "No space left on device")
        return written(self, content)

    written = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match=r"safetensors.*No space left on device"):
        _train(toy.experiment(out=tmp_path / "run"))


def test_settings_that_differ_are_named_with_both_values(toy: Any, tmp_path: Path) -> None:
    path = _train(toy.experiment(out=tmp_path / "run"))
    with pytest.raises(UserError, match=r"options\.k 3 there, 2 now"):
        _train(toy.experiment(out=path, options={"k": 2}), resume=True)
