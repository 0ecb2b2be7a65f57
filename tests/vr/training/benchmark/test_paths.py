"""The step that is measured and trained compiles as one graph and gives the same gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from vr.methods.biomedvr import BioMedVR, BioMedVROptions
from vr.methods.common.base import Context
from vr.training.benchmark.paths import CLASSES, benchmark_card, training

BATCH = 3


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_step_of_biomedvr_compiles_as_one_graph(tiny: Any, backend: str) -> None:
    method = BioMedVR(Context(tiny, benchmark_card(), None), BioMedVROptions())
    assert method.encoder.path == "fast, fp32"
    training(method, BATCH)  # fills the banks
    size = method.image_size
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(BATCH) % CLASSES
    with torch.no_grad():
        prepared = method.prepare(torch.rand(BATCH, 3, size, size, generator=generator))
        method.delta.normal_(generator=generator)

    def gradient(step: Any) -> Tensor:
        method.zero_grad()
        _, loss = step(prepared, labels)
        loss.total.backward()
        assert method.delta.grad is not None
        return method.delta.grad.clone()

    compiled = torch.compile(method.step, backend=backend, fullgraph=True, dynamic=False)
    torch.testing.assert_close(gradient(compiled), gradient(method.step), rtol=1e-4, atol=1e-7)
    assert gradient(compiled).abs().max() > 1e-6
