"""What a network costs on paper: parameters, multiply-accumulates and bytes, dense and non-zero.

MACs are half of what torch's FlopCounterMode counts: convolutions and matrix products, fused
attention included; element-wise work, norms and pooling count nothing. Non-zero figures are
theoretical: zeros among the weights are left out, whether or not any hardware can skip them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["Cost", "bytes_of", "count", "counting", "evaluating", "example"]

PRUNABLE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True)
class Cost:
    """Cost of one network for one image.

    Args:
        params: number of parameters; a shared one counts once.
        params_nonzero: the same without the zeros in weights of Conv and Linear modules.
        macs: multiply-accumulates.
        macs_nonzero: the same where those modules' products with a zero weight are left out.
        bytes: size of parameters and buffers as stored.
    """

    params: int
    params_nonzero: int
    macs: int
    macs_nonzero: int
    bytes: int

    def json(self) -> dict[str, int]:
        return asdict(self)


def count(model: nn.Module, image_size: int, channels: int = 3) -> Cost:
    """Count what one image of (channels, image_size, image_size) costs.

    Runs one forward pass in eval mode on the model's device and dtype; the model is left as it
    was. A module that is called several times, or shares its weight with another, counts at each
    call. Products with weights outside Conv and Linear modules count as dense.
    """
    weights = [m.weight for m in model.modules() if isinstance(m, PRUNABLE)]
    removed = sum(_zeros(weight) for weight in {id(w): w for w in weights}.values())
    params = sum(p.numel() for p in model.parameters())
    macs, saved = _macs(model, example(model, image_size, channels))
    return Cost(params, params - removed, macs, round(macs - saved), bytes_of(model))


def example(model: nn.Module, size: int, channels: int = 3, batch: int = 1) -> Tensor:
    """Normal noise (batch, channels, size, size) on the model's device and dtype, seed 0."""
    floats = (p for p in model.parameters() if p.is_floating_point())
    like = next(floats, torch.empty(0))
    noise = torch.randn(batch, channels, size, size, generator=torch.Generator().manual_seed(0))
    return noise.to(like)


def bytes_of(model: nn.Module) -> int:
    """Bytes of the model's parameters and buffers, each counted once."""
    return sum(t.numel() * t.element_size() for t in chain(model.parameters(), model.buffers()))


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode within the block; afterwards every module's own mode is back."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def _macs(model: nn.Module, images: Tensor) -> tuple[int, float]:
    """MACs of one forward pass, and how many of them multiply by a zero weight."""
    started: list[int] = []
    saved: list[float] = []

    def before(module: nn.Module, args: object) -> None:
        started.append(counter.get_total_flops())

    def after(sparsity: float, module: nn.Module, args: object, output: object) -> None:
        saved.append(sparsity * (counter.get_total_flops() - started.pop()) / 2)

    with ExitStack() as stack:
        counter = stack.enter_context(counting(model))
        for module in model.modules():
            if isinstance(module, PRUNABLE):
                sparsity = _zeros(module.weight) / module.weight.numel()
                stack.enter_context(module.register_forward_pre_hook(before))
                stack.enter_context(module.register_forward_hook(partial(after, sparsity)))
        model(images)
    return counter.get_total_flops() // 2, sum(saved)


@contextmanager
def counting(model: nn.Module) -> Iterator[FlopCounterMode]:
    """A counter of what the model does within the block, in eval mode and without gradients.

    Attention runs as plain products: which fused kernels are counted depends on torch's version.
    """
    counter = FlopCounterMode(display=False)
    plain = sdpa_kernel(SDPBackend.MATH)
    with evaluating(model), _without_fastpath(), plain, torch.no_grad(), counter:
        yield counter


@contextmanager
def _without_fastpath() -> Iterator[None]:
    """Without the fused kernel of nn.MultiheadAttention, which no counter sees."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _zeros(weight: Tensor) -> int:
    return weight.numel() - int(torch.count_nonzero(weight))
