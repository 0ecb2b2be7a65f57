"""What a command line must not import, because everyone would wait for it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HEAVY = (
    "torch",
    "open_clip",
    "openai",
    "httpx2",
    "matplotlib",
    "jinja2",
    "rich",
    "diskcache",
    "pydantic",
    "numpy",
)


def imported(code: str) -> set[str]:
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.split(".")[0] for name in ran.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize("program", ["attrgen", "vr"])
def test_help_imports_nothing_heavy(program: str) -> None:
    code = f"import sys; sys.argv = ['{program}', '--help']\nfrom {program}.cli import main\n"
    assert not imported(code + "try:\n    main()\nexcept SystemExit:\n    pass") & set(HEAVY)


def test_attrgen_build_never_imports_torch_nor_vr() -> None:
    actual = imported("import attrgen.generation.build, attrgen.generation.report, attrgen.llm.client")
    assert not actual & {"torch", "vr", "open_clip", "openai", "httpx2"}


@pytest.mark.parametrize(
    "package",
    ["diskcache", "jinja2", "open_clip_torch", "openai", "pydantic", "pytest", "tenacity", "torch", "typer"],
)
def test_the_packages_that_the_project_is_built_on(package: str) -> None:
    """Each is required and imported: none of them is replaced by code of the project."""
    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    required = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert any(re.match(rf"{package}\b", line) for line in required)
    module = package.removesuffix("_torch")
    sources = [path for folder in ("attrgen", "vr", "tests") for path in (root / folder).rglob("*.py")]
    pattern = re.compile(rf"^\s*(import|from) {module}\b", re.MULTILINE)
    assert any(pattern.search(path.read_text(encoding="utf-8")) for path in sources)
