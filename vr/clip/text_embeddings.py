"""Text embeddings: each distinct sentence is encoded once per weights and cached in `cache/text/`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from attrgen.core.decoding import cached
from attrgen.core.files import write_bytes
from vr.clip import bank as banks
from vr.clip.backbone import Backbone
from vr.clip.bank import Bank
from vr.runtime.cache import cache_folder

_KEY_BYTES = 32  # of a SHA-256
_UNIT_TOLERANCE = 1e-3


def embed(backbone: Backbone, texts: list[str], *, folder: Path | None = None) -> Tensor:
    """Unit embeddings (N, D), float32, on the backbone's device; missing ones are encoded and cached.

    A cache file that is damaged or of another form counts as empty: it can always be computed again.

    Raises:
        UserError: a text is longer than the model's context.
    """
    path = (folder or cache_folder() / "text") / f"{backbone.weights_id[:32]}.safetensors"
    known = _read(path)
    missing = [text for text in dict.fromkeys(texts) if _key(text) not in known]
    if missing:
        fresh = backbone.encode_text(missing).cpu()
        # Another process may have written in the meantime: its embeddings are kept.
        known = _read(path) | {_key(text): row for text, row in zip(missing, fresh, strict=True)}
        _write(path, known)
    return torch.stack([known[_key(text)] for text in texts]).to(backbone.device)


def embed_bank(backbone: Backbone, texts: Sequence[Sequence[str]]) -> Bank:
    """The bank of every class's texts, at least one each, on the backbone's device.

    Raises:
        UserError: a text is longer than the model's context.
    """
    flat = embed(backbone, [line for lines in texts for line in lines])
    return banks.from_classes(list(flat.split([len(lines) for lines in texts])), texts)


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8")).digest()


def _read(path: Path) -> dict[bytes, Tensor]:
    try:
        status = path.stat()
    except OSError:
        return {}
    return _rows(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=2)  # the cells of a sweep read the same file
def _rows(path: Path, changed: int, size: int) -> dict[bytes, Tensor]:
    """Unit embeddings by key, of the file as it is at that time and size; rows of another form are left out.

    The result must not be changed.
    """

    def read() -> dict[bytes, Tensor]:
        tensors = load_file(path)
        keys, rows = tensors["keys"], tensors["rows"]
        if rows.dtype != torch.float32 or keys.dtype != torch.uint8 or keys.shape != (len(rows), _KEY_BYTES):
            return {}
        is_unit = (rows.norm(dim=1) - 1).abs() < _UNIT_TOLERANCE
        return {bytes(key.tolist()): row for key, row in zip(keys[is_unit], rows[is_unit], strict=True)}

    return cached(read) or {}


def _write(path: Path, known: dict[bytes, Tensor]) -> None:
    keys = torch.tensor([list(key) for key in known], dtype=torch.uint8)
    write_bytes(path, to_bytes({"keys": keys, "rows": torch.stack(list(known.values()))}))
