"""`vr data`, as it is typed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attrgen.schema import card as cards
from vr.cli import main


@dataclass
class Done:
    status: int
    out: str
    err: str


@pytest.fixture
def vr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """`vr data ARGUMENTS` in an empty folder, with what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VR_DATA", raising=False)
    monkeypatch.delenv("VR_CACHE", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["vr", "data", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return Done(int(left.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    for label, folder in enumerate(("spot", "ring")):
        for number in range(10):
            path = tmp_path / "My Scans" / folder / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            values = np.random.default_rng(100 * label + number).integers(0, 256, (9, 9, 3), dtype=np.uint8)
            Image.fromarray(values).save(path)
    return tmp_path / "My Scans"


def test_list_names_every_card(vr: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "datasets" / "BUSI").mkdir(parents=True)
    done = vr("list")
    assert done.status == 0, done.err
    for name in cards.shipped_cards():
        assert f" {name} " in done.out
    rows = {line.split()[0]: line.split() for line in done.out.splitlines() if line.strip()}
    assert rows["busi"][1:4] == ["yes", "3", "780"]
    assert rows["kvasir"][1] == "no"


def test_check_card_and_preview_of_a_collection(
    vr: Callable[..., Done], collection: Path, tmp_path: Path
) -> None:
    done = vr("check", str(collection))
    assert done.status == 0, done.out + done.err
    assert "train: 16 (ring 8, spot 8)" in done.out
    assert "no problems found" in done.out
    done = vr("card", str(collection))
    assert done.status == 0, done.err
    assert cards.load(tmp_path / "my-scans.toml").class_names == ("ring", "spot")
    again = vr("card", str(collection))
    assert again.status == 2
    assert "[file-exists]" in again.err
    done = vr("preview", "my-scans.toml", "--data", str(collection), "--shots", "2")
    assert done.status == 0, done.err
    with Image.open(tmp_path / "my-scans-preview.png") as sheet:
        assert sheet.width > 400


def test_problems_exit_1_and_user_errors_2(vr: Callable[..., Done], collection: Path, tmp_path: Path) -> None:
    (collection / "ring" / "0.png").write_bytes(b"broken")
    done = vr("check", str(collection))
    assert done.status == 1
    assert "unreadable" in done.out
    for arguments, code, shown in (
        (("check", "bussi"), "card-unknown-dataset", "'busi'"),
        (("check", "busi"), "data-not-downloaded", "`vr data get busi`"),
        (("get", "ucf101"), "download-no-address", "ucf101"),
        (("preview", str(collection), "--shots", "99"), "fewshot-too-few-images", "99"),
        (("check", str(collection), "--classes", "ring,sport"), "card-unknown-class", "'sport'"),
        (("check", str(collection), "--format", "tar"), "format-unknown", "'tar'"),
    ):
        done = vr(*arguments)
        assert done.status == 2, arguments
        assert f"[{code}]" in done.err and shown in done.err, done.err
        assert "Traceback" not in done.err


def test_get_shows_the_licence_first(
    vr: Callable[..., Done], collection: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "my.toml").write_text(
        'name = "my"\ntitle = "My"\nmodality = "CT"\nshows = "a scan"\nlicence = "CC0"\n'
        '[images]\nfolder = "My Scans"\nlayout = "folder"\ndownload = "hub:datasets/a/b/c.zip"\n'
        + "".join(f'[[classes]]\nname = "{name}"\nfolder = "{name}"\n' for name in ("spot", "ring"))
    )
    collection.rename(tmp_path / "datasets" / "My Scans")
    done = vr("get", "my.toml")
    assert done.status == 0, done.err
    assert done.out.index("licence: CC0") < done.out.index("my: already in datasets/My Scans")
    assert "my: 16 train, 4 test in datasets/My Scans" in done.out


def test_help_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'numpy', 'PIL', 'rich.table', 'huggingface_hub'}"
    program = f"import sys; import vr.cli.data; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
