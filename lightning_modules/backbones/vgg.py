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
from lightning_modules.structure import Site, Width

__all__ = ["build", "sites", "widths"]

VARIANTS = {
    "vgg11_bn": {
        "blocks": (1, 1, 1, 1, 1),
        "convs": (1, 1, 2, 2, 2),
        "about": "VGG-11 with batch norm, CIFAR",
    },
    "vgg16_bn": {
        "blocks": (1, 1, 1, 1, 1),
        "convs": (2, 2, 3, 3, 3),
        "about": "VGG-16 with batch norm, CIFAR",
    },
}
LAYOUT = "map"
SLOTS = ("gate",)
NORM = "batch"
MIN_IMAGE = 8

OUTPUTS = (64, 128, 256, 512, 512)


def make_stage(inputs: int, outputs: int, count: int, *, pool: bool) -> nn.Sequential:
    """conv1 bn1 relu1 ... convN bnN gate reluN, and a pool."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number in range(1, count + 1):
        layers[f"conv{number}"] = nn.Conv2d(inputs, outputs, 3, padding=1)
        layers[f"bn{number}"] = nn.BatchNorm2d(outputs)
        if number == count:
            layers["gate"] = nn.Identity()
        layers[f"relu{number}"] = nn.ReLU()
        inputs = outputs
    if pool:
        layers["pool"] = nn.MaxPool2d(2)
    return nn.Sequential(layers)


def build(
    num_classes: int, image_size: int, *, blocks: tuple[int, ...], convs: tuple[int, ...]
) -> nn.Module:
    """A CIFAR VGG: (B, 3, H, W) -> (B, num_classes).

    Args:
        blocks: number of attention sites per stage, one each.
        convs: number of convolutions per stage.
    """
    require_image(image_size, MIN_IMAGE)
    stages, inputs = [], 3
    for stage, (_, count, outputs) in enumerate(zip(blocks, convs, OUTPUTS, strict=True)):
        stages.append(make_stage(inputs, outputs, count, pool=image_size >> stage >= 2))
        inputs = outputs
    return assemble(
        nn.Identity(), stages, nn.Identity(), channels=OUTPUTS[-1], num_classes=num_classes
    )


def sites(model: nn.Module) -> list[Site]:
    """One site per stage, after its last BN and before the ReLU."""
    stages = model.get_submodule("stages").named_children()
    return [
        Site(f"stages.{s}.gate", width, int(s))
        for (s, _), width in zip(stages, OUTPUTS, strict=True)
    ]


def widths(model: nn.Module) -> list[Width]:
    """The channels between two convolutions, or between the last one and the head.

    Where a stage's site holds a module, its last convolution is left out: a gate must not see a
    width that shrinks.
    """
    paths = [
        f"stages.{s}.{name}"
        for s, stage in model.get_submodule("stages").named_children()
        for name, _ in stage.named_children()
        if name.startswith("conv")
    ]
    return [
        Width(path, (path.replace("conv", "bn"),), reader)
        for path, reader in zip(paths, [*paths[1:], "fc"], strict=True)
        if _passes_no_gate(model, path, reader)
    ]


def _passes_no_gate(model: nn.Module, path: str, reader: str) -> bool:
    stage = path.rpartition(".")[0]
    same = reader.startswith(f"{stage}.")
    return same or isinstance(model.get_submodule(f"{stage}.gate"), nn.Identity)
