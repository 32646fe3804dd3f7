"""Put an attention module at the sites of a backbone.

Two options belong to every gate. ``share``: one module per block, or one set of weights per stage
(the generic shared attention of Huang et al., arXiv:2210.16101; statistics of batch norms stay
per block, as that paper asks). ``connect``: which blocks are plugged, as the bit strings of EAN
(arXiv:2011.14058); random puts a switch at every site. A module with ``stage_only`` is always
shared per stage; one with ``carries_state`` receives the state of the plugged block before it in
its stage, or None; one of slot step receives the input of its block beside the branch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from torch import nn

from lightning_modules.options import SCHEMES, Insertion
from lightning_modules.plugs import Carried, Forgetting, Memory, Reading, Switch, Watching
from lightning_modules.structure import SCHEMED, Site

__all__ = ["connections", "insert"]

Make = Callable[..., nn.Module]
"""Builds the module for C channels; it is given ``size=`` where it asks for the side of the map,
and in slot conv the convolution that it replaces as ``conv=``."""


def insert(
    model: nn.Module,
    sites: Sequence[Site],
    make: Make,
    insertion: Insertion,
    *,
    slot: str = "gate",
    sides: Mapping[str, int] | None = None,
) -> nn.Module:
    """Plug modules into ``model``, in place.

    Args:
        model: the plain backbone; left exactly as it is where nothing is plugged.
        sites: its sites in the order in which the forward pass meets them.
        make: builds the module.
        insertion: sharing and connection scheme; means nothing in the slots norm, conv and stage.
        slot: where the sites are, see ``structure.SLOTS``.
        sides: side of the map at each site in px, for a module that asks for it.

    Returns:
        The same model. Weights shared by a stage are the same Parameter objects, so that
        ``model.parameters()`` yields them once.

    Raises:
        ValueError: the scheme does not fit the sites, a site does not exist, or sharing is asked
            of a module that cannot be shared or of a stage whose sites differ.
    """

    def made(site: Site) -> nn.Module:
        given: dict[str, Any] = {"size": sides[site.path]} if sides is not None else {}
        if slot == "conv":
            given["conv"] = model.get_submodule(site.path)
        return make(site.channels, **given)

    if replace := {"norm": _replace_norm, "conv": _replace_conv}.get(slot):
        for site in sites:
            replace(model, site, made(site))
        return model
    connect = insertion.connect if slot in SCHEMED else "all"
    bits = connections(connect, len(sites))
    plugged = [site for site, bit in zip(sites, bits, strict=True) if bit]
    for _, group in groupby(sorted(plugged, key=_stage), key=_stage):
        stage = list(group)
        modules = _modules(stage, made, insertion.share, sides)
        _fill(model, stage, modules, slot=slot, switched=connect == "random")
    return model


def connections(connect: str, blocks: int) -> tuple[bool, ...]:
    """Which blocks are plugged, first block first.

    Args:
        connect: all, none, random (every block, behind a switch), or one bit per block; '|' may
            stand between stages: 100|1011|010011|011.
        blocks: number of blocks.

    Raises:
        ValueError: another word, another character, or another number of bits.
    """
    if connect in SCHEMES:
        return (connect != "none",) * blocks
    bits = connect.replace("|", "")
    if not bits or set(bits) - set("01") or len(bits) != blocks:
        came = f"{len(bits)} bits" if bits and not set(bits) - set("01") else "no bit string"
        raise ValueError(
            f"connect is all, none, random or one bit (0 or 1) for each of the {blocks} blocks, "
            f"with | between stages if wanted; came '{connect}' ({came})"
        )
    return tuple(bit == "1" for bit in bits)


def _stage(site: Site) -> int:
    return site.stage


def _modules(
    stage: Sequence[Site],
    made: Callable[[Site], nn.Module],
    share: str,
    sides: Mapping[str, int] | None,
) -> list[nn.Module]:
    """The modules of a stage's plugged sites."""
    first = made(stage[0])
    if share == "stage" or getattr(first, "stage_only", False):
        _check_shareable(first, stage, sides)
        return [first, *(_tied_copy(first) for _ in stage[1:])]
    return [first, *(made(site) for site in stage[1:])]


