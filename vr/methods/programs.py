"""What the methods that learn input-space programs share: programs, an encoder, banks and their state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from attrgen.attribute_set import require
from attrgen.errors import UserError
from vr import bank as banks
from vr.bank import Bank
from vr.encoder import make_encoder
from vr.methods.base import Context, Method, Options
from vr.program import resolve_frame
from vr.text import embed


class ProgramOptions(Options):
    """Choices of a padding program scored against attribute banks."""

    frame: int | None = Field(None, ge=1, description="frame width in pixels; None: from the backbone")
    k: int = Field(3, ge=1, description="how many nearest attributes of a class count")
    attributes_per_class: int | None = Field(None, ge=1, description="the first n of each kind; None: all")
    pad_to: int | None = Field(
        None, ge=1, description="published padding: each bank filled to n by drawing with replacement"
    )


class ProgramMethod(Method):
    """One or more programs around the image, stacked in `delta` (E, 3, H, W), starting at zero."""

    experts: tuple[str, ...]
    options: ProgramOptions

    def __init__(self, context: Context, options: ProgramOptions) -> None:
        super().__init__(context)
        self.options = options
        backbone = context.backbone
        self.encoder = make_encoder(backbone, resolve_frame(backbone, options.frame))
        self.image_size = self.encoder.image_size
        side = backbone.image_size
        self.delta = nn.Parameter(torch.zeros(len(self.experts), 3, side, side, device=backbone.device))
        self.banks: dict[str, Bank] = {}

    def prepare(self, images: Tensor) -> Tensor:
        """See `Encoder.prepare`."""
        return self.encoder.prepare(images)

    def build_bank(self, kind: str, *, salt: int) -> None:
        """Embed a kind of attributes as the bank of that name.

        Raises:
            UserError: a class has none; a missing bank is never zeros.
        """
        attributes = self.context.attributes
        if attributes is None:
            raise UserError(f"{self.name} needs an attribute set", remedy="Pass --attrs FILE.")
        require(attributes, (kind,), file=self.context.attributes_file)
        generator = torch.Generator().manual_seed(self.context.seed * 10 + salt)
        rows = []
        for name in self.context.card.class_names:
            texts = attributes.classes[name].texts(kind)[: self.options.attributes_per_class]
            if self.options.pad_to is not None:
                texts = banks.padded_with_replacement(texts, self.options.pad_to, generator)
            rows.append(embed(self.context.backbone, texts))
        self.banks[kind] = banks.from_classes(rows)

    def state(self) -> dict[str, Tensor]:
        """`delta_<expert>` (3, H, W) for each expert, and the banks."""
        tensors = {f"delta_{name}": self.delta[i].detach() for i, name in enumerate(self.experts)}
        for name, bank in self.banks.items():
            tensors |= bank.tensors(f"bank.{name}")
        return tensors

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `state`."""
        stacked = torch.stack([tensors[f"delta_{name}"] for name in self.experts])
        self.delta.data.copy_(stacked)
        names = {key.split(".")[1] for key in tensors if key.startswith("bank.")}
        for name in sorted(names):
            self.banks[name] = Bank.from_tensors(f"bank.{name}", dict(tensors)).to(self.delta.device)

    def parameter_groups(self, lr: float) -> list[dict[str, Any]]:
        """The programs at the full learning rate."""
        return [{"params": [self.delta], "lr": lr}]
