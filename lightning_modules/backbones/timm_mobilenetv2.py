"""MobileNetV2 of ImageNet, from timm (Sandler et al., CVPR 2018, arXiv:1801.04381).

    x' = x + gate(F(x));     F: 1x1 BN relu6, 3x3 depthwise BN relu6, 1x1 BN
    seven stages of equal width w * (16, 24, 32, 64, 96, 160, 320); the first block does not expand

A block that changes shape has no shortcut; its site is at the same place. Images below 64 px get a
stem that fits them: stem and second stage keep the map's side (8x less at the end instead of 32x).

Differs from the authors' code: none.
"""

from __future__ import annotations

from typing import Any

from timm.models._efficientnet_blocks import InvertedResidual
from timm.models.efficientnet import mobilenetv2_035, mobilenetv2_100
from torch import nn

from lightning_modules.backbones._parts import require_image
from lightning_modules.backbones._places import conv_width, ends_of, norms, paths_of
from lightning_modules.structure import Site, Width

__all__ = ["build", "convs", "ends", "norms", "sites", "widths"]

VARIANTS = {
    "mobilenetv2_035_micro": {
        "blocks": (1, 1, 1, 1, 1, 1, 1),
        "width": 0.35,
        "about": "MobileNetV2-0.35, 7 blocks, small",
    },
    "mobilenetv2_100": {
        "blocks": (1, 2, 3, 4, 3, 3, 1),
        "width": 1.0,
        "about": "MobileNetV2-1.0 (timm)",
    },
}
LAYOUT = "map"
SLOTS = ("gate", "step", "norm", "conv", "stage")
NORM = "batch"
MIN_IMAGE = 8

STAGES = tuple(f"blocks.{stage}" for stage in range(7))


def build(
    num_classes: int,
    image_size: int,
    *,
    blocks: tuple[int, ...],
    width: float,
    drop_path: float = 0.0,
) -> nn.Module:
    """timm's MobileNetV2: (B, 3, H, W) -> (B, num_classes).

    Args:
        blocks: number of blocks per stage; timm's, or the first of them.
        width: factor on the width of every layer but the last.
        drop_path: probability of dropping the last branch; it rises to that along the depth.
    """
    require_image(image_size, MIN_IMAGE)
    make = {0.35: mobilenetv2_035, 1.0: mobilenetv2_100}[width]
    model: nn.Module = make(num_classes=num_classes, drop_path_rate=drop_path)
    built = tuple(len(list(model.get_submodule(stage).children())) for stage in STAGES)
    if any(asked > most for asked, most in zip(blocks, built, strict=True)):
        raise ValueError(f"blocks={blocks} cannot be built; allowed is timm's {built}, or fewer")
    for stage, asked in zip(STAGES, blocks, strict=True):
        first = list(model.get_submodule(stage).children())[:asked]
        model.set_submodule(stage, nn.Sequential(*first))
    if image_size < 64:
        for path in ("conv_stem", "blocks.1.0.conv_dw"):
            layer: Any = model.get_submodule(path)
            layer.stride = (1, 1)
    return model


def sites(model: nn.Module) -> list[Site]:
    """One site per block: its last BN, before drop path and the add."""
    return [
        Site(f"{path}.bn3", conv_width(model, f"{path}.conv_pwl"), stage, block=path)
        if _expands(model, path)
        else Site(f"{path}.bn2", conv_width(model, f"{path}.conv_pw"), stage, block=path)
        for stage, path in paths_of(model, STAGES)
    ]


def convs(model: nn.Module) -> list[Site]:
    """The depthwise convolution of each block."""
    return [
        Site(
            f"{path}.conv_dw",
            conv_width(model, f"{path}.conv_dw"),
            stage,
            behind=f"{path}.{'bn2' if _expands(model, path) else 'bn1'}",
        )
        for stage, path in paths_of(model, STAGES)
    ]


def ends(model: nn.Module) -> list[Site]:
    """The end of every stage but the last."""
    return ends_of(STAGES, sites(model))


def widths(model: nn.Module) -> list[Width]:
    """The expanded channels of each block, and those between the last convolution and the head."""
    found = []
    for _, path in paths_of(model, STAGES):
        if _expands(model, path):
            between = (f"{path}.bn1", f"{path}.conv_dw", f"{path}.bn2")
            found.append(Width(f"{path}.conv_pw", between, f"{path}.conv_pwl"))
    return [*found, Width("conv_head", ("bn2",), "classifier")]


def _expands(model: nn.Module, path: str) -> bool:
    """Whether the block has a 1x1 convolution before its depthwise one; the first has none."""
    return isinstance(model.get_submodule(path), InvertedResidual)
