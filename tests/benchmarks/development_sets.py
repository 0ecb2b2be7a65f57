"""Collections on which defaults are chosen: no image of them is a test image of a table.

    python tests/benchmarks/development_sets.py OUT [--images FOLDER]

Writes into OUT, a folder per collection: the task of kidney-phantom drawn with another seed, and of the
collections in FOLDER (each a folder with a split file, as the CoOp family has it) the training and validation
images alone, all of them as training images: `vr sweep` divides them with `folds`. See docs/method-choice.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from vr.phantom import dataset

COLLECTIONS = ("BUSI", "CTKidney", "BTMRI", "KneeXray", "LungColon")
SEED = 30261  # of the drawn images; the demo's are drawn with dataset.SEED


def main() -> None:
    """Write what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--images", type=Path, help="folder of BUSI, CTKidney, …")
    arguments = parser.parse_args()
    phantom = arguments.out / "KidneyPhantom"
    if not phantom.exists():
        dataset.SEED = SEED
        dataset.draw_dataset(phantom)
    for name in COLLECTIONS if arguments.images is not None else ():
        if not (arguments.out / name).exists():
            without_test(arguments.images / name, arguments.out / name)


def without_test(source: Path, target: Path) -> None:
    """Copy a collection without its test images."""
    split = f"split_{target.name}.json"
    rows = json.loads((source / split).read_text("utf-8"))
    kept = [*rows["train"], *rows["val"]]
    for path, _, _ in kept:
        copy = target / target.name / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / target.name / path, copy)
    (target / split).write_text(json.dumps({"train": kept, "val": [], "test": []}), encoding="utf-8")


if __name__ == "__main__":
    main()
