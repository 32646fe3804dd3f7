"""The slots of a backbone beside the end of a branch: what stands where, and what it sees."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from test_product import SMALLEST, chosen
from torch import Tensor, nn

from lightning_modules import build as builder
from lightning_modules.attention.stepnet import StepSize
from lightning_modules.catalog import catalog, load
from lightning_modules.insertion import insert
from lightning_modules.options import Insertion
from lightning_modules.plugs import switch, switches
from lightning_modules.pruning._apply import prunable
from lightning_modules.structure import SLOTS, Site

SIDE = 8


pytestmark = pytest.mark.usefixtures("one_thread")


def offering(slot: str) -> list[str]:
    return [name for name in SMALLEST if slot in catalog("backbone")[name].facts["SLOTS"]]


def family(name: str) -> Any:
    return load(catalog("backbone")[name])


def plain(name: str, attention: str = "none", classes: int = 5, side: int = SIDE) -> nn.Module:
    torch.manual_seed(0)
    axes = chosen("backbone", name), chosen("attention", attention)
    return builder.build(*axes, classes=classes, image_size=side).eval()


def plugged(name: str, slot: str, make: Callable[..., nn.Module], **how: str) -> nn.Module:
    model = plain(name)
    return insert(model, places(name, slot, model), make, Insertion(**how), slot=slot).eval()


def places(name: str, slot: str, model: nn.Module) -> list[Site]:
    found: list[Site] = getattr(family(name), SLOTS[slot])(model)
    return found


@cache
def images() -> Tensor:
    return torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def norms_in(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.mark.parametrize("name", sorted(catalog("backbone")))
def test_a_backbone_has_a_place_in_every_slot_it_offers_and_in_no_other(name: str) -> None:
    entry = catalog("backbone")[name]
    assert set(entry.facts["SLOTS"]) <= set(SLOTS)
    for slot in entry.facts["SLOTS"]:
        assert callable(getattr(family(name), SLOTS[slot])), slot
    assert ("norm" in entry.facts["SLOTS"]) == (entry.facts["NORM"] == "batch")


# ------------------------------------------------------------------------------------ step


class Seeing(nn.Module):
    """Doubles the branch; remembers it and the block's input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        self.seen = y.clone(), x.clone()
        return 2 * y


@pytest.mark.parametrize("name", offering("step"))
def test_a_step_reads_the_input_of_its_own_block_beside_the_branch(name: str) -> None:
    model, inputs = plugged(name, "step", Seeing), {}
    sites = places(name, "step", plain(name))
    for site in sites:
        assert site.path.startswith(f"{site.block}.")
        model.get_submodule(site.block).register_forward_pre_hook(
            lambda _m, args, path=site.block: inputs.update({path: args[0].clone()})
        )
    with torch.no_grad():
        model(images())
    steps = [module for module in model.modules() if isinstance(module, Seeing)]
    assert len(steps) == len(sites) == len(inputs)
    for site, step in zip(sites, steps, strict=True):
        assert torch.equal(step.seen[1], inputs[site.block])
        assert step.seen[0].shape[1 if step.seen[0].dim() == 4 else 2] == site.channels


@pytest.mark.parametrize("share", ["block", "stage"])
def test_a_step_at_a_switch_keeps_nothing_of_a_forward_pass(share: str) -> None:
    model = plugged("resnet8", "step", StepSize, connect="random", share=share)
    found = switches(model)
    memories = [one.module.memory for one in found]
    results = []
    for bits in ([True, False, True], [False] * 3, [True] * 3):
        switch(found, bits)
        results.append(model(images()))
        assert [memory.value for memory in memories] == [None] * 3
    assert torch.equal(results[1], plain("resnet8")(images()))
    assert not torch.equal(results[0], results[2])
    other = copy.deepcopy(model)
    assert torch.equal(other(images()), results[2])
    own = {id(one.module.memory) for one in switches(other)}
    assert len(own) == 3
    assert not own & {id(memory) for memory in memories}


# ------------------------------------------------------------------------------------ norm


class Same(nn.BatchNorm2d):
    """A batch norm as it was."""


@pytest.mark.parametrize("name", offering("norm"))
def test_every_norm_but_those_of_projections_is_replaced_and_nothing_else(name: str) -> None:
    model, before = plugged(name, "norm", Same), plain(name)
    assert torch.equal(model(images()), before(images()))
    assert [type(module) for module in model.modules() if isinstance(module, nn.Conv2d)] == [
        type(module) for module in before.modules() if isinstance(module, nn.Conv2d)
    ]
    left = [
        path
        for path, module in model.named_modules()
        if isinstance(module, nn.BatchNorm2d) and not isinstance(module, Same)
    ]
    assert all("shortcut" in path or "downsample" in path for path in left)
    assert len(norms_in(model)) == len(norms_in(before))
    assert bool(left) == (
        name in ("resnet8", "resnext11_4x8d", "mobilenetv2_micro", "resnet10_micro")
    )


