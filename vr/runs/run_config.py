"""`config.json` of a run: everything resolved, and the fingerprint of what training depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal

from attrgen.core.validation import Strict
from attrgen.schema.card import Card
from vr.clip.preprocessing import Preprocessing
from vr.methods import find_declaration
from vr.methods.common.recipe import Recipe
from vr.runs.selection import Select
from vr.runs.tuning import TuningRecord
from vr.runtime.device import Precision

# Keys of a configuration that training does not depend on.
CIRCUMSTANCES = ("data", "data_format", "device", "encoder", "versions", "images")

# Keys of a card that only prompts and notes read: training does not depend on them.
DESCRIPTIVE_KEYS = ("greyscale", "stain", "synthetic", "view")

# Keys that came after the first release: where they are None, a run keeps the fingerprint that it had.
LATER_KEYS = (
    ("fold",),
    ("limit",),
    *(("recipe", key) for key in ("early_stopping", "class_weights")),
    ("control",),
    ("tuning",),
    ("mined",),
    *(("card", "images", key) for key in ("intensity", "group", "group_column", "group_dicom")),
)


class BackboneRecord(Strict):
    """Which frozen CLIP a run used: how to load it, and its identity."""

    name: str
    weights: str | None
    id: str
    image_size: int
    tau: float
    preprocessing: Preprocessing | None = None  # older runs recorded none


class AttributesRecord(Strict):
    """Which attribute set a run used: the file as it was given, and the id that a paper cites."""

    file: str
    id: str


class FoldRecord(Strict):
    """Which fold of a cross-validation a run is tested on; the digest is that of all folds."""

    number: int
    folds: int
    digest: str


class RunConfig(Strict):
    """`config.json`: everything resolved, so that the run can be repeated from it alone."""

    format: Literal["run/1"] = "run/1"
    method: str
    preset: str
    options: dict[str, Any]
    recipe: Recipe
    select: Select
    shots: int
    seed: int
    fewshot: str  # SHA-256 of fewshot.json
    card: Card
    data: str | None  # as it was given; None: under the data root
    data_format: str | None
    attributes: AttributesRecord | None
    backbone: BackboneRecord
    precision: Precision
    device: str
    encoder: str
    learned_parameters: int
    versions: dict[str, str]
    fold: FoldRecord | None = None
    images: dict[str, int] | None = None  # by split; older runs recorded none
    limit: int | None = None  # most test images, for a quick try
    control: str | None = None  # kind of control texts that the attributes were replaced by
    tuning: TuningRecord | None = None
    mined: int | None = None  # round in which its confusion texts were mined

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that training depends on: not paths, devices or versions."""
        values = self.model_dump(mode="json")
        for key in CIRCUMSTANCES:
            del values[key]
        options = find_declaration(self.method).options_type
        values["options"] = options.of_run(self.options).identity()
        values["recipe"] = self.recipe.identity()
        if self.attributes is not None:
            values["attributes"] = self.attributes.id
        values["backbone"] = self.backbone.id
        for key in DESCRIPTIVE_KEYS:
            values["card"].pop(key, None)
        for keys in LATER_KEYS:
            _drop_if_none(values, keys)
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _drop_if_none(values: dict[str, Any] | None, keys: Sequence[str]) -> None:
    """Remove the value at nested `keys` where it is None."""
    first, *others = keys
    if values is None or first not in values:
        return
    if others:
        _drop_if_none(values[first], others)
    elif values[first] is None:
        del values[first]
