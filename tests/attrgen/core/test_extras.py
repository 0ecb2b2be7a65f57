"""What is said where a package of an extra is not installed."""

from __future__ import annotations

import pytest

from attrgen.core.errors import UserError
from attrgen.core.extras import needed


def test_a_missing_package_is_named_with_its_remedy() -> None:
    with (
        pytest.raises(UserError) as caught,
        needed("the table needs x", code="table-no-x", file="t.x", remedy="pip install x"),
    ):
        import no_such_package  # noqa: F401
    assert caught.value.code == "table-no-x"
    assert all(words in str(caught.value) for words in ("t.x", "the table needs x", "pip install x"))
    assert isinstance(caught.value.__cause__, ImportError)


def test_another_error_is_no_missing_package() -> None:
    with pytest.raises(ValueError, match="a bug"), needed("x", code="x", remedy="x"):
        raise ValueError("a bug")
