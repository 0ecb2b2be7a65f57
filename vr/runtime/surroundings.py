"""What a worker takes over from the command that started it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PASSED_ON = ("VR_", "HF_")  # first letters of variables that workers get
_ALSO = ("OMP_NUM_THREADS",)


@dataclass(frozen=True)
class Surroundings:
    """What a worker takes over from the command that started it: its working folder and variables."""

    folder: str
    variables: Mapping[str, str]

    @classmethod
    def here(cls) -> Surroundings:
        """Those of this process."""
        variables = {
            key: value for key, value in os.environ.items() if key.startswith(_PASSED_ON) or key in _ALSO
        }
        return cls(str(Path.cwd()), variables)

    def enter(self) -> None:
        """Take them over in this process."""
        os.environ.update(self.variables)
        os.chdir(self.folder)
