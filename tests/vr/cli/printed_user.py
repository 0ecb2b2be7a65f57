"""Someone who types commands, for the tests of printed commands."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import attrgen.cli
import vr.cli
from attrgen.core import command as command_line
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet

PROGRAMS = {"attrgen": attrgen.cli, "vr": vr.cli}


class User:
    """Someone in a folder with a space and an apostrophe in its name, who types commands."""

    def __init__(self, folder: Path, toy: Any, run: Path, server: Any, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.toy, self._run, self.server, self.patch = folder, toy, run, server, patch
        self.printed = io.StringIO()

    def types(self, *words: object) -> tuple[int, str]:
        """Run a command line; its status, and what it printed."""
        out = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", list(map(str, words)))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", out)
            status = 0
            try:
                command_line.run(PROGRAMS[str(words[0])].app)
            except SystemExit as ended:
                status = int(ended.code or 0)
        return status, out.getvalue()

    def sees(self, *words: object) -> str:
        """What a command prints, whatever its status."""
        return self.types(*words)[1]

    def run_copy(self, *without: str) -> Path:
        """A copy of the toy run, without some of its files."""
        copy = self.folder / "my run's"
        shutil.copytree(self._run, copy)
        for name in without:
            (copy / name).unlink()
        return copy

    def collection(self, name: str = "My Scans", images: int = 30) -> Path:
        """A folder of two classes of tiny images."""
        for label, folder in enumerate(("big spot", "thin ring")):
            for number in range(images):
                path = self.folder / name / folder / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                values = np.random.default_rng([label, number]).integers(0, 256, (9, 9, 3), dtype=np.uint8)
                Image.fromarray(values).save(path)
        return self.folder / name

    def own_set(self, **changes: Any) -> Path:
        """The toy set in a file of the user's, with changed classes."""
        attributes = attribute_set.load(self.toy.attrs)
        classes = {**attributes.classes, **changes}
        path = self.folder / "my set.json"
        kept = {name: value for name, value in classes.items() if value is not None}
        attribute_set.save(AttributeSet(dataset="toy", classes=kept), path)
        return path

    def toy_words(self) -> list[object]:
        """Options that train on the toy dataset, for a second."""
        return [
            *("--dataset", self.toy.card, "--data", self.toy.data, "--backbone", self.toy.backbone),
            *("--weights", "random", "--device", "cpu", "--shots", 4, "--epochs", 1),
        ]
