"""`vr serve`: the answer is that of `vr predict` and `vr explain`, and everything in it is escaped."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import vr


@pytest.fixture
def client(toy_run: Path, tmp_path: Path) -> Any:
    testclient = pytest.importorskip("starlette.testclient")
    from vr.report.serving.app import make_app
    from vr.runs.run import load_run

    copy = tmp_path / "run"
    shutil.copytree(toy_run, copy)
    vr.load(copy, device="cpu").evaluate(operating_point="sensitivity=0.9", class_name="dark ring")
    app = make_app(load_run(copy), "secret", grid=3)
    client = testclient.TestClient(app, base_url="http://127.0.0.1:1")
    client.run = copy
    return client


@pytest.fixture
def image(toy: Any) -> Path:
    return toy.data / "test" / "dark_ring" / "test-0.png"


def test_the_answer_is_that_of_the_model(client: Any, image: Path) -> None:
    reply = client.post("/secret/answer", params={"name": "../x/scan.png"}, content=image.read_bytes())
    assert reply.status_code == 200
    model = vr.load(client.run, device="cpu")
    prediction, explanation = model.predict(image)[0], model.explain(image)[0]
    text = re.sub(r"\s+", " ", reply.text)
    assert "<h2>scan.png</h2>" in text and "../x" not in text
    assert explanation.summary.predicted in text
    for name, probability in prediction.probabilities.items():
        assert f'<th scope="row">{name}</th><td>{100 * probability:.1f}%</td>' in text
    assert ("Flagged" if prediction.flagged else "Not flagged") in text
    assert "data:image/png;base64," in text and 'alt="scan.png, and over it' in text


def test_what_is_no_image_is_told_and_names_are_escaped(client: Any, image: Path) -> None:
    reply = client.post("/secret/answer", params={"name": "a.png"}, content=b"not an image")
    assert reply.status_code == 400 and "a.png" in reply.text
    named = {"name": "<img src=x onerror=alert(1)>.png"}
    reply = client.post("/secret/answer", params=named, content=image.read_bytes())
    assert "<img src=x" not in reply.text


def test_the_page_and_its_script(client: Any) -> None:
    page = client.get("/secret/")
    assert page.status_code == 200 and '<label for="images">' in page.text
    assert "<script>" not in page.text and "script-src 'self'" in page.headers["content-security-policy"]
    assert client.get("/secret/page.js").headers["content-type"].startswith("text/javascript")
    assert client.get("/other/").status_code == 404
