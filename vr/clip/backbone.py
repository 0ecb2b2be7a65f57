"""The frozen CLIP: found by name, hub or folder through open_clip, and never changed.

Image size, mean, std, tokenizer, context length and temperature all come from the model that was loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attrgen.core.errors import UserError
from vr.clip import architecture, source, text_files
from vr.clip import weights as weight_files
from vr.clip.kept_features import KeptFeatures
from vr.clip.preprocessing import Preprocessing, from_config
from vr.clip.source import DEFAULT_NAME, DEFAULT_WEIGHTS, MINI
from vr.clip.text_lengths import count_tokens, too_long
from vr.clip.vit.read_layers import Unsupported
from vr.clip.vit.read_tower import read_tower
from vr.clip.vit.tower import Tower
from vr.clip.weights import RANDOM
from vr.runtime.device import Precision, exact_float32

__all__ = ["DEFAULT_NAME", "DEFAULT_WEIGHTS", "MINI", "RANDOM", "Backbone", "load"]


@dataclass
class Backbone:
    """A frozen CLIP on one device.

    Attributes:
        name, weights: as the user gave them; together they load the same model again.
        id: SHA-256 of configuration, weights and preprocessing (64 hexadecimal digits).
        weights_id: SHA-256 of configuration and weights alone.
        preprocessing: what is done to images before the tower.
        patch_size: side of a ViT's patch in pixels, or None for a tower without patches.
        context_length: most tokens of a text, start and end tokens included.
        tau: `exp(logit_scale)`, the factor on cosine similarities.
        mean, std: (3, 1, 1), those of `preprocessing` on the device of the weights.
        precision: of the image tower; texts, scores and losses are always float32.
        older_preprocessing: what runs used whose ids cover no preprocessing.
        kept: features that are reused, where cells of a sweep share this backbone.
        towers: what `tower` has read, by number format, and the state of the weights that it was read from.
    """

    name: str
    weights: str | None
    id: str
    weights_id: str
    model: nn.Module = field(repr=False)
    tokenizer: Any = field(repr=False)
    preprocessing: Preprocessing
    patch_size: int | None
    context_length: int
    tau: float
    precision: Precision = "fp32"
    older_preprocessing: Preprocessing | None = field(default=None, repr=False)
    kept: KeptFeatures | None = field(default=None, repr=False)
    towers: dict[torch.dtype, tuple[Hashable, Tower | Unsupported]] = field(default_factory=dict, repr=False)
    mean: Tensor = field(init=False, repr=False)
    std: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        device = next(self.model.parameters()).device
        self.mean = torch.tensor(self.preprocessing.mean, device=device).view(3, 1, 1)
        self.std = torch.tensor(self.preprocessing.std, device=device).view(3, 1, 1)

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return self.mean.device

    @property
    def image_size(self) -> int:
        """Side of the square image in pixels."""
        return self.preprocessing.size

    def as_recorded(self, recorded_id: str) -> Backbone | None:
        """This backbone as a run with that id used it, or None if it used another one.

        Older ids cover configuration and weights alone; see `older_preprocessing`.
        """
        if recorded_id == self.id:
            return self
        if recorded_id != self.weights_id:
            return None
        return replace(self, id=recorded_id, preprocessing=self.older_preprocessing or self.preprocessing)

    def normalise(self, pixels: Tensor) -> Tensor:
        """Pixels in [0, 1], (..., 3, H, W), as input of the image tower."""
        return (pixels - self.mean) / self.std

    def tower(self, dtype: torch.dtype | None = None) -> Tower:
        """The image tower as plain weights, its blocks in `dtype`, by default that of `precision`.

        It is read once, and again where weights have changed.

        Raises:
            Unsupported: it is not a known ViT, or it computes something else than the model.
        """
        dtype = dtype or (torch.bfloat16 if self.precision == "bf16" else torch.float32)
        state = tuple((id(weight), weight.data_ptr(), weight._version) for weight in self.model.parameters())
        if dtype not in self.towers or self.towers[dtype][0] != state:
            try:
                self.towers[dtype] = state, read_tower(self.model, self.image_size, dtype)
            except Unsupported as reason:
                self.towers[dtype] = state, reason
        tower = self.towers[dtype][1]
        if isinstance(tower, Unsupported):
            raise Unsupported(str(tower))
        return tower

    def encode_image(self, pixels: Tensor) -> Tensor:
        """Unit embeddings (B, D), float32, of pixels (B, 3, image_size, image_size) in [0, 1].

        On a CPU by `tower`, where it is a known ViT whose weights are not trained; hooks of the model are not
        called then. Else as `encode_by_model`.
        """
        if self.kept is None:
            return self._encoded(pixels)
        return self.kept.of(pixels, (self.model, self.id, self.precision), self._encoded)

    def reusing(self) -> AbstractContextManager[None]:
        """Within the block, batches that were encoded before are not encoded again, if a sweep keeps them."""
        return nullcontext() if self.kept is None else self.kept.reusing()

    def encode_by_model(self, pixels: Tensor) -> Tensor:
        """`encode_image` by the model itself: the reference, and for a model whose weights are trained."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            features: Tensor = self.model.encode_image(self.normalise(pixels))  # type: ignore[operator]
        return F.normalize(features.float(), dim=-1)

    def _encoded(self, pixels: Tensor) -> Tensor:
        tower = self._faster_tower(pixels)
        if tower is None:
            return self.encode_by_model(pixels)
        with torch.autocast(self.device.type, enabled=False):
            return F.normalize(tower.encode_image(self.normalise(pixels.float())), dim=-1)

    def _faster_tower(self, pixels: Tensor) -> Tower | None:
        """The tower, where it is faster than the model: on a CPU, 1.2 times in fp32 and 4 times in bf16.

        None, too, for pixels of another shape: the model says what is wrong with them.
        """
        if self.device.type != "cpu" or torch.compiler.is_compiling():
            return None
        fits = pixels.ndim == 4 and pixels.shape[-2:] == (self.image_size, self.image_size)
        trains = self.model.training or any(weight.requires_grad for weight in self.model.parameters())
        if trains or not fits:
            return None
        try:
            return self.tower()
        except Unsupported:
            return None

    @torch.no_grad()
    @exact_float32()  # they are stored, also for other devices
    def encode_text(self, texts: list[str], *, batch_size: int = 256) -> Tensor:
        """Unit embeddings (N, D), float32, of N texts.

        Raises:
            UserError: a text is longer than the model's context, by name, and never cut silently; or as for
                `tokens`.
        """
        for text in texts:
            length = self.count_tokens(text)
            if length > self.context_length:
                raise too_long(text, length, self.name, self.context_length)
        parts = []
        for start in range(0, len(texts), batch_size):
            tokens = self.tokens(texts[start : start + batch_size])
            features = self.model.encode_text(tokens)  # type: ignore[operator]
            parts.append(F.normalize(features.float(), dim=-1))
        return torch.cat(parts)

    def tokens(self, texts: list[str]) -> Tensor:
        """Tokens (N, context_length), int64, of N texts, on the device.

        Raises:
            UserError: a token that the text tower does not have: its tokenizer belongs to another model.
        """
        tokens: Tensor = self.tokenizer(texts, context_length=self.context_length)
        vocabulary, largest = getattr(self.model, "vocab_size", 0), int(tokens.max())
        if 0 < vocabulary <= largest:
            raise UserError(
                f"the tokenizer of {self.name} gives token {largest}, and its text tower knows {vocabulary}",
                code="backbone-tokenizer-of-another-model",
                remedy="The tokenizer's files, or vocab_size of the configuration, belong to another model: "
                "copy them again.",
            )
        return tokens.to(self.device)

    def count_tokens(self, text: str) -> int:
        """Tokens of a text in this model's own vocabulary, see `vr.clip.text_lengths.count_tokens`."""
        return count_tokens(self.tokenizer, text)


