"""Features that a process keeps, for a sweep: its cells encode the same images with the same frozen tower.

A batch is recognised by its pixels, and as a whole: the features of an image depend in their last digits on
the batch that it is in, so that a cell gets what it would have computed alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor

MOST = 128_000_000  # bytes that a worker of a sweep keeps on its device
_SEED = 0


@dataclass
class KeptFeatures:
    """Features by what computed them and the batch; beyond `limit` bytes, those not used longest are dropped.

    Within `reusing` alone, where images are encoded as they are: augmented ones never come again.
    """

    limit: int = MOST
    _rows: OrderedDict[Hashable, Tensor] = field(default_factory=OrderedDict, repr=False)
    _used: int = 0
    _reusing: bool = False

    @contextmanager
    def reusing(self) -> Iterator[None]:
        """Within the block, batches that were encoded before are not encoded again."""
        before, self._reusing = self._reusing, True
        try:
            yield
        finally:
            self._reusing = before

    def of(self, pixels: Tensor, encoder: Hashable, encode: Callable[[Tensor], Tensor]) -> Tensor:
        """What `encode` gives for pixels (B, 3, H, W).

        Args:
            encoder: what `encode` depends on.
        """
        if not self._reusing or torch.is_grad_enabled() or pixels.dtype != torch.float32:
            return encode(pixels)
        # A tensor of inference mode can be of no use to a training.
        key = (encoder, torch.is_inference_mode_enabled(), tuple(pixels.shape), _fingerprint(pixels))
        if key in self._rows:
            self._rows.move_to_end(key)
            return self._rows[key].clone()
        features = encode(pixels)
        self._keep(key, features.clone())
        return features

    def _keep(self, key: Hashable, features: Tensor) -> None:
        self._rows[key] = features
        self._used += features.nbytes
        while self._used > self.limit:
            _, dropped = self._rows.popitem(last=False)
            self._used -= dropped.nbytes


def _fingerprint(pixels: Tensor) -> tuple[int, ...]:
    """A number per image, of the bits of its pixels: one bit changes it; equal ones are chance (2**-32)."""
    bits = pixels.contiguous().view(torch.int32).flatten(1)
    return tuple((bits * _factors(bits.shape[1], bits.device)).sum(1, dtype=torch.int64).tolist())


@lru_cache(maxsize=4)
def _factors(count: int, device: torch.device) -> Tensor:
    """Odd random numbers (count,), int32: a product with one differs wherever the other factor does."""
    generator = torch.Generator().manual_seed(_SEED)
    drawn = torch.randint(-(2**31), 2**31, (count,), generator=generator, dtype=torch.int64)
    return (drawn | 1).to(torch.int32).to(device)
