"""The scores of several channel criteria side by side."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from lightning_modules.catalog import load, variant
from lightning_modules.pruning._criterion import Batches, Criterion
from lightning_modules.pruning._norms import norm_behind
from lightning_modules.structure import Width

__all__ = ["score_all"]


def score_all(
    names: Sequence[str],
    model: nn.Module,
    widths: Sequence[Width],
    batches: Batches,
    *,
    seed: int,
) -> dict[str, dict[str, Tensor]]:
    """Score the channels by each criterion, with its default options.

    Args:
        names: of channel criteria; one that reads batch norms is left out where widths have none.

    Returns:
        {criterion: {producer: score (n,) in double precision on the CPU}}.
    """
    normed = all(norm_behind(model, width) for width in widths)
    table = {}
    for name in names:
        criterion: Criterion[Width] = load(variant("pruning", name))()
        if normed or "batchnorm" not in criterion.needs:
            scores = criterion.score(model, widths, batches, seed)
            table[name] = {producer: score.double().cpu() for producer, score in scores.items()}
    return table
