"""Removing weights: which go first, the masks that hold them at zero, and how they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lightning_modules.pruning._layers import layer_at

__all__ = ["Masks", "WeightOrder"]


@dataclass(frozen=True)
class Masks:
    """Which weights are left.

    Args:
        keep: {layer name: bool tensor of the weight's shape, True = stays}.
    """

    keep: Mapping[str, Tensor]

    @property
    def sparsity(self) -> float:
        """Share of the prunable weights that is removed."""
        total = sum(mask.numel() for mask in self.keep.values())
        removed = total - sum(int(mask.sum()) for mask in self.keep.values())
        return removed / max(total, 1)

    @cached_property
    def _factors(self) -> list[Tensor]:
        """The masks as numbers: multiplying by a bool tensor is far slower on a CPU."""
        return [mask.float() for mask in self.keep.values()]

    @torch.no_grad()
    def apply(self, model: nn.Module) -> None:
        """Set the removed weights to zero, in place; call it after every optimizer step."""
        if not self.keep:
            return
        weights: list[Tensor] = [layer_at(model, name).weight for name in self.keep]
        torch._foreach_mul_(weights, self._factors)

    def to(self, device: torch.device | str) -> Masks:
        """The same masks on the device where the model is."""
        return Masks({name: mask.to(device) for name, mask in self.keep.items()})

    def state(self) -> dict[str, Any]:
        """Plain tensors, for ``torch.save``."""
        return {"grain": "weight", "keep": {n: mask.cpu() for n, mask in self.keep.items()}}


@dataclass(frozen=True)
class WeightOrder:
    """The order in which weights go, the weakest first.

    Args:
        shapes: {layer name: shape of its weight}; positions count through them in this order.
        order: (n,) flat positions. What is protected by a score of +inf is not among them.
        gone: how many at the front went in an earlier round.
    """

    shapes: Mapping[str, torch.Size]
    order: Tensor
    gone: int = 0

    @classmethod
    def of(
        cls,
        scores: Mapping[str, Tensor],
        *,
        scope: Literal["global", "layer"] = "global",
        before: Masks | None = None,
    ) -> WeightOrder:
        """Sort by score over the network, or by rank within the layer; ties by position.

        Args:
            scores: {layer name: score of each weight, higher = keep}.
            scope: compare scores of all layers, or take the same share of each.
            before: what an earlier round left; what it removed stays removed, and comes first.
        """
        ranks = {name: _rank(score) for name, score in scores.items()} if scope == "layer" else {}
        keys = _flat(ranks or scores)
        keys = keys.masked_fill(_flat(scores).isposinf(), torch.inf)
        gone = 0
        if before is not None:
            removed = ~_flat(before.keep).to(keys.device)
            keys, gone = keys.masked_fill(removed, -torch.inf), int(removed.sum())
        key, order = torch.sort(keys, stable=True)
        shapes = {name: score.shape for name, score in scores.items()}
        return cls(shapes, order[: int((key < torch.inf).sum())], gone)

    @property
    def sizes(self) -> list[int]:
        """Number of weights of each layer."""
        return [shape.numel() for shape in self.shapes.values()]

    def saved(self, positions: Mapping[str, int]) -> Tensor:
        """(n + 1,) MACs that are saved when the first 0, 1, ... n weights are gone.

        Args:
            positions: {layer name: how often each weight is used for one image}.
        """
        device = self.order.device
        price = torch.tensor([positions[name] for name in self.shapes], device=device)
        layer = torch.arange(len(self.shapes), device=device)
        prices = price[layer.repeat_interleave(torch.tensor(self.sizes, device=device))]
        saved = prices[self.order].cumsum(0)
        return torch.cat([saved.new_zeros(1), saved])

    def masks(self, count: int) -> Masks:
        """What is left when the first ``count`` are gone; never less than is gone already."""
        keep = torch.ones(sum(self.sizes), dtype=torch.bool, device=self.order.device)
        keep[self.order[: max(count, self.gone)]] = False
        parts = zip(self.shapes.items(), torch.split(keep, self.sizes), strict=True)
        return Masks({name: part.view(shape) for (name, shape), part in parts})


def _flat(tensors: Mapping[str, Tensor]) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors.values()])


def _rank(score: Tensor) -> Tensor:
    """Relative rank of each score in its layer, in (0, 1); ties by position."""
    order = torch.sort(score.flatten(), stable=True).indices
    places = torch.arange(len(order), device=order.device, dtype=torch.float64)
    return torch.empty_like(places).index_copy(0, order, (places + 0.5) / len(order))
