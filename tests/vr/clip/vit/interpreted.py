"""Run the kernels on the CPU, in Triton's interpreter, and print their errors as JSON, by name.

In a process of its own, because Triton reads TRITON_INTERPRET when it is imported.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["TRITON_INTERPRET"] = "1"

import torch
from torch import Tensor

from vr.clip.vit import fused

NO_INTERPRETER = 3
generator = torch.Generator().manual_seed(0)


def random(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Normal numbers."""
    return torch.randn(shape, generator=generator).to(dtype)


def relative(result: Tensor, expected: Tensor) -> float:
    """Norm of the difference over the norm of the expected tensor."""
    return float((result.double() - expected.double()).norm() / expected.double().norm())


def check_interpreter() -> None:
    """Leave, saying why, where no kernel at all can be interpreted."""
    try:
        import triton
        import triton.language as tl

        @triton.jit
        def copy(source, target) -> None:  # type: ignore[no-untyped-def]
            tl.store(target + tl.arange(0, 4), tl.load(source + tl.arange(0, 4)))

        target = torch.zeros(4)
        copy[(1,)](torch.ones(4), target)
        assert bool(target.all())
    except Exception as error:
        print(f"Triton's interpreter does not work here: {type(error).__name__}")
        sys.exit(NO_INTERPRETER)


def norm_errors(width: int, dtype: torch.dtype, *, weighted: bool) -> dict[str, float]:
    """Sum, norm and gradient of rows, beside the same in float64 by the definition of the norm."""
    x, delta, gradient, residual = (random(3, 5, width, dtype=dtype) for _ in range(4))
    weight, bias = (random(width, dtype=dtype) if weighted else None for _ in range(2))
    total, normed, mean, rstd = fused.sum_and_norm(x, delta, weight, bias, 1e-5)
    result = fused.norm_backward(gradient, total, mean, rstd, weight, residual)
    alone = fused.norm_backward(gradient, total, mean, rstd, weight, None)
    exact = total.double().requires_grad_()
    centred = exact - exact.mean(-1, keepdim=True)
    expected = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    expected = expected if weight is None else expected * weight.double()
    expected = expected if bias is None else expected + bias.double()
    (through,) = torch.autograd.grad(expected, exact, gradient.double())
    return {
        "sum": relative(total, x.double() + delta.double()),
        "norm": relative(normed, expected.detach()),
        "gradient": relative(result, through + residual.double()),
        "gradient alone": relative(alone, through),
    }


def encoder_errors(pool: str, layers: int) -> dict[str, float]:
    """Embeddings and gradients of programs, beside those without kernels."""
    from vr.reprogramming.fast_encoder import FrameEncoder

    file = Path(__file__).parent / "conftest.py"
    spec = importlib.util.spec_from_file_location("clips", file)
    assert spec is not None and spec.loader is not None
    clips: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(clips)
    vision = {"patch_size": 16, "layers": layers, "width": 64, "head_width": 32, "pool_type": pool}
    encoder = FrameEncoder(clips.clip(image_size=64, quick_gelu=True, **vision), 16)
    images = torch.rand(2, 3, 32, 32, generator=generator)
    delta = random(2, 3, 64, 64)
    outer = random(2, 2, 24)

    def both() -> tuple[Tensor, Tensor]:
        program = delta.clone().requires_grad_()
        features = encoder.encode(encoder.prepare(images), program)
        return features.detach(), torch.autograd.grad(features, program, outer)[0]

    features, gradient = both()
    with fused.without():
        expected_features, expected_gradient = both()
    return {
        "features": relative(features, expected_features),
        "gradient": relative(gradient, expected_gradient),
        "same to the bit": float(torch.equal(gradient, expected_gradient)),
    }


def main() -> None:
    """Print the errors."""
    check_interpreter()
    errors: dict[str, float] = {}
    kinds = [(width, torch.float32) for width in (192, 512, 768)] + [(768, torch.bfloat16)]
    for width, dtype in kinds:
        for weighted in (True, False):
            kind = f"{dtype}, {width}, {'weights' if weighted else 'no weights'}"
            measured = norm_errors(width, dtype, weighted=weighted)
            errors |= {f"norm, {kind}: {name}": error for name, error in measured.items()}
    fused.DEVICES, fused.LEAST_ELEMENTS = ("cpu",), 0
    for pool, layers in (("tok", 3), ("avg", 2), ("tok", 1)):
        measured = encoder_errors(pool, layers)
        errors |= {f"encoder, {pool}, {layers}: {name}": error for name, error in measured.items()}
    print(json.dumps(errors))


if __name__ == "__main__":
    main()
