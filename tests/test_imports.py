"""What a command line must not import, because everyone would wait for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "open_clip", "httpx2", "matplotlib", "jinja2", "rich", "diskcache", "pydantic", "numpy")


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
    assert not actual & {"torch", "vr", "open_clip", "httpx2"}
