"""How many blocks a baseline plugs: as many as the search that it is compared with."""

from __future__ import annotations

from dataclasses import replace

from lightning_modules.options import Search
from lightning_modules.pruning._sites import Oracle
from lightning_modules.pruning.ean import EfficientAttentionNetwork

__all__ = ["how_many"]


def how_many(plugged: int | None, oracle: Oracle, options: Search, seed: int) -> int:
    """The number asked for, or that of EAN with the same options; EAN's cost is not counted.

    Raises:
        ValueError: there are not so many blocks.
    """
    if plugged is None:
        return sum(EfficientAttentionNetwork().search(replace(oracle, known={}), options, seed))
    if not 0 <= plugged <= oracle.blocks:
        raise ValueError(f"plugged is 0 to {oracle.blocks}, the number of blocks; came {plugged}")
    return plugged
