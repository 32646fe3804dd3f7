"""A cell's network: backbone, then attention at its sites. The only place that joins the two."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

import torch
from torch import nn

from lightning_modules.catalog import load, variant
from lightning_modules.insertion import insert
from lightning_modules.options import Insertion, Removal, Search, of_grain
from lightning_modules.structure import SLOTS, Site, Width
from lightning_modules.variant import Variant

INSERTION = tuple(Insertion.__dataclass_fields__)


class Named(Protocol):
    """A variant's name and all its options."""

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> Mapping[str, Any]: ...


def build(backbone: Named, attention: Named, *, classes: int, image_size: int) -> nn.Module:
    """A network with fresh weights; the backbone's are drawn first, whatever the attention.

    Raises:
        ValueError: the backbone, the module or their connection refuses what is asked.
    """
    entry = variant("backbone", backbone.name)
    family = load(entry)
    network: nn.Module = family.build(classes, image_size, **_structure(entry), **backbone.options)
    gate = variant("attention", attention.name)
    if gate.path is None:
        return network
    slot = gate.facts.get("slot", "gate")
    if slot not in entry.facts["SLOTS"]:
        raise ValueError(f"{attention.name} goes into a {slot} slot, {backbone.name} has none")
    sites = getattr(family, SLOTS[slot])(network)
    axis = {name: attention.options[name] for name in INSERTION if name in attention.options}
    return insert(
        network,
        sites,
        _maker(gate, attention),
        Insertion(**axis),
        slot=slot,
        sides=sides(network, sites, image_size) if gate.facts.get("sized") else None,
    )


def sides(network: nn.Module, sites: Iterable[Site], image_size: int) -> dict[str, int]:
    """Side of the square map at each site in px, by its path; computes nothing."""
    twin, found = copy.deepcopy(network).to("meta").eval(), dict[str, int]()
    known = {name for name, _ in twin.named_modules()}
    for site in sites:  # nothing may stand at the end of a stage: then it is the stage's map
        path = site.path if site.path in known else site.path.rpartition(".")[0]
        twin.get_submodule(path).register_forward_hook(
            lambda module, inputs, output, path=site.path: found.update({path: output.shape[-1]})
        )
    with torch.no_grad():
        twin(torch.empty(1, 3, image_size, image_size, device="meta"))
    return found


def skeleton(backbone: Named, attention: Named, *, classes: int, image_size: int) -> nn.Module:
    """``build`` without numbers, which takes no memory and little time."""
    with torch.device("meta"):
        return build(backbone, attention, classes=classes, image_size=image_size)


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
            asked: dict[str, Any] = {"size": 8} if entry.facts.get("sized") else {}
            if entry.facts.get("slot") == "conv":
                asked = {"conv": nn.Conv2d(64, 64, 3, padding=1)}
            _maker(entry, value)(64, **asked)


def widths(backbone: Named, network: nn.Module) -> list[Width]:
    """The block-internal widths of a network that can shrink."""
    return list(load(variant("backbone", backbone.name)).widths(network))


def gates(backbone: Named, network: nn.Module) -> list[str]:
    """The paths below which attention has weights of its own, which no pruning touches.

    What stands instead of a convolution says which parts of it are a gate: ``gate_parts``.
    """
    family = load(variant("backbone", backbone.name))
    places = [getattr(family, name) for name in ("sites", "ends") if hasattr(family, name)]
    found = [site.path for place in places for site in place(network)]
    for path, module in network.named_modules():
        found += [f"{path}.{part}" for part in getattr(module, "gate_parts", ())]
    return found


def criterion(pruning: Named) -> tuple[Any, Removal | Search | None]:
    """The pruning criterion with its options, and how much it is to remove (the control: None),
    or how a connection scheme is searched."""
    entry = variant("pruning", pruning.name)
    kind = of_grain(entry.facts["grain"])
    if kind is None:
        return load(entry)(**pruning.options), None
    axis = {name: pruning.options[name] for name in kind.__dataclass_fields__}
    own = {name: value for name, value in pruning.options.items() if name not in axis}
    return load(entry)(**own), kind(**axis)


def _structure(entry: Variant) -> dict[str, Any]:
    options = {option.name for option in entry.options}
    declared = entry.facts["VARIANTS"][entry.name]
    return {k: v for k, v in declared.items() if k.islower() and k not in {*options, "about"}}


def _maker(gate: Variant, attention: Named) -> Callable[..., nn.Module]:
    own = {k: v for k, v in attention.options.items() if k not in INSERTION}
    return partial(load(gate), **own)
