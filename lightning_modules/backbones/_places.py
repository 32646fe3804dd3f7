"""How the sites and widths of a built net are found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from torch import nn

from lightning_modules.backbones._parts import Block
from lightning_modules.structure import Site, Width

__all__ = [
    "END",
    "conv_width",
    "convs",
    "convs_of",
    "ends",
    "ends_of",
    "gate_sites",
    "inner_widths",
    "norm_width",
    "norms",
    "paths_of",
    "stages_of",
]

END = "attention"
"""Name of what stands at the end of a stage, see the slot stage."""


def stages_of(model: nn.Module) -> list[str]:
    """The paths of the stages of a net that ``assemble`` made."""
    return [f"stages.{name}" for name, _ in model.get_submodule("stages").named_children()]


def paths_of(model: nn.Module, stages: Iterable[str]) -> list[tuple[int, str]]:
    """(stage, path) of every block of the stages at these paths, in forward order."""
    return [
        (index, f"{stage}.{name}")
        for index, stage in enumerate(stages)
        for name, _ in model.get_submodule(stage).named_children()
        if name != END
    ]


def blocks_of(model: nn.Module) -> Iterator[tuple[int, str, Block]]:
    """(stage, path, block) of every block of a net that ``assemble`` made, in forward order."""
    for stage, path in paths_of(model, stages_of(model)):
        block = model.get_submodule(path)
        if isinstance(block, Block):
            yield stage, path, block


def gate_sites(model: nn.Module, *, norm: bool = False) -> list[Site]:
    """One site per block: its ``gate``."""
    return [
        Site(f"{path}.gate", block.channels, stage, norm, path)
        for stage, path, block in blocks_of(model)
    ]


def norms(model: nn.Module) -> list[Site]:
    """Every batch norm but those of projection shortcuts."""
    return [
        Site(path, norm.num_features, 0)
        for path, norm in model.named_modules()
        if isinstance(norm, nn.BatchNorm2d) and not {"shortcut", "downsample"} & {*path.split(".")}
    ]


def convs_of(model: nn.Module, widths: Iterable[Width]) -> list[Site]:
    """Every spatial convolution on the way of these widths that a batch norm follows there."""
    found = []
    for width in widths:
        line = [(path, model.get_submodule(path)) for path in (width.producer, *width.followers)]
        for (path, conv), (behind, norm) in pairwise(line):
            spatial = isinstance(conv, nn.Conv2d) and conv.kernel_size != (1, 1)
            if spatial and isinstance(norm, nn.BatchNorm2d):
                found.append(Site(path, norm.num_features, 0, behind=behind))
    return found


def convs(model: nn.Module) -> list[Site]:
    """``convs_of`` a net that ``assemble`` made."""
    return convs_of(model, inner_widths(model))


def ends_of(stages: Sequence[str], sites: Iterable[Site]) -> list[Site]:
    """The end of every stage but the last, where its blocks put out what their sites see."""
    last = {site.stage: site.channels for site in sites}
    return [Site(f"{path}.{END}", last[stage], stage) for stage, path in enumerate(stages[:-1])]


def ends(model: nn.Module) -> list[Site]:
    """``ends_of`` a net that ``assemble`` made."""
    return ends_of(stages_of(model), gate_sites(model))


def inner_widths(model: nn.Module) -> list[Width]:
    """Every width inside the blocks, as their ``INNER`` tells; a norm may have been taken out."""
    return [
        Width(
            f"{path}.{producer}",
            tuple(
                f"{path}.{name}"
                for name in followers
                if not isinstance(block.get_submodule(name), nn.Identity)
            ),
            f"{path}.{consumer}",
            _groups(block.get_submodule(producer), block.get_submodule(consumer)),
        )
        for _, path, block in blocks_of(model)
        for producer, followers, consumer in block.INNER
    ]


def _groups(*layers: nn.Module) -> int:
    """The groups that a width between these layers falls into."""
    return max((layer.groups for layer in layers if isinstance(layer, nn.Conv2d)), default=1)


def norm_width(model: nn.Module, path: str) -> int:
    """Number of channels of the batch norm at ``path``."""
    norm = model.get_submodule(path)
    if not isinstance(norm, nn.BatchNorm2d):
        raise ValueError(f"{path} is a {type(norm).__name__}, not a BatchNorm2d")
    return norm.num_features


def conv_width(model: nn.Module, path: str) -> int:
    """Number of channels that the convolution at ``path`` puts out."""
    layer = model.get_submodule(path)
    if not isinstance(layer, nn.Conv2d):
        raise ValueError(f"{path} is a {type(layer).__name__}, not a Conv2d")
    return layer.out_channels
