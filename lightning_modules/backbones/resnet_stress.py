"""ResNets without what makes them trainable (Huang et al., AAAI 2020, arXiv:1905.10671).

    noskip:  x' = relu(gate(F(x)))                       no block has a shortcut
    nobn:    x' = relu(shortcut(x) + gate(F(x)))         F, stem and projections without batch norm

The stress tests of the papers on shared attention: how far a module alone stabilises the training
of the CIFAR ResNet that is otherwise left as it is.

Reconstruction: that shortcuts and batch norms were removed is in the papers, the code of it is not
public. Here a shortcut gives zero in every block, those that change the shape too, and nothing
takes the place of a batch norm: convolutions stay without bias, initialised as before.

Differs from the authors' code: unknown, see above.
"""

from __future__ import annotations

from torch import Tensor, nn

from lightning_modules.backbones._places import (
    blocks_of,
    convs,
    ends,
    gate_sites,
    inner_widths,
    norms,
)
from lightning_modules.backbones._residual import residual_net
from lightning_modules.structure import Site, Width

__all__ = ["build", "convs", "ends", "norms", "sites", "widths"]

VARIANTS = {
    "resnet8_noskip": {
        "blocks": (1, 1, 1),
        "bottleneck": False,
        "without": "skip",
        "about": "ResNet-8 without shortcuts",
    },
    "resnet20_noskip": {
        "blocks": (3, 3, 3),
        "bottleneck": False,
        "without": "skip",
        "about": "ResNet-20 without shortcuts",
    },
    "resnet56_noskip": {
        "blocks": (9, 9, 9),
        "bottleneck": False,
        "without": "skip",
        "about": "ResNet-56 without shortcuts",
    },
    "resnet164_noskip": {
        "blocks": (18, 18, 18),
        "bottleneck": True,
        "without": "skip",
        "about": "ResNet-164 without shortcuts",
    },
    "resnet8_nobn": {
        "blocks": (1, 1, 1),
        "bottleneck": False,
        "without": "bn",
        "about": "ResNet-8 without batch norm",
        "NORM": "none",
        "SLOTS": ("gate", "step", "stage"),
    },
    "resnet20_nobn": {
        "blocks": (3, 3, 3),
        "bottleneck": False,
        "without": "bn",
        "about": "ResNet-20 without batch norm",
        "NORM": "none",
        "SLOTS": ("gate", "step", "stage"),
    },
    "resnet56_nobn": {
        "blocks": (9, 9, 9),
        "bottleneck": False,
        "without": "bn",
        "about": "ResNet-56 without batch norm",
        "NORM": "none",
        "SLOTS": ("gate", "step", "stage"),
    },
    "resnet164_nobn": {
        "blocks": (18, 18, 18),
        "bottleneck": True,
        "without": "bn",
        "about": "ResNet-164 without batch norm",
        "NORM": "none",
        "SLOTS": ("gate", "step", "stage"),
    },
}
LAYOUT = "map"
SLOTS = ("gate", "norm", "conv", "stage")
NORM = "batch"
MIN_IMAGE = 8


class Nothing(nn.Module):
    """A shortcut that adds zero."""

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(())


def build(
    num_classes: int, image_size: int, *, blocks: tuple[int, ...], bottleneck: bool, without: str
) -> nn.Module:
    """A crippled CIFAR ResNet: (B, 3, H, W) -> (B, num_classes).

    Args:
        blocks: number of blocks per stage.
        bottleneck: three convolutions a block instead of two, and four times the stage width.
        without: what is left out, skip or bn.
    """
    model = residual_net(num_classes, image_size, blocks=blocks, bottleneck=bottleneck)
    if without == "skip":
        for _, _, block in blocks_of(model):
            block.shortcut = Nothing()
    else:
        found = [name for name, m in model.named_modules() if isinstance(m, nn.BatchNorm2d)]
        for name in found:
            model.set_submodule(name, nn.Identity())
    return model


def sites(model: nn.Module) -> list[Site]:
    """One site per block, at the end of its branch."""
    return gate_sites(model)


def widths(model: nn.Module) -> list[Width]:
    """The channels between the convolutions of each block."""
    return inner_widths(model)
