"""Train `mini`, the project's own small CLIP, on drawn phantoms: `python -m vr.phantom.train_mini`.

The loss is CLIP's (Radford et al., 2021), a softmax over the batch in both directions, except that every
caption that is true of a picture counts as its own, not only the one that was written for it.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from attrgen.core.errors import UserError
from attrgen.core.files import whole_file, write_text
from vr.phantom.finding import VALUES
from vr.phantom.pool import Batch, Pool, vocabulary
from vr.runtime.progress import count_bar

MODEL: dict[str, Any] = {
    "embed_dim": 128,
    "vision_cfg": {
        "image_size": 80,
        "patch_size": 10,
        "width": 128,
        "layers": 4,
        "head_width": 32,
        "mlp_ratio": 2.0,
    },
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 4, "layers": 3},
}
MEAN, STD = 0.33, 0.24
PREPROCESS = {"mean": [MEAN] * 3, "std": [STD] * 3, "interpolation": "bicubic", "resize_mode": "shortest"}
CHECKPOINT = "train_mini.safetensors"


@dataclass(frozen=True)
class Settings:
    """How `mini` is trained. AdamW, warm-up and cosine to zero over all steps."""

    steps: int = 3000
    batch_size: int = 64
    scenes: int = 30_000
    lr: float = 1.2e-3
    warmup: int = 200
    weight_decay: float = 0.05
    teaching: float = 4.0
    seed: int = 1
    checkpoint_every: int = 100


def make_model(seed: int) -> Any:
    """The untrained model, drawn from `seed`."""
    from open_clip.model import CLIP

    torch.manual_seed(seed)
    model = CLIP(**MODEL)
    model.visual.output_tokens = True  # for the teacher; no part of what is exported
    return model


def encode_text(model: Any, tokens: Tensor) -> Tensor:
    """What open_clip's `encode_text` gives, for tokens (N, n) with n below the context length.

    Attention is causal, so what comes after a text's end changes nothing and is left out.
    """
    length = tokens.shape[1]
    x = model.token_embedding(tokens) + model.positional_embedding[:length]
    x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
    return x[torch.arange(len(x)), tokens.argmax(-1)] @ model.text_projection


def _encode_by_length(model: Any, tokens: Tensor, *, parts: int = 4) -> Tensor:
    """As `encode_text`, short texts and long ones apart, so that less padding is computed."""
    lengths = tokens.argmax(-1) + 1
    order = lengths.argsort(stable=True)
    rows = [encode_text(model, tokens[part, : int(lengths[part].max())]) for part in order.chunk(parts)]
    return torch.cat(rows)[order.argsort()]


def contrastive_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Mean over both directions of `-1/|P| sum_{p in P} log softmax_p`, P what is true of each row.

    Args:
        logits: (B, N) pictures against captions.
        truth: (B, N) bool, each row and each column true somewhere.
    """
    target = truth.float()
    by_picture = -(logits.log_softmax(1) * target).sum(1) / target.sum(1)
    by_caption = -(logits.log_softmax(0) * target).sum(0) / target.sum(0)
    return (by_picture.mean() + by_caption.mean()) / 2


class Teacher(nn.Module):
    """Reads the attribute values out of the image tower while it learns, and is thrown away afterwards.

    From a patch's output: the values of what reaches that patch; from the embedding: those of the picture.
    The drawer knows both. Without it, so small a tower needs several times as many pictures.
    """

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Linear(MODEL["vision_cfg"]["width"], len(VALUES))
        self.picture = nn.Linear(MODEL["embed_dim"], len(VALUES))

    def forward(self, patches: Tensor, embedding: Tensor, cells: Tensor) -> Tensor:
        """Mean binary cross-entropy of both readings."""
        in_patches = F.binary_cross_entropy_with_logits(self.patch(patches), cells)
        in_picture = F.binary_cross_entropy_with_logits(self.picture(embedding), cells.amax(1))
        return in_patches + in_picture


def batch_losses(model: Any, teacher: Teacher, batch: Batch) -> tuple[Tensor, Tensor]:
    """The contrastive loss and the teacher's of one batch."""
    embedding, patches = model.visual((batch.pictures - MEAN) / STD)
    pictures = F.normalize(embedding, dim=-1)
    captions = F.normalize(_encode_by_length(model, batch.tokens), dim=-1)
    logits = model.logit_scale.exp() * pictures @ captions.T
    return contrastive_loss(logits, batch.truth), teacher(patches, embedding, batch.cells)


