"""Removing channels for real: cutting the layers of each width, and which channels are left.

Only block-internal channels go, so the residual trunk and every attention module keep their
shape. Parameters stay the same objects with smaller data: an optimizer must forget its state
(``optimizer.state.clear()``), else it stops at the first step with a size mismatch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightning_modules.pruning._layers import Layer, layer_at, module_at
from lightning_modules.structure import Width

__all__ = ["Kept", "shrink"]


@dataclass(frozen=True)
class Kept:
    """Which channels of a network are left.

    Args:
        channels: {producer: ascending indices (n,) of the channels that stay}.
        dense: {producer: number of channels the indices count in}.
    """

    channels: Mapping[str, Tensor]
    dense: Mapping[str, int]

    @classmethod
    def whole(cls, model: nn.Module, widths: Sequence[Width]) -> Kept:
        """Every channel of the network as it stands."""
        dense = {w.producer: len(layer_at(model, w.producer).weight) for w in widths}
        return cls({producer: torch.arange(n) for producer, n in dense.items()}, dense)

    @property
    def sparsity(self) -> float:
        """Share of the prunable channels that is removed."""
        return 1 - sum(self.counts.values()) / sum(self.dense.values())

    @property
    def counts(self) -> dict[str, int]:
        """{producer: number of channels left}."""
        return {producer: len(index) for producer, index in self.channels.items()}

    def then(self, later: Kept) -> Kept:
        """This and a later round, whose indices count in what this one left, as one."""
        parts = later.channels.items()
        return Kept({p: self.channels[p][index] for p, index in parts}, self.dense)

    def apply(self, model: nn.Module) -> None:
        """Nothing: removed channels cannot come back (masks have work to do here)."""

    def to(self, device: torch.device | str) -> Kept:
        """The same: indices stay on the CPU."""
        return self

    def state(self) -> dict[str, Any]:
        """Plain tensors and numbers, for ``torch.save``."""
        return {"grain": "channel", "channels": dict(self.channels), "dense": dict(self.dense)}


def shrink(model: nn.Module, widths: Sequence[Width], kept: Kept) -> None:
    """Cut the network, in place, down to the kept channels.

    Args:
        model: the network that ``kept`` counts in: the dense one, or what a round before left.
        widths: every width that ``kept`` names.
        kept: the channels to keep, as many in each group.

    Raises:
        ValueError: the network does not have the declared widths; it is left as it was.
    """
    for width in widths:
        _check(model, width, kept)
    for width in widths:
        index = kept.channels[width.producer]
        producer = layer_at(model, width.producer)
        _take(producer, index, ("weight", "bias"))
        _resize(producer, ("out_channels", "out_features"), len(index))
        for path in width.followers:
            _follow(module_at(model, path), index)
        _consume(layer_at(model, width.consumer), index, kept.dense[width.producer])


def _check(model: nn.Module, width: Width, kept: Kept) -> None:
    """Every layer of a width agrees with its declaration and with ``kept``."""
    n, index = kept.dense[width.producer], kept.channels[width.producer]
    producer, consumer = layer_at(model, width.producer), layer_at(model, width.consumer)
    reads = consumer.weight.shape[1] * _groups(consumer)
    problems = []
    if len(producer.weight) != n or reads != n:
        problems.append(f"makes {len(producer.weight)} and hands {reads} on, of {n}")
    if width.groups % _groups(producer) or width.groups % _groups(consumer) or n % width.groups:
        problems.append(f"has groups={width.groups} that do not fit its layers")
    if not len(index) or int(index.min()) < 0 or int(index.max()) >= n:
        problems.append(f"keeps {len(index)} channels, with an index outside 0 to {n - 1} or none")
    elif len(set((index * width.groups // n).bincount(minlength=width.groups).tolist())) > 1:
        problems.append("keeps unequal numbers in its groups")
    for path in width.followers:
        problems += _follower_problems(path, module_at(model, path), n, width.groups)
    if problems:
        raise ValueError(
            f"width '{width.producer}' > '{width.consumer}': {'; '.join(problems)}; "
            "mend the backbone's widths(), or prune the network that the indices belong to"
        )


def _follower_problems(path: str, module: nn.Module, n: int, groups: int) -> list[str]:
    if isinstance(module, _BatchNorm):
        ok = module.num_features == n
    elif isinstance(module, nn.LayerNorm):
        ok = module.normalized_shape == (n,)
    elif isinstance(module, nn.GroupNorm):
        ok = module.num_channels == n and groups % module.num_groups == 0
    elif isinstance(module, nn.Conv2d):
        ok = module.groups == module.in_channels == module.out_channels == n
    else:
        ok = False
    return [] if ok else [f"cannot shrink follower '{path}', {type(module).__name__}, of {n}"]


def _follow(module: nn.Module, index: Tensor) -> None:
    """Cut a norm, with whatever it has for each channel, or a depthwise convolution."""
    own = chain(module.named_parameters(recurse=False), module.named_buffers(recurse=False))
    _take(module, index, [name for name, tensor in own if tensor.dim()])
    _resize(module, ("num_features", "num_channels"), len(index))
    if isinstance(module, nn.LayerNorm):
        module.normalized_shape = (len(index),)
    if isinstance(module, nn.Conv2d):
        _resize(module, ("in_channels", "out_channels", "groups"), len(index))


def _consume(layer: Layer, index: Tensor, n: int) -> None:
    """Cut the inputs of a layer; each group of a grouped convolution reads its own part."""
    groups = _groups(layer)
    inside = (index.view(groups, -1) % (n // groups)).to(layer.weight.device)
    parts = zip(layer.weight.data.chunk(groups), inside, strict=True)
    _set(layer.weight, torch.cat([part.index_select(1, own) for part, own in parts]))
    _resize(layer, ("in_channels", "in_features"), len(index))


def _take(module: nn.Module, index: Tensor, names: Sequence[str]) -> None:
    """Keep these entries of the first dimension of a module's tensors."""
    for name in names:
        tensor = getattr(module, name, None)
        if tensor is not None:
            _set(tensor, tensor.data.index_select(0, index.to(tensor.device)))


def _set(tensor: Tensor, data: Tensor) -> None:
    tensor.data = data
    tensor.grad = None


def _resize(module: nn.Module, names: Sequence[str], n: int) -> None:
    for name in names:
        if hasattr(module, name):
            setattr(module, name, n)


def _groups(layer: Layer) -> int:
    return layer.groups if isinstance(layer, nn.Conv2d) else 1
