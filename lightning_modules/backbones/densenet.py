"""DenseNet-BC for CIFAR (Huang et al., CVPR 2017, arXiv:1608.06993).

    x' = [x, gate(F(x))],  F: BN relu 1x1 (to 4k), BN relu 3x3 (to k);   depth = 6n+4, 3 stages
    between stages: BN relu 1x1 to half the channels, 2x2 average pool;  stem 2k

There is no add: the attention site is at the end of a layer's k new channels, before they are
concatenated. They come from a bare convolution, so attention there gets a BN of its own.

Differs from the authors' code: the pool is adaptive; the head keeps torch's initialisation.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.backbones._parts import Block, assemble, conv, require_image
from lightning_modules.backbones._places import (
    END,
    gate_sites,
    inner_widths,
    norm_width,
    norms,
    stages_of,
)
from lightning_modules.structure import Site, Width

__all__ = ["build", "ends", "norms", "sites", "widths"]

VARIANTS = {
    "densenet_bc_22": {"blocks": (3, 3, 3), "growth": 12, "about": "DenseNet-BC-22 k=12, small"},
    "densenet_bc_100": {
        "blocks": (16, 16, 16),
        "growth": 12,
        "about": "DenseNet-BC-100 k=12, CIFAR",
    },
}
LAYOUT = "map"
SLOTS = ("gate", "norm", "stage")
NORM = "batch"
MIN_IMAGE = 8


class Dense(Block):
    """One layer: its ``growth`` new channels are appended to the input."""

    INNER = (("conv1", ("bn2",), "conv2"),)

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__(growth)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = conv(inputs, 4 * growth, 1)
        self.bn2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = conv(4 * growth, growth, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.relu(self.bn1(x)))
        y = self.conv2(F.relu(self.bn2(y)))
        return torch.cat([x, self.gate(y)], 1)


def transition(inputs: int, outputs: int) -> nn.Sequential:
    """Fewer channels and half the side, between two stages."""
    return nn.Sequential(
        nn.BatchNorm2d(inputs), nn.ReLU(), conv(inputs, outputs, 1), nn.AvgPool2d(2)
    )


def build(num_classes: int, image_size: int, *, blocks: tuple[int, ...], growth: int) -> nn.Module:
    """A DenseNet-BC: (B, 3, H, W) -> (B, num_classes).

    Args:
        blocks: number of layers per stage.
        growth: k, the new channels of a layer.
    """
    require_image(image_size, MIN_IMAGE)
    width = 2 * growth
    stem, stages = conv(3, width, 3), []
    for stage, count in enumerate(blocks):
        layers: list[nn.Module] = []
        if stage:
            layers.append(transition(width, width // 2))
            width //= 2
        for _ in range(count):
            layers.append(Dense(width, growth))
            width += growth
        stages.append(nn.Sequential(*layers))
    tail = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
    return assemble(stem, stages, tail, channels=width, num_classes=num_classes)


def sites(model: nn.Module) -> list[Site]:
    """One site per layer, at its new channels, before the concatenation."""
    return gate_sites(model, norm=True)


def ends(model: nn.Module) -> list[Site]:
    """The end of every stage but the last, before the transition that the next one begins with."""
    return [
        Site(f"{path}.{END}", norm_width(model, f"{following}.0.0"), stage)
        for stage, (path, following) in enumerate(pairwise(stages_of(model)))
    ]


def widths(model: nn.Module) -> list[Width]:
    """The 4k channels between the two convolutions of each layer."""
    return inner_widths(model)