# ------------------------------------------------------------------------------------ conv


class Alike(nn.Sequential):
    """The convolution as it was, with a norm and an activation of its own."""

    def __init__(self, channels: int, *, conv: nn.Conv2d) -> None:
        assert conv.out_channels == channels
        assert conv.kernel_size[0] > 1
        super().__init__(conv, nn.BatchNorm2d(channels), nn.ReLU())


@pytest.mark.parametrize("name", offering("conv"))
def test_a_convolution_goes_with_the_norm_behind_it_and_an_activation_follows(name: str) -> None:
    model, before = plugged(name, "conv", Alike), plain(name)
    assert torch.equal(model(images()), before(images()))
    assert any(isinstance(module, Alike) for module in model.modules())
    assert len(norms_in(model)) == len(norms_in(before))


@pytest.mark.parametrize(
    ("name", "replaced", "left"),
    [
        ("resnet8", 3, 3 + 1),  # the second of a block, and the stem
        ("resnext11_4x8d", 3, 1),
        ("vgg_micro", 8, 0),
        ("mobilenetv2_micro", 7, 1),
        ("mobilenetv2_035_micro", 7, 1),
        ("resnet10_micro", 4, 4 + 1),
    ],
)
def test_every_spatial_convolution_inside_a_branch_is_replaced(
    name: str, replaced: int, left: int
) -> None:
    model = plugged(name, "conv", Alike)
    inside = [m[0] for m in model.modules() if isinstance(m, Alike)]
    spatial = [m for m in model.modules() if isinstance(m, nn.Conv2d) and m.kernel_size[0] > 1]
    assert (len(inside), len(spatial) - len(inside)) == (replaced, left)


# ----------------------------------------------------------------------------------- stage


class Noting(nn.Module):
    """Hands the map on and remembers its shape."""

    def __init__(self, channels: int, *, size: int = 0) -> None:
        super().__init__()
        self.channels, self.size = channels, size

    def forward(self, x: Tensor) -> Tensor:
        self.shape = x.shape
        return x.clone()


@pytest.mark.parametrize("name", offering("stage"))
def test_the_end_of_every_stage_but_the_last_hands_on_what_it_declares(name: str) -> None:
    model = plugged(name, "stage", Noting)
    assert torch.equal(model(images()), plain(name)(images()))
    ends = [module for module in model.modules() if isinstance(module, Noting)]
    assert len(ends) == len(catalog("backbone")[name].facts["blocks"]) - 1
    assert [end.shape[1] for end in ends] == [end.channels for end in ends]
    sides = [end.shape[2] for end in ends]
    assert sides == sorted(sides, reverse=True)
    assert sides[0] == SIDE, "the first stage ends before the map shrinks"


@pytest.mark.parametrize("name", offering("stage"))
def test_sites_and_widths_are_the_same_with_a_module_at_the_end_of_a_stage(name: str) -> None:
    model, before = plugged(name, "stage", Noting), plain(name)
    assert family(name).sites(model) == family(name).sites(before)
    left = set(family(name).widths(before)) - set(family(name).widths(model))
    assert {width.consumer for width in left} == (
        {f"stages.{stage}.conv1" for stage in range(1, 5)} if name == "vgg_micro" else set()
    )


def test_the_side_of_a_map_is_known_where_a_stage_ends() -> None:
    model = plain("densenet_bc_22")
    found = family("densenet_bc_22").ends(model)
    sides = builder.sides(model, found, 16)
    assert list(sides.values()) == [16, 8]
    insert(model, found, Noting, Insertion(), slot="stage", sides=sides)
    assert [m.size for m in model.modules() if isinstance(m, Noting)] == [16, 8]


# -------------------------------------------------------------------------------- together


def test_a_slot_that_a_backbone_lacks_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="sk goes into a conv slot, densenet_bc_22 has none"):
        plain("densenet_bc_22", "sk")


@pytest.mark.parametrize(
    ("attention", "own"),
    [("bam", "attention."), ("sk", ".gate."), ("iebn", None), ("se", ".gate.")],
)
def test_no_pruning_of_weights_touches_what_attention_brings(
    attention: str, own: str | None
) -> None:
    backbone, network = chosen("backbone", "resnet8"), plain("resnet8", attention)
    excluded = builder.gates(backbone, network)
    targets, before = set(prunable(network, excluded)), set(prunable(plain("resnet8")))
    every = set(prunable(network))
    if own:
        assert {name for name in every if own in name} == every - targets
    assert bool(every - targets) == (own is not None)
    assert len(targets) == len(before) + (3 if attention == "sk" else 0)
