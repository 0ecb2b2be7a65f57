"""The version of the program, installed and run from a checkout that is not."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from attrgen.core import version
from attrgen.core.version import program_version


def test_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", {"biomedvr": "1.2.3"}.__getitem__)
    assert program_version() == "1.2.3"


@pytest.mark.usefixtures("not_installed")
def test_of_checkouts_each_source_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def of_source() -> str:
        version._source.cache_clear()
        return program_version()

    before = of_source()
    assert before == of_source() and before.startswith("(not installed; source ")
    monkeypatch.setattr(version, "__file__", str(tmp_path / "attrgen" / "core" / "version.py"))
    files = [tmp_path / "attrgen" / "a.py", tmp_path / "vr" / "cli" / "b.py"]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_text("x = 1\n", "utf-8")
    names = {before, of_source()}
    files[0].write_text("x = 2\n", "utf-8")
    names.add(of_source())
    files[1].write_text("x = 2\n", "utf-8")
    names.add(of_source())
    files[1].rename(files[1].with_name("c.py"))
    names.add(of_source())
    assert len(names) == 5
    version._source.cache_clear()
