"""Which channels go: budgets met from below, survivors that dominate, what is protected."""

from __future__ import annotations

import pytest
import torch
from branches import DENSE, SIDE, SINGLE, WIDTHS, batches, gone, network, pruner

from lightning_modules.cost import count
from lightning_modules.options import Removal
from lightning_modules.pruning._channels import shrink
from lightning_modules.pruning._order import ChannelOrder, floor
from lightning_modules.pruning._profile import ChannelCost
from lightning_modules.pruning.apoz import AveragePercentageOfZeros
from lightning_modules.pruning.bn_scale import BatchNormScale
from lightning_modules.pruning.bn_shift import BatchNormShift
from lightning_modules.pruning.entropy import ActivationEntropy
from lightning_modules.pruning.fermat import FermatPoint
from lightning_modules.pruning.fpgm import GeometricMedian
from lightning_modules.pruning.l1 import L1Norm
from lightning_modules.pruning.l2 import L2Norm
from lightning_modules.pruning.random_channels import RandomChannels
from lightning_modules.pruning.taylor import Taylor
from lightning_modules.pruning.taylor_activation import TaylorOnActivations
from lightning_modules.structure import Width

pytestmark = pytest.mark.usefixtures("one_thread")

WEIGHTS = (RandomChannels, L1Norm, L2Norm, GeometricMedian, FermatPoint)
NORMS = (BatchNormScale, BatchNormShift)
SEEING = (Taylor, TaylorOnActivations, AveragePercentageOfZeros, ActivationEntropy)
KINDS = (*WEIGHTS, *NORMS, *SEEING)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("measure", ["macs", "params"])
def test_a_budget_is_met_from_below_and_one_set_less_would_break_it(kind, scope, measure):
    share, net = 0.55, network()
    removal = Removal(**{measure: share}, scope=scope)
    scores = kind().score(net, WIDTHS, batches(), 0)
    order = ChannelOrder.of(scores, WIDTHS, dense=DENSE, scope=scope)
    budget = share * getattr(count(net, SIDE), measure)
    kept = pruner(removal, kind()).prune(net)
    assert getattr(count(net, SIDE), measure) <= budget
    sets = next(n for n in range(len(order.line) + 1) if order.counts(n) == kept.counts)
    larger = network()
    shrink(larger, WIDTHS, order.kept(sets - 1))
    assert getattr(count(larger, SIDE), measure) > budget


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sparsity", [0.1, 0.33, 0.8])
def test_exactly_the_asked_number_of_ungrouped_channels_is_removed(kind, sparsity):
    kept = pruner(Removal(sparsity=sparsity), kind(), SINGLE).prune(network())
    assert 62 - sum(kept.counts.values()) == round(sparsity * 62)
    assert kept.sparsity == pytest.approx(round(sparsity * 62) / 62)


@pytest.mark.parametrize("kind", KINDS)
def test_every_surviving_channel_scores_at_least_as_high_as_every_removed_one(kind):
    net = network()
    scores = kind().score(net, SINGLE, batches(), 0)
    kept = pruner(Removal(sparsity=0.3), kind(), SINGLE).prune(net)
    lost = torch.cat([scores[p][gone(kept, p)] for p in kept.dense])
    for producer, index in kept.channels.items():
        survivors = scores[producer][index]
        if len(index) > floor(DENSE[producer]):
            assert float(survivors.min()) >= float(lost.max())
        inside = scores[producer][gone(kept, producer)]
        assert not len(inside) or float(survivors.min()) >= float(inside.max())


@pytest.mark.parametrize("scope", ["global", "layer"])
def test_groups_stay_equal_and_lose_their_weakest_channels(scope):
    net = network()
    scores = L1Norm().score(net, WIDTHS, batches(), 0)
    kept = pruner(Removal(sparsity=0.5, scope=scope), L1Norm()).prune(net)
    for producer in ("c", "d"):
        size = DENSE[producer] // 4
        left = kept.counts[producer] // 4
        assert 1 <= left < size
        for group in range(4):
            rows = scores[producer][group * size : (group + 1) * size]
            expected = rows.argsort(descending=True)[:left] + group * size
            inside = kept.channels[producer] // size == group
            assert set(kept.channels[producer][inside].tolist()) == set(expected.tolist())


def test_scope_layer_removes_the_same_share_of_each_width():
    kept = pruner(Removal(sparsity=0.5, scope="layer"), L2Norm(), SINGLE).prune(network())
    assert kept.counts == {"a": 6, "f": 10, "t": 15}


def test_scope_layer_counts_shares_in_the_dense_network():
    widths = (Width("x", (), "z"), Width("y", (), "z"))
    scores = {"x": torch.rand(2), "y": torch.rand(4)}
    order = ChannelOrder.of(scores, widths, dense={"x": 4, "y": 4}, scope="layer")
    assert order.line == ("y", "y", "x", "y")


def test_a_set_of_grouped_channels_goes_by_its_mean_score():
    scores = {"x": torch.tensor([5.0, 1.0, 9.0, 11.0]), "y": torch.tensor([20.0, 4.5, 8.5, 5.5])}
    widths = (Width("x", (), "z", 2), Width("y", (), "z"))
    order = ChannelOrder.of(scores, widths, dense={"x": 4, "y": 4})
    assert order.line == ("y", "x", "y", "y")
    assert order.kept(2).channels["x"].tolist() == [0, 3]
    assert order.kept(2).channels["y"].tolist() == [0, 2, 3]


def test_of_equal_scores_the_first_channels_go():
    scores = {"a": torch.ones(12), "t": torch.ones(30)}
    widths = (WIDTHS[0], WIDTHS[4])
    order = ChannelOrder.of(scores, widths, dense=DENSE)
    kept = order.kept(12)
    assert kept.channels["a"].tolist() == [10, 11]
    assert kept.channels["t"].tolist() == list(range(2, 30))


@pytest.mark.parametrize(
    ("channels", "groups", "least"),
    [(1, 1, 1), (9, 1, 1), (10, 1, 1), (11, 1, 2), (512, 1, 52), (64, 32, 32), (1024, 32, 128)],
)
def test_one_channel_in_ten_is_protected_and_one_in_every_group(channels, groups, least):
    assert floor(channels, groups) == least


def test_a_width_whose_scores_are_lowest_keeps_its_protected_channels():
    net = network()
    with torch.no_grad():
        net.t_bn.weight.mul_(1e-6)
    front = pruner(Removal(sparsity=0.6), BatchNormScale(), SINGLE)
    kept = front.prune(net, progress=0.9)
    assert kept.counts["t"] == 3
    kept = front.prune(net, before=kept)
    assert kept.counts["t"] == 3
    assert net.t.out_channels == 3


def test_a_budget_below_the_protected_network_is_refused_with_the_smallest_share():
    net = network()
    dense = count(net, SIDE).macs
    least = {width.producer: floor(DENSE[width.producer], width.groups) for width in WIDTHS}
    smallest = ChannelCost.of(net, WIDTHS, batches()[0][0][:1]).macs(least) / dense
    with pytest.raises(ValueError, match=r"macs=0\.01 cannot be reached") as error:
        pruner(Removal(macs=0.01), L1Norm()).prune(net)
    assert f"at least {smallest:.4f} of the dense" in str(error.value)
    with pytest.raises(ValueError, match=r"sparsity=0\.99 cannot be reached: at most 0\.8"):
        pruner(Removal(sparsity=0.99), L1Norm()).prune(net)
    assert net.a.out_channels == 12
