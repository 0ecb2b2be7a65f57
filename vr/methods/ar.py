"""AR, adversarial reprogramming of CLIP (Tsai et al., ICML 2020; Chen et al., CVPR 2023): one program.

The image is shrunk to leave room for a learnable frame (192 in 224 pixels), and the classes are known by
a sentence about their name: `s[c] = tau * <f(pad(x) + sigmoid(delta) * M), t_c>`. The cited works map labels
of the source task to those of the target; for a CLIP the sentence takes the place of that mapping, as in
the few-shot comparison of AttrVR, whose 200 epochs the `paper` preset keeps.
"""

from __future__ import annotations

from torch import Tensor

from vr.methods.common.base import Context
from vr.methods.common.contributions import Contribution
from vr.methods.common.labels import label_bank
from vr.methods.common.programs import ProgramMethod
from vr.methods.declared.ar import ARDeclaration, AROptions


class AR(ARDeclaration, ProgramMethod):
    """One program and the class names."""

    def __init__(self, context: Context, options: AROptions | None = None) -> None:
        options = options or AROptions()
        super().__init__(context, options)
        self.options = options
        self.banks["labels"] = label_bank(context, options.template)

    def text_contributions(self, features: Tensor) -> list[Contribution]:
        """The class names alone."""
        return [Contribution("labels", self.bank("labels"), features[0], self.tau, k=1)]
