"""A recipe and the command line make one grid."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrgen.core.errors import UserError
from vr.runs import grid

RECIPE = {
    "datasets": [{"dataset": "busi", "data": "images/BUSI", "attrs": "attrs/b.json"}, "btmri"],
    "methods": ["vp"],
}


def test_a_dataset_named_on_the_command_line_keeps_its_paths() -> None:
    cells = list(grid.build(RECIPE, {"datasets": ["btmri", "busi"], "seeds": [1]}).cells())
    assert [(cell.dataset, cell.data) for cell in cells] == [("btmri", None), ("busi", Path("images/BUSI"))]
    assert cells[1].attrs == Path("attrs/b.json")


def test_a_dataset_that_the_recipe_does_not_have_is_added_as_it_is() -> None:
    (cell,) = grid.build(RECIPE, {"datasets": ["mine.toml"], "seeds": [1]}).cells()
    assert (cell.dataset, cell.data) == ("mine.toml", None)


@pytest.mark.parametrize("datasets", [3, "busi", [{"dataset": ["busi"]}], [{}], None])
def test_datasets_of_a_wrong_type_are_an_error(datasets: object) -> None:
    with pytest.raises(UserError):
        list(grid.build({**RECIPE, "datasets": datasets}, {}).cells())
    list(grid.build({**RECIPE, "datasets": datasets}, {"datasets": ["busi"]}).cells())
