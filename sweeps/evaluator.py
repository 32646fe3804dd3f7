"""How well a supernet does with a connection scheme, on data that no training saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from datamodules.batches import Batches
from lightning_modules.cost import evaluating
from lightning_modules.plugs import switch, switches
from lightning_modules.pruning._sites import Scheme, Worth

__all__ = ["Evaluator"]


@dataclass(frozen=True)
class Evaluator:
    """Evaluates one scheme at a time; the network's switches and statistics stay as the last left.

    Args:
        network: a supernet.
        batches: what accuracy and loss are taken on.
        training: images on which the batch norms take their statistics anew for each scheme;
            without any they keep the supernet's.
        most: look at so many batches only.
    """

    network: nn.Module
    batches: Batches
    training: Sequence[Tensor] = ()
    most: int | None = None

    @torch.no_grad()
    def __call__(self, scheme: Scheme) -> Worth:
        """Top-1 and mean loss."""
        switch(switches(self.network), scheme)
        with evaluating(self.network):
            self._recalibrate()
            rows = []
            for images, labels in islice(self.batches, self.most):
                logits = self.network(images)
                loss = F.cross_entropy(logits, labels, reduction="sum")
                hits = (logits.argmax(1) == labels).sum()
                rows.append(torch.stack([loss, hits, hits.new_tensor(len(labels))]))
        total, right, count = (
            sum(column) for column in zip(*torch.stack(rows).tolist(), strict=True)
        )
        return Worth(right / count, total / count)

    def _recalibrate(self) -> None:
        if self.training:
            norms = [module for module in self.network.modules() if isinstance(module, _BatchNorm)]
            with _averaging(norms):
                for images in self.training:
                    self.network(images)


@contextmanager
def _averaging(norms: Sequence[_BatchNorm]) -> Iterator[None]:
    """Batch norms start anew, and take the plain mean over all batches within the block."""
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.train()
        norm.momentum = None
    yield
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
