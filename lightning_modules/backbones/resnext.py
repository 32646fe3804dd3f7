"""Aggregated residual network for CIFAR (Xie et al., CVPR 2017, arXiv:1611.05431).

    x' = relu(shortcut(x) + gate(F(x))),  F: 1x1 BN relu, 3x3 in g groups BN relu, 1x1 BN
    ResNeXt-L g x d: depth = 9n+2, stem d, stage outputs 4d, 8d, 16d, inner width g*d, 2g*d, 4g*d

Differs from the authors' code: stem and stage outputs scale with d, as in the code of the attention
papers built on this net; the authors keep 64 and 256, 512, 1024 for every d, which is the same for
8x64d and twice as wide for 8x32d. The pool is adaptive; the head keeps torch's initialisation.
"""

from __future__ import annotations

from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.backbones._parts import Block, assemble, conv, require_image, stack
from lightning_modules.backbones._places import convs, ends, gate_sites, inner_widths, norms
from lightning_modules.structure import Site, Width

__all__ = ["build", "convs", "ends", "norms", "sites", "widths"]

VARIANTS = {
    "resnext11_4x8d": {
        "blocks": (1, 1, 1),
        "cardinality": 4,
        "width": 8,
        "about": "ResNeXt-11 4x8d, small",
    },
    "resnext29_8x64d": {
        "blocks": (3, 3, 3),
        "cardinality": 8,
        "width": 64,
        "about": "ResNeXt-29 8x64d, CIFAR",
    },
    "resnext101_8x32d": {
        "blocks": (11, 11, 11),
        "cardinality": 8,
        "width": 32,
        "about": "ResNeXt-101 8x32d, CIFAR",
    },
}
LAYOUT = "map"
SLOTS = ("gate", "step", "norm", "conv", "stage")
NORM = "batch"
MIN_IMAGE = 8


class Grouped(Block):
    """1x1 to outputs * cardinality / 4 channels, 3x3 in ``cardinality`` groups, 1x1 back."""

    INNER = (("conv1", ("bn1",), "conv2"), ("conv2", ("bn2",), "conv3"))

    def __init__(self, inputs: int, outputs: int, stride: int, *, cardinality: int) -> None:
        super().__init__(outputs)
        inner = cardinality * outputs // 4
        self.conv1 = conv(inputs, inner, 1)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = conv(inner, inner, 3, stride=stride, groups=cardinality)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = conv(inner, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        same = inputs == outputs and stride == 1
        project = nn.Sequential(conv(inputs, outputs, 1, stride=stride), nn.BatchNorm2d(outputs))
        self.shortcut = nn.Identity() if same else project

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.gate(self.bn3(self.conv3(y)))
        return F.relu(self.shortcut(x) + y)


def build(
    num_classes: int, image_size: int, *, blocks: tuple[int, ...], cardinality: int, width: int
) -> nn.Module:
    """A CIFAR ResNeXt: (B, 3, H, W) -> (B, num_classes).

    Args:
        blocks: number of blocks per stage.
        cardinality: g, the groups of each 3x3 convolution.
        width: d, the channels of one group in the first stage.
    """
    require_image(image_size, MIN_IMAGE)
    outputs = [4 * width * 2**stage for stage in range(len(blocks))]
    make = partial(Grouped, cardinality=cardinality)
    stages = stack(make, blocks, inputs=width, outputs=outputs)
    stem = nn.Sequential(conv(3, width, 3), nn.BatchNorm2d(width), nn.ReLU())
    return assemble(stem, stages, nn.Identity(), channels=outputs[-1], num_classes=num_classes)


def sites(model: nn.Module) -> list[Site]:
    """One site per block, after its last BN and before the add."""
    return gate_sites(model)


def widths(model: nn.Module) -> list[Width]:
    """The channels into and out of each grouped convolution; its groups must stay equal."""
    return inner_widths(model)
