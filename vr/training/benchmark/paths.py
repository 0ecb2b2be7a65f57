"""The paths of a training step that `vr bench` compares, and the step itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from attrgen.schema.card import Card, CardClass
from vr.clip import bank as banks
from vr.clip.backbone import Backbone
from vr.methods.biomedvr import BioMedVR
from vr.methods.common.recipe import Recipe
from vr.reprogramming.encoder import Encoder, PlainEncoder, make_encoder
from vr.training.benchmark.instruments import Step, matmul
from vr.training.epoch import training_step
from vr.training.schedule import make_optimizer

CLASSES = 4
_ATTRIBUTES = 20


@dataclass(frozen=True)
class Path:
    """One way to compute a step; `arithmetic` (fp32, tf32, bf16) names the matrix product to compare with."""

    name: str
    encoder: Encoder
    arithmetic: str
    compile: bool = False


def paths_of(backbone: Backbone, fast: Encoder) -> tuple[list[Path], list[str]]:
    """The paths to measure, the plain fp32 one first; `fast` is the chosen encoder in fp32."""
    device, frame = backbone.device, fast.frame
    gpu, notes = device.type == "cuda", []
    exact = replace(backbone, precision="fp32")
    paths = [Path("plain, fp32", PlainEncoder(exact, frame), "fp32")]
    has_fast = not isinstance(fast, PlainEncoder)
    if has_fast:
        paths.append(Path("fast, tf32" if gpu else "fast, fp32", fast, "tf32" if gpu else "fp32"))
    else:
        notes.append(f"No fast path: {fast.path.removeprefix('plain: ')}.")
    if backbone.precision == "bf16":
        paths.append(Path("plain, bf16", PlainEncoder(backbone, frame), "bf16"))
        if has_fast:
            paths.append(Path("fast, bf16", make_encoder(backbone, frame), "bf16"))
    if gpu and has_fast:
        best = paths[-1]
        paths.append(replace(best, name=f"{best.name}, compiled", compile=True))
    return paths, notes


def training(method: BioMedVR, batch_size: int) -> Callable[[Path], Step]:
    """A function that gives a path's training step, on random images against random banks."""
    backbone = method.context.backbone
    device = backbone.device
    generator = torch.Generator().manual_seed(0)
    size = method.image_size
    images = torch.rand(batch_size, 3, size, size, generator=generator).to(device)
    labels = (torch.arange(batch_size) % CLASSES).to(device)
    with torch.no_grad():
        width = method.encoder.encode(method.prepare(images[:1]), method.delta).shape[-1]
    for kind in method.kinds:
        texts = [torch.randn(_ATTRIBUTES, width, generator=generator) for _ in range(CLASSES)]
        method.banks[kind] = banks.from_classes([F.normalize(t, dim=-1) for t in texts]).to(device)
    optimizer = make_optimizer(method.parameter_groups(1e-3), Recipe(), device)

    def step_of(path: Path) -> Step:
        gradients = training_step(method, path.compile)

        def step() -> None:
            method.encoder = path.encoder
            _allow_tf32(path.arithmetic != "fp32", device)  # as in training, where a few products are float32
            with torch.no_grad():
                prepared: Tensor = method.prepare(images)
            gradients(prepared, labels)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        return step

    return step_of


def product_of(arithmetic: str, device: torch.device) -> tuple[Step, int]:
    """The large matrix product with which paths of this arithmetic are compared, and its operations."""
    product, count = matmul(device, torch.bfloat16 if arithmetic == "bf16" else torch.float32)

    def step() -> None:
        _allow_tf32(arithmetic == "tf32", device)
        product()

    return step, count


def _allow_tf32(allowed: bool, device: torch.device) -> None:
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = allowed
        torch.backends.cudnn.allow_tf32 = allowed


def benchmark_card() -> Card:
    """A card of classes without images."""
    names = [f"class {number + 1}" for number in range(CLASSES)]
    classes = tuple(CardClass(name=name, folder=name) for name in names)
    return Card(name="bench", title="Bench", modality="none", shows="noise", classes=classes)