def train(out: Path, settings: Settings, *, report: Callable[[int, float, float], None] | None = None) -> Any:
    """Train, keeping a checkpoint in `out` from which the same call continues; return the model.

    Args:
        report: called after each step with its number and both its losses.

    Raises:
        UserError: the checkpoint is of other settings.
    """
    from open_clip import SimpleTokenizer

    tokenizer = SimpleTokenizer()
    model = make_model(settings.seed)
    _freeze_unknown_words(model, tokenizer)
    teacher = Teacher()
    learner = nn.ModuleDict({"model": model, "teacher": teacher})
    optimizer = _optimizer(learner, settings)
    pool = Pool(tokenizer, scenes=settings.scenes, batch_size=settings.batch_size, seed=settings.seed)
    first = _resume(out / CHECKPOINT, learner, optimizer, settings)
    for step in range(first, settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = settings.lr * _rate(step, settings)
        contrastive, taught = batch_losses(model, teacher, pool.batch(step))
        optimizer.zero_grad(set_to_none=True)
        (contrastive + settings.teaching * taught).backward()
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        if (step + 1) % settings.checkpoint_every == 0 or step + 1 == settings.steps:
            _save_checkpoint(out / CHECKPOINT, learner, optimizer, step + 1, settings)
        if report is not None:
            report(step, float(contrastive.detach()), float(taught.detach()))
    return model


def export(model: nn.Module, folder: Path) -> None:
    """Write the model as open_clip loads it, weights in half precision (they are read back as float32)."""
    write_text(
        folder / "open_clip_config.json",
        json.dumps({"model_cfg": MODEL, "preprocess_cfg": PREPROCESS}, indent=2) + "\n",
    )
    halves = {name: tensor.detach().half().contiguous() for name, tensor in model.state_dict().items()}
    with whole_file(folder / "open_clip_model.safetensors") as temporary:
        save_file(halves, temporary, metadata={"format": "pt"})


def _rate(step: int, settings: Settings) -> float:
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    share = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return 0.5 * (1 + math.cos(math.pi * share))


def _freeze_unknown_words(model: Any, tokenizer: Any) -> None:
    """Words that no caption holds keep their random start; see `vr.phantom.pool.tokenize`."""
    known = torch.zeros(tokenizer.vocab_size, 1)
    for word in vocabulary():
        known[tokenizer.encode(word)] = 1
    known[[tokenizer.sot_token_id, tokenizer.eot_token_id]] = 1
    model.token_embedding.weight.register_hook(lambda gradient: gradient * known)


def _optimizer(learner: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for name, parameter in learner.named_parameters():
        matrix = parameter.ndim >= 2 and "embedding" not in name
        (decayed if matrix else plain).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.lr, betas=(0.9, 0.98))


def _save_checkpoint(
    path: Path, learner: nn.Module, optimizer: torch.optim.Optimizer, step: int, settings: Settings
) -> None:
    tensors = {f"weights.{name}": tensor for name, tensor in learner.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in state.items()}
    metadata = {"step": str(step), "settings": json.dumps(asdict(settings))}
    with whole_file(path) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary, metadata)


def _resume(path: Path, learner: nn.Module, optimizer: torch.optim.Optimizer, settings: Settings) -> int:
    """Load the checkpoint if there is one; the number of steps that are done."""
    if not path.exists():
        return 0
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    if json.loads(metadata["settings"]) != asdict(settings):
        raise UserError(
            "the checkpoint belongs to a training with other settings",
            code="mini-other-settings",
            file=path,
            remedy="Remove it to start again, or use its settings.",
        )
    prefix = "weights."
    weights = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    learner.load_state_dict(weights)
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, number, key = name.split(".", 2)
            state.setdefault(int(number), {})[key] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    return int(metadata["step"])


def main() -> None:
    """Train with the default settings and export; run again after an interruption to go on."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m vr.phantom.train_mini", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    parser.add_argument("--work", type=Path, default=Path("runs/mini"), help="folder of the checkpoint")
    for name, value in asdict(Settings()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--threads", type=int, default=0, help="processor threads; 0: torch's default")
    given = vars(parser.parse_args())
    out, work, threads = given.pop("out"), given.pop("work"), given.pop("threads")
    if threads:
        torch.set_num_threads(threads)
    settings = Settings(**given)
    try:
        with count_bar("training mini", settings.steps) as advance:
            model = train(work, settings, report=_Reporter(settings, advance))
    except KeyboardInterrupt:
        print(f"Stopped. The same command continues from the last checkpoint in {work}.", file=sys.stderr)
        raise SystemExit(130) from None
    export(model, out)


class _Reporter:
    """Moves the bar and prints mean losses now and then."""

    every = 20

    def __init__(self, settings: Settings, advance: Callable[..., None]) -> None:
        self.steps, self.advance = settings.steps, advance
        self.done = 0
        self.sums = [0.0, 0.0]

    def __call__(self, step: int, contrastive: float, taught: float) -> None:
        self.advance(step + 1 - self.done)
        self.done = step + 1
        self.sums = [self.sums[0] + contrastive, self.sums[1] + taught]
        if self.done % self.every == 0:
            means = [total / self.every for total in self.sums]
            print(
                f"step {self.done} of {self.steps}: loss {means[0]:.3f}, teacher's {means[1]:.4f}", flush=True
            )
            self.sums = [0.0, 0.0]


if __name__ == "__main__":
    main()
