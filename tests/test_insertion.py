"""Insertion: the published counts, the blocks that a scheme names, and their sites."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from blocks import GATES, Block, gates, images, net, size
from torch import nn

from lightning_modules.attention.cbam import ConvolutionalBlockAttention
from lightning_modules.attention.coord import CoordinateAttention
from lightning_modules.attention.dia import DenseImplicitAttention
from lightning_modules.attention.eca import EfficientChannelAttention
from lightning_modules.attention.ie import InstanceEnhancement
from lightning_modules.attention.se import SqueezeExcitation
from lightning_modules.attention.sge import SpatialGroupEnhance
from lightning_modules.attention.spa import SpatialPyramidAttention
from lightning_modules.attention.srm import StyleRecalibration
from lightning_modules.insertion import connections, insert
from lightning_modules.options import Insertion
from lightning_modules.structure import Site

RESNET164 = [(64, 18), (128, 18), (256, 18)]
RESNET50 = [(256, 3), (512, 4), (1024, 6), (2048, 3)]


def added(structure: list[tuple[int, int]], make: partial[nn.Module], share: str) -> int:
    """Parameters added to a backbone whose stages have (channels, blocks)."""
    widths = [(c, stage) for stage, (c, blocks) in enumerate(structure) for _ in range(blocks)]
    model = nn.Sequential(*(nn.Identity() for _ in widths))
    sites = [Site(str(i), c, stage) for i, (c, stage) in enumerate(widths)]
    return size(insert(model, sites, make, Insertion(share=share)))


@pytest.mark.parametrize(
    ("structure", "make", "share", "expected"),
    [
        (RESNET164, partial(SqueezeExcitation), "block", 1_929_388 - 1_727_284),
        (RESNET164, partial(SqueezeExcitation), "stage", 11_228),
        (RESNET164, partial(ConvolutionalBlockAttention), "block", 1_934_788 - 1_727_284),
        (RESNET164, partial(ConvolutionalBlockAttention), "stage", 11_528),
        (RESNET164, partial(EfficientChannelAttention), "block", 234),
        (RESNET164, partial(EfficientChannelAttention), "stage", 13),
        (RESNET164, partial(DenseImplicitAttention, reduction=1), "block", 2_591_924 - 1_727_284),
        (RESNET164, partial(DenseImplicitAttention, reduction=2), "block", 2_161_396 - 1_727_284),
        (RESNET164, partial(DenseImplicitAttention, reduction=4), "block", 1_946_132 - 1_727_284),
        (RESNET164, partial(DenseImplicitAttention, reduction=4), "stage", 1_946_132 - 1_727_284),
        (RESNET164, partial(DenseImplicitAttention, reduction=8), "block", 1_838_500 - 1_727_284),
        (RESNET164, partial(DenseImplicitAttention, reduction=16), "block", 1_784_684 - 1_727_284),
        (RESNET164, partial(SpatialPyramidAttention), "block", 3_856_180 - 1_727_284),
        (RESNET164, partial(SpatialPyramidAttention), "stage", 118_272),
        (RESNET164, partial(StyleRecalibration), "block", 1_759_540 - 1_727_284),
        (RESNET164, partial(StyleRecalibration), "stage", 1_792),
        (RESNET164, partial(InstanceEnhancement), "block", 1_743_412 - 1_727_284),
        (RESNET164, partial(InstanceEnhancement), "stage", 896),
        (RESNET50, partial(CoordinateAttention), "block", 27_474_864 - 25_557_032),
        (RESNET50, partial(SqueezeExcitation), "block", 28_088_024 - 25_557_032),
        (RESNET50, partial(SqueezeExcitation), "stage", 700_400),
        (RESNET50, partial(ConvolutionalBlockAttention), "block", 28_089_624 - 25_557_032),
        (RESNET50, partial(SpatialGroupEnhance), "block", 25_559_080 - 25_557_032),
        (RESNET50, partial(EfficientChannelAttention), "block", 25_557_118 - 25_557_032),
        (RESNET50, partial(DenseImplicitAttention, reduction=20), "stage", 2_801_020),
    ],
)
def test_the_published_number_of_parameters_is_added(
    structure: list[tuple[int, int]], make: partial[nn.Module], share: str, expected: int
) -> None:
    assert added(structure, make, share) == expected


@pytest.mark.parametrize(
    ("connect", "expected"),
    [("all", "1111"), ("none", "0000"), ("1011", "1011"), ("1|01|1", "1011"), ("0000", "0000")],
)
def test_a_scheme_is_one_bit_per_block(connect: str, expected: str) -> None:
    assert connections(connect, 4) == tuple(bit == "1" for bit in expected)


@pytest.mark.parametrize(
    ("connect", "came"),
    [("101", "3 bits"), ("10111", "5 bits"), ("10a1", "no bit string"), ("", "no bit string")],
)
def test_a_scheme_that_does_not_fit_names_the_blocks_and_what_came(connect: str, came: str) -> None:
    with pytest.raises(ValueError, match=rf"each of the 4 blocks.*came '{connect}' \({came}\)"):
        connections(connect, 4)


@pytest.mark.parametrize("make", GATES)
@pytest.mark.parametrize("connect", ["none", "000|000"])
def test_plugging_nothing_leaves_the_plain_network(make: type[nn.Module], connect: str) -> None:
    plain, model = net(), net(make, Insertion(connect=connect))
    assert str(model) == str(plain)
    assert plain.state_dict().keys() == model.state_dict().keys()
    assert torch.equal(model(images()), plain(images()))


@pytest.mark.parametrize("make", GATES)
@pytest.mark.parametrize("share", ["block", "stage"])
def test_all_ones_equal_all(make: type[nn.Module], share: str) -> None:
    full, ones = net(make, Insertion(share)), net(make, Insertion(share, "111111"))
    assert torch.equal(full(images()), ones(images()))


@pytest.mark.parametrize("make", GATES)
def test_modules_stand_exactly_where_a_bit_is_set(make: type[nn.Module]) -> None:
    model = net(make, Insertion(connect="010|001"))
    plugged = [not isinstance(gate, nn.Identity) for gate in gates(model)]
    assert plugged == [False, True, False, False, False, True]


def test_what_stands_at_a_site_is_kept_and_followed_by_the_module() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 1))
    conv = model[0]
    insert(model, [Site("0", 8, 0)], SqueezeExcitation, Insertion())
    assert model[0][0] is conv
    assert isinstance(model[0][1], SqueezeExcitation)
    x = images()
    assert torch.equal(model(x), model[0][1](conv(x)))


@pytest.mark.parametrize("empty", [None, nn.Identity()])
def test_an_empty_site_is_replaced(empty: nn.Module | None) -> None:
    block = Block(8)
    block.gate = empty
    insert(block, [Site("gate", 8, 0)], SqueezeExcitation, Insertion())
    assert isinstance(block.gate, SqueezeExcitation)
    assert "gate.squeeze.weight" in block.state_dict()


@pytest.mark.parametrize("share", ["block", "stage"])
def test_a_site_with_norm_gets_a_batch_norm_of_its_own(share: str) -> None:
    model = nn.Sequential(nn.Identity(), nn.Identity())
    sites = [Site("0", 8, 0, norm=True), Site("1", 8, 0, norm=True)]
    insert(model, sites, SqueezeExcitation, Insertion(share))
    norms = [stack[0] for stack in model]
    assert all(isinstance(n, nn.BatchNorm2d) and n.num_features == 8 for n in norms)
    assert norms[0].weight is not norms[1].weight


@pytest.mark.parametrize("path", ["gone", "0.gone", "gone.0"])
def test_a_site_that_does_not_exist_is_named(path: str) -> None:
    with pytest.raises(ValueError, match=f"site '{path}' does not exist"):
        insert(nn.Sequential(nn.Identity()), [Site(path, 8, 0)], SqueezeExcitation, Insertion())
