"""BioMedVR (Liu et al., ECCV 2026): a positive and a negative expert, a gate, and confusion suppression.

Learned: 2 * 3 * H * W numbers of the two programs (their frames are used), and the gate's: 2 shared,
2 * C by class, 2 * D + 2 by image; one more where the sign of the fusion is learned.
Where paper, figure and public code disagree, an option says which is meant; see `BioMedVROptions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from vr.loss import PenaltyAgainst, PenaltyOver, confusion_penalty
from vr.methods.base import Context, Loss, Recipe, Scores
from vr.methods.programs import ProgramMethod, ProgramOptions
from vr.score import Fusion, fuse, score

SATURATED = 1e-3


class BioMedVROptions(ProgramOptions):
    """The open choices of the method. `BioMedVR.paper_options` is what produced the published table."""

    fusion: Fusion = Field("add", description="sign of the negative expert in the fused score")
    gate: Literal["shared", "per-class", "per-image"] = "shared"
    gate_lr: float | None = Field(0.01, ge=0, description="the gate's own learning rate; None: the programs'")
    beta: float = Field(0.3, ge=0, description="weight of the confusion penalty")
    margin: float = Field(0.5, description="margin of the penalty, in logit units")
    penalty: PenaltyAgainst = "fused"
    penalty_over: PenaltyOver = "all"


class BioMedVR(ProgramMethod):
    """Two programs, three banks and the gate."""

    name = "biomedvr"
    kinds = ("descriptive", "distinctive", "confusion")
    experts = ("pos", "neg")
    recipe = Recipe()
    paper_recipe = Recipe(epochs=400, one_shot_batch_size=16)
    options_type = BioMedVROptions
    paper_options: ClassVar[BioMedVROptions] = BioMedVROptions(pad_to=20, gate_lr=None)
    options: BioMedVROptions

    def __init__(self, context: Context, options: BioMedVROptions | None = None) -> None:
        super().__init__(context, options or BioMedVROptions())
        device = context.backbone.device
        if context.attributes is not None:
            for salt, kind in enumerate(self.kinds):
                self.build_bank(kind, salt=salt)
        match self.options.gate:
            case "shared":
                shape: tuple[int, ...] = (2,)
            case "per-class":
                shape = (len(context.card.classes), 2)
            case "per-image":
                with torch.no_grad():
                    blank = self.prepare(torch.zeros(1, 3, self.image_size, self.image_size, device=device))
                    shape = (2, self.encoder.encode(blank, self.delta).shape[-1] + 1)
        self.gate = nn.Parameter(torch.zeros(shape, device=device))
        learned = self.options.fusion == "learned"
        self.sign = nn.Parameter(torch.zeros((), device=device)) if learned else None

    def gate_weights(self, features: Tensor) -> Tensor:
        """`g`, weights of the experts that sum to 1: (2,), (C, 2) or, from features (B, D), (B, 1, 2)."""
        if self.options.gate == "per-image":
            return F.linear(features, self.gate[:, :-1], self.gate[:, -1]).softmax(-1)[:, None]
        return self.gate.softmax(-1)

    def fusion_sign(self) -> Tensor | float:
        """+1, -1, or the learned number in (-1, 1)."""
        if self.sign is not None:
            return self.sign.tanh()
        return 1.0 if self.options.fusion == "add" else -1.0

    def scores(self, prepared: Tensor) -> Scores:
        """Fused scores and those of both experts."""
        k = self.options.k
        z_pos, z_neg = self.encoder.encode(prepared, self.delta)
        descriptive = score(z_pos, self.banks["descriptive"], tau=self.tau, k=k)
        distinctive = score(z_pos, self.banks["distinctive"], tau=self.tau, k=k)
        positive = (descriptive + distinctive) / 2
        negative = score(z_neg, self.banks["confusion"], tau=self.tau, k=k)
        fused = fuse(positive, negative, self.gate_weights(z_pos), self.fusion_sign())
        return Scores(fused, positive, negative)

    def loss(self, scores: Scores, labels: Tensor) -> Loss:
        """`CE(s, y) + beta * confusion_penalty`."""
        assert scores.positive is not None and scores.negative is not None
        reference = scores.fused if self.options.penalty == "fused" else scores.positive
        cross_entropy = F.cross_entropy(scores.fused, labels)
        penalty = confusion_penalty(
            scores.negative, reference, labels, margin=self.options.margin, over=self.options.penalty_over
        )
        return Loss(cross_entropy + self.options.beta * penalty, cross_entropy, penalty)

    def parameter_groups(self, lr: float) -> list[dict[str, Any]]:
        """Programs at `lr`; gate and sign at the gate's own."""
        gate = [self.gate, *([] if self.sign is None else [self.sign])]
        gate_lr = lr if self.options.gate_lr is None else self.options.gate_lr
        return [*super().parameter_groups(lr), {"params": gate, "lr": gate_lr}]

    def log(self) -> dict[str, float]:
        """Mean gate over classes (for a gate by image: of its bias), and the sign where it is learned."""
        logits = self.gate[:, -1] if self.options.gate == "per-image" else self.gate
        weights = logits.detach().softmax(-1).reshape(-1, 2).mean(0)
        columns = {"gate_pos": float(weights[0]), "gate_neg": float(weights[1])}
        return columns if self.sign is None else {**columns, "sign": float(self.sign.tanh())}

    def warnings(self) -> list[str]:
        """A saturated gate leaves one expert alone to decide."""
        columns = self.log()
        for name, other in (("pos", "negative"), ("neg", "positive")):
            if columns[f"gate_{name}"] < SATURATED:
                return [
                    f"the gate is saturated: the {other} expert alone decides. A smaller gate_lr "
                    "keeps both experts in play."
                ]
        return []

    def state(self) -> dict[str, Tensor]:
        """`delta_pos`, `delta_neg` (3, H, W), `gate`, the banks; `sign` where it is learned."""
        sign = {} if self.sign is None else {"sign": self.sign.detach()}
        return {**super().state(), "gate": self.gate.detach(), **sign}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `state`."""
        super().load_state(tensors)
        self.gate.data.copy_(tensors["gate"])
        if self.sign is not None:
            self.sign.data.copy_(tensors["sign"])
