"""AttrVR (Cai et al., ICLR 2025): one padding program, scored against descriptive and distinctive attributes.

`s = alpha * topk(z, T_des) + (1 - alpha) * topk(z, T_dist)`. Learned: 3 * H * W numbers, of which the
frame is used.
"""

from __future__ import annotations

from torch import Tensor

from vr.methods.common.base import Context
from vr.methods.common.contributions import Contribution
from vr.methods.common.programs import AttributeProgramMethod, positive_programs
from vr.methods.declared.attrvr import AttrVRDeclaration, AttrVROptions


class AttrVR(AttrVRDeclaration, AttributeProgramMethod):
    """One program and the positive banks."""

    options: AttrVROptions

    def __init__(self, context: Context, options: AttrVROptions | None = None) -> None:
        options = options or AttrVROptions()
        super().__init__(context, options, positive_programs(options))

    def text_contributions(self, features: Tensor) -> list[Contribution]:
        """The two banks, weighted by alpha and 1 - alpha."""
        shares = {"descriptive": self.options.alpha, "distinctive": 1 - self.options.alpha}
        return [self.positive(name, features, share=share) for name, share in shares.items()]
