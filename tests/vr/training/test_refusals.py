"""Errors of a user are raised before anything heavy is loaded, and leave nothing behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from attrgen.schema import attribute_set
from vr.runs import run as runs
from vr.training.run_folder import check_free
from vr.training.train import run_experiment


def _train(asked: Any, **options: Any) -> Path:
    return run_experiment(asked, **options).path


class TestRefusals:
    """Each error has its code, and the nearest name or value in its remedy."""

    def _refused(self, toy: Any, tmp_path: Path, code: str | None, remedy: str = "", **changes: Any) -> None:
        with pytest.raises(UserError) as caught:
            run_experiment(toy.experiment(out=tmp_path / "run", **changes))
        assert code in (None, caught.value.code) and remedy in caught.value.remedy, caught.value
        assert not (tmp_path / "run").exists()

    def test_more_shots_than_images(self, toy: Any, tmp_path: Path) -> None:
        self._refused(toy, tmp_path, None, "--shots 5", shots=9)

    def test_unknown_method(self, toy: Any, tmp_path: Path) -> None:
        self._refused(toy, tmp_path, "method-unknown", "biomedvr", method="biomedrv")

    def test_unknown_option(self, toy: Any, tmp_path: Path) -> None:
        self._refused(toy, tmp_path, "method-unknown-setting", "fusion", options={"fuson": "add"})

    def test_option_out_of_range(self, toy: Any, tmp_path: Path) -> None:
        self._refused(toy, tmp_path, "method-setting-value", options={"fusion": "divide"})

    def test_unknown_preset(self, toy: Any, tmp_path: Path) -> None:
        self._refused(toy, tmp_path, "method-unknown-preset", "paper", preset="papr")

    def test_a_missing_confusion_bank_is_never_zeros(self, toy: Any, tmp_path: Path) -> None:
        attributes = attribute_set.load(toy.attrs)
        bare = attributes.classes["dark ring"].model_copy(update={"confusion": None})
        file = tmp_path / "bare.json"
        attribute_set.save(
            attributes.model_copy(update={"classes": {**attributes.classes, "dark ring": bare}}), file
        )
        self._refused(toy, tmp_path, "set-missing-kind", attrs=file)
        run_experiment(toy.experiment(out=tmp_path / "attrvr", attrs=file, method="attrvr"))

    @pytest.mark.parametrize("method", ["biomedvr", "biomedcoop"])
    def test_no_attribute_set(
        self, toy: Any, tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vr.clip.backbone.load", lambda *_, **__: pytest.fail("loaded"))
        self._refused(toy, tmp_path, "experiment-no-attributes", "attrgen build", method=method, attrs=None)

    def test_a_class_that_the_set_lacks(self, toy: Any, tmp_path: Path) -> None:
        attributes = attribute_set.load(toy.attrs)
        classes = {name: value for name, value in attributes.classes.items() if name != "dark ring"}
        for value in classes.values():
            assert value.confusion is not None
            value.confusion.pop("dark ring", None)
        file = tmp_path / "short.json"
        attribute_set.save(attributes.model_copy(update={"classes": classes}), file)
        self._refused(toy, tmp_path, "set-missing-class", attrs=file)

    def test_a_class_that_the_card_lacks(self, toy: Any, tmp_path: Path) -> None:
        attributes = attribute_set.load(toy.attrs)
        extra = {**attributes.classes, "green cube": attributes.classes["dark ring"]}
        file = tmp_path / "long.json"
        attribute_set.save(attributes.model_copy(update={"classes": extra}), file)
        self._refused(toy, tmp_path, "set-unknown-class", attrs=file)

    def test_a_text_longer_than_the_context(self, toy: Any, tmp_path: Path) -> None:
        attributes = attribute_set.load(toy.attrs)
        long = "a ring " + "of very many small beads " * 12
        attributes.classes["dark ring"].descriptive = [long]
        file = tmp_path / "long.json"
        attribute_set.save(attributes, file)
        with pytest.raises(UserError, match=r"tokens.*of very many small beads"):
            run_experiment(toy.experiment(out=tmp_path / "run", attrs=file))

    def test_a_directory_that_is_no_run(self, tmp_path: Path) -> None:
        with pytest.raises(UserError) as caught:
            runs.load_run(tmp_path)
        assert caught.value.code == "run-not-a-run"

    def test_a_run_with_another_backbone(self, toy: Any, tmp_path: Path) -> None:
        path = _train(toy.experiment(out=tmp_path / "run"))
        config = json.loads((path / runs.CONFIG).read_text())
        config["backbone"]["id"] = "0" * 64
        (path / runs.CONFIG).write_text(json.dumps(config))
        with pytest.raises(UserError) as caught:
            runs.load_run(path)
        assert caught.value.code == "run-other-backbone"


def test_a_place_that_can_hold_no_run(toy: Any, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for place in (file, file / "below"):
        with pytest.raises(UserError) as caught:
            _train(toy.experiment(out=place))
        assert caught.value.code == "run-path-is-a-file"
    assert file.read_text() == "mine"


def test_a_folder_that_another_process_has_just_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Locks make a folder, and remove it where nothing was written into it."""
    monkeypatch.setattr(Path, "exists", lambda path: True)  # when it was asked, it was there
    check_free(tmp_path / "gone" / "run", resume=False, fresh=True)
