"""What `import vr` and `import attrgen` offer: lazy names, API modules and type checkers know the same."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("package", ["attrgen", "vr"])
def test_the_package_and_its_api_offer_the_same(package: str) -> None:
    names = importlib.import_module(package).__all__
    api = importlib.import_module(f"{package}.api")
    assert sorted(api.__all__) == list(names) == sorted(names)
    assert all(getattr(api, name) is getattr(importlib.import_module(package), name) for name in names)
    tree = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))
    for_checkers = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == f"{package}.api"
        for alias in node.names
    ]
    assert sorted(for_checkers) == list(names)


def test_each_public_function_refuses_wrong_types_itself() -> None:
    """Called with a number for everything that is named, a public function raises `UserError`."""
    import attrgen
    import vr

    calls = [
        *(lambda function=function: function(5) for function in (attrgen.load, attrgen.check, vr.load)),
        lambda: attrgen.save(5, "x.json"),  # type: ignore[arg-type]
        lambda: attrgen.diff(5, 5),  # type: ignore[arg-type]
        lambda: attrgen.build(5),  # type: ignore[arg-type]
        lambda: vr.open_dataset(5),  # type: ignore[arg-type]
        lambda: vr.train(5),  # type: ignore[call-overload]
        *(lambda f=f: f(5, "x.png") for f in (vr.predict, vr.explain)),
        lambda: vr.evaluate(5),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(vr.UserError) as caught:
            call()
        assert caught.value.code == "argument-wrong-type"
