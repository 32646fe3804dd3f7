"""Vision transformer, from timm (Dosovitskiy et al., ICLR 2021, arXiv:2010.11929).

    x' = x + gate(MHSA(LN(x)));   x'' = x' + MLP(LN(x'));     class token, learned positions

DeiT-small (Touvron et al., ICML 2021, arXiv:2012.12877) has the same form. The sites are tokens
(B, N, C), at the end of each attention branch. A patch is 16 px, and less where the image would
have fewer than 8 of them a side: the largest divisor of the side up to side / 8.

Differs from the authors' code: the patch of small images.
"""

from __future__ import annotations

from timm.models.vision_transformer import VisionTransformer
from torch import nn

from lightning_modules.backbones._parts import require_image
from lightning_modules.backbones._places import paths_of
from lightning_modules.structure import Site, Width

__all__ = ["build", "sites", "widths"]

VARIANTS = {
    "vit_micro": {"blocks": (4,), "width": 64, "heads": 4, "about": "ViT, 4 layers of 64, small"},
    "vit_tiny": {"blocks": (12,), "width": 192, "heads": 3, "about": "ViT-Tiny (timm)"},
    "deit_small": {"blocks": (12,), "width": 384, "heads": 6, "about": "DeiT-Small (timm)"},
}
LAYOUT = "tokens"
SLOTS = ("gate", "step")
NORM = "layer"
MIN_IMAGE = 8


def patch_size(image_size: int) -> int:
    """Side of a patch in px: the largest divisor of the image's side up to min(16, side / 8)."""
    most = min(16, image_size // 8)
    return next(patch for patch in range(most, 0, -1) if image_size % patch == 0)


def build(
    num_classes: int,
    image_size: int,
    *,
    blocks: tuple[int, ...],
    width: int,
    heads: int,
    drop_path: float = 0.0,
) -> nn.Module:
    """timm's vision transformer: (B, 3, image_size, image_size) -> (B, num_classes).

    Args:
        blocks: number of layers, all in one stage.
        width: C of the tokens.
        heads: number of attention heads.
        drop_path: probability of dropping the last branch; it rises to that along the depth.
    """
    require_image(image_size, MIN_IMAGE)
    model: nn.Module = VisionTransformer(
        img_size=image_size,
        patch_size=patch_size(image_size),
        num_classes=num_classes,
        embed_dim=width,
        depth=sum(blocks),
        num_heads=heads,
        drop_path_rate=drop_path,
    )
    return model


def sites(model: nn.Module) -> list[Site]:
    """One site per layer, at the end of its attention branch, before drop path and the add."""
    assert isinstance(model, VisionTransformer)
    blocks = paths_of(model, ["blocks"])
    return [Site(f"{path}.ls1", model.embed_dim, 0, block=path) for _, path in blocks]


def widths(model: nn.Module) -> list[Width]:
    """The 4C channels of each MLP; a gelu follows them, no norm."""
    return [
        Width(f"{path}.mlp.fc1", (), f"{path}.mlp.fc2") for _, path in paths_of(model, ["blocks"])
    ]
