"""First-order Taylor expansion of the loss (Molchanov et al., CVPR 2019, arXiv:1906.10771).

    abs_sum   |sum_k w_k mean_b(g_k)|          how far the loss moves if the filter goes
    sum_abs    sum_k |w_k mean_b(g_k)|
    squared    mean_b (sum_k w_k g_k)^2        the paper's form, per mini-batch b

w_k are the weights of a filter, g_k the gradient of the cross-entropy in evaluation mode. The
scores estimate the same quantity in every layer; scope global compares them as they are.

Differs from the authors' code: only the filter counts, not the batch norm behind it; batches are
seen once with fixed weights, not during an epoch of training; each batch counts the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lightning_modules.cost import evaluating
from lightning_modules.pruning._criterion import Batches
from lightning_modules.pruning._layers import layer_at
from lightning_modules.structure import Width

__all__ = ["Taylor"]

FORMS = ("abs_sum", "sum_abs", "squared")


class Taylor:
    """Remove the channels whose removal changes the loss least, to first order.

    Args:
        form: how the products of weights and gradients are gathered over a filter.
    """

    grain = "channel"
    needs = ("weights", "gradients", "labels")
    start = "parent"

    def __init__(self, *, form: Literal["abs_sum", "sum_abs", "squared"] = "abs_sum") -> None:
        if form not in FORMS:
            raise ValueError(f"form is one of {', '.join(FORMS)}; came '{form}'")
        self.form = form

    def score(
        self, model: nn.Module, targets: Sequence[Width], batches: Batches, seed: int
    ) -> dict[str, Tensor]:
        """Estimated change of the loss; no ``.grad`` and no running statistic is touched.

        Raises:
            ValueError: no batch came.
        """
        weights = [layer_at(model, width.producer).weight for width in targets]
        total: list[Tensor] = []
        count = 0
        with evaluating(model), torch.enable_grad():
            for images, labels in batches:
                loss = cross_entropy(model(images), labels)
                parts = self._gather(torch.autograd.grad(loss, weights), weights)
                total = [t + p for t, p in zip(total, parts, strict=True)] if total else parts
                count += 1
        if not count:
            raise ValueError("taylor needs at least one batch of labelled images; none came")
        pairs = zip(targets, total, strict=True)
        return {width.producer: self._reduce(sums / count) for width, sums in pairs}

    def _gather(self, gradients: Sequence[Tensor], weights: Sequence[Tensor]) -> list[Tensor]:
        """One batch's part of the mean: (n, k) products, or (n,) squares."""
        pairs = zip(weights, gradients, strict=True)
        products = [(w.detach() * g).flatten(1) for w, g in pairs]
        return [p.sum(1).square() for p in products] if self.form == "squared" else products

    def _reduce(self, mean: Tensor) -> Tensor:
        if self.form == "squared":
            return mean
        return mean.sum(1).abs() if self.form == "abs_sum" else mean.abs().sum(1)
