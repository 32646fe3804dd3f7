"""Seeds and generators that are a function of their key alone, never of global state."""

from __future__ import annotations

import hashlib

import torch

__all__ = ["derive_seed", "generator"]


def derive_seed(*key: int | str) -> int:
    """A seed in [0, 2**32) from any key, e.g. ``("crop", run_seed, epoch)``; other keys, others.

    32 bits, because torch's CPU generator reads no more of its seed.
    """
    digest = hashlib.blake2b(repr(key).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")


def generator(*key: int | str) -> torch.Generator:
    """A CPU generator seeded with the key: the same numbers whatever device uses them."""
    return torch.Generator().manual_seed(derive_seed(*key))
