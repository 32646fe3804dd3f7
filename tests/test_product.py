"""The whole product at tiny size: every cell either runs or is inapplicable with a reason."""

from __future__ import annotations

import copy
from functools import cache

import pytest
import torch
from conftest import cell
from torch import nn
from torch.nn import functional as F

from lightning_modules.build import build, criterion, gates, widths
from lightning_modules.catalog import catalog
from lightning_modules.cost import count
from lightning_modules.pruning._apply import Pruner, prunable
from sweeps.applicable import why_not
from sweeps.cell import Cell

SIZE, CLASSES = 16, 10
SMALLEST = {
    "resnet": "resnet8",
    "preresnet": "preresnet8",
    "wrn": "wrn16_1",
    "resnext": "resnext11_4x8d",
    "vgg": "vgg11_bn",
    "densenet": "densenet_bc_22",
    "mobilenetv2": "mobilenetv2",
    "timm_resnet": "resnet18",
    "timm_mobilenetv2": "mobilenetv2_100",
    "timm_convnext": "convnext_atto",
    "timm_vit": "vit_micro",
}
ATTENTIONS, PRUNINGS = tuple(catalog("attention")), tuple(catalog("pruning"))


def variant(backbone: str, attention: str, pruning: str = "none") -> Cell:
    data = ("data=synthetic", f"data.image_size={SIZE}", f"data.num_classes={CLASSES}")
    budget = () if pruning in ("none", "control") else ("pruning.sparsity=0.3",)
    axes = (f"backbone={backbone}", f"attention={attention}", f"pruning={pruning}")
    return cell(*data, *axes, *budget)


@cache
def trained(backbone: str, attention: str) -> nn.Module:
    """The network after one step."""
    torch.manual_seed(0)
    asked = variant(backbone, attention)
    network = build(asked.backbone, asked.attention, classes=CLASSES, image_size=SIZE)
    optimizer = torch.optim.SGD(network.parameters(), 0.01)
    images, labels = batch()
    F.cross_entropy(network(images), labels).backward()
    optimizer.step()
    optimizer.zero_grad()
    return network


@cache
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return torch.randn(4, 3, SIZE, SIZE, generator=draw), torch.tensor([0, 1, 2, 3])


def test_every_family_is_in_the_product() -> None:
    families = {v.path.stem for v in catalog("backbone").values() if v.path}
    assert families == set(SMALLEST)


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("backbone", SMALLEST.values())
def test_every_attention_trains_in_every_backbone_or_says_why_not(
    backbone: str, attention: str
) -> None:
    asked = variant(backbone, attention)
    if reason := why_not(asked):
        assert backbone == "vit_micro"
        assert "reads maps" in reason
        return
    network = trained(backbone, attention).eval()
    assert network(batch()[0]).isfinite().all()


@pytest.mark.parametrize("pruning", [name for name in PRUNINGS if name not in ("none", "control")])
@pytest.mark.parametrize("backbone", SMALLEST.values())
def test_every_pruning_shrinks_every_network_or_says_why_not(backbone: str, pruning: str) -> None:
    for attention in ATTENTIONS:
        asked = variant(backbone, attention, pruning)
        if why_not(asked):
            assert backbone in ("vit_micro", "convnext_atto")
            continue
        network = copy.deepcopy(trained(backbone, attention)).eval()
        before = count(network, SIZE)
        rule, removal = criterion(asked.pruning)
        assert removal is not None
        targets = (
            prunable(network, gates(asked.backbone, network))
            if rule.grain == "weight"
            else widths(asked.backbone, network)
        )
        pruned = Pruner(rule, removal, targets, [batch()], 0).prune(network)
        after = count(network, SIZE)
        assert pruned.sparsity == pytest.approx(0.3, abs=0.02)
        assert after.macs_nonzero < before.macs_nonzero
        if rule.grain == "channel":
            assert after.macs < before.macs
        assert network(batch()[0]).isfinite().all()
