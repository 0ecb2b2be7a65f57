"""`attrgen serve` on the command line: the application of the file, and what the server is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from attrgen.cli import app
from attrgen.core import local_server
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes

testclient = pytest.importorskip("starlette.testclient")


def test_the_set_is_served_and_the_options_reach_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes = {"lump": ClassAttributes(descriptive=["a round dark spot"])}
    file = tmp_path / "lumps.json"
    attribute_set.save(AttributeSet(dataset="lumps", classes=classes), file)
    asked: dict[str, Any] = {}

    def serve(make: Any, **options: Any) -> None:
        asked.update(options, app=make("secret"))

    monkeypatch.setattr(local_server, "serve", serve)
    result = CliRunner().invoke(app, ["serve", str(file), "--port", "8123", "--no-browser"])
    assert result.exit_code == 0, result.output
    assert (asked["port"], asked["opens"]) == (8123, False)
    client = testclient.TestClient(asked["app"], base_url="http://127.0.0.1:1")
    assert client.get("/secret/").status_code == 200 and client.get("/").status_code == 404
    assert "a round dark spot" in client.get("/secret/state").text
    asked["say"]("http://127.0.0.1:1/")
