"""Insertion: sharing, connection schemes, state along a stage, and the published counts."""

from __future__ import annotations

import copy
import io
import math
from functools import partial

import pytest
import torch
from torch import Tensor, nn

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

PER_STAGE = Insertion(share="stage")
GATES = [SqueezeExcitation, ConvolutionalBlockAttention, DenseImplicitAttention]
RESNET164 = [(64, 18), (128, 18), (256, 18)]
RESNET50 = [(256, 3), (512, 4), (1024, 6), (2048, 3)]


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.gate: nn.Module | None = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x).relu()
        return x + (y if self.gate is None else self.gate(y))


class Net(nn.Module):
    """Two stages of three blocks, 16 channels then 32."""

    def __init__(self) -> None:
        super().__init__()
        widths = (16, 16, 16, 32, 32, 32)
        self.stem = nn.Conv2d(3, 16, 1)
        self.wider = nn.Conv2d(16, 32, 1)
        self.blocks = nn.ModuleList(map(Block, widths))
        self.sites = [Site(f"blocks.{i}.gate", c, i // 3) for i, c in enumerate(widths)]

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for index, block in enumerate(self.blocks):
            x = block(self.wider(x) if index == 3 else x)
        return x.mean((2, 3))


def net(make: type[nn.Module] | None = None, insertion: Insertion = Insertion()) -> Net:  # noqa: B008
    torch.manual_seed(0)
    model = Net()
    if make is not None:
        assert insert(model, model.sites, make, insertion) is model
    return model


def images() -> Tensor:
    return torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(1))


def size(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def gates(model: Net) -> list[nn.Module]:
    return [block.gate for block in model.blocks]


def reloaded(model: nn.Module) -> nn.Module:
    buffer = io.BytesIO()
    torch.save(model, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


# ---------------------------------------------------------------------- published counts


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


# ---------------------------------------------------------------------------- connections


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


# -------------------------------------------------------------------------------- sharing


@pytest.mark.parametrize("make", GATES)
def test_a_stage_shares_the_same_parameter_objects(make: type[nn.Module]) -> None:
    first, second, _, other, *_ = gates(net(make, PER_STAGE))
    assert [id(p) for p in first.parameters()] == [id(p) for p in second.parameters()]
    assert not {id(p) for p in first.parameters()} & {id(p) for p in other.parameters()}


def test_blocks_have_their_own_parameters_by_default() -> None:
    owners = [{id(p) for p in gate.parameters()} for gate in gates(net(SqueezeExcitation))]
    assert len(set.union(*owners)) == sum(map(len, owners)) == 6 * 4


def test_batch_norm_statistics_stay_per_block() -> None:
    model = net(ConvolutionalBlockAttention, PER_STAGE)
    model(images())
    first, second, *_ = (gate.norm for gate in gates(model))
    assert first.weight is second.weight
    assert first.num_batches_tracked == second.num_batches_tracked == 1
    assert not torch.equal(first.running_mean, second.running_mean)


def test_a_shared_gradient_is_the_sum_over_the_blocks() -> None:
    shared = net(SqueezeExcitation, PER_STAGE)
    apart = net(SqueezeExcitation)
    apart.load_state_dict(shared.state_dict())
    for model in (shared, apart):
        model(images()).square().sum().backward()
    expected = sum(gate.squeeze.weight.grad for gate in gates(apart)[:3])
    torch.testing.assert_close(gates(shared)[0].squeeze.weight.grad, expected)


@pytest.mark.parametrize("make", GATES)
@pytest.mark.parametrize("twin", [copy.deepcopy, reloaded, lambda m: m.to(torch.float64)])
def test_ties_survive_copies_pickles_and_casts(make: type[nn.Module], twin: object) -> None:
    model = net(make, PER_STAGE)
    before = size(model)
    model(images()).sum().backward()
    other = twin(model)
    assert size(other) == before
    first, _, third, *_ = gates(other)
    assert [id(p) for p in first.parameters()] == [id(p) for p in third.parameters()]
    dtype = next(other.parameters()).dtype
    assert other(images().to(dtype)).dtype == dtype


@pytest.mark.parametrize("make", GATES)
def test_a_copy_computes_the_same_and_shares_nothing_with_the_original(
    make: type[nn.Module],
) -> None:
    model = net(make, PER_STAGE).eval()
    other = copy.deepcopy(model)
    assert torch.equal(other(images()), model(images()))
    assert not {id(p) for p in model.parameters()} & {id(p) for p in other.parameters()}


@pytest.mark.parametrize("make", GATES)
@pytest.mark.parametrize("share", ["block", "stage"])
def test_the_state_dict_makes_a_round_trip(make: type[nn.Module], share: str) -> None:
    model = net(make, Insertion(share, "110|011")).eval()
    torch.manual_seed(9)
    other = Net()
    insert(other, other.sites, make, Insertion(share, "110|011")).eval()
    assert not torch.equal(other(images()), model(images()))
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(images()), model(images()))


class Private(SqueezeExcitation):
    shareable = False


def test_a_module_that_cannot_be_shared_says_so() -> None:
    with pytest.raises(ValueError, match="Private cannot be shared per stage; use share=block"):
        net(Private, PER_STAGE)


def test_a_stage_of_two_widths_cannot_be_shared() -> None:
    model = nn.Sequential(nn.Identity(), nn.Identity())
    sites = [Site("0", 4, 0), Site("1", 8, 0)]
    with pytest.raises(ValueError, match=r"stage 0: its sites have \[4, 8\] channels"):
        insert(model, sites, SqueezeExcitation, PER_STAGE)
    insert(model, sites, SqueezeExcitation, Insertion())


# ---------------------------------------------------------------------------------- sites


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


# ---------------------------------------------------------------------------------- state


class Tally(nn.Module):
    """Adds to its input how many plugged blocks of the stage came before."""

    carries_state = True

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor, state: int | None) -> tuple[Tensor, int]:
        before = 0 if state is None else state
        return x + before, before + 1


def tally(connect: str, stages: tuple[int, ...]) -> float:
    model = nn.Sequential(*(nn.Identity() for _ in stages))
    sites = [Site(str(i), 4, stage) for i, stage in enumerate(stages)]
    insert(model, sites, Tally, Insertion(connect=connect))
    first = model(torch.zeros(1)).item()
    assert model(torch.zeros(1)).item() == first, "the state went on into the next forward pass"
    return first


@pytest.mark.parametrize(
    ("connect", "stages", "total"),
    [
        ("all", (0, 0, 0), 0 + 1 + 2),
        ("all", (0, 0, 0, 1, 1), 0 + 1 + 2 + 0 + 1),
        ("0110001", (0,) * 7, 0 + 1 + 2),  # carried unchanged over unplugged blocks
        ("100|001", (0, 0, 0, 1, 1, 1), 0),
    ],
)
def test_the_state_runs_along_the_plugged_blocks_of_a_stage(
    connect: str, stages: tuple[int, ...], total: float
) -> None:
    assert tally(connect, stages) == total


def test_dia_in_a_network_is_its_unit_called_block_by_block() -> None:
    model = net(DenseImplicitAttention, Insertion(connect="101|010")).eval()
    unit, other = gates(model)[0].module, gates(model)[4].module
    x = model.stem(images())
    state = None
    for index, block in enumerate(model.blocks):
        x = model.wider(x) if index == 3 else x
        y = block.conv(x).relu()
        if index in (0, 2):
            y, state = unit(y, state)
        if index == 4:
            y, _ = other(y, None)
        x = x + y
    torch.testing.assert_close(model(images()), x.mean((2, 3)))


def test_dia_is_one_unit_per_stage_whatever_was_asked() -> None:
    assert size(net(DenseImplicitAttention)) == size(net(DenseImplicitAttention, PER_STAGE))
    first, second, *_ = gates(net(DenseImplicitAttention))
    assert [id(p) for p in first.parameters()] == [id(p) for p in second.parameters()]


def test_the_gradient_runs_through_the_whole_chain() -> None:
    model = net(DenseImplicitAttention)
    kept: list[Tensor] = []
    gates(model)[0].register_forward_hook(lambda m, a, y: kept.append(m.memory.value[0]))
    y = model(images())
    (grad,) = torch.autograd.grad(y.sum(), kept[0])
    assert grad.count_nonzero() == grad.numel()


def test_copies_of_an_interrupted_network_start_without_state() -> None:
    model = net(DenseImplicitAttention)

    def stop(*_: object) -> None:
        raise RuntimeError("stop")

    hook = model.blocks[1].register_forward_hook(stop)
    with pytest.raises(RuntimeError, match="stop"):
        model(images())
    hook.remove()
    assert gates(model)[0].memory.value is not None
    for other in (copy.deepcopy(model), reloaded(model)):
        first, second, third, fourth, *_ = (gate.memory for gate in gates(other))
        assert first.value is None
        assert first is second is third is not fourth
        assert torch.equal(other(images()), model(images()))


def test_two_copies_do_not_share_a_memory() -> None:
    model = net(DenseImplicitAttention)
    other = copy.deepcopy(model)
    assert gates(model)[0].memory is not gates(other)[0].memory


def test_the_memory_is_empty_after_a_forward_pass_with_gradients() -> None:
    model = net(DenseImplicitAttention)
    loss = model(images()).sum()
    assert all(gate.memory.value is None for gate in gates(model))
    loss.backward()
    assert math.isfinite(loss.item())
