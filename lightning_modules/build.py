"""A cell's network: backbone, then attention at its sites. The only place that joins the two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import nn

from lightning_modules.catalog import load, variant
from lightning_modules.insertion import insert
from lightning_modules.options import Insertion, Removal
from lightning_modules.structure import Width
from lightning_modules.variant import Variant


class Named(Protocol):
    """A variant's name and all its options."""

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> Mapping[str, Any]: ...


def build(backbone: Named, attention: Named, *, classes: int, image_size: int) -> nn.Module:
    """A network with fresh weights; the backbone's are drawn first, whatever the attention."""
    entry = variant("backbone", backbone.name)
    family = load(entry)
    network: nn.Module = family.build(classes, image_size, **_structure(entry), **backbone.options)
    gate = variant("attention", attention.name)
    if gate.path is None:
        return network
    axis = {name: attention.options[name] for name in Insertion.__dataclass_fields__}
    return insert(network, family.sites(network), _maker(gate, attention), Insertion(**axis))


def try_out(axis: str, value: Named) -> None:
    """Make an attention module or a criterion with its options, and forget it.

    Raises:
        ValueError: it refuses them.
    """
    entry = variant(axis, value.name)
    if entry.path is None:
        return
    if axis == "pruning":
        criterion(value)
    else:
        with torch.device("meta"):
            _maker(entry, value)(64)


def widths(backbone: Named, network: nn.Module) -> list[Width]:
    """The block-internal widths of a network that can shrink."""
    return list(load(variant("backbone", backbone.name)).widths(network))


def gates(backbone: Named, network: nn.Module) -> list[str]:
    """The paths at which attention stands, whose weights no pruning touches."""
    return [site.path for site in load(variant("backbone", backbone.name)).sites(network)]


def criterion(pruning: Named) -> tuple[Any, Removal | None]:
    """The pruning criterion with its options, and how much it is to remove (the control: None)."""
    entry = variant("pruning", pruning.name)
    if entry.facts["grain"] == "none":
        return load(entry)(**pruning.options), None
    axis = {name: pruning.options[name] for name in Removal.__dataclass_fields__}
    own = {name: value for name, value in pruning.options.items() if name not in axis}
    return load(entry)(**own), Removal(**axis)


def _structure(entry: Variant) -> dict[str, Any]:
    options = {option.name for option in entry.options}
    declared = entry.facts["VARIANTS"][entry.name]
    return {k: v for k, v in declared.items() if k not in options and k != "about"}


def _maker(gate: Variant, attention: Named) -> Callable[[int], nn.Module]:
    own = {k: v for k, v in attention.options.items() if k not in Insertion.__dataclass_fields__}
    kind = load(gate)
    return lambda channels: kind(channels, **own)
