"""Modules shared along a stage: tied parameters, own statistics, ties that survive copies."""

from __future__ import annotations

import copy

import pytest
import torch
from blocks import GATES, PER_STAGE, Net, gates, images, net, reloaded, size
from torch import nn

from lightning_modules.attention.cbam import ConvolutionalBlockAttention
from lightning_modules.attention.se import SqueezeExcitation
from lightning_modules.insertion import insert
from lightning_modules.options import Insertion
from lightning_modules.structure import Site


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
