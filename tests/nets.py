"""Backbones by name, as declared or small enough to run, and what is plugged in."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from lightning_modules.catalog import catalog, load

ALL = sorted(catalog("backbone"))
# A small net of every family and kind of block, to be run with numbers.
SMALL: dict[str, dict[str, Any]] = {
    "resnet20": {"blocks": (2, 1, 1)},
    "resnet8": {"shortcut": "pad"},
    "resnet164": {"blocks": (2, 1, 1)},
    "resnet20_noskip": {"blocks": (2, 1, 1)},
    "resnet164_nobn": {"blocks": (2, 1, 1)},
    "preresnet20": {"blocks": (2, 1, 1)},
    "preresnet164": {"blocks": (2, 1, 1)},
    "wrn16_1": {},
    "resnext29_8x64d": {"blocks": (2, 1, 1), "cardinality": 2, "width": 8},
    "vgg16_bn": {},
    "densenet_bc_22": {},
    "mobilenetv2": {},
    "resnet18": {"blocks": (2, 1, 1, 1)},
    "resnet50": {"blocks": (2, 1, 1, 1)},
    "mobilenetv2_100": {},
    "convnext_atto": {"layer_scale": 1.0},
    "convnext_tiny": {"blocks": (1, 1, 1, 1), "width": 16, "layer_scale": 1.0},
    "vit_micro": {},
}


def make(name: str, classes: int = 10, side: int = 32, **options: Any) -> nn.Module:
    family = family_of(name)
    declared = family.VARIANTS[name].items()
    structure = {k: v for k, v in declared if k.islower() and k != "about"}
    model: nn.Module = family.build(classes, side, **{**structure, **options})
    return model


def at(model: nn.Module, path: str) -> Any:
    return model.get_submodule(path)


@cache
def skeleton(name: str) -> nn.Module:
    """The net of that name without numbers; read it, do not change it."""
    with torch.device("meta"):
        return make(name)


def family_of(name: str) -> Any:
    return load(catalog("backbone")[name])


def stem_of(name: str) -> str:
    return str(family_of(name).__name__).rpartition(".")[2]


def lively(name: str) -> nn.Module:
    """The small net of that name in eval mode, with batch norms that differ between channels."""
    torch.manual_seed(0)
    model = make(name, side=16, **SMALL[name]).eval()
    norms: list[Any] = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        for tensor in (norm.weight.data, norm.running_var):
            tensor.uniform_(0.5, 1.5)
        for tensor in (norm.bias.data, norm.running_mean):
            tensor.uniform_(-0.5, 0.5)
    return model


class Doubling(nn.Module):
    """Stands for attention: doubles the branch and remembers what it gave."""

    def forward(self, x: Tensor) -> Tensor:
        self.given = 2 * x
        return self.given.clone()


def plug(model: nn.Module, path: str) -> Doubling:
    """Put a module at a site as the contract says: instead of an Identity, after anything else."""
    before, gate = at(model, path), Doubling()
    after = gate if isinstance(before, nn.Identity) else nn.Sequential(before, gate)
    model.set_submodule(path, after)
    return gate
