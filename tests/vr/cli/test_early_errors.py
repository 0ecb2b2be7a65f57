"""Mistakes that are reported before torch is loaded, so that nobody waits seconds for a misspelt name."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STORED = Path(__file__).parents[1] / "compatibility" / "run-1"
HEAVY = ("torch", "open_clip", "matplotlib", "sklearn", "scipy", "transformers", "torchmetrics")
# Runs each line of words in one process; a module that was imported once stays in `sys.modules`.
PROGRAM = f"""
import contextlib, io, json, shlex, sys
from vr.cli import main
results = []
for line in json.loads(sys.argv[1]):
    sys.argv = ["vr", *shlex.split(line)]
    output = io.StringIO()
    try:
        with contextlib.redirect_stderr(output), contextlib.redirect_stdout(output):
            main()
        status = 0
    except SystemExit as ended:
        status = ended.code
    loaded = [name for name in {HEAVY!r} if name in sys.modules]
    results.append([status, output.getvalue(), loaded])
print(json.dumps(results))
"""
WHOLE = "--attrs attrs.json --dataset card.toml --data images --shots 2 --backbone mini"
USER_ERROR = 2
# What is typed, and the code of the error; the folder is prepared by `mistakes`.
CASES = {
    "train --dataset kidny-phantom": "card-unknown-dataset",
    "train --dataset absent-folder/": "card-unknown-dataset",
    "train --dataset broken.toml": "card-not-toml",
    f"train {WHOLE} --method biomedvrr": "method-unknown",
    f"train {WHOLE} --preset papr": "method-unknown-preset",
    f"train {WHOLE} --set betta=1": "method-unknown-setting",
    f"train {WHOLE} --set beta=-1": "method-setting-value",
    f"train {WHOLE} --set beta": "option-not-key-value",
    f"train {WHOLE} --epochs -1": "",
    f"train {WHOLE} --device gpu": "device-unusable",
    f"train {WHOLE} --weights absent.pt": "backbone-weights-unused",
    "train --attrs attrs.json --dataset card.toml --data images --backbone ViT-B-61": "backbone-unknown",
    f"train {WHOLE} --fewshot absent.json": "file-missing",
    "train --attrs absent.json": "file-missing",
    "train --attrs broken.json": "set-not-json",
    "train --attrs other.json --dataset card.toml --data images": "set-unknown-class",
    "train --attrs attrs.json --dataset card.toml --data absent": "data-missing",
    "train --attrs attrs.json --dataset card.toml --data incomplete": "data-class-without-images",
    f"train {WHOLE} --shots 99": "fewshot-too-few-images",
    f"train {WHOLE} --out run": "run-exists",
    f"train {WHOLE} --out images": "run-folder-not-empty",
    f"train {WHOLE} --out card.toml": "run-path-is-a-file",
    f"train {WHOLE} --folds 2 --fewshot run/fewshot.json": "experiment-folds-and-fewshot",
    "eval absent": "run-not-a-run",
    "eval run --data absent": "data-missing",
    "eval run --split tset": "evaluation-no-images",
    "eval run --device gpu": "device-unusable",
    "predict absent images": "run-not-a-run",
    "predict run images --backbone ViT-B-61": "backbone-unknown",
    "predict run absent.png": "images-missing-path",
    "predict run images --out card.toml": "predict-unknown-format",
    "explain absent images": "run-not-a-run",
    "explain run absent.png": "images-missing-path",
    "explain run images --html card.toml": "file-exists",
    "report absent": "compare-no-runs",
    "report run run-2 --baseline nobody": "compare-unknown-baseline",
    "table absent": "compare-no-runs",
    "sweep absent.toml": "sweep-unknown-recipe",
    "sweep --datasets card.toml --seeds one": "option-not-whole-numbers",
    "sweep --datasets kidny-phantom --methods zero-shot": "unknown dataset",
    "calibrate absent": "run-not-a-run",
    "compare absent run": "compare-no-runs",
    "compare run absent": "compare-no-runs",
    "audit --attrs absent.json": "file-missing",
    "audit --dataset kidny-phantom": "card-unknown-dataset",
    "tune --dataset kidny-phantom": "card-unknown-dataset",
    "controls --dataset kidny-phantom": "card-unknown-dataset",
    "mine absent": "run-not-a-run",
    "card absent": "run-not-a-run",
    "push absent owner/name": "run-not-a-run",
    "serve absent": "run-not-a-run",
    "bench --backbone ViT-B-61": "backbone-unknown",
    "bench --predict absent": "run-not-a-run",
    "methods biomedvrr": "method-unknown",
    "data check absent-folder/": "card-unknown-dataset",
    "data check card.toml --data absent": "data-missing",
}


@pytest.fixture(scope="module")
def mistakes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, list[str]]]:
    """Status, output and heavy modules by what was typed."""
    folder = tmp_path_factory.mktemp("mistakes")
    shutil.copytree(STORED / "run", folder / "run")
    shutil.copytree(STORED / "run", folder / "run-2")
    shutil.copytree(STORED / "images", folder / "images")
    shutil.copytree(STORED / "images", folder / "incomplete")
    for split in ("train", "val", "test"):
        shutil.rmtree(folder / "incomplete" / split / "dark_ring", ignore_errors=True)
    config = json.loads((folder / "run" / "config.json").read_text("utf-8"))
    names = [entry["name"] for entry in config["card"]["classes"]]
    shutil.copy(folder / "run" / "attributes.json", folder / "attrs.json")
    text = (folder / "attrs.json").read_text("utf-8")
    (folder / "other.json").write_text(text.replace(names[0], "something else"), "utf-8")
    (folder / "broken.json").write_text("{", "utf-8")
    (folder / "broken.toml").write_text("name =", "utf-8")
    classes = "\n".join(
        f'[[classes]]\nname = "{entry["name"]}"\nfolder = "{entry["folder"]}"'
        for entry in config["card"]["classes"]
    )
    (folder / "card.toml").write_text(
        'name = "toy"\ntitle = "Toy"\nmodality = "drawing"\nshows = "a drawing"\n'
        f'source = "drawn"\nlicence = "MIT"\n{classes}\n',
        "utf-8",
    )
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(list(CASES))],
        capture_output=True,
        text=True,
        cwd=folder,
        check=True,
    )
    results = json.loads(ended.stdout.splitlines()[-1])
    return dict(zip(CASES, map(tuple, results), strict=True))


@pytest.mark.parametrize("words", CASES)
def test_a_mistake_is_reported_before_torch_is_loaded(
    words: str, mistakes: dict[str, tuple[int, str, list[str]]]
) -> None:
    status, output, loaded = mistakes[words]
    assert not loaded, output
    assert CASES[words] in output
    assert status == (1 if "sweep --datasets kidny" in words else USER_ERROR), output
