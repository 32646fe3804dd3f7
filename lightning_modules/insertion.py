"""Put an attention module at the sites of a backbone.

Two options belong to every gate. ``share``: one module per block, or one set of weights per stage
(the generic shared attention of Huang et al., arXiv:2210.16101; statistics of batch norms stay
per block, as that paper asks). ``connect``: which blocks are plugged, as the bit strings of EAN
(arXiv:2011.14058). A module with ``stage_only`` is always shared per stage; one with
``carries_state`` receives the state of the plugged block before it in its stage, or None.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from torch import Tensor, nn

from lightning_modules.options import Insertion
from lightning_modules.structure import Site

__all__ = ["connections", "insert"]

Make = Callable[[int], nn.Module]


def insert(model: nn.Module, sites: Sequence[Site], make: Make, insertion: Insertion) -> nn.Module:
    """Plug modules into ``model``, in place.

    Args:
        model: the plain backbone; left exactly as it is where nothing is plugged.
        sites: its sites in the order in which the forward pass meets them.
        make: builds the module for C channels.
        insertion: sharing and connection scheme.

    Returns:
        The same model. Weights shared by a stage are the same Parameter objects, so that
        ``model.parameters()`` yields them once.

    Raises:
        ValueError: the scheme does not fit the sites, a site does not exist, or sharing is asked
            of a module that cannot be shared or of a stage whose sites differ in width.
    """
    bits = connections(insertion.connect, len(sites))
    plugged = [site for site, bit in zip(sites, bits, strict=True) if bit]
    for _, group in groupby(sorted(plugged, key=_stage), key=_stage):
        stage = list(group)
        for site, module in zip(stage, _modules(stage, make, insertion.share), strict=True):
            _plug(model, site, module)
    return model


def connections(connect: str, blocks: int) -> tuple[bool, ...]:
    """Which blocks are plugged, first block first.

    Args:
        connect: all, none, or one bit per block; '|' may stand between stages: 100|1011|010011|011.
        blocks: number of blocks.

    Raises:
        ValueError: another word, another character, or another number of bits.
    """
    if connect in ("all", "none"):
        return (connect == "all",) * blocks
    bits = connect.replace("|", "")
    if not bits or set(bits) - set("01") or len(bits) != blocks:
        came = f"{len(bits)} bits" if bits and not set(bits) - set("01") else "no bit string"
        raise ValueError(
            f"connect is all, none or one bit (0 or 1) for each of the {blocks} blocks, "
            f"with | between stages if wanted; came '{connect}' ({came})"
        )
    return tuple(bit == "1" for bit in bits)


class Memory:
    """Holds the state on its way from one plugged block of a stage to the next.

    Empty between forward passes; copies and pickles are empty too, and stay one object for all
    the blocks that are copied together.
    """

    def __init__(self) -> None:
        self.state: Any = None

    def __reduce__(self) -> tuple[type[Memory], tuple[()]]:
        return Memory, ()


class Carried(nn.Module):
    """A state-carrying module as one map in, one map out.

    Args:
        module: ``forward(x, state) -> (y, state)``.
        memory: shared by the plugged blocks of a stage.
        first: starts from None instead of what the memory holds.
        last: leaves the memory empty.
    """

    def __init__(self, module: nn.Module, memory: Memory, *, first: bool, last: bool) -> None:
        super().__init__()
        self.module = module
        self.memory = memory
        self.first = first
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor
        y, state = self.module(x, None if self.first else self.memory.state)
        self.memory.state = None if self.last else state
        return y


def _stage(site: Site) -> int:
    return site.stage


def _modules(stage: Sequence[Site], make: Make, share: str) -> list[nn.Module]:
    """The modules of a stage's plugged sites."""
    first = make(stage[0].channels)
    if share == "stage" or getattr(first, "stage_only", False):
        _check_shareable(first, stage)
        modules = [first, *(_tied_copy(first) for _ in stage[1:])]
    else:
        modules = [first, *(make(site.channels) for site in stage[1:])]
    if not getattr(first, "carries_state", False):
        return modules
    memory, end = Memory(), len(modules) - 1
    return [Carried(m, memory, first=i == 0, last=i == end) for i, m in enumerate(modules)]


def _check_shareable(module: nn.Module, stage: Sequence[Site]) -> None:
    name = type(module).__name__
    if not getattr(module, "shareable", True):
        raise ValueError(f"{name} cannot be shared per stage; use share=block")
    widths = sorted({site.channels for site in stage})
    if len(widths) > 1:
        raise ValueError(
            f"{name} cannot be shared by stage {stage[0].stage}: its sites have {widths} channels; "
            "sites of one stage need equal channels"
        )


def _tied_copy(module: nn.Module) -> nn.Module:
    """A copy with the same Parameter objects and its own buffers."""
    return copy.deepcopy(module, {id(p): p for p in module.parameters()})


def _plug(model: nn.Module, site: Site, module: nn.Module) -> None:
    path, _, name = site.path.rpartition(".")
    try:
        parent = model.get_submodule(path)
        original = getattr(parent, name)
    except AttributeError as error:
        raise ValueError(f"site '{site.path}' does not exist in the backbone: {error}") from None
    parts = [] if original is None or isinstance(original, nn.Identity) else [original]
    parts += [nn.BatchNorm2d(site.channels)] if site.norm else []
    parts.append(module)
    setattr(parent, name, parts[0] if len(parts) == 1 else nn.Sequential(*parts))
