"""The frozen CLIP: found by name, hub or folder through open_clip, and never changed.

Image size, mean, std, tokenizer, context length and temperature all come from the model that was loaded.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from attrgen.core.errors import UserError
from attrgen.core.resources import resource
from vr.clip.preprocessing import Preprocessing, from_config
from vr.runtime.device import Precision, exact_float32

DEFAULT_NAME = "ViT-B-16-quickgelu"
DEFAULT_WEIGHTS = "openai"
RANDOM = "random"
MINI = "mini"
_OPENAI_ONLY_KEYS = {"input_resolution", "context_length", "vocab_size"}


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

        Older ids cover configuration and weights alone; those runs resized the short side, bicubic.
        """
        if recorded_id == self.id:
            return self
        if recorded_id != self.weights_id:
            return None
        changes = {"resize_mode": "shortest", "interpolation": "bicubic"}
        return replace(self, id=recorded_id, preprocessing=self.preprocessing.model_copy(update=changes))

    def normalise(self, pixels: Tensor) -> Tensor:
        """Pixels in [0, 1], (..., 3, H, W), as input of the image tower."""
        return (pixels - self.mean) / self.std

    def encode_image(self, pixels: Tensor) -> Tensor:
        """Unit embeddings (B, D), float32, of pixels (B, 3, image_size, image_size) in [0, 1]."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            features: Tensor = self.model.encode_image(self.normalise(pixels))  # type: ignore[operator]
        return F.normalize(features.float(), dim=-1)

    @torch.no_grad()
    @exact_float32()  # they are kept for good, and for other devices
    def encode_text(self, texts: list[str], *, batch_size: int = 256) -> Tensor:
        """Unit embeddings (N, D), float32, of N texts.

        Raises:
            UserError: a text is longer than the model's context, by name; it is never cut silently.
        """
        for text in texts:
            length = self.count_tokens(text)
            if length > self.context_length:
                raise UserError(
                    f"a text has {length} tokens and {self.name} reads {self.context_length}: '{text}'",
                    remedy="Shorten the text; a cut sentence would mean something else.",
                )
        parts = []
        for start in range(0, len(texts), batch_size):
            tokens = self.tokenizer(texts[start : start + batch_size], context_length=self.context_length)
            features = self.model.encode_text(tokens.to(self.device))  # type: ignore[operator]
            parts.append(F.normalize(features.float(), dim=-1))
        return torch.cat(parts)

    def count_tokens(self, text: str) -> int:
        """Tokens of a text in this model's own vocabulary, start and end tokens included."""
        if hasattr(self.tokenizer, "encode"):
            return len(self.tokenizer.encode(text)) + 2
        return len(self.tokenizer.tokenizer(text)["input_ids"])


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
        name: an open_clip model name, `hf-hub:ORG/REPO`, a folder (or `local-dir:FOLDER`) that holds
            `open_clip_config.json` and weights, or `mini`, the model that comes with this project.
        weights: for a model name, open_clip's tag or a weights file; `random` draws them from `seed`.
            `openai` by default for the default name; the other forms bring their own weights.

    Raises:
        UserError: unknown name or tag, weights that do not fit the architecture or its activation,
            missing files, a hub that cannot be reached (with the file to fetch and where to put it).
    """
    import open_clip
    from safetensors import SafetensorError

    if name == MINI:
        source = f"local-dir:{resource('data', 'mini')}"
    elif Path(name).expanduser().is_dir():
        source = f"local-dir:{Path(name).expanduser()}"
    else:
        source = name
    has_schema = source.startswith(("local-dir:", "hf-hub:"))
    if weights is None and not has_schema:
        if name != DEFAULT_NAME:
            _check_known(name)
            raise UserError(
                f"'{name}' needs to know its weights",
                remedy=f"Add --weights TAG, one of: {', '.join(_tags(name)) or 'none known'}; "
                "or a weights file; or 'random'.",
            )
        weights = DEFAULT_WEIGHTS
    if not has_schema:
        _check_named(source, weights)
    elif source.startswith("local-dir:"):
        _check_folder(Path(source.removeprefix("local-dir:")), weights)
    random = weights == RANDOM
    torch.manual_seed(seed)  # what random weights are drawn from
    try:
        with _quiet():
            model = open_clip.create_model(
                source,
                pretrained=None if random or has_schema else weights,
                load_weights=not random,
                require_pretrained=not random,
                pretrained_text=False,
            )
            tokenizer = open_clip.get_tokenizer(source)
    except UserError:
        raise
    except ImportError as error:
        raise UserError(
            f"{name} needs another package: {error}", remedy="Install it: pip install 'biomedvr[biomedclip]'."
        ) from error
    except SafetensorError as error:
        raise UserError(
            f"the weights of {name} are damaged: {error}", file=weights, remedy="Fetch or copy them again."
        ) from error
    except (RuntimeError, OSError, ValueError, KeyError) as error:
        raise _explain(error, name, source, weights) from error
    model.requires_grad_(False).eval()
    stated = open_clip.get_model_preprocess_cfg(model)
    preprocessing = from_config(stated, stated["size"])
    weights_id = _identity(model, open_clip.get_model_config(source))
    return Backbone(
        name=name,
        weights=weights,
        id=preprocessing.digest(weights_id),
        weights_id=weights_id,
        model=model.to(device),
        tokenizer=tokenizer,
        preprocessing=preprocessing,
        patch_size=_patch_size(model),
        context_length=int(getattr(model, "context_length", None) or tokenizer.context_length),
        tau=float(model.logit_scale.exp()),
        precision=precision,
    )


def _identity(model: nn.Module, config: dict[str, Any] | None) -> str:
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    for key, value in sorted(model.state_dict().items()):
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _patch_size(model: nn.Module) -> int | None:
    visual: Any = model.visual
    patch = getattr(visual, "patch_size", None)
    if patch is None and hasattr(visual, "trunk"):  # a timm tower
        patch = getattr(getattr(visual.trunk, "patch_embed", None), "patch_size", None)
    if isinstance(patch, (tuple, list)):
        patch = patch[0] if patch[0] == patch[1] else None
    return patch


def _check_known(name: str) -> None:
    import open_clip

    from attrgen.schema.card import did_you_mean

    if open_clip.get_model_config(name) is None:
        raise UserError(
            f"unknown backbone '{name}'",
            remedy=f"{did_you_mean(name, open_clip.list_models())} "
            "A folder that is there, 'hf-hub:ORG/REPO' and 'mini' work too.",
        )


def _check_named(name: str, weights: str | None) -> None:
    import open_clip

    _check_known(name)
    if weights in (None, RANDOM):
        return
    assert weights is not None
    path = Path(weights).expanduser()
    model_quick = bool(open_clip.get_model_config(name).get("quick_gelu", False))
    tag = open_clip.get_pretrained_cfg(name, weights)
    if tag:
        weights_quick: bool | None = bool(tag.get("quick_gelu", False))
    elif path.is_file():
        weights_quick = _file_quick_gelu(path)
    else:
        raise UserError(
            f"'{weights}' is neither a tag of {name} nor a weights file",
            remedy=f"Tags: {', '.join(_tags(name)) or 'none'}. Give a tag, an existing file, or 'random'.",
        )
    if weights_quick is not None and weights_quick != model_quick:
        other = name.removesuffix("-quickgelu") if model_quick else f"{name}-quickgelu"
        raise UserError(
            f"the weights '{weights}' were trained {'with' if weights_quick else 'without'} QuickGELU and "
            f"{name} is {'with' if model_quick else 'without'} it",
            remedy=f"Use --backbone {other}; the features would be silently wrong otherwise.",
        )


def _file_quick_gelu(path: Path) -> bool | None:
    """What a weights file says of its activation, or None: a config beside it, or OpenAI's own marks."""
    config = path.parent / "open_clip_config.json"
    if config.is_file():
        try:
            return bool(json.loads(config.read_text("utf-8"))["model_cfg"].get("quick_gelu", False))
        except (ValueError, KeyError, TypeError):
            return None
    if "openai" in path.name.casefold() or "openai" in path.parent.name.casefold():
        return True
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="pt") as tensors:
                return True if set(tensors.keys()) >= _OPENAI_ONLY_KEYS else None
        except (SafetensorError, OSError) as error:
            raise UserError(
                f"not a safetensors file: {error}", file=path, remedy="Fetch it again."
            ) from error
    return None


