"""Nodes of a Ray cluster, without Ray."""

from __future__ import annotations

from pathlib import Path

import pytest

from attrgen.core import version
from attrgen.core.errors import UserError
from vr.runtime import ray_cluster


@pytest.mark.usefixtures("not_installed")
def test_checkouts_that_are_not_installed_are_compared_by_their_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ray_cluster._look_around(str(tmp_path), str(tmp_path))
    ray_cluster._check_answer("node-2", *here, tmp_path)
    monkeypatch.setattr(version, "_source", lambda: "other" * 8)
    with pytest.raises(UserError) as caught:
        ray_cluster._check_answer("node-2", *here, tmp_path)
    assert caught.value.code == "ray-other-version"
