"""Reading a network: its prunable layers, its filters, and evaluation without a trace."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lightning_modules.structure import Width

Layer = nn.Conv2d | nn.Linear


def module_at(model: nn.Module, path: str) -> nn.Module:
    """The module at a path; where an attention module was put behind it, the one in front."""
    module = model.get_submodule(path)
    while isinstance(module, nn.Sequential):
        module = module[0]
    return module


def layer_at(model: nn.Module, path: str) -> Layer:
    """The convolution or linear layer at a path.

    Raises:
        ValueError: something else is there.
    """
    layer = module_at(model, path)
    if not isinstance(layer, Layer):
        kind = type(layer).__name__
        raise ValueError(f"'{path}' is a {kind}; only Conv2d and Linear can be pruned")
    return layer


def prunable(model: nn.Module, excluded: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of all Conv2d and Linear layers, the first and the classifier among them.

    Args:
        model: the network.
        excluded: dotted paths; what is at or below one of them (an attention module) is left out.

    A weight that several layers share is named once.
    """
    names, seen = [], set()
    for name, module in model.named_modules():
        if not isinstance(module, Layer) or id(module.weight) in seen:
            continue
        if any(f"{name}.".startswith(f"{path}.") for path in excluded):
            continue
        seen.add(id(module.weight))
        names.append(name)
    return tuple(names)


def relative(score: Tensor) -> Tensor:
    """A layer's scores (n,), none negative, over their mean: layers become comparable."""
    return score / score.mean().clamp_min(torch.finfo(score.dtype).tiny)


def filters(model: nn.Module, width: Width) -> Tensor:
    """What makes each channel of a width: the producer's weight, flattened to (n, -1)."""
    return layer_at(model, width.producer).weight.detach().flatten(1)
