"""Published files become sets and come back as they were."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from attrgen.curation.diff import difference
from attrgen.schema import attribute_set, matching
from attrgen.schema.attribute_set import AttributeSet

Attrgen = Callable[..., Any]
PUBLISHED = Path(__file__).parents[4] / ".." / "shared" / "published" / "attributes"

BIOMEDVR = {
    "btmri_des.json": {
        "normal_brain": ["even grey tissue", "two matching halves"],
        "glioma_tumor": ["a ragged mass", "a ragged mass", "dark\ncore "],
        "meningioma_tumor": ["a bright, broad-based ball", ""],
        "pituitary_tumor": ["a knob in the sella"],
    },
    "btmri_dist.json": {
        "glioma_tumor": ["infiltrates"],
        "meningioma_tumor": ["a dural tail"],
        "pituitary_tumor": ["midline"],
        "normal_brain": ["symmetric"],
    },
    "btmri_confuse.json": {
        "glioma_tumor": [
            "a knob in the sella, like a pituitary tumor",
            "a smooth rim",
            "a tail, mimicking a meningioma",
            "round, like a pituitary tumor",
            "a smooth rim",
        ],
        "normal_brain": ["a faint mass"],
    },
}
ATTRVR = {
    "eurosat_des.json": {"River": ["a dark winding band", " types\nA band"], "Forest": ["dark green"]},
    "eurosat_dist.json": {"River": ["winding\u200b"], "Forest": ["even texture", "even texture"]},
}
CUPL = {
    "textures.json": {"polka-dotted": ["dots", "Dots", "dots", "more dots"], "zig_zag": ['a "line" of Vs']}
}


def write(folder: Path, files: Mapping[str, object]) -> list[Path]:
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value, indent=4, ensure_ascii=False), encoding="utf-8")
    return [folder / name for name in files]


def pairs(path: Path) -> list[tuple[str, list[str]]]:
    """The content with the order of its classes, which `==` of dictionaries passes over."""
    return list(json.loads(path.read_text(encoding="utf-8")).items())


@pytest.mark.parametrize(
    ("files", "dataset", "form"),
    [
        (BIOMEDVR, "btmri", "biomedvr"),
        (BIOMEDVR, None, "biomedvr"),
        (ATTRVR, "eurosat", "attrvr"),
        (ATTRVR, None, "attrvr"),
        (CUPL, None, "cupl"),
    ],
)
def test_synthetic(
    attrgen: Attrgen, tmp_path: Path, files: Mapping[str, object], dataset: str | None, form: str
) -> None:
    paths = write(tmp_path, files)
    card = ("--dataset", dataset) if dataset else ()
    ran = attrgen("import", *paths, *card, "--out", "set.json")
    assert ran.status == 0, ran.err
    assert attrgen("export", "set.json", "--to", form, "--out", "out").status == 0
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == sorted(files)
    for path in paths:
        assert pairs(out / path.name) == pairs(path)


def test_what_the_set_says(attrgen: Attrgen, tmp_path: Path) -> None:
    ran = attrgen("import", *write(tmp_path, BIOMEDVR), "--dataset", "btmri")
    assert "btmri_confuse.json: confusion, 2 classes, 5 texts, 3 under the class" in ran.out
    assert "2 under 'other', 1 blank or repeated ones left out" in ran.out
    imported = attribute_set.load(tmp_path / "attrs" / "btmri.json")
    assert list(imported.classes) == ["glioma", "meningioma", "pituitary tumor", "normal brain"]
    glioma = imported.classes["glioma"]
    assert glioma.descriptive == ["a ragged mass", "dark core"]
    assert glioma.confusion == {
        "meningioma": ["a tail, mimicking a meningioma"],
        "pituitary tumor": ["a knob in the sella, like a pituitary tumor", "round, like a pituitary tumor"],
        "other": ["a smooth rim"],
    }
    assert imported.provenance["source"] == "imported"
    (run,) = imported.provenance["runs"]
    assert [file["name"] for file in run["files"]] == list(BIOMEDVR)
    assert "every text is as it came." in attrgen("status", "attrs/btmri.json").out
    matching.for_card(imported, _card("btmri"))  # vr takes it


def test_edits_are_exported_and_nothing_else_changes(attrgen: Attrgen, tmp_path: Path) -> None:
    attrgen("import", *write(tmp_path, BIOMEDVR), "--dataset", "btmri")
    path = tmp_path / "attrs" / "btmri.json"
    path.write_text(
        path.read_text()
        .replace('"a smooth rim"', '"a smooth, bright rim"', 1)
        .replace('"infiltrates"', '"infiltrates", "crosses the midline"')
    )
    attrgen("export", path, "--to", "biomedvr", "--out", "out")
    assert json.loads((tmp_path / "out" / "btmri_dist.json").read_text())["glioma_tumor"] == [
        "infiltrates",
        "crosses the midline",
    ]
    sentences = list(BIOMEDVR["btmri_confuse.json"]["glioma_tumor"])
    sentences[1] = "a smooth, bright rim"
    assert json.loads((tmp_path / "out" / "btmri_confuse.json").read_text())["glioma_tumor"] == sentences[:4]
    assert json.loads((tmp_path / "out" / "btmri_des.json").read_text()) == BIOMEDVR["btmri_des.json"]


def test_clean_leaves_out_what_a_set_cannot_hold(attrgen: Attrgen, tmp_path: Path) -> None:
    attrgen("import", *write(tmp_path, BIOMEDVR), "--dataset", "btmri")
    attrgen("export", "attrs/btmri.json", "--to", "biomedvr", "--out", "out", "--clean")
    descriptive = json.loads((tmp_path / "out" / "btmri_des.json").read_text())
    assert descriptive["glioma_tumor"] == ["a ragged mass", "dark core"]


def test_a_table_holds_all_but_the_provenance(attrgen: Attrgen, tmp_path: Path) -> None:
    attrgen("build", "--dataset", "ct-kidney")
    before = attribute_set.load(tmp_path / "attrs" / "ct-kidney.json")
    before.classes["kidney cyst"].ensemble = ['a "quoted", comma-ed caption', "=1+1"]
    (before.classes["kidney cyst"].confusion or {})["other"] = ["a dark loop of gut beside the kidney"]
    attribute_set.save(before, tmp_path / "set.json")
    ran = attrgen("export", "set.json", "--to", "csv")
    assert ran.status == 0 and "Not in this file: the provenance." in ran.out
    ran = attrgen("import", "ct-kidney.csv", "--dataset", "ct-kidney", "--out", "again.json")
    assert ran.status == 0, ran.err
    again = attribute_set.load(tmp_path / "again.json")
    assert again.id == before.id and difference(before, again, None) == []


def test_what_a_format_cannot_hold_is_told(attrgen: Attrgen, tmp_path: Path) -> None:
    attrgen("build", "--dataset", "busi")
    value = json.loads((tmp_path / "attrs" / "busi.json").read_text())
    del value["classes"]["benign breast tumor"]["distinctive"]
    (tmp_path / "set.json").write_text(json.dumps(value))
    ran = attrgen("export", "set.json", "--to", "attrvr", "--out", "a")
    assert "30 confusion texts" in ran.out and "the provenance" in ran.out
    assert "'benign breast tumor' in the distinctive file" in ran.out
    assert (
        "which class each of 30 confusion texts is about"
        in attrgen("export", "set.json", "--to", "biomedvr", "--out", "b").out
    )
    assert (
        "30 descriptive texts; 30 confusion texts"
        in attrgen("export", "set.json", "--to", "cupl", "--kind", "distinctive", "--out", "c").out
    )
    assert [name for name, _ in pairs(tmp_path / "b" / "busi_des.json")] == [
        "benign_tumor",
        "malignant_tumor",
        "normal_scan",
    ]  # BioMedVR spells classes as their folders


def test_nothing_is_overwritten_unasked(attrgen: Attrgen, tmp_path: Path) -> None:
    paths = write(tmp_path, ATTRVR)
    words = ("import", *paths, "--dataset", "eurosat")
    assert attrgen(*words).status == 0
    path = tmp_path / "attrs" / "eurosat.json"
    path.write_text(path.read_text().replace("a dark winding band", "my words"))
    ran = attrgen(*words)
    assert ran.status == 2 and "is there already" in ran.err and "my words" in path.read_text()
    before = paths[1].read_bytes()
    ran = attrgen("export", path, "--to", "attrvr")  # in this folder, where the published files lie
    assert ran.status == 2 and "eurosat_des.json: is there already" in ran.err
    assert paths[1].read_bytes() == before
    assert attrgen(*words, "--force").status == 0 and "my words" not in path.read_text()
    assert attrgen(*words).status == 0  # the same content is no loss


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("busi_des.json", '{\n"benign":\n ["x",]}', "busi_des.json:3: not JSON"),
        (
            "busi_des.json",
            '{"benign": ["x"],\n "benign": ["y"]}',
            "busi_des.json:2: key 'benign' is there twice",
        ),
        ("busi_des.json", '["x"]', "busi_des.json:1: not an object with classes as keys, but a list"),
        ("busi_des.json", "{}", "but an empty object"),
        ("busi_des.json", '{\n "benign": "x"}', "busi_des.json:2, class 'benign': not a list of texts"),
        (
            "busi_des.json",
            '{"benign": [\n"x",\n3]}',
            "busi_des.json:3, class 'benign': not a text, but a number",
        ),
        ("busi_des.json", '{"benign": ["\\ud800"]}', "alf of a surrogate pair"),
        ("busi_des.json", '{"benign":\n ["x"],\n "wolf": ["y"]}', "busi_des.json:3: 'wolf' is no class"),
        (
            "busi_des.json",
            '{"benign": ["x"],\n "benign_tumor": ["y"]}',
            "busi_des.json:2: benign breast tumor",
        ),
        ("busi_des.json", '{"benign": [], "normal": [" "]}', "busi_des.json: all lists are empty"),
        ("busi_des.json", "[" * 100_000, "nested too deeply"),
        ("busi_des.json", b'{"benign": ["\xff"]}', "not UTF-8 text"),
        ("busi.csv", "class,kind,text\n", "busi.csv:1: the column 'confused' is missing"),
        (
            "busi.csv",
            "class,kind,confused,text\nbenign,descriptiv,,x\n",
            "busi.csv:2: 'descriptiv'",
        ),
        ("busi.csv", "class,kind,confused,text\nbenign,descriptive,normal,x\n", "a confused class beside"),
        ("busi.csv", "class,kind,confused,text\nbenign,confusion,benign,x\n", "confused with itself"),
        ("busi.csv", "class,kind,confused,text\n,descriptive,,x\n", "busi.csv:2: the class is empty"),
        ("busi.csv", 'class,kind,confused,text\nbenign,descriptive,,"x\n', "not CSV"),
        ("busi.csv", "", "the column 'class' is missing"),
    ],
)
def test_a_malformed_file(attrgen: Attrgen, tmp_path: Path, name: str, content: Any, message: str) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    ran = attrgen("import", name, "--dataset", "busi")
    assert ran.status == 2 and message in ran.err and "Traceback" not in ran.err
    assert not (tmp_path / "attrs").exists()


def test_files_that_do_not_go_together(attrgen: Attrgen, tmp_path: Path) -> None:
    write(
        tmp_path,
        {"a_des.json": {"x y": ["one"]}, "b_dist.json": {"x y": ["two"]}, "a.json": {"x y": ["three"]}},
    )
    ran = attrgen("import", "a_des.json", "b_dist.json")
    assert ran.status == 2 and "of several datasets: a, b" in ran.err
    ran = attrgen("import", "a_des.json", "a.json")
    assert ran.status == 2 and "x y/descriptive is there twice" in ran.err
    assert attrgen("import", "a_des.json", "--kind", "wolf").status == 2
    ran = attrgen("import", "a.json", "--kind", "ensemble")
    assert ran.status == 0 and "a.json: ensemble, 1 classes, 1 texts." in ran.out
    assert attribute_set.load(tmp_path / "attrs" / "a.json").classes["x y"].ensemble == ["three"]


def test_a_damaged_record_of_an_import(attrgen: Attrgen, tmp_path: Path) -> None:
    attrgen("import", *write(tmp_path, ATTRVR), "--dataset", "eurosat")
    value = json.loads((tmp_path / "attrs" / "eurosat.json").read_text())
    value["provenance"]["runs"][0]["files"][0]["classes"]["river"] = {"left_out": "x"}
    (tmp_path / "set.json").write_text(json.dumps(value))
    ran = attrgen("export", "set.json", "--to", "attrvr", "--out", "out")
    assert ran.status == 2 and ran.code == "provenance-value"
    assert "runs.0.files.0.classes.river.left_out" in ran.err
    assert attrgen("export", "set.json", "--to", "attrvr", "--out", "out", "--clean").status == 0


@pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="the published attribute files are not beside the repository"
)
@pytest.mark.parametrize(
    ("pattern", "dataset", "form"),
    [
        *((f"{name}_*.json", name, "biomedvr") for name in ("busi", "btmri", "dermamnist", "kvasir")),
        ("busi_*.json", None, "biomedvr"),
        ("eurosat_*.json", "eurosat", "attrvr"),
        ("eurosat_*.json", None, "attrvr"),
        ("cupl_texture.json", "dtd", "cupl"),
        ("cupl_texture.json", None, "cupl"),
    ],
)
def test_published(attrgen: Attrgen, tmp_path: Path, pattern: str, dataset: str | None, form: str) -> None:
    paths = sorted(PUBLISHED.glob(pattern))
    card = ("--dataset", dataset) if dataset else ()
    ran = attrgen("import", *paths, *card, "--out", "set.json")
    assert ran.status == 0, ran.err
    assert attrgen("export", "set.json", "--to", form, "--out", "out").status == 0
    written = {path.name: path for path in (tmp_path / "out").iterdir()}
    for path in paths:
        name = "dtd.json" if (dataset, form) == ("dtd", "cupl") else path.name
        assert pairs(written.pop(name)) == pairs(path)
    assert not written
    assert attribute_set.dumps(_load(tmp_path / "set.json")) == (tmp_path / "set.json").read_text()


@pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="the published attribute files are not beside the repository"
)
def test_published_confusions_that_name_a_class_are_under_it(attrgen: Attrgen, tmp_path: Path) -> None:
    attrgen("import", *sorted(PUBLISHED.glob("dermamnist_*.json")), "--dataset", "dermamnist")
    imported = _load(tmp_path / "attrs" / "dermamnist.json")
    confused = [entry.confused for entry in imported.entries() if entry.kind == "confusion"]
    assert len(confused) == 35 and "other" not in confused
    melanoma = imported.classes["melanoma"].confusion or {}
    assert [len(texts) for texts in melanoma.values()] == [1] * 5
    assert set(melanoma) == {
        "basal cell carcinoma",
        "benign keratosis",
        "dermatofibroma",
        "melanocytic nevus",
        "vascular lesion",
    }


def _load(path: Path) -> AttributeSet:
    return attribute_set.load(path)


def _card(name: str) -> Any:
    from attrgen.schema import card

    return card.find(name)
