"""Which attribute set an experiment uses: none where the method reads none; what is said without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from attrgen.schema import attribute_set
from attrgen.schema import card as cards
from vr.runs.experiment import resolve


def test_a_method_without_attributes_neither_loads_nor_records_nor_fails_on_a_set(
    toy: Any, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.json"
    damaged.write_text("{")
    for method, options in (("linear-probe", {}), ("zero-shot", {"text": "name"})):
        said: list[str] = []
        asked = toy.experiment(method=method, options=options, attrs=damaged, recipe={})
        resolved = resolve(asked, said.append)
        assert (resolved.attributes, resolved.attributes_file) == (None, None)
        assert any(str(damaged) in line for line in said)
    with pytest.raises(UserError) as caught:
        resolve(toy.experiment(method="attrvr", attrs=damaged))
    assert caught.value.code == "set-not-json"


def test_the_set_may_name_the_dataset_of_a_method_that_does_not_read_it(tmp_path: Path) -> None:
    card = cards.find("kidney-phantom")
    folder = tmp_path / "images"
    for entry in card.classes:
        (folder / entry.folder).mkdir(parents=True)
    with pytest.raises(UserError) as caught:  # the dataset was understood: only its images are missing
        resolve(
            _experiment(attrs=Path("data/attributes/kidney-phantom.json"), method="linear-probe", data=folder)
        )
    assert caught.value.code.startswith("data-")


def _experiment(**values: Any) -> Any:
    from vr.runs.experiment import Experiment

    return Experiment.model_validate(values)


def test_a_default_set_is_not_even_looked_for(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "attrs").mkdir()
    (tmp_path / "attrs" / "toy.json").write_text("{")
    said: list[str] = []
    assert (
        resolve(toy.experiment(method="linear-probe", attrs=None, recipe={}), said.append).attributes is None
    )
    assert not any("attributes" in line for line in said)


def test_a_missing_set_offers_an_llm_and_writing_by_hand(toy: Any) -> None:
    with pytest.raises(UserError) as caught:
        resolve(toy.experiment(attrs=None))
    assert caught.value.code == "experiment-no-attributes"
    for part in ("attrgen build --dataset", "attrgen edit 'bright spot'", "vr methods"):
        assert part in caught.value.remedy


def test_a_drawn_dataset_has_no_patients(toy: Any, tmp_path: Path) -> None:
    said: list[str] = []
    resolve(toy.experiment(), said.append)
    assert any("same patient" in line for line in said)
    drawn = tmp_path / "drawn.toml"
    drawn.write_text("synthetic = true\n" + toy.card.read_text())
    said.clear()
    resolve(toy.experiment(dataset=str(drawn)), said.append)
    assert not any("same patient" in line for line in said)
    assert cards.find("kidney-phantom").synthetic


class TestTextsThatAreTooLong:
    """They are named by file, line and class before the backbone is loaded, and not in full."""

    @pytest.fixture
    def file(self, toy: Any, tmp_path: Path) -> Path:
        attributes = attribute_set.load(toy.attrs)
        long = attributes.classes["dark ring"].model_copy(
            update={"distinctive": ["unlike others it is dark", "a very dark ring " * 40]}
        )
        file = tmp_path / "long.json"
        classes = {**attributes.classes, "dark ring": long}
        attribute_set.save(attributes.model_copy(update={"classes": classes}), file)
        return file

    def test_where_it_is(self, toy: Any, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from vr.training.train import run_experiment

        monkeypatch.setattr("vr.clip.backbone.load", lambda *_, **__: pytest.fail("loaded"))
        with pytest.raises(UserError) as caught:
            run_experiment(toy.experiment(attrs=file, out=tmp_path / "run"))
        error = caught.value
        assert (error.code, error.file, error.class_name) == (
            "backbone-text-too-long",
            str(file),
            "dark ring",
        )
        assert error.line is not None
        assert file.read_text().splitlines()[error.line - 1].strip().startswith('"a very dark ring')
        assert len(error.what) < 200

    def test_kinds_that_the_method_does_not_read_do_not_count(self, toy: Any, file: Path) -> None:
        from vr.clip.text_lengths import check_lengths

        card = cards.load(toy.card)
        check_lengths(file, card, ("descriptive", "confusion"), str(toy.backbone))
        with pytest.raises(UserError):
            check_lengths(file, card, ("distinctive",), str(toy.backbone))
