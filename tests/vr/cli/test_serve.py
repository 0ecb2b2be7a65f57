"""`vr serve` on the command line: the application of the run, and what the server is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from attrgen.core import local_server
from vr.cli import app

testclient = pytest.importorskip("starlette.testclient")


def test_the_run_is_served_and_the_options_reach_the_server(
    toy_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, Any] = {}

    def serve(make: Any, **options: Any) -> None:
        asked.update(options, app=make("secret"))

    monkeypatch.setattr(local_server, "serve", serve)
    result = CliRunner().invoke(app, ["serve", str(toy_run), "--port", "8123", "--no-browser", "--grid", "3"])
    assert result.exit_code == 0, result.output
    assert (asked["port"], asked["opens"]) == (8123, False)
    client = testclient.TestClient(asked["app"], base_url="http://127.0.0.1:1")
    assert client.get("/secret/").status_code == 200 and client.get("/").status_code == 404
    asked["say"]("http://127.0.0.1:1/")
    assert capsys.readouterr().out == "http://127.0.0.1:1/\n"


def test_a_folder_without_a_run_is_refused_before_the_server_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_server, "serve", lambda *args, **options: pytest.fail("it started"))
    assert CliRunner().invoke(app, ["serve", str(tmp_path)]).exit_code != 0
