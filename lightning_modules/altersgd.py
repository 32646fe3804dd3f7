"""AlterSGD (Huang et al., 2021, arXiv:2107.05804).

    before ``start``            w = w - lr * momentum(g + decay * w)
    then, on even steps         the same
    and on odd steps            w = w + ascent * lr * g        g of the step's own mini-batch

The abstract confirms: SGD at first; when training comes close to convergence, descent and ascent
alternate; a step needs no gradient beyond its own; this favours flat minima.

Reconstruction: there is no public code, and the paper's text was not to be had. Ours are: when it
starts (a share of the phase's epochs); that every second step ascends; that ascent is a plain step,
without momentum and decay, which leaves the momentum buffer alone (within the buffer the signs
would average away).

Why flat: without momentum a descent and an ascent of equal length move by

    -lr g(w) + lr g(w - lr g(w)) = -lr^2 H g + O(lr^3) = -(lr^2 / 2) grad |g|^2 + O(lr^3)

and near a minimum of curvature h shrink the distance to it by 1 - (lr h)^2: one with h above
sqrt(2) / lr pushes the weights away, where SGD leaves those above 2 / lr only. With momentum m the
descents add up to 1 / (1 - m) times their length, so that even ``ascent`` 1 descends by and large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

__all__ = ["AlterSGD"]


class AlterSGD(torch.optim.SGD):
    """SGD whose every second step ascends once ``start`` steps are done.

    The number of steps done is part of ``state_dict``: training that goes on from it ascends where
    it would have. A step that a gradient scaler skips does not count.

    Args:
        params: parameters, or groups of them.
        lr, momentum, nesterov: of the descent, as in SGD; weight decay stands in the groups.
        start: steps before the alternation.
        done: steps that earlier rounds of the same phase have done.
        ascent: length of an ascent step relative to the learning rate.

    Raises:
        ValueError: an ascent below 0.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.0,
        *,
        nesterov: bool = False,
        start: int = 0,
        done: int = 0,
        ascent: float = 1.0,
    ) -> None:
        if ascent < 0:
            raise ValueError(f"ascent is at least 0; came {ascent}")
        super().__init__(params, lr, momentum, nesterov=nesterov)
        for group in self.param_groups:
            group |= {"start": start, "done": done, "ascent": ascent}

    @property
    def ascends(self) -> bool:
        """Whether the next step is an ascent."""
        group = self.param_groups[0]
        beyond = group["done"] - group["start"]
        return bool(beyond >= 0 and beyond % 2)

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss: float | None = self._ascend(closure) if self.ascends else super().step(closure)
        for group in self.param_groups:
            group["done"] += 1
        return loss

    def _ascend(self, closure: Callable[[], float] | None) -> float | None:
        loss = closure() if closure else None
        with torch.no_grad():
            for group in self.param_groups:
                moving = [p for p in group["params"] if p.grad is not None]
                if moving:
                    length = group["ascent"] * group["lr"]
                    torch._foreach_add_(moving, [p.grad for p in moving], alpha=length)
        return loss
