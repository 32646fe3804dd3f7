"""ConvNeXt, from timm (Liu et al., CVPR 2022, arXiv:2201.03545).

    x' = x + gate(gamma * F(x));   F: 7x7 depthwise, layer norm, 1x1 to 4C, gelu, 1x1 to C

The stem cuts the image into patches of 4 px, of 2 px below 64 px and of 1 px below 32 px. A site
sees the branch after its layer scale gamma, which starts at 1e-6: modules that compare the map with
a constant of their own see almost nothing at first (``layer_scale`` raises it).

Differs from the authors' code: the stem of small images.
"""

from __future__ import annotations

from collections import OrderedDict

from timm.models.convnext import ConvNeXt
from torch import nn

from lightning_modules.backbones._parts import require_image
from lightning_modules.backbones._places import conv_width, ends_of, paths_of
from lightning_modules.structure import Site, Width

__all__ = ["build", "ends", "sites", "widths"]

VARIANTS = {
    "convnext_micro": {
        "blocks": (1, 1, 2, 1),
        "width": 16,
        "conv_mlp": True,
        "about": "ConvNeXt, 5 blocks, 16 to 128 wide, small",
    },
    "convnext_atto": {
        "blocks": (2, 2, 6, 2),
        "width": 40,
        "conv_mlp": True,
        "about": "ConvNeXt-Atto (timm)",
    },
    "convnext_tiny": {
        "blocks": (3, 3, 9, 3),
        "width": 96,
        "conv_mlp": False,
        "about": "ConvNeXt-Tiny (timm)",
    },
}
LAYOUT = "map"
SLOTS = ("gate", "step", "stage")
NORM = "layer"
MIN_IMAGE = 8

STAGES = tuple(f"stages.{stage}.blocks" for stage in range(4))


def build(
    num_classes: int,
    image_size: int,
    *,
    blocks: tuple[int, ...],
    width: int,
    conv_mlp: bool,
    drop_path: float = 0.0,
    layer_scale: float = 1e-6,
) -> nn.Module:
    """timm's ConvNeXt: (B, 3, H, W) -> (B, num_classes).

    Args:
        blocks: number of blocks per stage.
        width: C of the first stage; it doubles from stage to stage.
        conv_mlp: 1x1 convolutions instead of linear layers on the transposed map.
        drop_path: probability of dropping the last branch; it rises to that along the depth.
        layer_scale: gamma at the start.
    """
    require_image(image_size, MIN_IMAGE)
    model: nn.Module = ConvNeXt(
        num_classes=num_classes,
        depths=blocks,
        dims=tuple(width * 2**stage for stage in range(4)),
        conv_mlp=conv_mlp,
        drop_path_rate=drop_path,
        ls_init_value=layer_scale,
    )
    if image_size < 64:
        patch = 1 if image_size < 32 else 2
        stem = nn.Conv2d(3, width, patch, patch)
        nn.init.trunc_normal_(stem.weight, std=0.02)
        assert stem.bias is not None
        nn.init.zeros_(stem.bias)
        model.set_submodule("stem.0", stem)
    for _, path in paths_of(model, STAGES):
        drop = model.get_submodule(f"{path}.drop_path")
        end = nn.Sequential(OrderedDict(gate=nn.Identity(), drop=drop))
        model.set_submodule(f"{path}.drop_path", end)
    return model


def sites(model: nn.Module) -> list[Site]:
    """One site per block, after its layer scale, before drop path and the add."""
    return [
        Site(f"{path}.drop_path.gate", conv_width(model, f"{path}.conv_dw"), stage, block=path)
        for stage, path in paths_of(model, STAGES)
    ]


def ends(model: nn.Module) -> list[Site]:
    """The end of every stage but the last, before the norm and the convolution that shrink it."""
    return ends_of(STAGES, sites(model))


def widths(model: nn.Module) -> list[Width]:
    """The 4C channels inside each block; a gelu follows them, no norm."""
    return [Width(f"{path}.mlp.fc1", (), f"{path}.mlp.fc2") for _, path in paths_of(model, STAGES)]
