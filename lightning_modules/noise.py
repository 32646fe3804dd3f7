"""Constant noise in every batch norm (Liang et al., AAAI 2020, arXiv:1908.04008).

    batch norm:  y = gamma * xhat + beta                 with noise, xhat' = scale * xhat + shift
    IEBN:        y = (gamma * delta(x)) * xhat + beta    for xhat, in every batch norm

The IEBN paper attacks networks with two kinds of noise while they train. Constant noise is this;
the other, the mix of data sets, comes with the batches (``datamodules/foreign.py``).

Reconstruction: a summary that quotes the paper confirms that constant noise is added "into every BN
of the network at the batch-normalized step", and that the other attack disturbs a batch's mean and
variance "by simultaneously training on the datasets with different distributions in one network".
That the noise is a scale and a shift is from memory, unconfirmed; their size is ours. So is that
evaluation meets them, too: gamma and beta were trained with them, and a test without would be one
of another network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from lightning_modules.recipe import Noise

__all__ = ["ConstantNoise", "constant"]


def constant(noise: Noise) -> AbstractContextManager[Any]:
    """What a network runs in under a recipe's noise; nothing, at no cost, unless it is constant."""
    return ConstantNoise(noise.scale, noise.shift) if noise.kind == "constant" else nullcontext()


class ConstantNoise(TorchFunctionMode):
    """Within it every ``F.batch_norm`` scales and shifts its normalised map.

    This reaches all batch norms alike, plain, fused with an activation or part of an attention
    module, and leaves the network as it is: no hook, no parameter, no other state. Scale and shift
    are folded into the affine parameters, so a map costs nothing.

    Args:
        scale, shift: of the normalised map.
    """

    def __init__(self, scale: float, shift: float) -> None:
        super().__init__()
        self.scale = scale
        self.shift = shift

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        call = self._normalise if func is F.batch_norm else func
        return call(*args, **(kwargs or {}))

    def _normalise(
        self,
        x: Tensor,
        mean: Tensor | None,
        var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        *args: Any,
        **options: Any,
    ) -> Tensor:
        gamma = (x if mean is None else mean).new_ones(x.shape[1]) if weight is None else weight
        beta = gamma * self.shift if bias is None else bias + gamma * self.shift
        return F.batch_norm(x, mean, var, gamma * self.scale, beta, *args, **options)
