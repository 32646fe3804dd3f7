"""Pre-activation residual network for CIFAR (He et al., ECCV 2016, arXiv:1603.05027).

    x' = shortcut(x) + gate(F(x));          depth = 6n+2 (basic) or 9n+2 (bottleneck), 3 stages
    F basic:      BN relu 3x3, BN relu 3x3                  stage widths 16, 32, 64
    F bottleneck: BN relu 1x1, BN relu 3x3, BN relu 1x1     stage widths 64, 128, 256

A branch ends in a bare convolution, so attention there gets a BN of its own (the form DIANet uses);
the plain net has none.

Differs from the authors' code: as in the code of the attention papers built on this net, a shortcut
that changes shape is a bare 1x1 convolution of the block's raw input (the authors feed it the
activated input), and the stride of a bottleneck is on its 3x3 convolution (the authors': on the
first 1x1). The pool is adaptive; the head keeps torch's initialisation.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.backbones._parts import Block, assemble, conv, require_image, stack
from lightning_modules.backbones._places import convs, ends, gate_sites, inner_widths, norms
from lightning_modules.structure import Site, Width

__all__ = ["build", "convs", "ends", "norms", "sites", "widths"]

VARIANTS = {
    "preresnet8": {"blocks": (1, 1, 1), "bottleneck": False, "about": "PreResNet-8, small images"},
    "preresnet20": {"blocks": (3, 3, 3), "bottleneck": False, "about": "PreResNet-20, CIFAR"},
    "preresnet56": {"blocks": (9, 9, 9), "bottleneck": False, "about": "PreResNet-56, CIFAR"},
    "preresnet110": {"blocks": (18, 18, 18), "bottleneck": False, "about": "PreResNet-110, CIFAR"},
    "preresnet164": {
        "blocks": (18, 18, 18),
        "bottleneck": True,
        "about": "PreResNet-164, pre-activation bottleneck, CIFAR",
    },
}
LAYOUT = "map"
SLOTS = ("gate", "step", "norm", "conv", "stage")
NORM = "batch"
MIN_IMAGE = 8


def make_shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    """The identity where the shape stays, a bare 1x1 convolution where not."""
    same = inputs == outputs and stride == 1
    return nn.Identity() if same else conv(inputs, outputs, 1, stride=stride)


class Basic(Block):
    """Two 3x3 convolutions, each after BN and ReLU."""

    INNER = (("conv1", ("bn2",), "conv2"),)

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__(outputs)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = conv(inputs, outputs, 3, stride=stride)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = conv(outputs, outputs, 3)
        self.shortcut = make_shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.relu(self.bn1(x)))
        y = self.conv2(F.relu(self.bn2(y)))
        total: Tensor = self.shortcut(x) + self.gate(y)
        return total


class Bottleneck(Block):
    """1x1 to a quarter of the channels, 3x3, 1x1 back, each after BN and ReLU."""

    INNER = (("conv1", ("bn2",), "conv2"), ("conv2", ("bn3",), "conv3"))

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__(outputs)
        inner = outputs // 4
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = conv(inputs, inner, 1)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv2 = conv(inner, inner, 3, stride=stride)
        self.bn3 = nn.BatchNorm2d(inner)
        self.conv3 = conv(inner, outputs, 1)
        self.shortcut = make_shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.relu(self.bn1(x)))
        y = self.conv2(F.relu(self.bn2(y)))
        y = self.conv3(F.relu(self.bn3(y)))
        total: Tensor = self.shortcut(x) + self.gate(y)
        return total


def build(
    num_classes: int, image_size: int, *, blocks: tuple[int, ...], bottleneck: bool
) -> nn.Module:
    """A CIFAR PreResNet: (B, 3, H, W) -> (B, num_classes).

    Args:
        blocks: number of blocks per stage.
        bottleneck: three convolutions a block instead of two, and four times the stage width.
    """
    require_image(image_size, MIN_IMAGE)
    outputs = [16 * 2**stage * (4 if bottleneck else 1) for stage in range(len(blocks))]
    stages = stack(Bottleneck if bottleneck else Basic, blocks, inputs=16, outputs=outputs)
    tail = nn.Sequential(nn.BatchNorm2d(outputs[-1]), nn.ReLU())
    return assemble(conv(3, 16, 3), stages, tail, channels=outputs[-1], num_classes=num_classes)


def sites(model: nn.Module) -> list[Site]:
    """One site per block, at the end of the branch and before the add."""
    return gate_sites(model, norm=True)


def widths(model: nn.Module) -> list[Width]:
    """The channels between the convolutions of each block."""
    return inner_widths(model)
