"""Residual network for CIFAR (He et al., CVPR 2016, arXiv:1512.03385).

    x' = relu(shortcut(x) + gate(F(x)));    depth = 6n+2 (basic) or 9n+2 (bottleneck), 3 stages
    F basic:      3x3 BN relu 3x3 BN                        stage widths 16, 32, 64
    F bottleneck: 1x1 BN relu 3x3 BN relu 1x1 BN            stage widths 64, 128, 256

Differs from the authors' code: a shortcut that changes shape is a 1x1 convolution with BN, as in
the code of the attention papers built on this net; ``shortcut=pad`` gives the zero-padding of the
paper (option A). The stride of a bottleneck is on its 3x3 convolution. The pool is adaptive; the
head keeps torch's initialisation.
"""

from __future__ import annotations

from functools import partial
from typing import Literal, get_args

import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.backbones._parts import Block, assemble, conv, require_image, stack
from lightning_modules.backbones._places import gate_sites, inner_widths
from lightning_modules.structure import Site, Width

__all__ = ["build", "sites", "widths"]

VARIANTS = {
    "resnet8": {"blocks": (1, 1, 1), "bottleneck": False, "about": "ResNet-8, for small images"},
    "resnet20": {"blocks": (3, 3, 3), "bottleneck": False, "about": "ResNet-20, CIFAR"},
    "resnet32": {"blocks": (5, 5, 5), "bottleneck": False, "about": "ResNet-32, CIFAR"},
    "resnet44": {"blocks": (7, 7, 7), "bottleneck": False, "about": "ResNet-44, CIFAR"},
    "resnet56": {"blocks": (9, 9, 9), "bottleneck": False, "about": "ResNet-56, CIFAR"},
    "resnet110": {"blocks": (18, 18, 18), "bottleneck": False, "about": "ResNet-110, CIFAR"},
    "resnet164": {
        "blocks": (18, 18, 18),
        "bottleneck": True,
        "about": "ResNet-164, post-activation bottleneck, CIFAR",
    },
}
LAYOUT = "map"
SLOTS = ("gate",)
NORM = "batch"
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


def build(
    num_classes: int,
    image_size: int,
    *,
    blocks: tuple[int, ...],
    bottleneck: bool,
    shortcut: Literal["projection", "pad"] = "projection",
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


def sites(model: nn.Module) -> list[Site]:
    """One site per block, after its last BN and before the add."""
    return gate_sites(model)


def widths(model: nn.Module) -> list[Width]:
    """The channels between the convolutions of each block."""
    return inner_widths(model)
