"""The whole product at tiny size: every cell either runs or is inapplicable with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import chain

import pytest
import torch
from conftest import cell
from torch import nn
from torch.nn import functional as F

from lightning_modules.build import build, criterion, gates, widths
from lightning_modules.catalog import catalog
from lightning_modules.cost import count
from lightning_modules.options import Removal
from lightning_modules.pruning._apply import Pruner, prunable
from sweeps.applicable import why_not
from sweeps.cell import Cell, Choice

SIZE, CLASSES = 8, 10
SMALLEST = {
    "resnet8": "resnet",
    "resnet8_noskip": "resnet_stress",
    "resnet8_nobn": "resnet_stress",
    "preresnet8": "preresnet",
    "wrn16_1": "wrn",
    "resnext11_4x8d": "resnext",
    "vgg_micro": "vgg",
    "densenet_bc_22": "densenet",
    "mobilenetv2_micro": "mobilenetv2",
    "resnet10_micro": "timm_resnet",
    "mobilenetv2_035_micro": "timm_mobilenetv2",
    "convnext_micro": "timm_convnext",
    "vit_micro": "timm_vit",
}
NO_SLOT = {
    "resnet8_noskip": {"step"},
    "resnet8_nobn": {"norm", "conv"},
    "vgg_micro": {"step"},
    "densenet_bc_22": {"step", "conv"},
    "convnext_micro": {"norm", "conv"},
}
BARE = ("resnet8_nobn", "convnext_micro", "vit_micro")
"""Backbones without batch norm."""

SHARE = {"sparsity": 0.3, "macs": 0.8}
BY_MACS = ("magnitude", "l2")
"""Criteria that are asked for MACs, which takes a look at the whole network; others: a sparsity."""

ELSEWHERE = ("site", "trials")
"""Searches: on a trained supernet, and over trials of pruned networks."""

ATTENTIONS = tuple(catalog("attention"))
PRUNINGS = tuple(
    name
    for name, one in catalog("pruning").items()
    if one.path and not {one.facts["grain"], *one.facts.get("needs", ())} & {*ELSEWHERE, "none"}
)


pytestmark = pytest.mark.usefixtures("one_thread")


@cache
def base() -> Cell:
    return cell(
        "data=synthetic", f"data.image_size={SIZE}", f"data.num_classes={CLASSES}", "recipe=smoke"
    )


def chosen(axis: str, name: str, **asked: float) -> Choice:
    """A value of an axis, all options as they are unless asked otherwise."""
    return Choice(name, {o.name: o.default for o in catalog(axis)[name].options} | asked)


def variant(backbone: str, attention: str, pruning: str = "none") -> Cell:
    measure = "macs" if pruning in BY_MACS else "sparsity"
    budget = {measure: SHARE[measure]} if pruning in PRUNINGS else {}
    return replace(
        base(),
        backbone=chosen("backbone", backbone),
        attention=chosen("attention", attention),
        pruning=chosen("pruning", pruning, **budget),
    )


@cache
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return torch.randn(4, 3, SIZE, SIZE, generator=draw), torch.tensor([0, 1, 2, 3])


def trained(asked: Cell) -> nn.Module:
    """The network after one step."""
    torch.manual_seed(0)
    network = build(asked.backbone, asked.attention, classes=CLASSES, image_size=SIZE)
    optimizer = torch.optim.SGD(network.parameters(), 0.01)
    images, labels = batch()
    F.cross_entropy(network(images), labels).backward()
    optimizer.step()
    optimizer.zero_grad()
    return network.eval()


@contextmanager
def undone(network: nn.Module) -> Iterator[None]:
    """What pruning does to a network within is undone: numbers, shapes, and what layers say."""
    tensors = [(t, t.data) for t in chain(network.parameters(), network.buffers())]
    layers = [(m, dict(vars(m))) for m in network.modules()]
    for tensor, data in tensors:
        tensor.data = data.clone()
    yield
    for tensor, data in tensors:
        tensor.data = data
    for layer, own in layers:
        vars(layer).update(own)


def size(network: nn.Module) -> int:
    """How many weights are left."""
    return sum(int(p.count_nonzero()) for p in network.parameters())


def test_every_family_is_in_the_product() -> None:
    families = {v.path.stem for v in catalog("backbone").values() if v.path}
    assert families == set(SMALLEST.values())


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("backbone", SMALLEST)
def test_a_variant_trains_and_is_pruned_by_every_criterion_or_says_why_not(
    backbone: str, attention: str
) -> None:
    asked = variant(backbone, attention)
    facts = catalog("attention")[attention].facts
    slot = facts.get("slot", "gate")
    if reason := why_not(asked):
        layout = facts.get("layout", "map")
        assert slot in NO_SLOT.get(backbone, ()) or (layout == "map") == (backbone == "vit_micro")
        assert "reads maps" in reason or f"goes into a {slot} slot" in reason
        return
    network = trained(asked)
    with torch.no_grad():
        assert network(batch()[0]).isfinite().all()
    dense, macs = size(network), count(network, SIZE).macs_nonzero
    for name in PRUNINGS:
        pruned = variant(backbone, attention, name)
        if reason := why_not(pruned):
            assert ("batch norm" in reason and backbone in BARE) or slot == "conv", name
            continue
        with undone(network):
            prune(pruned, network, macs)
            assert size(network) < dense, name
    assert size(network) == dense


def prune(asked: Cell, network: nn.Module, macs: int) -> None:
    rule, removal = criterion(asked.pruning)
    assert isinstance(removal, Removal)
    targets = (
        prunable(network, gates(asked.backbone, network))
        if rule.grain == "weight"
        else widths(asked.backbone, network)
    )
    pruned = Pruner(rule, removal, targets, [batch()], 0).prune(network)
    if removal.sparsity:
        assert pruned.sparsity == pytest.approx(SHARE["sparsity"], abs=0.03), asked
    else:
        left = count(network, SIZE).macs_nonzero / macs
        assert SHARE["macs"] - 0.1 < left <= SHARE["macs"], asked
    with torch.no_grad():
        assert network(batch()[0]).isfinite().all(), asked
