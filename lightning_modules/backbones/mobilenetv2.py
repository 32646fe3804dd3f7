"""MobileNetV2 for CIFAR (Sandler et al., CVPR 2018, arXiv:1801.04381).

    x' = shortcut(x) + gate(F(x));     F: 1x1 BN relu, 3x3 depthwise BN relu, 1x1 BN
    seven stages of equal width 16, 24, 32, 64, 96, 160, 320; expansion 1 in the first, else 6

A block with stride 2 has no shortcut; its site is at the same place.

Differs from the authors' code: the form usual on CIFAR. Stem and second stage keep the map's side
(8x less at the end instead of 32x), blocks of stride 1 that change the width have a 1x1 convolution
with BN as shortcut, the first block expands too (by 1), and ReLU is not capped at 6.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.backbones._parts import Block, assemble, conv, require_image
from lightning_modules.backbones._places import convs, ends, gate_sites, inner_widths, norms
from lightning_modules.structure import Site, Width

__all__ = ["build", "convs", "ends", "norms", "sites", "widths"]

VARIANTS = {
    "mobilenetv2_micro": {
        "blocks": (1, 1, 1, 1, 1, 1, 1),
        "width": 8,
        "about": "MobileNetV2, 7 blocks, half as wide, small",
    },
    "mobilenetv2": {
        "blocks": (1, 2, 3, 4, 3, 3, 1),
        "width": 16,
        "about": "MobileNetV2, CIFAR",
    },
}
LAYOUT = "map"
SLOTS = ("gate", "step", "norm", "conv", "stage")
NORM = "batch"
MIN_IMAGE = 8

STAGES = ((16, 1, 1), (24, 6, 1), (32, 6, 2), (64, 6, 2), (96, 6, 1), (160, 6, 2), (320, 6, 1))
"""(width, expansion, stride) per stage, where the first is 16 wide."""


class InvertedResidual(Block):
    """1x1 to inputs * expansion channels, 3x3 depthwise, 1x1 to outputs."""

    INNER = (("conv1", ("bn1", "conv2", "bn2"), "conv3"),)

    def __init__(self, inputs: int, outputs: int, *, expansion: int, stride: int) -> None:
        super().__init__(outputs)
        inner = inputs * expansion
        self.conv1 = conv(inputs, inner, 1)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = conv(inner, inner, 3, stride=stride, groups=inner)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = conv(inner, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module | None = None
        if stride == 1:
            project = nn.Sequential(conv(inputs, outputs, 1), nn.BatchNorm2d(outputs))
            self.shortcut = nn.Identity() if inputs == outputs else project

    def forward(self, x: Tensor) -> Tensor:
        wide = F.relu(self.bn1(self.conv1(x)))
        wide = F.relu(self.bn2(self.conv2(wide)))
        y: Tensor = self.gate(self.bn3(self.conv3(wide)))
        return y if self.shortcut is None else self.shortcut(x) + y


def build(num_classes: int, image_size: int, *, blocks: tuple[int, ...], width: int) -> nn.Module:
    """A CIFAR MobileNetV2: (B, 3, H, W) -> (B, num_classes).

    Args:
        blocks: number of blocks per stage.
        width: channels of the first stage; all others are in proportion.
    """
    require_image(image_size, MIN_IMAGE)
    stages, inputs, last = [], 2 * width, 80 * width
    stem = nn.Sequential(conv(3, inputs, 3), nn.BatchNorm2d(inputs), nn.ReLU())
    for count, (full, expansion, first) in zip(blocks, STAGES, strict=True):
        layers, outputs = [], full * width // 16
        for stride in (first, *[1] * (count - 1)):
            layers.append(InvertedResidual(inputs, outputs, expansion=expansion, stride=stride))
            inputs = outputs
        stages.append(nn.Sequential(*layers))
    tail = nn.Sequential(conv(inputs, last, 1), nn.BatchNorm2d(last), nn.ReLU())
    return assemble(stem, stages, tail, channels=last, num_classes=num_classes)


def sites(model: nn.Module) -> list[Site]:
    """One site per block, after its last BN and before the add."""
    return gate_sites(model)


def widths(model: nn.Module) -> list[Width]:
    """The expanded channels of each block, and those between the tail and the head."""
    return [*inner_widths(model), Width("tail.0", ("tail.1",), "fc")]
