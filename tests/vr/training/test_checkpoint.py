"""A checkpoint file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from attrgen.core.errors import UserError
from vr.training.checkpoint import Checkpoint


def test_checkpoint_says_what_it_needs(tmp_path: Path) -> None:
    from vr.training import checkpoint as checkpoints

    file = tmp_path / "checkpoint.safetensors"
    file.write_bytes(b"not a checkpoint")
    with pytest.raises(UserError) as caught:
        checkpoints.load(file, "x")
    assert caught.value.code == "checkpoint-damaged"
    checkpoints.save(Checkpoint(1, {"parameter.a": torch.ones(1)}, [], "one"), file)
    with pytest.raises(UserError) as caught:
        checkpoints.load(file, "two")
    assert caught.value.code == "checkpoint-other-settings"
