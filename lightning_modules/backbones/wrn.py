"""Wide residual network (Zagoruyko & Komodakis, BMVC 2016, arXiv:1605.07146).

    x' = shortcut(x) + gate(F(x)),  F: BN relu 3x3, BN relu dropout 3x3;   depth = 6n+4, 3 stages
    stage widths 16k, 32k, 64k for WRN-depth-k

Where the shape changes, shortcut and branch both read the activated input relu(BN(x)), and the
shortcut is a bare 1x1 convolution. A branch ends in a bare convolution, so attention there gets a
BN of its own; the plain net has none.

Differs from the authors' code: the pool is adaptive; the head keeps torch's initialisation.
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
    "wrn16_1": {"blocks": (2, 2, 2), "widen": 1, "about": "WRN-16-1, small"},
    "wrn28_10": {"blocks": (4, 4, 4), "widen": 10, "about": "WRN-28-10, CIFAR"},
    "wrn52_4": {"blocks": (8, 8, 8), "widen": 4, "about": "WRN-52-4, CIFAR"},
}
LAYOUT = "map"
SLOTS = ("gate", "step", "norm", "conv", "stage")
NORM = "batch"
MIN_IMAGE = 8


class Wide(Block):
    """Two 3x3 convolutions, each after BN and ReLU, with dropout between them."""

    INNER = (("conv1", ("bn2",), "conv2"),)

    def __init__(self, inputs: int, outputs: int, stride: int, *, dropout: float) -> None:
        super().__init__(outputs)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = conv(inputs, outputs, 3, stride=stride)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = conv(outputs, outputs, 3)
        same = inputs == outputs and stride == 1
        self.shortcut = None if same else conv(inputs, outputs, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.bn1(x))
        middle = F.relu(self.bn2(self.conv1(active)))
        y: Tensor = self.gate(self.conv2(self.dropout(middle)))
        return y + (x if self.shortcut is None else self.shortcut(active))


def build(
    num_classes: int,
    image_size: int,
    *,
    blocks: tuple[int, ...],
    widen: int,
    dropout: float = 0.3,
) -> nn.Module:
    """A wide ResNet: (B, 3, H, W) -> (B, num_classes).

    Args:
        blocks: number of blocks per stage.
        widen: k, the factor on the stage widths 16, 32, 64.
        dropout: probability of dropping a value between the two convolutions of a block.
    """
    require_image(image_size, MIN_IMAGE)
    outputs = [16 * widen * 2**stage for stage in range(len(blocks))]
    stages = stack(partial(Wide, dropout=dropout), blocks, inputs=16, outputs=outputs)
    tail = nn.Sequential(nn.BatchNorm2d(outputs[-1]), nn.ReLU())
    return assemble(conv(3, 16, 3), stages, tail, channels=outputs[-1], num_classes=num_classes)


def sites(model: nn.Module) -> list[Site]:
    """One site per block, at the end of the branch and before the add."""
    return gate_sites(model, norm=True)


def widths(model: nn.Module) -> list[Width]:
    """The channels between the two convolutions of each block."""
    return inner_widths(model)
