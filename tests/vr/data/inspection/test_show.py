"""`vr data show`: what a model sees of a file, and the rules that were applied."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vr.cli import main
from vr.clip.preprocessing import Preprocessing
from vr.data.decoding.resize import to_square
from vr.data.inspection.show import show, targets
from vr.data.loading.unlabelled import UnlabelledFiles


def saved(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


def vr(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["vr", "data", "show", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


WIDE = np.random.default_rng(0).integers(0, 256, (20, 90, 3), dtype=np.uint8)


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
def test_the_png_is_what_evaluation_gives_the_model(mode: str, tmp_path: Path) -> None:
    file = str(saved(tmp_path / "wide.png", WIDE))
    preprocessing = Preprocessing.model_validate(
        {"size": 32, "resize_mode": mode, "interpolation": "bilinear"}
    )
    (target,) = targets([file], tmp_path / "shown")
    shown = show(target, UnlabelledFiles(), preprocessing)
    expected = to_square(Image.fromarray(WIDE), 32, preprocessing).permute(1, 2, 0).numpy()
    with Image.open(target.png) as image:
        assert np.array_equal(np.asarray(image), expected)
    assert shown.rules[-1].name == "resize" and mode in shown.rules[-1].detail


def test_without_a_model_it_is_the_decoded_image(tmp_path: Path) -> None:
    file = str(saved(tmp_path / "wide.png", WIDE))
    (target,) = targets([file], tmp_path / "shown")
    assert show(target, UnlabelledFiles()).rules == ()
    with Image.open(target.png) as image:
        assert np.array_equal(np.asarray(image), WIDE)


def test_the_reported_image_is_that_of_training(tmp_path: Path) -> None:
    source = UnlabelledFiles(intensity=(0, 4095))
    file = str(saved(tmp_path / "deep.png", np.array([[0, 1000], [2000, 4095]], dtype=np.uint16)))
    seen = source.decoded(file)
    assert seen.image.tobytes() == source.read(file).tobytes()
    assert [rule.name for rule in seen.rules] == ["intensity scale"]
    assert "4095" in seen.rules[0].detail and "collection" in seen.rules[0].detail


def test_each_file_has_a_png_of_its_own(tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("a/1.png", "b/1.png", "b/1.tif")]
    pngs = [str(target.png.relative_to(tmp_path)) for target in targets(files, tmp_path / "o")]
    assert pngs == ["o/a/1.png.png", "o/b/1.png.png", "o/b/1.tif.png"]
    assert targets(files[:1], tmp_path)[0].png == tmp_path / "1.png.png"


def test_the_command_prints_the_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for level in (900, 4000):
        saved(tmp_path / "scans" / f"{level}.tif", np.full((40, 60), level, dtype=np.uint16))
    (tmp_path / "scans" / "broken.png").write_bytes(b"broken")
    monkeypatch.chdir(tmp_path)
    assert vr(monkeypatch, "scans", "--out", "o", "--backbone", "mini") == 1
    captured = capsys.readouterr()
    assert captured.out.count("intensity scale: 0 is black, 4095 is white, of the collection") == 2
    assert captured.out.count("resize: 60 by 40 pixels, short side to 80") == 2
    assert "broken.png" in captured.err
    with Image.open(tmp_path / "o" / "900.tif.png") as image:
        assert image.size == (80, 80)
        assert np.asarray(image).max() == round(900 / 4095 * 255)
    assert vr(monkeypatch, "scans", "--out", "o") == 2
    assert "[file-exists]" in capsys.readouterr().err
    assert vr(monkeypatch, "scans/900.tif", "--out", "o", "--force") == 0
    with Image.open(tmp_path / "o" / "900.tif.png") as image:
        assert image.size == (60, 40)


@pytest.mark.parametrize(("option", "value"), [("--data", "scans"), ("--weights", "random")])
def test_an_option_that_needs_another(
    option: str,
    value: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert vr(monkeypatch, saved(tmp_path / "a.png", WIDE), option, value) == 2
    assert "[option-needs-another]" in capsys.readouterr().err


def test_the_scale_comes_from_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("ring", "spot"):
        for level in (900, 16000):
            saved(tmp_path / "scans" / folder / f"{level}.png", np.full((9, 9), level, dtype=np.uint16))
    monkeypatch.chdir(tmp_path)
    file = "scans/ring/900.png"
    for arguments in (("--dataset", "scans"), ("--card", "scans")):
        assert vr(monkeypatch, file, "--out", "o", "--force", *arguments) == 0
        assert "0 is black, 16383 is white, of the collection" in capsys.readouterr().out
        with Image.open(tmp_path / "o" / "900.png.png") as image:
            assert np.asarray(image).max() == round(900 / 16383 * 255)
