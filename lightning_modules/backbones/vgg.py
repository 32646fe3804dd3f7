"""VGG with batch norm for CIFAR (Simonyan & Zisserman, ICLR 2015, arXiv:1409.1556).

    five stages of [3x3 BN relu] and a 2x2 max pool, widths 64, 128, 256, 512, 512; pool, linear

There is no residual branch: the one attention site of a stage is after the BN of its last
convolution, before the ReLU. A stage pools only while its map has at least 2 px a side, so that
images below 32 px work.

Differs from the authors' code: batch norm, and one linear layer as head, as is usual on CIFAR.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from lightning_modules.backbones._parts import assemble, require_image
from lightning_modules.backbones._places import (
    END,
    convs_of,
    ends_of,
    norms,
    stages_of,
)
from lightning_modules.structure import Site, Width

__all__ = ["build", "convs", "ends", "norms", "sites", "widths"]

VARIANTS = {
    "vgg_micro": {
        "blocks": (1, 1, 1, 1, 1),
        "depths": (1, 1, 2, 2, 2),
        "width": 8,
        "about": "VGG-11 with batch norm, 8 to 64 wide, small",
    },
    "vgg11_bn": {
        "blocks": (1, 1, 1, 1, 1),
        "depths": (1, 1, 2, 2, 2),
        "width": 64,
        "about": "VGG-11 with batch norm, CIFAR",
    },
    "vgg16_bn": {
        "blocks": (1, 1, 1, 1, 1),
        "depths": (2, 2, 3, 3, 3),
        "width": 64,
        "about": "VGG-16 with batch norm, CIFAR",
    },
}
LAYOUT = "map"
SLOTS = ("gate", "norm", "conv", "stage")
NORM = "batch"
MIN_IMAGE = 8

FACTORS = (1, 2, 4, 8, 8)
"""Width of each stage, as a multiple of that of the first."""


class Stage(nn.Sequential):
    """conv1 bn1 relu1 ... convN bnN gate reluN, the end of the stage, and a pool."""

    def __init__(self, inputs: int, outputs: int, count: int, *, pool: bool) -> None:
        super().__init__(_layers(inputs, outputs, count, pool=pool))
        self.channels = outputs


def _layers(inputs: int, outputs: int, count: int, *, pool: bool) -> OrderedDict[str, nn.Module]:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number in range(1, count + 1):
        layers[f"conv{number}"] = nn.Conv2d(inputs, outputs, 3, padding=1)
        layers[f"bn{number}"] = nn.BatchNorm2d(outputs)
        if number == count:
            layers["gate"] = nn.Identity()
        layers[f"relu{number}"] = nn.ReLU()
        inputs = outputs
    layers[END] = nn.Identity()
    if pool:
        layers["pool"] = nn.MaxPool2d(2)
    return layers


def build(
    num_classes: int,
    image_size: int,
    *,
    blocks: tuple[int, ...],
    depths: tuple[int, ...],
    width: int,
) -> nn.Module:
    """A CIFAR VGG: (B, 3, H, W) -> (B, num_classes).

    Args:
        blocks: number of attention sites per stage, one each.
        depths: number of convolutions per stage.
        width: channels of the first stage.
    """
    require_image(image_size, MIN_IMAGE)
    stages, inputs = [], 3
    for stage, (_, count, factor) in enumerate(zip(blocks, depths, FACTORS, strict=True)):
        outputs = factor * width
        stages.append(Stage(inputs, outputs, count, pool=image_size >> stage >= 2))
        inputs = outputs
    return assemble(nn.Identity(), stages, nn.Identity(), channels=inputs, num_classes=num_classes)


def sites(model: nn.Module) -> list[Site]:
    """One site per stage, after its last BN and before the ReLU."""
    stages = ((path, model.get_submodule(path)) for path in stages_of(model))
    return [
        Site(f"{path}.gate", stage.channels, index)
        for index, (path, stage) in enumerate(stages)
        if isinstance(stage, Stage)
    ]


def convs(model: nn.Module) -> list[Site]:
    """Every convolution with its norm."""
    return convs_of(model, widths(model))


def ends(model: nn.Module) -> list[Site]:
    """The end of every stage but the last, before its pool."""
    return ends_of(stages_of(model), sites(model))


def widths(model: nn.Module) -> list[Width]:
    """The channels between two convolutions, or between the last one and the head.

    Where a module stands behind a stage's last convolution, that one is left out: a gate must not
    see a width that shrinks.
    """
    paths = [
        f"{stage}.{name}"
        for stage in stages_of(model)
        for name, _ in model.get_submodule(stage).named_children()
        if name.startswith("conv")
    ]
    return [
        Width(path, (path.replace("conv", "bn"),), reader)
        for path, reader in zip(paths, [*paths[1:], "fc"], strict=True)
        if _passes_no_gate(model, path, reader)
    ]


def _passes_no_gate(model: nn.Module, path: str, reader: str) -> bool:
    stage = path.rpartition(".")[0]
    places = (model.get_submodule(f"{stage}.{name}") for name in ("gate", END))
    return reader.startswith(f"{stage}.") or all(isinstance(p, nn.Identity) for p in places)
