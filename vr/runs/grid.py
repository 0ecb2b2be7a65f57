"""A grid of experiments (datasets x methods x shots x seeds), from a TOML recipe or from flags."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from attrgen.core.errors import UserError
from attrgen.core.files import read_text
from attrgen.core.resources import resource
from attrgen.schema.card import did_you_mean
from vr.runs.experiment import Experiment


class Variant(BaseModel):
    """One row of a table: a method, perhaps with a preset, options or a recipe of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    preset: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    recipe: dict[str, Any] = Field(default_factory=dict)


class Dataset(BaseModel):
    """One column of a table: a card or collection, perhaps with images and attributes of its own place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    data: Path | None = None
    attrs: Path | None = None


class Grid(BaseModel):
    """What `vr sweep` runs. `common` are fields of `Experiment` that all cells share."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = ""
    datasets: list[str | Dataset] = Field(min_length=1)
    methods: list[str | Variant] = Field(min_length=1)
    shots: list[int] = Field([16], min_length=1)
    seeds: list[int] = Field([1, 2, 3], min_length=1)
    common: dict[str, Any] = Field(default_factory=dict)

    def cells(self) -> Iterator[Experiment]:
        """Every cell, seed by seed, so that a whole table is there early and gains seeds.

        Raises:
            UserError: `common` holds what an experiment does not know.
        """
        for seed in self.seeds:
            for shots in self.shots:
                for dataset in self.datasets:
                    for method in self.methods:
                        yield self._cell(dataset, method, shots, seed)

    def _cell(self, dataset: str | Dataset, method: str | Variant, shots: int, seed: int) -> Experiment:
        place = Dataset(dataset=dataset) if isinstance(dataset, str) else dataset
        variant = Variant(method=method) if isinstance(method, str) else method
        common = dict(self.common)
        preset = variant.preset or common.pop("preset", "default")
        common.pop("preset", None)
        recipe = {**common.pop("recipe", {}), **variant.recipe}
        values = {
            **common,
            **place.model_dump(exclude_none=True),
            "method": variant.method,
            "preset": preset,
            "options": variant.options,
            "recipe": recipe,
            "shots": shots,
            "seed": seed,
        }
        try:
            return Experiment.model_validate(values)
        except ValidationError as error:
            raise _invalid(error, "common", Experiment.model_fields, None) from error


def shipped() -> dict[str, Path]:
    """Name and path of the recipes that come with the program."""
    return {path.stem: path for path in sorted(resource("data", "recipes").glob("*.toml"))}


def load(recipe: str, changes: Mapping[str, Any]) -> Grid:
    """The grid of a recipe with changes from the command line.

    Args:
        recipe: a shipped recipe's name or a TOML file's path.
        changes: fields of `Grid` that replace the recipe's; `common` is merged into its.

    Raises:
        UserError: no such recipe, not TOML, an unknown key or a value out of range.
    """
    path = shipped().get(recipe, Path(recipe).expanduser())
    if not path.is_file():
        raise UserError(
            f"there is no recipe '{recipe}'",
            remedy=f"{did_you_mean(recipe, shipped())} A TOML file's path works too.",
        )
    try:
        values = tomllib.loads(read_text(path, what="sweep recipe"))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"not TOML: {error}", file=path, remedy="Mend the syntax at that place.") from error
    return build(values, changes, path)


def build(values: Mapping[str, Any], changes: Mapping[str, Any], path: Path | None = None) -> Grid:
    """As `load`, from a recipe's values.

    Raises:
        UserError: an unknown key or a value out of range.
    """
    common = {**values.get("common", {}), **changes.get("common", {})}
    common["recipe"] = {
        **values.get("common", {}).get("recipe", {}),
        **changes.get("common", {}).get("recipe", {}),
    }
    try:
        return Grid.model_validate({**values, **changes, "common": common})
    except ValidationError as error:
        raise _invalid(error, "", Grid.model_fields, path) from error


def _invalid(error: ValidationError, within: str, known: Mapping[str, Any], path: Path | None) -> UserError:
    first = error.errors()[0]
    place = ".".join(str(part) for part in ((within,) if within else ()) + first["loc"])
    if first["type"] == "extra_forbidden":
        return UserError(f"unknown key '{place}'", file=path, remedy=f"There are: {', '.join(known)}.")
    return UserError(f"{place}: {first['msg']}", file=path, remedy="Correct the value.")
