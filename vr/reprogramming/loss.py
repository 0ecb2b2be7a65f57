"""The confusion-suppression loss of BioMedVR, with the choices on which paper and code disagree."""

from __future__ import annotations

import torch
from torch import Tensor

from vr.reprogramming.choices import PenaltyOver

PENALTY_CEILING = 1e3


def confusion_penalty(
    negative: Tensor, reference: Tensor, labels: Tensor, *, margin: float, over: PenaltyOver
) -> Tensor:
    """`mean(relu(max_c s-[c] - s[y] + margin))`, clamped at 1e3; a scalar in logit units.

    Args:
        negative: (B, C) scores of the negative expert.
        reference: (B, C) scores whose true class must exceed the strongest negative: the fused ones
            (published code) or the positive expert's (published figure).
        labels: (B,) true classes.
        over: `all` takes the maximum over every class, the true one included; `others` excludes it.
    """
    if over == "others":
        true_class = torch.nn.functional.one_hot(labels, negative.shape[1]).bool()
        negative = negative.masked_fill(true_class, float("-inf"))
    strongest = negative.amax(dim=1)
    true_score = reference.gather(1, labels[:, None])[:, 0]
    return (strongest - true_score + margin).relu().mean().clamp(max=PENALTY_CEILING)