def _check_folder(folder: Path, weights: str | None) -> None:
    if not folder.is_dir():
        raise UserError("there is no such model folder", file=folder, remedy="Check --backbone.")
    config = folder / "open_clip_config.json"
    if not config.is_file():
        raise UserError(
            "the model folder has no open_clip_config.json",
            file=folder,
            remedy="Put the model's open_clip_config.json and open_clip_model.safetensors there.",
        )
    if weights != RANDOM and not any(
        path for kind in ("*.safetensors", "*.bin", "*.pth", "*.pt") for path in folder.glob(kind)
    ):
        raise UserError(
            "the model folder has no weights",
            file=folder,
            remedy="Put open_clip_model.safetensors there, or ask for --weights random.",
        )


def _tags(name: str) -> list[str]:
    import open_clip

    return list(open_clip.list_pretrained_tags_by_model(name))


def _explain(error: Exception, name: str, source: str, weights: str | None) -> UserError:
    import open_clip

    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, RuntimeError) and "state_dict" in str(error):
        return UserError(
            f"the weights '{weights or source}' do not fit the architecture {name}: {reason}",
            remedy="Choose the model that these weights were trained as.",
        )
    if source.startswith("hf-hub:"):
        repo = source.removeprefix("hf-hub:")
        files = f"open_clip_config.json and open_clip_model.safetensors (or .bin) of huggingface.co/{repo}"
    elif (tag := open_clip.get_pretrained_cfg(name, weights or "")) and tag.get("hf_hub"):
        repo = tag["hf_hub"].rstrip("/")
        files = f"open_clip_model.safetensors of huggingface.co/{repo}"
        return UserError(
            f"{name} with weights '{weights}' could not be fetched: {reason}",
            remedy=f"On a machine with access download {files}, put it anywhere here and pass "
            "--weights PATH/open_clip_model.safetensors. To try the program without it: --backbone mini.",
        )
    else:
        return UserError(f"{name} could not be loaded: {reason}", remedy="Check --backbone and --weights.")
    return UserError(
        f"{name} could not be fetched: {reason}",
        remedy=f"On a machine with access download {files} (and its tokenizer files) into one folder here "
        "and pass --backbone FOLDER. To try the program without it: --backbone mini.",
    )


class _quiet:
    """open_clip warns through the root logger about what is an error or a non-event here."""

    def __enter__(self) -> None:
        self.before = logging.root.manager.disable
        logging.disable(logging.WARNING)

    def __exit__(self, *_: object) -> None:
        logging.disable(self.before)
