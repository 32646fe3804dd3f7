"""First-order Taylor expansion on activations (Molchanov et al., ICLR 2017, arXiv:1611.06440).

    t_i = mean over positions of a * dL_i/da             for image i and each channel
    l1    mean over images of |t_i|                      the paper's form
    l2    root of the mean over images of t_i^2
    score = t / ||t||_2 over the channels of the layer

a is the channel as its consumer reads it, behind batch norm and activation; L_i the cross-entropy
of image i in evaluation mode. The normalisation makes layers comparable in scope global; in scope
layer it changes nothing.

Reconstruction: the form l2 is ours, the counterpart of l1 in comparisons of criteria.

Differs from the authors' code: none is public; they remove one channel at a time and train in
between, and add a price on operations, here one cut removes as much as every criterion does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from lightning_modules.cost import evaluating
from lightning_modules.pruning._activations import maps, reading
from lightning_modules.pruning._criterion import Batches
from lightning_modules.structure import Width

__all__ = ["TaylorOnActivations"]

FORMS = ("l1", "l2")
Seen = list[tuple[str, nn.Module, Tensor]]


class TaylorOnActivations:
    """Remove the channels whose activations matter least to the loss, to first order.

    Args:
        form: how the images' contributions are gathered.
    """

    grain = "channel"
    needs = ("activations", "gradients", "labels")
    start = "parent"

    def __init__(self, *, form: Literal["l1", "l2"] = "l1") -> None:
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
        found: dict[str, list[Tensor]] = {width.producer: [] for width in targets}
        seen: Seen = []
        watching = reading(model, targets, lambda *read: seen.append(read))
        with evaluating(model), torch.enable_grad(), watching:
            for images, labels in batches:
                loss = cross_entropy(model(images), labels, reduction="sum")
                for producer, part in _contributions(loss, seen):
                    found[producer].append(part)
                seen.clear()
        if not all(found.values()):
            raise ValueError("taylor_activation needs at least one batch of images; none came")
        return {producer: self._gather(torch.cat(parts)) for producer, parts in found.items()}

    def _gather(self, parts: Tensor) -> Tensor:
        """(images, n) -> (n,)"""
        parts = parts.double()
        mean = parts.abs().mean(0) if self.form == "l1" else parts.square().mean(0).sqrt()
        return normalize(mean, dim=0, eps=torch.finfo(mean.dtype).tiny)


def _contributions(loss: Tensor, seen: Seen) -> list[tuple[str, Tensor]]:
    """Each width's mean over positions of activation times gradient, (B, n)."""
    gradients = torch.autograd.grad(loss, [a for *_, a in seen])
    return [
        (producer, (maps(a.detach(), consumer) * maps(g, consumer)).mean(2))
        for (producer, consumer, a), g in zip(seen, gradients, strict=True)
    ]
