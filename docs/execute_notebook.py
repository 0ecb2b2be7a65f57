"""Execute `docs/tour.ipynb` in an empty folder and store its output: `python docs/execute_notebook.py`.

Needs the `dev` extra. Progress on standard error is not stored, and a path of this machine in an output is an
error.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent / "tour.ipynb"
ROOT = NOTEBOOK.parents[1]
MACHINE_PATH = re.compile(r"/(?:home|root|tmp|work|Users|var)/|[A-Z]:\\\\")


def main() -> None:
    """Execute and write back."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    os.environ["PYTHONPATH"] = str(ROOT)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "VR_DATA", "VR_CACHE", "ATTRGEN_CACHE"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook, timeout=600, resources={"metadata": {"path": folder}}, record_timing=False
        )
        client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    text = nbformat.writes(notebook)
    if found := MACHINE_PATH.search(json.dumps([cell.get("outputs", []) for cell in notebook.cells])):
        sys.exit(f"an output has a path of this machine: …{found[0]}…")
    NOTEBOOK.write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
