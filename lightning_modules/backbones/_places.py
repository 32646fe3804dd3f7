"""How the sites and widths of a built net are found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import nn

from lightning_modules.backbones._parts import Block
from lightning_modules.structure import Site, Width

__all__ = ["conv_width", "gate_sites", "inner_widths", "paths_of"]


def paths_of(model: nn.Module, stages: Iterable[str]) -> list[tuple[int, str]]:
    """(stage, path) of every child of the stages at these paths, in forward order."""
    return [
        (index, f"{stage}.{name}")
        for index, stage in enumerate(stages)
        for name, _ in model.get_submodule(stage).named_children()
    ]


def blocks_of(model: nn.Module) -> Iterator[tuple[int, str, Block]]:
    """(stage, path, block) of every block of a net that ``assemble`` made, in forward order."""
    stages = [f"stages.{name}" for name, _ in model.get_submodule("stages").named_children()]
    for stage, path in paths_of(model, stages):
        block = model.get_submodule(path)
        if isinstance(block, Block):
            yield stage, path, block


def gate_sites(model: nn.Module, *, norm: bool = False) -> list[Site]:
    """One site per block: its ``gate``."""
    return [
        Site(f"{path}.gate", block.channels, stage, norm) for stage, path, block in blocks_of(model)
    ]


def inner_widths(model: nn.Module) -> list[Width]:
    """Every width inside the blocks, as their ``INNER`` tells."""
    return [
        Width(
            f"{path}.{producer}",
            tuple(f"{path}.{name}" for name in followers),
            f"{path}.{consumer}",
            _groups(block.get_submodule(producer), block.get_submodule(consumer)),
        )
        for _, path, block in blocks_of(model)
        for producer, followers, consumer in block.INNER
    ]


def _groups(*layers: nn.Module) -> int:
    """The groups that a width between these layers falls into."""
    return max(layer.groups for layer in layers if isinstance(layer, nn.Conv2d))


def conv_width(model: nn.Module, path: str) -> int:
    """Number of channels that the convolution at ``path`` puts out."""
    layer = model.get_submodule(path)
    if not isinstance(layer, nn.Conv2d):
        raise ValueError(f"{path} is a {type(layer).__name__}, not a Conv2d")
    return layer.out_channels
