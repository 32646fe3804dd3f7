"""The post-activation residual net of CIFAR, which several families are."""

from __future__ import annotations

from functools import partial
from typing import Literal, get_args

import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.backbones._parts import Block, assemble, conv, require_image, stack

__all__ = ["MIN_IMAGE", "Bottleneck", "PadShortcut", "Shortcut", "residual_net"]

MIN_IMAGE = 8

Shortcut = Literal["projection", "pad"]


class PadShortcut(nn.Module):
    """Option A: take every stride-th pixel and append ``extra`` channels of zeros."""

    def __init__(self, extra: int, stride: int) -> None:
        super().__init__()
        self.extra, self.stride = extra, stride

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))


def make_shortcut(inputs: int, outputs: int, stride: int, kind: Shortcut) -> nn.Module:
    """The identity where the shape stays, a padding or a 1x1 projection with BN where not."""
    if inputs == outputs and stride == 1:
        return nn.Identity()
    if kind == "pad":
        return PadShortcut(outputs - inputs, stride)
    return nn.Sequential(conv(inputs, outputs, 1, stride=stride), nn.BatchNorm2d(outputs))


class Basic(Block):
    """Two 3x3 convolutions."""

    INNER = (("conv1", ("bn1",), "conv2"),)

    def __init__(self, inputs: int, outputs: int, stride: int, *, shortcut: Shortcut) -> None:
        super().__init__(outputs)
        self.conv1 = conv(inputs, outputs, 3, stride=stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = conv(outputs, outputs, 3)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = make_shortcut(inputs, outputs, stride, shortcut)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.gate(self.bn2(self.conv2(y)))
        return F.relu(self.shortcut(x) + y)


class Bottleneck(Block):
    """1x1 to a quarter of the channels, 3x3, 1x1 back."""

    INNER = (("conv1", ("bn1",), "conv2"), ("conv2", ("bn2",), "conv3"))

    def __init__(self, inputs: int, outputs: int, stride: int, *, shortcut: Shortcut) -> None:
        super().__init__(outputs)
        inner = outputs // 4
        self.conv1 = conv(inputs, inner, 1)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = conv(inner, inner, 3, stride=stride)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = conv(inner, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.shortcut = make_shortcut(inputs, outputs, stride, shortcut)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.gate(self.bn3(self.conv3(y)))
        return F.relu(self.shortcut(x) + y)


def residual_net(
    num_classes: int,
    image_size: int,
    *,
    blocks: tuple[int, ...],
    bottleneck: bool,
    shortcut: Shortcut = "projection",
) -> nn.Module:
    """A CIFAR ResNet: (B, 3, H, W) -> (B, num_classes).

    Args:
        blocks: number of blocks per stage.
        bottleneck: three convolutions a block instead of two, and four times the stage width.
        shortcut: what a shortcut does where the shape changes.
    """
    require_image(image_size, MIN_IMAGE)
    if shortcut not in get_args(Shortcut):
        raise ValueError(f"shortcut={shortcut!r} is unknown; allowed: {get_args(Shortcut)}")
    outputs = [16 * 2**stage * (4 if bottleneck else 1) for stage in range(len(blocks))]
    block = Bottleneck if bottleneck else Basic
    stages = stack(partial(block, shortcut=shortcut), blocks, inputs=16, outputs=outputs)
    stem = nn.Sequential(conv(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU())
    return assemble(stem, stages, nn.Identity(), channels=outputs[-1], num_classes=num_classes)
