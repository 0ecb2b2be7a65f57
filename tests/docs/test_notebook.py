"""The notebook: executed without errors, no paths of a machine in it, and its code runs."""

from __future__ import annotations

import importlib.util
import json
from types import ModuleType
from typing import Any

import docs_pages as pages
import pytest

pytestmark = pytest.mark.xdist_group("docs")
nbformat = pytest.importorskip("nbformat")


@pytest.fixture(scope="module")
def notebook() -> Any:
    return nbformat.read(pages.ROOT / "docs" / "tour.ipynb", as_version=4)


@pytest.fixture(scope="module")
def execute() -> ModuleType:
    pytest.importorskip("nbclient")
    path = pages.ROOT / "docs" / "execute_notebook.py"
    spec = importlib.util.spec_from_file_location("docs_execute_notebook", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_was_executed_from_top_to_bottom(notebook: Any) -> None:
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"execute_result", "display_data", "stream"}
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2
    assert any("Explanation(" in output.get("data", {}).get("text/plain", "") for output in outputs)


def test_it_has_no_path_of_a_machine(notebook: Any, execute: ModuleType) -> None:
    assert not execute.MACHINE_PATH.search(json.dumps(notebook))
    assert execute.MACHINE_PATH.search("/home/someone/x") and execute.MACHINE_PATH.search("/tmp/x")


@pytest.mark.usefixtures("here")
def test_its_code_runs(notebook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib

    matplotlib.use("Agg")
    names: dict[str, Any] = {}
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            source = cell.source.replace('{"epochs": 40}', '{"epochs": 1}')
            exec(compile(source, f"cell {number}", "exec"), names)
    assert names["explanation"].classes[0].name == names["prediction"].label
