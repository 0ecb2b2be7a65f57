"""How time, memory and page grow with the number of classes: check, plan, and a run with its report.

    python tests/benchmarks/many_classes.py [--classes 50,100,200,1000] [--no-runs] [--json FILE]

For each number it draws one training image and ten test images per class, and writes 25 texts per class: ten
descriptive, ten distinctive, and five for the class that it is mistaken for.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SHADES = ["dark", "bright", "pale", "grey", "mottled", "even", "striped", "glossy", "dull", "speckled"]
FORMS = ["round", "oval", "long", "narrow", "broad", "branching", "lobed", "angular", "flat", "curved"]
PARTS = [
    "border",
    "centre",
    "wall",
    "surface",
    "core",
    "edge",
    "rim",
    "patch",
    "band",
    "ring",
    "spot",
    "ridge",
]
PLACES = ["left", "right", "upper", "lower", "middle", "outer", "inner", "near", "far", "deep", "shallow"]
SYLLABLES = ["ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "zo", "ku", "ha"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", default="50,100,200,1000")
    parser.add_argument("--no-runs", action="store_true", help="only check and plan")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    columns = ("classes", "check s", "plan s", "run s", "run MB", "report s", "page MB")
    print("  ".join(f"{column:>8}" for column in columns), flush=True)
    rows = []
    for number in map(int, args.classes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measured(Path(folder), number, runs=not args.no_runs))
        print("  ".join(f"{rows[-1].get(column, '-'):>8}" for column in columns), flush=True)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + "\n", "utf-8")


def measured(folder: Path, classes: int, *, runs: bool) -> dict[str, float]:
    """A row of the table."""
    write_set(folder, classes)
    row: dict[str, float] = {"classes": classes}
    card, attrs = ["--dataset", "card.toml"], "attrs.json"
    row["check s"], _ = command(folder, "attrgen", "check", attrs, *card, allowed=(0, 1))
    row["plan s"], _ = command(folder, "attrgen", "build", *card, "--dry-run", "--out", "new.json")
    if runs:
        draw(folder / "images", classes)
        options = [*card, "--data", "images", "--attrs", attrs, "--backbone", "mini", "--device", "cpu"]
        training = ["--shots", "1", "--epochs", "2", "--out", "run", "--precision", "fp32"]
        row["run s"], row["run MB"] = command(folder, "vr", "train", *options, *training)
        row["report s"], _ = command(folder, "vr", "report", "run", "--device", "cpu")
        row["page MB"] = round((folder / "run" / "report.html").stat().st_size / 1e6, 2)
    return row


def command(folder: Path, program: str, *words: str, allowed: tuple[int, ...] = (0,)) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a command."""
    environment = {**os.environ, "VR_CACHE": str(folder / "cache"), "OPENAI_API_KEY": "none"}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", f"from {program}.cli import main; main()", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in allowed:
        raise SystemExit(f"{program} {' '.join(words)} failed")
    return round(time.perf_counter() - began, 2), round(_megabytes(usage))


def _megabytes(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def write_set(folder: Path, classes: int) -> None:
    """A card and an attribute set of that many classes."""
    chance = random.Random(classes)
    names = [name_of(number) for number in range(classes)]
    entries: dict[str, Any] = {}
    for number, name in enumerate(names):
        other = names[(number + 1) % classes]
        texts = [text_of(chance) for _ in range(25)]
        entries[name] = {
            "descriptive": texts[:10],
            "distinctive": texts[10:20],
            "confusion": {other: texts[20:]},
        }
    values = {"format": "attribute-set/1", "dataset": "drawn", "classes": entries, "provenance": {}}
    (folder / "attrs.json").write_text(json.dumps(values, indent=1), "utf-8")
    tables = "\n".join(f'[[classes]]\nname = "{name}"\nfolder = "{name}"' for name in names)
    head = 'name = "drawn"\ntitle = "Drawn"\nmodality = "drawing"\nshows = "a drawing"\n'
    (folder / "card.toml").write_text(f'{head}source = "drawn"\nlicence = "MIT"\n{tables}\n', "utf-8")


def name_of(number: int) -> str:
    """A made-up word of its own for each number."""
    digits = [number // 16**place % 16 for place in (2, 1, 0)]
    return "".join(SYLLABLES[digit] for digit in digits) + "ra"


def text_of(chance: random.Random) -> str:
    """A sentence about the look, from some hundred thousand possible ones."""
    one, two = chance.sample(SHADES, 2)
    return (
        f"a {one} {chance.choice(FORMS)} {chance.choice(PARTS)} at the {chance.choice(PLACES)} side with "
        f"a {two} {chance.choice(FORMS)} {chance.choice(PARTS)} of {chance.randrange(2, 40)} dots"
    )


def draw(folder: Path, classes: int, *, side: int = 48, tests: int = 10) -> None:
    """Noise around a colour for each class."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(classes):
        color = rng.integers(40, 216, 3)
        for split, count in (("train", 1), ("test", tests)):
            (folder / split / name_of(number)).mkdir(parents=True)
            for image in range(count):
                pixels = (color + rng.normal(0, 25, (side, side, 3))).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / split / name_of(number) / f"{image}.png")


if __name__ == "__main__":
    main()
