"""The figures by which defaults are chosen compare settings on the same cells, of complete folds only."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from vr.runs.run import FoldRecord

from .conftest import Finished


@pytest.fixture(scope="module")
def script(benchmark_script: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_script("method_choice")


BUSI, BTMRI, FEW = ("busi", 16), ("btmri", 16), ("busi", 4)
HITS = {
    "linear-probe": {BUSI: np.array([1.0, 0, 0, 0]), BTMRI: np.array([1.0, 1]), FEW: np.array([0.0] * 4)},
    "biomedvr": {BUSI: np.array([1.0, 1, 0, 0]), BTMRI: np.array([1.0, 0]), FEW: np.array([1.0] * 4)},
    "biomedvr beta=0.0": {BUSI: np.array([1.0, 1, 1, 0]), BTMRI: np.array([1.0, 1])},
    "biomedvr k=1": {BUSI: np.array([1.0, 1, 1, 1])},
}
BESIDE = ("linear-probe", "biomedvr")


def test_rows_are_compared_on_the_cells_that_all_of_them_have(script: ModuleType) -> None:
    sets = script.sets_of_cells(HITS, BESIDE)
    assert sets == [{BUSI, BTMRI, FEW}, {BUSI, BTMRI}, {BUSI}]
    rows = [[line.split(" | ") for line in list(script.table(HITS, cells, BESIDE))[2:]] for cells in sets]
    labels = [[row[0].removeprefix("| ") for row in table] for table in rows]
    assert labels[0] == ["biomedvr", "linear-probe"]
    assert labels[1] == ["biomedvr beta=0.0", "linear-probe", "biomedvr"]
    assert labels[2][0] == "biomedvr k=1" and len(labels[2]) == 4
    # (75% of busi + 100% of btmri) / 2, over (25 + 100) / 2 and (50 + 50) / 2
    assert (
        rows[1][0][1] == "87.5"
        and rows[1][0][2].startswith("+25.0 (")
        and rows[1][0][3].startswith("+37.5 (")
    )


def test_shots_count_within_their_collection(script: ModuleType) -> None:
    cells = [BUSI, BTMRI, FEW]
    assert script.mean(HITS["biomedvr"], cells) == pytest.approx((100 * (0.5 + 1) / 2 + 50) / 2)
    gap, low, high = script.difference(HITS["biomedvr"], HITS["linear-probe"], cells)
    assert gap == pytest.approx((100 * (0.25 + 1) / 2 - 50) / 2) and low < gap < high


def test_a_cell_without_all_of_its_folds_does_not_count(script: ModuleType, finished: Finished) -> None:
    whole = finished("biomedvr", [1, 0, 1, 1], k=2)
    part = finished(
        "biomedvr", [1, 0, 1, 1], k=1, changes={"fold": FoldRecord(number=1, folds=2, digest="0" * 64)}
    )
    hits = script.hits_by_label([whole, part])
    assert list(hits) == ["biomedvr k=2"]
    assert hits["biomedvr k=2"]["toy (mini)", 16].tolist() == [1, 0, 1, 1]
