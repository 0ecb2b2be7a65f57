"""BioMedVR's ablations by name; each changes exactly one option of the default and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ABLATIONS: Mapping[str, Mapping[str, Any]] = {
    "no-penalty": {"beta": 0.0},
    "no-negative": {"negatives": "none"},
    "no-gate": {"gate": "none"},
    "random-negatives": {"negatives": "random"},
    "shuffled-negatives": {"negatives": "shuffled"},
    "corrupted-25": {"corrupt_positives": 0.25},
    "corrupted-50": {"corrupt_positives": 0.5},
    "corrupted-75": {"corrupt_positives": 0.75},
}
