"""BiomedCoOp (Koleilat et al., CVPR 2025): CoOp held near what an LLM's prompts say of each class.

With prompts `t` (C, D) of 4 learned vectors that start as "a photo of a", and N frozen LLM prompts per class
with unit embeddings `e` (C, N, D):

    loss = CE(tau <z, t>) + l1 * MSE(t, mean_i e_i) + l2 * KL(teacher || student)

Means of embeddings are normalised again. The teacher scores the images against the mean of the prompts that
are used in this batch: prompt i's score is the batch mean of its largest class logit, `q = (score - median) /
MAD`, and it is used where `abs(q - mean(q)) / std(q) <= 1.5`. Standardising undoes any shift and scale, so
median and MAD cancel and the rule is `abs(score - mean) <= 1.5 * std`; that is computed here, and no MAD of
zero can divide.

Taken from the public code: MSE and KL are means over all C * D and B * C entries, std is the unbiased one,
weight decay is 5e-4, and the first epoch warms up at 1e-5. The LLM prompts are the captions of kind
`ensemble` where every class has them, else the descriptive and distinctive attributes: N = 50, or the count
of the class that has fewest. As for CoOp, training images are cropped and flipped at random in the `paper`
preset alone.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from attrgen.schema.matching import require
from vr.methods.common.attributes import attribute_bank
from vr.methods.common.base import Context, Loss, needs_attributes
from vr.methods.common.contributions import Scores
from vr.methods.common.prompts import PromptMethod
from vr.methods.declared.biomedcoop import BiomedCoOpDeclaration, BiomedCoOpOptions


class BiomedCoOp(BiomedCoOpDeclaration, PromptMethod):
    """Context vectors, read against image features and held near the LLM's prompts."""

    options: BiomedCoOpOptions

    def __init__(self, context: Context, options: BiomedCoOpOptions | None = None) -> None:
        super().__init__(context, options or BiomedCoOpOptions())
        self.teachers: Tensor | None = None
        if context.attributes is not None:
            texts = _llm_prompts(context, self.options.texts_per_class)
            self.teachers = attribute_bank(context, texts, self.options.anchor).embeddings

    def step(self, prepared: Tensor, labels: Tensor) -> tuple[Scores, Loss]:
        """Scores and the three-part loss; `penalty` is the two parts that hold the prompts near the LLM's.

        Raises:
            UserError: there was no attribute set.
        """
        if self.teachers is None:
            raise needs_attributes(self.name)
        text = self.text_features()
        scores = self.tau * prepared @ text.T
        mean = F.normalize(self.teachers.mean(1), dim=-1)
        kept = kept_prompts(
            self.tau * torch.einsum("bd,cnd->bcn", prepared, self.teachers), self.options.outlier
        )
        chosen = F.normalize(torch.einsum("cnd,n->cd", self.teachers, kept.float()), dim=-1)
        teacher = (self.tau * prepared @ chosen.T).log_softmax(-1)
        kl = F.kl_div(scores.log_softmax(-1), teacher, reduction="sum", log_target=True) / scores.numel()
        cross_entropy = F.cross_entropy(scores, labels, self.class_weights)
        penalty = self.options.mse_weight * F.mse_loss(text, mean) + self.options.kl_weight * kl
        return Scores(scores), Loss(cross_entropy + penalty, cross_entropy, penalty)


def kept_prompts(logits: Tensor, outlier: float) -> Tensor:
    """Which prompts a batch keeps, (N,), from its logits (B, C, N): those with a score that is no outlier."""
    score = logits.amax(1).mean(0)
    if len(score) == 1:
        return torch.ones_like(score, dtype=torch.bool)
    return (score - score.mean()).abs() <= outlier * score.std()


def _llm_prompts(context: Context, most: int) -> list[list[str]]:
    attributes = context.attributes
    assert attributes is not None
    kinds = BiomedCoOp.required_kinds(BiomedCoOpOptions(), attributes)
    require(attributes, kinds, file=context.attributes_file)
    classes = [attributes.classes[name] for name in context.card.class_names]
    texts = [[line for kind in kinds for line in entry.texts(kind)] for entry in classes]
    count = min(most, *map(len, texts))
    return [lines[:count] for lines in texts]
