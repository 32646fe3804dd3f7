"""ResNet of ImageNet, from timm (He et al., CVPR 2016, arXiv:1512.03385).

    x' = relu(shortcut(x) + gate(F(x)));  four stages of basic (18, 34) or bottleneck (50) blocks

Images below 64 px get a stem that fits them: a 3x3 convolution of stride 1 and no max pool.

Differs from the authors' code: the stride of a bottleneck is on its 3x3 convolution. Unlike timm's
default, the last BN of a branch starts at scale 1: at 0 no gradient reaches the branch at first,
and criteria that score a network at its initialisation see nothing (``zero_init`` puts it back).
"""

from __future__ import annotations

from typing import Any

from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from torch import nn

from lightning_modules.backbones._parts import require_image
from lightning_modules.backbones._places import (
    conv_width,
    convs_of,
    ends_of,
    norms,
    paths_of,
)
from lightning_modules.structure import Site, Width

__all__ = ["build", "convs", "ends", "norms", "sites", "widths"]

VARIANTS = {
    "resnet10_micro": {
        "blocks": (1, 1, 1, 1),
        "bottleneck": False,
        "width": 8,
        "about": "ResNet-10, 8 to 64 wide, small",
    },
    "resnet18": {
        "blocks": (2, 2, 2, 2),
        "bottleneck": False,
        "width": 64,
        "about": "ResNet-18 (timm)",
    },
    "resnet34": {
        "blocks": (3, 4, 6, 3),
        "bottleneck": False,
        "width": 64,
        "about": "ResNet-34 (timm)",
    },
    "resnet50": {
        "blocks": (3, 4, 6, 3),
        "bottleneck": True,
        "width": 64,
        "about": "ResNet-50 (timm)",
    },
}
LAYOUT = "map"
SLOTS = ("gate", "step", "norm", "conv", "stage")
NORM = "batch"
MIN_IMAGE = 8

STAGES = ("layer1", "layer2", "layer3", "layer4")


def build(
    num_classes: int,
    image_size: int,
    *,
    blocks: tuple[int, ...],
    bottleneck: bool,
    width: int,
    drop_path: float = 0.0,
    zero_init: bool = False,
) -> nn.Module:
    """timm's ResNet: (B, 3, H, W) -> (B, num_classes).

    Args:
        blocks: number of blocks per stage.
        bottleneck: three convolutions a block instead of two, and four times the width.
        width: of the first stage, without that factor; it doubles from stage to stage.
        drop_path: probability of dropping the last branch; it rises to that along the depth.
        zero_init: start the last BN of each branch at scale 0 instead of 1.
    """
    require_image(image_size, MIN_IMAGE)
    block: Any = Bottleneck if bottleneck else BasicBlock
    model: nn.Module = ResNet(
        block,
        blocks,
        num_classes=num_classes,
        channels=tuple(width * 2**stage for stage in range(4)),
        drop_path_rate=drop_path,
        zero_init_last=zero_init,
    )
    if image_size < 64:
        stem = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
        model.set_submodule("conv1", stem)
        model.set_submodule("maxpool", nn.Identity())
    for _, path in paths_of(model, STAGES):
        model.get_submodule(path).se = nn.Identity()
    return model


def sites(model: nn.Module) -> list[Site]:
    """One site per block, after its last BN, before drop path and the add."""
    return [
        Site(
            f"{path}.se",
            conv_width(model, f"{path}.conv{_convs(model, path)}"),
            stage,
            block=path,
        )
        for stage, path in paths_of(model, STAGES)
    ]


def convs(model: nn.Module) -> list[Site]:
    """The 3x3 convolution of a bottleneck, the first one of a basic block."""
    return convs_of(model, widths(model))


def ends(model: nn.Module) -> list[Site]:
    """The end of every layer but the last."""
    return ends_of(STAGES, sites(model))


def widths(model: nn.Module) -> list[Width]:
    """The channels between the convolutions of each block."""
    return [
        Width(f"{path}.conv{n}", (f"{path}.bn{n}",), f"{path}.conv{n + 1}")
        for _, path in paths_of(model, STAGES)
        for n in range(1, _convs(model, path))
    ]


def _convs(model: nn.Module, path: str) -> int:
    """Number of convolutions in the block at ``path``."""
    return 3 if isinstance(model.get_submodule(path), Bottleneck) else 2
