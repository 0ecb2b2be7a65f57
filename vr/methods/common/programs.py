"""What the methods that learn input-space programs share: programs, an encoder, banks and their state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attrgen.schema.attribute_set import POSITIVE_KINDS
from attrgen.schema.matching import require
from vr.clip import bank as banks
from vr.clip.bank import Bank
from vr.methods.common import pooling
from vr.methods.common.attributes import attribute_bank
from vr.methods.common.base import Context, Method
from vr.methods.common.contributions import Contribution, total
from vr.methods.common.options import FrameOptions, ProgramOptions, ReprogrammingOptions
from vr.methods.common.stored import stored
from vr.methods.common.visual import VisualExpert, packed, scaled_views, unpacked
from vr.reprogramming.encoder import make_encoder
from vr.reprogramming.program import Program, frame_mask, resolve_frame
from vr.runtime.memory import DEFAULT_BATCH


class ReprogrammingMethod(Method):
    """Texts scored against reprogrammed images, and a visual expert beside them where it is asked for."""

    delta: nn.Parameter

    def __init__(
        self, context: Context, options: ReprogrammingOptions, experts: tuple[str, ...] = ("pos",)
    ) -> None:
        super().__init__(context)
        self.experts = experts
        self.normalises = options.normalise_gradient
        self.visual: VisualExpert | None = None
        if options.visual != "none":
            self.visual = VisualExpert(options, context.card.class_names, experts)
            self.refits = True
            self.refits_on_validation = options.visual_weight is None
            self.refit_passes = options.visual_passes

    @abstractmethod
    def inputs(self, images: Tensor) -> Tensor:
        """What no program changes of images (B, 3, image_size, image_size) in [0, 1], batch first."""

    @abstractmethod
    def features(self, inputs: Tensor) -> Tensor:
        """Unit features (E, B, D) of inputs inside each of E programs."""

    @abstractmethod
    def text_contributions(self, features: Tensor) -> list[Contribution]:
        """What each bank of texts adds to the scores of images with these features, (E, B, D) or more."""

    def prepare(self, images: Tensor) -> Tensor:
        """The inputs; where they are not for training, with the visual expert's other views of the image."""
        inputs = self.inputs(images)
        if self.training or not self._scales:
            return inputs
        return packed(inputs, scaled_views(self.context.backbone, images, self._scales))

    def contributions(self, prepared: Tensor) -> list[Contribution]:
        """Those of the texts, and after training that of the visual expert."""
        features = self._views(prepared)
        texts = self.text_contributions(features)
        return texts if self.visual is None else self.visual.beside(texts, features)

    def adjust_gradients(self) -> None:
        """Divide the gradient of each program by its norm, where that is asked for."""
        if self.normalises and self.delta.grad is not None:
            self.delta.grad.copy_(F.normalize(self.delta.grad.flatten(-3), dim=-1).view_as(self.delta.grad))

    def refit(self, views: Iterator[Tensor], labels: Tensor, val: tuple[Tensor, Tensor] | None) -> None:
        """Fit the visual expert, and choose its weight where none is given."""
        if self.visual is None:
            return
        self.visual.fit(map(self._in_batches, views), labels)
        if self.visual.options.visual_weight is None and val is not None and len(val[1]):
            features = self._in_batches(val[0])
            self.visual.choose_weight(total(self.text_contributions(features)).fused, features, val[1])

    def warnings(self) -> list[str]:
        """The weight of the visual expert, where it was chosen."""
        if self.visual is None or self.visual.options.visual_weight is not None:
            return []
        return [f"the visual expert's weight is {self.visual.weight:g}, that of the texts the rest"]

    def state(self) -> dict[str, Tensor]:
        """The banks, and the visual expert where there is one."""
        return self.bank_tensors() | ({} if self.visual is None else self.visual.tensors())

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `state`."""
        self.load_banks(tensors)
        if self.visual is not None:
            self.visual.load(tensors, self._outputs)

    def check_complete(self) -> None:
        """A visual expert was fitted."""
        if self.visual is not None and self.visual.classifiers is None:
            raise ValueError("the visual expert is missing")

    @property
    def _outputs(self) -> int:
        """The length of a feature, D."""
        return next(iter(self.banks.values())).embeddings.shape[-1]

    @property
    def _scales(self) -> tuple[float, ...]:
        return () if self.visual is None else self.visual.options.visual_scales

    def _views(self, prepared: Tensor) -> Tensor:
        """Features through the programs, (E, B, D), then of the other views, (S, B, D), if there are any."""
        if prepared.dim() > 2:  # inputs alone; rows of two dimensions are packed
            return self.features(prepared)
        side = self.image_size
        rows, others = unpacked(prepared, len(self._scales), self._outputs)
        blank = self.inputs(torch.zeros(1, 3, side, side, device=prepared.device))
        return torch.cat([self.features(rows.unflatten(1, blank.shape[1:]).to(blank.dtype)), others])

    def _in_batches(self, prepared: Tensor) -> Tensor:
        return torch.cat([self._views(batch) for batch in prepared.split(DEFAULT_BATCH)], 1)


class ProgramMethod(ReprogrammingMethod):
    """One or more programs around the image, stacked in `delta` (E, 3, H, W), starting at zero."""

    def __init__(self, context: Context, options: FrameOptions, experts: tuple[str, ...] = ("pos",)) -> None:
        super().__init__(context, options, experts)
        backbone = context.backbone
        self.encoder = make_encoder(backbone, resolve_frame(backbone, options.frame))
        self.image_size = self.encoder.image_size
        side = backbone.image_size
        self.delta = nn.Parameter(torch.zeros(len(experts), 3, side, side, device=backbone.device))

    def inputs(self, images: Tensor) -> Tensor:
        """See `Encoder.prepare`."""
        return self.encoder.prepare(images)

    def features(self, inputs: Tensor) -> Tensor:
        """See `Encoder.encode`."""
        return self.encoder.encode(inputs, self.delta)

    def programs(self) -> dict[str, Program]:
        """`sigmoid(delta) * M` of each expert, in [0, 1]."""
        mask = frame_mask(self.delta.shape[-1], self.encoder.frame)
        added = self.delta.detach().cpu().sigmoid() * mask
        return {name: Program(added[i], mask) for i, name in enumerate(self.experts)}

    def state(self) -> dict[str, Tensor]:
        """`delta_<expert>` (3, H, W) for each expert, the banks, and the visual expert."""
        tensors = {f"delta_{name}": self.delta[i].detach().clone() for i, name in enumerate(self.experts)}
        return tensors | super().state()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `state`."""
        self.delta.data.copy_(torch.stack([tensors[f"delta_{name}"] for name in self.experts]))
        super().load_state(tensors)

    def parameter_groups(self, lr: float) -> list[dict[str, Any]]:
        """The programs at the full learning rate."""
        return [{"params": [self.delta], "lr": lr}]


