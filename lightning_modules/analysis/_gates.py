"""The attention in a network: where it stands, what it does to a map, and a network without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import groupby

from torch import Tensor, nn

from lightning_modules.plugs import Carried, Reading, Switch
from lightning_modules.structure import Site

__all__ = ["gates", "observed", "places", "unplugged"]

ATTENTION = "lightning_modules.attention."

See = Callable[[Tensor, Tensor], None]
"""Is shown what went into a module and what came out."""


def gates(network: nn.Module, sites: Iterable[Site]) -> dict[Site, nn.Module]:
    """What is plugged, by its site, in forward order: a module of one map in and one map out.

    With it comes what gives it a state or its block's input; a batch norm in front of it and a
    switch around it do not. A site without attention, or whose switch is off, is left out.
    """
    found = ((site, _plugged(network.get_submodule(site.path))) for site in sites)
    return {site: module for site, module in found if module is not None}


def _plugged(module: nn.Module) -> nn.Module | None:
    if isinstance(module, Switch):
        return _plugged(module.module) if module.on else None
    if isinstance(module, Carried | Reading) or type(module).__module__.startswith(ATTENTION):
        return module
    inner = (_plugged(child) for child in module.children())
    return next((one for one in inner if one is not None), None)


@contextmanager
def observed(modules: Mapping[nn.Module, See]) -> Iterator[None]:
    """Let the values see every call of the modules within the block."""
    with ExitStack() as stack:
        for module, see in modules.items():
            hook = module.register_forward_hook(
                lambda _, inputs, output, see=see: see(inputs[0], output)
            )
            stack.callback(hook.remove)
        yield


@contextmanager
def unplugged(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Let modules hand on what they are given within the block, as if they were not there."""
    with ExitStack() as stack:
        for module in modules:
            stack.callback(module.register_forward_hook(lambda _, inputs, output: inputs[0]).remove)
        yield


def places(sites: Iterable[Site]) -> dict[Site, int]:
    """The place of each site in its stage, from 0."""
    stages = groupby(sites, key=lambda site: site.stage)
    return {site: place for _, stage in stages for place, site in enumerate(stage)}
