"""ZS-LP (Silva-Rodriguez et al., CVPR 2024): a cosine classifier that starts at the zero-shot one.

`s[c] = tau * cos(z, w_c)`, where `w_c` starts at the text feature of the class; cross-entropy, full batch,
SGD with momentum and a cosine. No validation images are needed: nothing is chosen.

The public code trains on features of 20 randomly cropped passes in batches of 256, and starts at text
features as the model outputs them (longer than 1, so that the same learning rate turns them less). Here
images are taken as they are, and text features have length 1, as everywhere in this program.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from vr.methods.common.base import Context
from vr.methods.common.contributions import Scores
from vr.methods.common.features import FeatureMethod
from vr.methods.common.labels import class_texts, label_bank
from vr.methods.declared.zs_lp import ZSLPDeclaration, ZSLPOptions


class ZSLP(ZSLPDeclaration, FeatureMethod):
    """A cosine classifier on image features, started at the class names."""

    def __init__(self, context: Context, options: ZSLPOptions | None = None) -> None:
        super().__init__(context)
        self.options = options or ZSLPOptions()
        self.banks["labels"] = label_bank(context, self.options.template)
        self.weight = nn.Parameter(self.text.clone())

    @property
    def text(self) -> Tensor:
        """The text features (C, D) of the class names."""
        return class_texts(self.bank("labels"))

    def scores(self, prepared: Tensor) -> Scores:
        """`tau * cos(z, w_c)`."""
        return Scores(self.tau * prepared @ F.normalize(self.weight, dim=-1).T)
