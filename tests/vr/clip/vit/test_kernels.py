"""The GPU's kernels compute what their definitions say, in Triton's interpreter on the CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

NO_INTERPRETER = 3


@pytest.fixture(scope="module")
def errors() -> dict[str, float]:
    """Relative errors by name; see `interpreted.py`."""
    script = Path(__file__).with_name("interpreted.py")
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    if ended.returncode == NO_INTERPRETER:
        pytest.skip(ended.stdout.strip())
    assert ended.returncode == 0, ended.stderr
    result: dict[str, float] = json.loads(ended.stdout)
    return result


def of(errors: dict[str, float], *words: str) -> list[float]:
    """Errors whose name has all these words."""
    return [error for name, error in errors.items() if all(word in name for word in words)]


def test_norms_and_their_gradients(errors: dict[str, float]) -> None:
    exact, rounded = of(errors, "norm", "float32"), of(errors, "norm", "bfloat16")
    assert len(exact) == 24
    assert len(rounded) == 8
    assert max(exact) < 1e-6
    assert max(rounded) < 5e-3


def test_the_encoder_with_kernels_equals_the_one_without(errors: dict[str, float]) -> None:
    assert len(of(errors, "encoder", "features")) == 3
    assert max(of(errors, "encoder", "features") + of(errors, "encoder", "gradient")) < 1e-5
    assert not any(of(errors, "encoder", "same to the bit"))  # else no kernel ran
