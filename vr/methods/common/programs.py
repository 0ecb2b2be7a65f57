"""What the methods that learn input-space programs share: programs, an encoder, banks and their state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from attrgen.schema.matching import require
from vr.clip import bank as banks
from vr.clip.bank import Bank
from vr.methods.common.attributes import attribute_bank
from vr.methods.common.base import Context, Method
from vr.methods.common.options import FrameOptions, ProgramOptions
from vr.reprogramming.encoder import make_encoder
from vr.reprogramming.program import Program, frame_mask, resolve_frame


class ProgramMethod(Method):
    """One or more programs around the image, stacked in `delta` (E, 3, H, W), starting at zero."""

    def __init__(self, context: Context, options: FrameOptions, experts: tuple[str, ...] = ("pos",)) -> None:
        super().__init__(context)
        self.experts = experts
        backbone = context.backbone
        self.encoder = make_encoder(backbone, resolve_frame(backbone, options.frame))
        self.image_size = self.encoder.image_size
        side = backbone.image_size
        self.delta = nn.Parameter(torch.zeros(len(experts), 3, side, side, device=backbone.device))

    def prepare(self, images: Tensor) -> Tensor:
        """See `Encoder.prepare`."""
        return self.encoder.prepare(images)

    def programs(self) -> dict[str, Program]:
        """`sigmoid(delta) * M` of each expert, in [0, 1]."""
        mask = frame_mask(self.delta.shape[-1], self.encoder.frame)
        added = self.delta.detach().cpu().sigmoid() * mask
        return {name: Program(added[i], mask) for i, name in enumerate(self.experts)}

    def state(self) -> dict[str, Tensor]:
        """`delta_<expert>` (3, H, W) for each expert, and the banks."""
        tensors = {f"delta_{name}": self.delta[i].detach().clone() for i, name in enumerate(self.experts)}
        return tensors | self.bank_tensors()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `state`."""
        self.delta.data.copy_(torch.stack([tensors[f"delta_{name}"] for name in self.experts]))
        self.load_banks(tensors)

    def parameter_groups(self, lr: float) -> list[dict[str, Any]]:
        """The programs at the full learning rate."""
        return [{"params": [self.delta], "lr": lr}]


class AttributeProgramMethod(ProgramMethod):
    """Programs scored against one bank for each of `kinds`."""

    options: ProgramOptions

    def __init__(
        self, context: Context, options: ProgramOptions, experts: tuple[str, ...] = ("pos",)
    ) -> None:
        super().__init__(context, options, experts)
        self.options = options
        if context.attributes is not None:
            kinds = self.required_kinds(options)
            require(context.attributes, kinds, file=context.attributes_file)
            for salt, kind in enumerate(self.kinds):
                if kind in kinds:
                    self.banks[kind] = self._bank(kind, salt)

    def texts(self, kind: str) -> list[list[str]]:
        """The texts of a kind that are used, by class in label order."""
        assert self.context.attributes is not None
        classes = self.context.attributes.classes
        count = self.options.attributes_per_class
        return [classes[name].texts(kind)[:count] for name in self.context.card.class_names]

    def generator(self, salt: int) -> torch.Generator:
        """A generator that depends on the run's seed and on what is drawn alone."""
        return torch.Generator().manual_seed(self.context.seed * 10 + salt)

    def anchor(self, kind: str) -> str:
        """The template in which texts of a kind are encoded; confusion attributes have one of their own."""
        return "" if kind == "confusion" else self.options.anchor

    def _bank(self, kind: str, salt: int) -> Bank:
        texts = self.texts(kind)
        if self.options.pad_to is not None:
            generator = self.generator(salt)
            texts = [banks.padded_with_replacement(lines, self.options.pad_to, generator) for lines in texts]
        return attribute_bank(self.context, texts, self.anchor(kind))
