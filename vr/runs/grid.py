"""A grid of experiments (datasets x methods x shots x seeds), from a TOML recipe or from flags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, field_validator

from attrgen.core.errors import UserError
from attrgen.core.files import expanded
from attrgen.core.resources import resource
from attrgen.core.validation import Frozen, toml_values, validate
from attrgen.schema.card import did_you_mean
from vr.runs.experiment import Experiment


class Variant(Frozen):
    """One row of a table: a method, with a preset, options or a recipe where they differ from the grid's."""

    method: str
    preset: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    recipe: dict[str, Any] = Field(default_factory=dict)


class Dataset(Frozen):
    """One column of a table: a card or collection, with the paths of its images and attributes."""

    dataset: str
    data: Path | None = None
    attrs: Path | None = None


class Grid(Frozen):
    """What `vr sweep` runs. `common` are fields of `Experiment` that all cells share."""

    title: str = ""
    datasets: list[str | Dataset] = Field(min_length=1)
    methods: list[str | Variant] = Field(min_length=1)
    shots: list[int] = Field([16], min_length=1)
    seeds: list[int] = Field([1, 2, 3], min_length=1)
    folds: int | None = Field(None, ge=2, description="cross-validation instead of the test split")
    common: dict[str, Any] = Field(default_factory=dict)

    def cells(self) -> Iterator[Experiment]:
        """Every cell, seed by seed: a whole table is complete early, and then gains seeds.

        Within a seed, cells of a collection follow each other, because workers keep its images.

        Raises:
            UserError: `common` has an unknown key or a value out of range.
        """
        folds = [None] if self.folds is None else range(1, self.folds + 1)
        for seed, dataset, shots, method in product(self.seeds, self.datasets, self.shots, self.methods):
            for fold in folds:
                yield self._cell(dataset, method, shots, seed, fold)

    def _cell(
        self, dataset: str | Dataset, method: str | Variant, shots: int, seed: int, fold: int | None
    ) -> Experiment:
        column = Dataset(dataset=dataset) if isinstance(dataset, str) else dataset
        variant = Variant(method=method) if isinstance(method, str) else method
        common = dict(self.common)
        preset = variant.preset or common.pop("preset", "default")
        common.pop("preset", None)
        recipe = {**common.pop("recipe", {}), **variant.recipe}
        values = {
            **common,
            **column.model_dump(exclude_none=True),
            "method": variant.method,
            "preset": preset,
            "options": variant.options,
            "recipe": recipe,
            "shots": shots,
            "seed": seed,
            "folds": self.folds,
            "fold": fold,
        }
        return validate(Experiment, values, what="sweep's 'common' table", code="sweep", within="common")


class _Common(BaseModel):
    """What a recipe and the command line both have, and is merged."""

    common: dict[str, Any] = Field(default_factory=dict)

    @property
    def recipe(self) -> dict[str, Any]:
        recipe: dict[str, Any] = self.common.get("recipe", {})
        return recipe

    @field_validator("common")
    @classmethod
    def _recipe_is_a_table(cls, common: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(common.get("recipe", {}), dict):
            raise ValueError("recipe should be a table")
        return common


def shipped() -> dict[str, Path]:
    """Name and path of the sweep recipes that ship with the program."""
    return {path.stem: path for path in sorted(resource("data", "recipes").glob("*.toml"))}


def load(recipe: str, changes: Mapping[str, Any]) -> Grid:
    """The grid of a sweep recipe, with changes from the command line.

    Args:
        recipe: a shipped recipe's name or a TOML file's path.
        changes: fields of `Grid` that replace the recipe's; `common` is merged into its.

    Raises:
        UserError: no such recipe, not TOML, an unknown key or a value out of range.
    """
    path = shipped().get(recipe, expanded(recipe))
    if not path.is_file():
        raise UserError(
            f"there is no sweep recipe '{recipe}'",
            code="sweep-unknown-recipe",
            remedy=f"{did_you_mean(recipe, shipped())} A TOML file's path works too.",
        )
    values = toml_values(path, what="sweep recipe", code="sweep")
    return build(values, changes, path)


def build(values: Mapping[str, Any], changes: Mapping[str, Any], path: Path | None = None) -> Grid:
    """As `load`, from a recipe's values.

    Raises:
        UserError: an unknown key or a value out of range.
    """
    recipe = validate(_Common, values, what="sweep recipe", code="sweep", file=path)
    options = validate(_Common, changes, what="sweep options", code="sweep")
    common = {**recipe.common, **options.common}
    common["recipe"] = {**recipe.recipe, **options.recipe}
    merged = {**values, **changes, "common": common}
    if "datasets" in changes and "datasets" in values:
        merged["datasets"] = _selected(changes["datasets"], values["datasets"])
    return validate(Grid, merged, what="sweep recipe", code="sweep", file=path)


def _selected(names: Sequence[str], columns: Any) -> list[Any]:
    """The datasets named on the command line, each as the recipe has it: with its images and attributes."""
    rows = [column for column in columns if isinstance(column, dict)] if isinstance(columns, list) else []
    return [next((row for row in rows if row.get("dataset") == name), name) for name in names]
