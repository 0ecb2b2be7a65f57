"""Shards: their table is that of one process, byte for byte, and what does not fit together is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from attrgen.core.errors import UserError
from vr.cli import app
from vr.data.loading.unlabelled import image_paths
from vr.inference import shards
from vr.inference.decision import Decision
from vr.inference.predict import predict_to_file
from vr.inference.predictor import Predictor
from vr.inference.shard import Shard, is_finished, part_of
from vr.runs.run import Run

BATCH = 4


@pytest.fixture
def predictor(loaded_run: Run, with_sets: Decision) -> Predictor:
    return Predictor.of(loaded_run, with_sets, batch_size=BATCH, workers=2)


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_merged_table_is_that_of_one_process(
    ending: str, predictor: Predictor, sixty: Path, tmp_path: Path
) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    alone, out = tmp_path / f"alone{ending}", tmp_path / f"out{ending}"
    expected = predict_to_file(
        predictor.run, predictor.decision, image_paths([sixty]), alone, batch_size=BATCH
    )
    outcomes = [
        shards.predict_shard(predictor, image_paths([sixty]), out, Shard(number, 4))
        for number in (3, 1, 4, 2)
    ]
    assert [outcome.images for outcome in outcomes] == [16, 16, 12, 16]
    assert sum(outcome.unreadable for outcome in outcomes) == 3
    merged = shards.merge(out, predictor.run.path)
    assert out.read_bytes() == alone.read_bytes()
    assert merged.rows == expected.rows == 57
    assert list(map(str, merged.unreadable)) == list(map(str, expected.unreadable))


def test_parts_have_errors_as_a_column(predictor: Predictor, sixty: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    shards.predict_shard(predictor, image_paths([sixty]), out, Shard(1, 1))
    rows = [json.loads(line) for line in part_of(out, Shard(1, 1)).read_text().splitlines()][1:-1]
    assert [row["at"] for row in rows] == list(range(60))
    failed = [row for row in rows if "error" in row]
    assert [row["at"] for row in failed] == [5, 25, 45]
    assert {row["code"] for row in failed} == {"image-unknown-format"}


class _Killed(Exception):
    pass


def test_killed_shard_continues_with_equal_rows(predictor: Predictor, sixty: Path, tmp_path: Path) -> None:
    paths = list(image_paths([sixty]))
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    shards.predict_shard(predictor, paths, whole, Shard(1, 2))

    def until(count: int) -> Iterator[str]:
        yield from paths[:count]
        raise _Killed

    part = part_of(out, Shard(1, 2))
    for count in (17, 44):
        with pytest.raises(_Killed):
            shards.predict_shard(predictor, until(count), out, Shard(1, 2))
        part.write_bytes(part.read_bytes()[:-5])  # a kill in the middle of a line
        assert not is_finished(out, Shard(1, 2))
    said: list[str] = []
    outcome = shards.predict_shard(predictor, paths, out, Shard(1, 2), say=said.append)
    assert 0 < outcome.before < outcome.images == 32 and len(said) == 1
    assert is_finished(out, Shard(1, 2))
    before = part_of(whole, Shard(1, 2)).read_text().splitlines()
    assert sorted(part.read_text().splitlines()) == sorted(before)


class TestRefusals:
    def refused(self, out: Path, run: Path) -> UserError:
        with pytest.raises(UserError) as caught:
            shards.merge(out, run)
        assert not out.exists()
        return caught.value

    def predict(self, predictor: Predictor, sixty: Path, out: Path, *numbers: int, total: int = 3) -> None:
        for number in numbers:
            shards.predict_shard(predictor, image_paths([sixty]), out, Shard(number, total))

    def test_missing_and_unfinished_are_named(
        self, predictor: Predictor, sixty: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "out.csv"
        assert self.refused(out, predictor.run.path).code == "merge-no-shards"
        self.predict(predictor, sixty, out, 2, 3)
        part = part_of(out, Shard(3, 3))
        part.write_text("\n".join(part.read_text().splitlines()[:-1]) + "\n")
        error = self.refused(out, predictor.run.path)
        assert error.code == "merge-missing-shards"
        assert "missing: shard 1/3" in error.what and "unfinished: shard 3/3" in error.what

    def test_another_number_of_shards(self, predictor: Predictor, sixty: Path, tmp_path: Path) -> None:
        out = tmp_path / "out.csv"
        self.predict(predictor, sixty, out, 1)
        self.predict(predictor, sixty, out, 1, total=4)
        assert self.refused(out, predictor.run.path).code == "merge-other-shards"

    def test_another_list(self, predictor: Predictor, sixty: Path, tmp_path: Path) -> None:
        out = tmp_path / "out.csv"
        self.predict(predictor, sixty, out, 1, 3)
        shards.predict_shard(predictor, list(image_paths([sixty]))[:-1], out, Shard(2, 3))
        error = self.refused(out, predictor.run.path)
        assert error.code == "merge-other-list" and error.file == str(part_of(out, Shard(2, 3)))

    def test_other_settings(self, predictor: Predictor, loaded_run: Run, sixty: Path, tmp_path: Path) -> None:
        out = tmp_path / "out.csv"
        self.predict(predictor, sixty, out, 1, 3)
        plain = Predictor.of(
            loaded_run, Decision(loaded_run.card.class_names), batch_size=2 * BATCH, workers=1
        )
        self.predict(plain, sixty, out, 2)
        error = self.refused(out, predictor.run.path)
        assert error.code == "merge-other-settings"
        assert {"stripe", "temperature"} <= set(error.what.split(": ")[1].split(", "))

    def test_another_run(self, predictor: Predictor, sixty: Path, tmp_path: Path) -> None:
        out, other = tmp_path / "out.csv", tmp_path / "run"
        self.predict(predictor, sixty, out, 1, total=1)
        other.mkdir()
        (other / "model.safetensors").write_bytes(b"another")
        assert self.refused(out, other).code == "merge-other-run"

    @pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/2"])
    def test_no_shard(self, text: str) -> None:
        with pytest.raises(UserError) as caught:
            Shard.parse(text)
        assert caught.value.code == "predict-shard"


def invoke(*words: Any) -> Result:
    return CliRunner().invoke(app, [*map(str, words)])


def test_command_line(toy_run: Path, sixty: Path, tmp_path: Path) -> None:
    listed, out = tmp_path / "list.txt", tmp_path / "out.csv"
    listed.write_text("".join(f"{path}\n" for path in image_paths([sixty])))
    call = ["predict", toy_run, listed, "--out", out, "--batch-size", BATCH, "--device", "cpu"]
    for number in (1, 2):
        result = invoke(*call, "--shard", f"{number}/2")
        assert result.exit_code == 1 and f"shard {number}/2: " in result.output  # some cannot be read
    again = invoke(*call, "--shard", "2/2")
    assert again.exit_code == 0 and "is finished already" in again.output
    merged = invoke("predict", toy_run, "--merge", "--out", out, "--errors", tmp_path / "errors.csv")
    assert merged.exit_code == 1 and "3 files could not be read" in merged.output
    alone = tmp_path / "alone.csv"
    assert invoke(*call[:3], "--out", alone, *call[5:]).exit_code == 1
    assert out.read_bytes() == alone.read_bytes()
    assert (tmp_path / "errors.csv").read_text().count("\n") == 4
    for words, code in (
        (["--shard", "1/2"], "predict-needs-out"),
        (["--merge", "--shard", "1/2", "--out", out], "predict-shard-or-merge"),
        (["--merge", "--out", out], "file-exists"),
        (["--jobs", "2"], "option-needs-another"),
        (["--gpus-per-job", "0.5"], "option-needs-another"),
    ):
        error = invoke("predict", toy_run, sixty, *words).exception
        assert isinstance(error, UserError) and error.code == code
