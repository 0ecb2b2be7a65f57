"""`attrgen serve`: what is kept, saved and refused; and that no other page or host gets in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attrgen.core.errors import UserError
from attrgen.curation.serving.session import Session
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes

BAD = "the patient should be referred for further evaluation"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    classes = {
        "smooth lump": ClassAttributes(
            descriptive=["a round dark spot with a thin rim", "stripes of pale tissue above a spot"],
            confusion={"spiky lump": ["wavy bright spikes around a round spot"]},
        ),
        "spiky lump": ClassAttributes(distinctive=["small grey dots in long parallel rows"]),
    }
    path = tmp_path / "lumps.json"
    attribute_set.save(AttributeSet(dataset="lumps", classes=classes, provenance={"by": "me"}), path)
    return path


def _edit(session: Session, **changes: Any) -> dict[str, Any]:
    state = session.state()
    return {"based_on": state["based_on"], "lists": state["lists"], **changes}


def test_saving_an_unchanged_set_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    session = Session.open(path)
    session.save(_edit(session))
    assert path.read_bytes() == before and not session.draft.exists()


def test_every_change_is_in_the_draft_and_a_new_start_continues_it(path: Path) -> None:
    session = Session.open(path)
    edit = _edit(session)
    edit["lists"][0]["texts"] += ["a pale oval patch", "", BAD]
    findings = session.keep(edit)
    (error,) = [item for item in findings if item["level"] == "error"]
    assert (error["list"], error["text"]) == (0, 4)
    again = Session.open(path).state()  # the program was killed
    assert again["draft"] and again["lists"] == edit["lists"] and again["findings"] == findings
    assert "pale oval" not in path.read_text()
    Session.open(path).save({**edit, "based_on": again["based_on"]})
    saved = attribute_set.load(path)
    assert saved.classes["smooth lump"].descriptive[-2:] == ["a pale oval patch", BAD]
    assert saved.provenance == {"by": "me"} and not session.draft.exists()


def test_a_set_that_was_changed_meanwhile_is_not_overwritten(path: Path) -> None:
    session = Session.open(path)
    edit = _edit(session)
    edit["lists"][0]["texts"][0] = "a pale oval patch in the middle"
    path.write_text(path.read_text().replace("thin rim", "thick rim"))
    with pytest.raises(UserError) as caught:
        session.save(edit)
    assert caught.value.code == "serve-changed-meanwhile"
    assert "thick rim" in path.read_text()
    assert json.loads(session.draft.read_text())["lists"] == edit["lists"]  # nothing is lost


OTHER = {"class_name": "smooth lump", "kind": "descriptive", "confused": "spiky lump", "texts": ["x"]}


@pytest.mark.parametrize(
    "value", [5, {}, {"based_on": "x", "lists": [{"texts": []}]}, {"based_on": "x", "lists": [OTHER]}]
)
def test_what_is_no_edit_is_refused(path: Path, value: Any) -> None:
    with pytest.raises(UserError) as caught:
        Session.open(path).keep(value)
    assert caught.value.code.startswith("serve-draft")


class TestOverHttp:
    """The application as a browser meets it."""

    @pytest.fixture
    def client(self, path: Path) -> Any:
        testclient = pytest.importorskip("starlette.testclient")
        from attrgen.curation.serving.app import make_app

        return testclient.TestClient(make_app(Session.open(path), "secret"), base_url="http://127.0.0.1:1")

    def test_edit_and_save(self, client: Any, path: Path) -> None:
        state = client.get("/secret/state").json()
        state["lists"][0]["texts"][0] = "a pale oval patch in the middle"
        edit = {key: state[key] for key in ("based_on", "lists")}
        assert "findings" in client.post("/secret/draft", json=edit).json()
        saved = client.post("/secret/save", json=edit).json()
        assert saved["id"] == attribute_set.load(path).id
        assert client.post("/secret/save", json=edit).status_code == 409  # of before the first save
        assert client.post("/secret/save", content=b"{").json()["code"] == "serve-not-json"

    def test_half_of_a_surrogate_pair_is_replaced(self, client: Any) -> None:
        state = client.get("/secret/state").json()
        state["lists"][0]["texts"][0] = "a pale \ud83d patch, a \U0001f600 too"
        edit = json.dumps({key: state[key] for key in ("based_on", "lists")})
        assert client.post("/secret/draft", content=edit).status_code == 200
        kept = client.get("/secret/state").json()
        assert kept["draft"] and kept["lists"][0]["texts"][0] == "a pale \ufffd patch, a \U0001f600 too"

    def test_only_with_the_secret_from_this_host_and_this_page(self, client: Any) -> None:
        assert client.get("/").status_code == client.get("/guess/state").status_code == 404
        other = {"host": "evil.example"}
        assert client.get("/secret/state", headers=other).status_code == 421
        assert client.get("/secret/state", headers={"host": "localhost:1"}).status_code == 200
        for origin in ("http://evil.example", "null", "http://127.0.0.1:2"):
            refused = client.post("/secret/save", content=b"{}", headers={"origin": origin})
            assert refused.status_code == 403
        page = client.get("/secret/")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
