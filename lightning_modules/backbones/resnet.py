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

from typing import Literal

from torch import nn

from lightning_modules.backbones._places import convs, ends, gate_sites, inner_widths, norms
from lightning_modules.backbones._residual import residual_net
from lightning_modules.structure import Site, Width

__all__ = ["build", "convs", "ends", "norms", "sites", "widths"]

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
SLOTS = ("gate", "step", "norm", "conv", "stage")
NORM = "batch"
MIN_IMAGE = 8


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
    return residual_net(
        num_classes, image_size, blocks=blocks, bottleneck=bottleneck, shortcut=shortcut
    )


def sites(model: nn.Module) -> list[Site]:
    """One site per block, after its last BN and before the add."""
    return gate_sites(model)


def widths(model: nn.Module) -> list[Width]:
    """The channels between the convolutions of each block."""
    return inner_widths(model)