def positive_programs(options: ProgramOptions) -> tuple[str, ...]:
    """Names of the programs of the positive attributes."""
    return ("pos", *(f"pos-{number}" for number in range(2, options.programs + 1)))


class AttributeProgramMethod(ProgramMethod):
    """Programs scored against one bank for each of `kinds`."""

    options: ProgramOptions

    def __init__(self, context: Context, options: ProgramOptions, experts: tuple[str, ...]) -> None:
        super().__init__(context, options, experts)
        self.options = options
        self.recounts = options.pooling == "counted"
        self.learned_weights = nn.ParameterDict()  # of texts, by kind
        self.weights: dict[str, Tensor] = {}  # of texts, by kind: counted or keyed
        self.clusters: dict[str, Tensor] = {}  # which program each text is scored through, by kind
        if context.attributes is not None:
            kinds = self.required_kinds(options)
            require(context.attributes, kinds, file=context.attributes_file)
            for salt, kind in enumerate(self.kinds):
                if kind in kinds:
                    self._add_bank(kind, salt)
            if options.programs > 1:
                positive = {kind: self.banks[kind] for kind in kinds if kind in POSITIVE_KINDS}
                self.clusters = pooling.clustered(positive, options.programs, context.seed)

    def contribution(self, kind: str, features: Tensor, **settings: Any) -> Contribution:
        """A bank's contribution, its texts pooled as `pooling` says.

        Args:
            features: (B, D), or (P, B, D) where the texts of the kind are in clusters.
        """
        learned = self.learned_weights.get(kind)
        weights = self.weights.get(kind) if learned is None else learned
        return Contribution(
            kind,
            self.bank(kind),
            features,
            self.tau,
            self.options.k,
            weights=weights,
            programs=self.clusters.get(kind),
            **settings,
        )

    def positive(self, kind: str, features: Tensor, **settings: Any) -> Contribution:
        """The contribution of a positive bank, from features (E, B, D), the positive programs first."""
        count = self.options.programs
        return self.contribution(kind, features[:count] if count > 1 else features[0], **settings)

    def recount(self, prepared: Tensor, labels: Tensor) -> None:
        """Count the nearest texts of the training images, bank by bank; keyed ones keep their weights."""
        for term in self.text_contributions(self._in_batches(prepared)):
            if term.bank.present.shape[0] > 1:
                counted = pooling.counted_weights(term.similarities, labels, self.options.k)
                self.weights[term.name] = counted

    def parameter_groups(self, lr: float) -> list[dict[str, Any]]:
        """The programs at the full learning rate, weights of texts at their own."""
        groups = super().parameter_groups(lr)
        weights = list(self.learned_weights.values())
        return [*groups, {"params": weights, "lr": self.options.pooling_lr}] if weights else groups

    def state(self) -> dict[str, Tensor]:
        """As of any program; `pooling.KIND`, weights of texts, and `clusters.KIND`, their programs."""
        learned = {kind: weight.detach() for kind, weight in self.learned_weights.items()}
        weights = {f"pooling.{kind}": weight for kind, weight in (self.weights | learned).items()}
        return super().state() | weights | {f"clusters.{kind}": rows for kind, rows in self.clusters.items()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """The reverse of `state`."""
        super().load_state(tensors)
        weights = {kind: stored(tensors, key) for kind in self.kinds if (key := f"pooling.{kind}") in tensors}
        if self.options.pooling == "learned":
            learned = {kind: nn.Parameter(weight) for kind, weight in weights.items()}
            self.learned_weights = nn.ParameterDict(learned)
        else:
            self.weights = weights
        self.clusters = {
            kind: stored(tensors, key, torch.int64)
            for kind in self.kinds
            if (key := f"clusters.{kind}") in tensors
        }

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

    def joined(self, kind: str, bank: Bank) -> tuple[Bank, Tensor | None]:
        """The bank to score against and fixed weights of its texts: of learned weights, where they start."""
        return pooling.over_all_classes(bank) if self.options.pooling == "learned" else (bank, None)

    def _add_bank(self, kind: str, salt: int) -> None:
        self.banks[kind], weights = self.joined(kind, self._bank(kind, salt))
        if weights is not None and self.options.pooling == "learned":
            self.learned_weights[kind] = nn.Parameter(weights)
        elif weights is not None:
            self.weights[kind] = weights

    def _bank(self, kind: str, salt: int) -> Bank:
        texts = self.texts(kind)
        if self.options.pad_to is not None:
            generator = self.generator(salt)
            texts = [banks.padded_with_replacement(lines, self.options.pad_to, generator) for lines in texts]
        return attribute_bank(self.context, texts, self.anchor(kind))
