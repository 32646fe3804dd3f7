"""What a network costs, and what it would cost with fewer channels or weights.

One forward pass of one image counts the MACs (``FlopCounterMode`` / 2: convolutions, matrix
products and fused attention; not norms, activations and pooling) and how often each weight is
used. From there on cost is arithmetic, exact for convolutions and linear layers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from lightning_modules.cost import counting
from lightning_modules.pruning._layers import Layer, layer_at, module_at
from lightning_modules.structure import Width

__all__ = ["ChannelCost", "Profile", "profile"]


@dataclass(frozen=True)
class Profile:
    """Cost of one forward pass of one image.

    Args:
        macs: multiply-accumulates of the whole network.
        params: parameters of the whole network.
        positions: how often each named layer's weight is used, output pixels or tokens.
    """

    macs: int
    params: int
    positions: Mapping[str, int]


def profile(model: nn.Module, names: Iterable[str], image: Tensor) -> Profile:
    """Count one forward pass of ``image`` (1, C, H, W) in evaluation mode."""
    positions: Counter[str] = Counter()
    layers = {name: layer_at(model, name) for name in names}

    def count(name: str, layer: nn.Module, _: tuple[Tensor, ...], out: Tensor) -> None:
        positions[name] += out.numel() // len(layers[name].weight)

    hooks = [layer.register_forward_hook(partial(count, n)) for n, layer in layers.items()]
    try:
        with counting(model) as counter:
            model(image)
    finally:
        for hook in hooks:
            hook.remove()
    params = sum(parameter.numel() for parameter in model.parameters())
    return Profile(counter.get_total_flops() // 2, params, positions)


@dataclass(frozen=True)
class _Term:
    """A layer as a function of the numbers of channels n it makes (out) and reads (into).

    weights = area * n[out] * n[into] / groups,   params = weights + bias * n[out]
    """

    out: str | None
    into: str | None
    area: int
    bias: int = 0
    groups: int = 1
    positions: int = 0

    def weights(self, counts: Mapping[str, int]) -> int:
        made = counts[self.out] if self.out else 1
        read = counts[self.into] if self.into else 1
        return self.area * made * read // self.groups

    def params(self, counts: Mapping[str, int]) -> int:
        return self.weights(counts) + (self.bias * counts[self.out] if self.out else 0)

    def macs(self, counts: Mapping[str, int]) -> int:
        return self.weights(counts) * self.positions


@dataclass(frozen=True)
class ChannelCost:
    """MACs and parameters as functions of the number of channels of each width.

    Args:
        terms: what depends on the widths.
        macs_rest, params_rest: what does not.
    """

    terms: tuple[_Term, ...]
    macs_rest: int
    params_rest: int

    @classmethod
    def of(cls, model: nn.Module, widths: Sequence[Width], image: Tensor) -> ChannelCost:
        """Read the cost of the network as it stands; ``image`` is (1, C, H, W)."""
        makes = {width.producer: width.producer for width in widths}
        reads = {width.consumer: width.producer for width in widths}
        depthwise = {path: w.producer for w in widths for path in _depthwise(model, w)}
        seen = profile(model, {**makes, **reads, **depthwise}, image)
        terms = [
            _layer_term(layer_at(model, path), makes.get(path), reads.get(path), positions)
            for path, positions in _used(seen, {**makes, **reads})
        ]
        terms += [
            _depthwise_term(layer_at(model, path), depthwise[path], positions)
            for path, positions in _used(seen, depthwise)
        ]
        terms += [_Term(w.producer, None, 0, bias=_norm_params(model, w)) for w in widths]
        counts = {width.producer: len(layer_at(model, width.producer).weight) for width in widths}
        varying = cls(tuple(terms), 0, 0)
        rest = seen.macs - varying.macs(counts), seen.params - varying.params(counts)
        return cls(varying.terms, *rest)

    def macs(self, counts: Mapping[str, int]) -> int:
        """MACs of the network with that many channels, {producer: n}."""
        return self.macs_rest + sum(term.macs(counts) for term in self.terms)

    def params(self, counts: Mapping[str, int]) -> int:
        """Parameters of the network with that many channels, {producer: n}."""
        return self.params_rest + sum(term.params(counts) for term in self.terms)


def _used(seen: Profile, paths: Iterable[str]) -> list[tuple[str, int]]:
    return [(path, seen.positions[path]) for path in paths]


def _depthwise(model: nn.Module, width: Width) -> list[str]:
    return [p for p in width.followers if isinstance(module_at(model, p), Layer)]


def _norm_params(model: nn.Module, width: Width) -> int:
    """Parameters that the norms behind a width hold for each channel."""
    modules = [module_at(model, path) for path in width.followers]
    norms = [module for module in modules if not isinstance(module, Layer)]
    return sum(len(list(norm.parameters())) for norm in norms)


def _layer_term(layer: Layer, out: str | None, into: str | None, positions: int) -> _Term:
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    area = layer.weight[0, 0].numel()
    made = 1 if out else len(layer.weight)
    read = 1 if into else layer.weight.shape[1] * groups
    bias = int(out is not None and layer.bias is not None)
    return _Term(out, into, area * made * read, bias, groups, positions)


def _depthwise_term(layer: Layer, out: str, positions: int) -> _Term:
    bias = int(layer.bias is not None)
    return _Term(out, None, layer.weight[0].numel(), bias, positions=positions)
