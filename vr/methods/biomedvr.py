"""BioMedVR (Liu et al., ECCV 2026): a positive and a negative expert, a gate, and confusion suppression.

By default a visual expert is fitted after training and there is no penalty: docs/method-choice.md says why.

Learned: 2 * 3 * H * W numbers of the two programs (their frames are used), and the gate's: 2 shared,
2 * C by class, 2 * D + 2 by image, 0 without a gate; one more where the sign of the fusion is learned.
Without the negative expert, 3 * H * W.
Where paper, figure and public code disagree, an option chooses; see `BioMedVROptions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attrgen.schema.attribute_set import POSITIVE_KINDS
from vr.clip.bank import Bank
from vr.methods.common import corruption, pooling
from vr.methods.common.attributes import described_classes
from vr.methods.common.base import Context, Loss
from vr.methods.common.contributions import Contribution, Scores
from vr.methods.common.programs import AttributeProgramMethod, positive_programs
from vr.methods.declared.biomedvr import BioMedVRDeclaration, BioMedVROptions
from vr.reprogramming.loss import confusion_penalty

SATURATED = 1e-3
PENALTY_OPTIONS = ("margin", "penalty", "penalty_over")
_DEFAULT = BioMedVROptions().model_dump()
_SALT = {"random": 5, "shuffled": 6, "descriptive": 7, "distinctive": 8}


class BioMedVR(BioMedVRDeclaration, AttributeProgramMethod):
    """Two programs, three banks and the gate."""

    options: BioMedVROptions

    def __init__(self, context: Context, options: BioMedVROptions | None = None) -> None:
        options = options or BioMedVROptions()
        alone = options.negatives == "none"
        programs = positive_programs(options)
        super().__init__(context, options, programs if alone else (*programs, "neg"))
        device = context.backbone.device
        shape = None if alone else self._gate_shape()
        self.gate = None if shape is None else nn.Parameter(torch.zeros(shape, device=device))
        learned = options.fusion == "learned" and not alone
        self.sign = nn.Parameter(torch.zeros((), device=device)) if learned else None

    def texts(self, kind: str) -> list[list[str]]:
        """The texts of a kind that are used, after what an ablation does to them."""
        texts = super().texts(kind)
        options = self.options
        if kind in POSITIVE_KINDS and options.corrupt_positives:
            texts = corruption.partly_replaced(texts, options.corrupt_positives, self.generator(_SALT[kind]))
        elif kind == "confusion" and options.negatives == "shuffled":
            texts = corruption.exchanged(texts, self.generator(_SALT["shuffled"]))
        elif kind == "confusion" and options.negatives == "random":
            assert self.context.attributes is not None
            pool = list(dict.fromkeys(entry.text for entry in self.context.attributes.entries()))
            texts = corruption.drawn_at_random(texts, pool, self.generator(_SALT["random"]))
        return texts

    def anchor(self, kind: str) -> str:
        """The template in which texts of a kind are encoded."""
        return self.options.confusion_anchor if kind == "confusion" else self.options.anchor

    def joined(self, kind: str, bank: Bank) -> tuple[Bank, Tensor | None]:
        """Keyed confusion attributes are evidence between pairs of classes; see `pooling.keyed`."""
        if kind != "confusion" or self.options.negatives != "keyed":
            return super().joined(kind, bank)
        assert self.context.attributes is not None
        described = described_classes(self.context.card, bank.texts, self.context.attributes)
        return pooling.keyed(bank, described)

    def gate_weights(self, features: Tensor) -> Tensor:
        """`g`, weights of the experts that sum to 1: (2,), (C, 2) or, from features (B, D), (B, 1, 2)."""
        if self.gate is None:
            return features.new_full((2,), 0.5)
        if self.options.gate == "per-image":
            return F.linear(features, self.gate[:, :-1], self.gate[:, -1]).softmax(-1)[:, None]
        return self.gate.softmax(-1)

    def fusion_sign(self) -> Tensor | float:
        """+1, -1, or the learned number in (-1, 1)."""
        if self.sign is not None:
            return self.sign.tanh()
        return 1.0 if self.options.fusion == "add" else -1.0

    def text_contributions(self, features: Tensor) -> list[Contribution]:
        """The positive banks, half of their expert each, and the confusion bank; both under the gate.

        Without the negative expert, the positive banks alone.
        """
        alone = self.options.negatives == "none"
        gate = None if alone else self.gate_weights(features[0])
        weight = 1.0 if gate is None else gate[..., 0]
        positive = [self.positive(name, features, share=0.5, gate=weight) for name in POSITIVE_KINDS]
        if gate is None:
            return positive
        weight = self.fusion_sign() * gate[..., 1]
        seen = features[self.options.programs]
        negative = self.contribution("confusion", seen, expert="negative", gate=weight)
        return [*positive, negative]

    def loss(self, scores: Scores, labels: Tensor) -> Loss:
        """`CE(s, y) + beta * confusion_penalty`; without the negative expert there is no penalty."""
        if scores.positive is None or scores.negative is None:
            return super().loss(scores, labels)
        reference = scores.fused if self.options.penalty == "fused" else scores.positive
        cross_entropy = F.cross_entropy(scores.fused, labels, self.class_weights)
        penalty = confusion_penalty(
            scores.negative, reference, labels, margin=self.options.margin, over=self.options.penalty_over
        )
        return Loss(cross_entropy + self.options.beta * penalty, cross_entropy, penalty)

    def parameter_groups(self, lr: float) -> list[dict[str, Any]]:
        """Programs at `lr`; gate and sign at `gate_lr`."""
        gate = [parameter for parameter in (self.gate, self.sign) if parameter is not None]
        gate_lr = lr if self.options.gate_lr is None else self.options.gate_lr
        groups = super().parameter_groups(lr)
        return [*groups, {"params": gate, "lr": gate_lr}] if gate else groups

    def log(self) -> dict[str, float]:
        """Mean gate over classes (for a gate by image: of its bias), and the sign where it is learned."""
        columns = {}
        if self.gate is not None:
            pos, neg = self._logged_gate().mean(0).tolist()
            columns = {"gate_pos": pos, "gate_neg": neg}
        return columns if self.sign is None else {**columns, "sign": float(self.sign.detach().tanh())}

    def warnings(self) -> list[str]:
        """A saturated gate, with which one expert alone decides, and choices of a penalty that is off."""
        warnings = super().warnings()
        unused = [name for name in PENALTY_OPTIONS if getattr(self.options, name) != _DEFAULT[name]]
        if unused and not self.options.beta:
            listed = ", ".join(f"{name}={getattr(self.options, name)}" for name in unused)
            warnings.append(f"without effect, because beta, the weight of the penalty, is 0: {listed}")
        if self.gate is None:
            return warnings
        saturated = self._logged_gate() < SATURATED
        for column, other in ((0, "negative"), (1, "positive")):
            count = int(saturated[:, column].sum())
            if count:
                where = "" if len(saturated) == 1 else f" for {count} of {len(saturated)} classes"
                warnings.append(
                    f"the gate is saturated{where}: the {other} expert alone decides. A smaller gate_lr "
                    "keeps both experts active."
                )
        return warnings

    def state(self) -> dict[str, Tensor]:
        """`delta_pos`, `delta_neg` (3, H, W) and the banks; `gate` and `sign` where there is one."""
        gate = {} if self.gate is None else {"gate": self.gate.detach()}
        sign = {} if self.sign is None else {"sign": self.sign.detach()}
        return {**super().state(), **gate, **sign}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `state`."""
        super().load_state(tensors)
        if self.gate is not None:
            self.gate.data.copy_(tensors["gate"])
        if self.sign is not None:
            self.sign.data.copy_(tensors["sign"])

    def _gate_shape(self) -> tuple[int, ...] | None:
        match self.options.gate:
            case "shared":
                return (2,)
            case "per-class":
                return (len(self.context.card.classes), 2)
            case "per-image":
                side, device = self.image_size, self.delta.device
                with torch.no_grad():
                    blank = self.inputs(torch.zeros(1, 3, side, side, device=device))
                    return (2, self.encoder.encode(blank, self.delta).shape[-1] + 1)
        return None

    def _logged_gate(self) -> Tensor:
        # (1, 2), or (C, 2) by class; a gate by image shows its bias, around which images vary.
        assert self.gate is not None
        logits = self.gate[:, -1] if self.options.gate == "per-image" else self.gate
        return logits.detach().softmax(-1).reshape(-1, 2)