def _fill(
    model: nn.Module,
    stage: Sequence[Site],
    modules: Sequence[nn.Module],
    *,
    slot: str,
    switched: bool,
) -> None:
    """Plug a stage's modules, with what stands around them."""
    memory = Memory() if getattr(modules[0], "carries_state", False) else None
    for index, (site, module) in enumerate(zip(stage, modules, strict=True)):
        first, last = index == 0, index == len(stage) - 1
        if memory:  # where there are switches, they start and end the state
            own = {"first": first and not switched, "last": last and not switched}
            module = Carried(module, memory, **own)
        if slot == "step":
            module = _reading(model, site, module)
        if site.norm:
            module = nn.Sequential(nn.BatchNorm2d(site.channels), module)
        if switched:
            module = Switch(module, memory, first=first, last=last)
        _plug(model, site, module, append=slot == "stage")


def _check_shareable(
    module: nn.Module, stage: Sequence[Site], sides: Mapping[str, int] | None
) -> None:
    name = type(module).__name__
    if not getattr(module, "shareable", True):
        raise ValueError(f"{name} cannot be shared per stage; use share=block")
    alike = {"channels": {site.channels for site in stage}}
    if sides is not None:
        alike["px"] = {sides[site.path] for site in stage}
    for unit, found in alike.items():
        if len(found) > 1:
            raise ValueError(
                f"{name} cannot be shared by stage {stage[0].stage}: its sites have "
                f"{sorted(found)} {unit}; sites of one stage need equal {unit}, use share=block"
            )


def _tied_copy(module: nn.Module) -> nn.Module:
    """A copy with the same Parameter objects and its own buffers."""
    return copy.deepcopy(module, {id(p): p for p in module.parameters()})


def _reading(model: nn.Module, site: Site, module: nn.Module) -> nn.Module:
    """The module with a way to the input of its block."""
    memory, block = Memory(), model.get_submodule(site.block)
    block.register_forward_pre_hook(Watching(memory))
    block.register_forward_hook(Forgetting(memory))
    return Reading(module, memory)


def _plug(model: nn.Module, site: Site, module: nn.Module, *, append: bool) -> None:
    """Put the module behind what stands at the site; ``append``: perhaps nothing does."""
    path, _, name = site.path.rpartition(".")
    try:
        parent = model.get_submodule(path)
        original = getattr(parent, name, None) if append else getattr(parent, name)
    except AttributeError as error:
        raise ValueError(f"site '{site.path}' does not exist in the backbone: {error}") from None
    if original is not None and not isinstance(original, nn.Identity):
        rest = module if isinstance(module, nn.Sequential) else [module]
        module = nn.Sequential(original, *rest)
    parent.add_module(name, module)


def _replace_norm(model: nn.Module, site: Site, module: nn.Module) -> None:
    """The module instead of a batch norm; it starts with the norm's settings and numbers."""
    norm = model.get_submodule(site.path)
    assert isinstance(norm, nn.BatchNorm2d)
    assert isinstance(module, nn.BatchNorm2d)
    module.eps, module.momentum = norm.eps, norm.momentum
    module.load_state_dict(norm.state_dict(), strict=False)
    model.set_submodule(site.path, _with_fused(module, norm))


def _replace_conv(model: nn.Module, site: Site, module: nn.Module) -> None:
    """The module instead of a convolution and the norm behind it."""
    model.set_submodule(site.path, module)
    norm = model.get_submodule(site.behind)
    model.set_submodule(site.behind, _with_fused(nn.Identity(), norm))


def _with_fused(module: nn.Module, norm: nn.Module) -> nn.Module:
    """The module, and behind it the drop and activation that timm fuses to a norm."""
    fused = list(norm.children())
    return nn.Sequential(module, *fused) if fused else module