def load(
    name: str = DEFAULT_NAME,
    weights: str | None = None,
    *,
    device: str | torch.device = "cpu",
    precision: Precision = "fp32",
    seed: int = 0,
) -> Backbone:
    """Load a CLIP and freeze it.

    Args:
        name: an open_clip model name, `hf-hub:ORG/REPO` (or `ORG/REPO`), a folder (or `local-dir:FOLDER`)
            that holds `open_clip_config.json` and weights, or `mini`, the model that ships with this project.
        weights: for a model name, open_clip's tag or a weights file; `random` draws them from `seed`.
            `openai` by default for the default name; the other forms have their own weights, which another
            weights file of the same architecture can replace.

    Raises:
        UserError: unknown name or tag, weights that do not fit the architecture or its activation,
            missing files, a hub that cannot be reached (with the file to fetch and where to put it).
    """
    origin = source.resolve(name, weights)
    configuration = origin.configuration
    text_config = text_files.text_config(configuration, name=name, folder=origin.folder)
    tokenizer = text_files.tokenizer(configuration, name=name, folder=origin.folder)
    torch.manual_seed(seed)  # random weights are drawn from it
    model = architecture.build(configuration, name=name, text_config=text_config)
    if origin.file is not None:
        weight_files.load_into(model, origin.file, name=name)
    model.requires_grad_(False).eval()
    size = model.visual.image_size  # type: ignore[union-attr]
    preprocessing = from_config(origin.preprocessing, size, configuration.file)  # type: ignore[arg-type]
    weights_id = _weights_id(model, configuration.model)
    return Backbone(
        name=name,
        weights=origin.weights,
        id=preprocessing.digest(weights_id),
        weights_id=weights_id,
        model=model.to(device),
        tokenizer=tokenizer,
        preprocessing=preprocessing,
        patch_size=architecture.patch_size(model),
        context_length=int(tokenizer.context_length),
        tau=float(model.logit_scale.exp()),  # type: ignore[operator]
        precision=precision,
        older_preprocessing=_older(origin.older_preprocessing, size),
    )


def _older(stated: Mapping[str, Any], size: Any) -> Preprocessing:
    """Mean and standard deviation of the source, and always the short side resized, bicubic."""
    return from_config({key: stated[key] for key in ("mean", "std") if key in stated}, size)


def _weights_id(model: nn.Module, config: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    for key, value in sorted(model.state_dict().items()):
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
