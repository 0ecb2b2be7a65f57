"""The demo dataset `kidney-phantom`, drawn where its images are missing.

Layout, as the CoOp family has it: `split_KidneyPhantom.json`, `KidneyPhantom/<class folder>/<file>.png`, and
beside them `findings.json`, which records what was drawn into each image.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from attrgen.core.errors import UserError
from attrgen.schema.card import Card, find
from vr.phantom.finding import Finding
from vr.phantom.kidney import KidneyPicture, draw_kidney
from vr.runtime.progress import count_bar

NAME = "kidney-phantom"
SEED = 20261
PER_CLASS = {"train": 64, "val": 150, "test": 250}  # val: as many as calibration needs
FORMAT = "phantom-findings/1"


def draw_dataset(folder: Path) -> None:
    """Draw all pictures into `folder`, which must not exist; it appears once all are drawn.

    Picture n of a split and class depends on these three alone, so that the pictures are the same wherever
    they are drawn.

    Raises:
        UserError: the folder cannot be written.
    """
    card = find(NAME)
    temporary: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        temporary.chmod(0o777 & ~_umask())
        _draw_into(temporary, card)
        temporary.rename(folder)
        temporary = None
    except OSError as error:
        if folder.is_dir() and any(folder.iterdir()):
            return  # another process drew the same pictures in the meantime
        raise UserError(
            f"the images of '{NAME}' cannot be drawn: {error.strerror or error}",
            code="phantom-cannot-write",
            file=folder,
            remedy="Free space, or name another data root with VR_DATA.",
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def picture_of(split: str, label: int, class_name: str, number: int) -> KidneyPicture:
    """Picture `number` of a class and split."""
    split_number = list(PER_CLASS).index(split)
    return draw_kidney(class_name, np.random.default_rng((SEED, split_number, label, number)))


def _draw_into(folder: Path, card: Card) -> None:
    assert card.images is not None
    rows: dict[str, list[list[object]]] = {split: [] for split in PER_CLASS}
    drawn: dict[str, Any] = {}
    with count_bar(f"drawing {NAME}", sum(PER_CLASS.values()) * len(card.classes)) as advance:
        for label, entry in enumerate(card.classes):
            (folder / card.images.folder / entry.folder).mkdir(parents=True)
            for split, count in PER_CLASS.items():
                for number in range(count):
                    path = f"{entry.folder}/{split}_{number + 1:03d}.png"
                    kidney = picture_of(split, label, entry.name, number)
                    Image.fromarray(kidney.picture).save(folder / card.images.folder / path)
                    rows[split].append([path, label, entry.name])
                    drawn[path] = _record(kidney)
                    advance()
    (folder / f"split_{card.images.folder}.json").write_text(_lines(rows), encoding="utf-8")
    body = ",\n".join(f"    {json.dumps(path)}: {json.dumps(record)}" for path, record in drawn.items())
    text = f'{{\n  "format": "{FORMAT}",\n  "pictures": {{\n{body}\n  }}\n}}\n'
    (folder / "findings.json").write_text(text, encoding="utf-8")


def _record(kidney: KidneyPicture) -> dict[str, Any]:
    return {
        "organ": _values(kidney.organ),
        "findings": [_values(finding) for finding in kidney.findings],
        "incidental": [_values(finding) for finding in kidney.incidental],
    }


def _values(finding: Finding) -> list[str]:
    return sorted(finding.values)


def _lines(rows: dict[str, list[list[object]]]) -> str:
    blocks = []
    for split, rows_of_split in rows.items():
        lines = ",\n".join(f"    {json.dumps(row)}" for row in rows_of_split)
        blocks.append(f'  "{split}": [\n{lines}\n  ]')
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
