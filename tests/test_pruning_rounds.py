"""Channels pruned in rounds: they nest, come back from a file, and training goes on."""

from __future__ import annotations

import io

import pytest
import torch
from branches import DENSE, SIDE, SINGLE, WIDTHS, batches, network, pruner
from torch import nn
from torch.nn.functional import cross_entropy

from lightning_modules.cost import count
from lightning_modules.options import Removal
from lightning_modules.pruning._apply import Pruner, cubic, restore
from lightning_modules.pruning.bn_scale import BatchNormScale
from lightning_modules.pruning.entropy import ActivationEntropy
from lightning_modules.pruning.l1 import L1Norm
from lightning_modules.pruning.l2 import L2Norm
from lightning_modules.pruning.random_channels import RandomChannels
from lightning_modules.pruning.taylor import Taylor
from lightning_modules.structure import Width

pytestmark = pytest.mark.usefixtures("one_thread")


def test_many_small_rounds_in_scope_layer_end_where_one_round_ends():
    removal = Removal(sparsity=0.7, scope="layer")
    net, front, kept = network(), pruner(removal, L2Norm(), SINGLE), None
    for step in range(1, 13):
        kept = front.prune(net, progress=cubic(step, 12), before=kept)
    assert kept.counts == pruner(removal, L2Norm(), SINGLE).prune(network()).counts


@pytest.mark.parametrize("kind", [L1Norm, BatchNormScale, Taylor, ActivationEntropy])
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_rounds_nest_compose_and_come_back_from_one_file(kind, scope):
    net, kept, front = network(), None, pruner(Removal(macs=0.4, scope=scope), kind())
    dense = count(net, SIDE).macs
    for step in (1, 2, 3):
        before, kept = kept, front.prune(net, progress=cubic(step, 3), before=kept)
        assert count(net, SIDE).macs / dense <= 1 - 0.6 * cubic(step, 3)
        if before is not None:
            pairs = [(before.channels[p].tolist(), kept.channels[p].tolist()) for p in DENSE]
            assert all(set(late) <= set(early) for early, late in pairs)
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
    file, fresh = io.BytesIO(), network()
    torch.save(kept.state(), file)
    file.seek(0)
    again = restore(fresh, WIDTHS, torch.load(file, weights_only=True))
    fresh.load_state_dict(net.state_dict())
    images = batches()[0][0]
    assert torch.equal(fresh.eval()(images), net.eval()(images))
    assert again.counts == kept.counts
    assert again.sparsity == kept.sparsity


def test_indices_of_several_rounds_name_the_channels_of_the_dense_network():
    net, original = network(), network()
    front, kept = pruner(Removal(sparsity=0.6), L1Norm(), SINGLE), None
    for step in (1, 2):
        kept = front.prune(net, progress=cubic(step, 2), before=kept)
    for producer, index in kept.channels.items():
        expected = original.get_submodule(producer).weight[index]
        assert torch.equal(net.get_submodule(producer).weight, expected)


def test_the_same_network_and_seed_give_the_same_channels():
    for kind in (RandomChannels, Taylor):
        first, second = (pruner(Removal(macs=0.5), kind()).prune(network()) for _ in range(2))
        assert all(torch.equal(first.channels[p], second.channels[p]) for p in DENSE)


def test_pruning_leaves_training_flags_and_the_statistics_of_the_trunk():
    net = nn.Sequential(nn.BatchNorm2d(3), network()).train()
    net[1].a_bn.eval()
    flags = [module.training for module in net.modules()]
    widths = tuple(
        Width(f"1.{w.producer}", tuple(f"1.{p}" for p in w.followers), f"1.{w.consumer}", w.groups)
        for w in WIDTHS
    )
    pruner(Removal(macs=0.5), Taylor(), widths).prune(net)
    assert [module.training for module in net.modules()] == flags
    assert torch.equal(net[0].running_mean, torch.zeros(3))
    assert net[0].num_batches_tracked == 0


def _step(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    images, labels = batches()[0]
    optimizer.zero_grad()
    cross_entropy(net(images), labels).backward()
    optimizer.step()


def test_training_goes_on_after_surgery_once_the_optimizer_has_forgotten_its_state():
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    _step(net, optimizer)
    pruned = pruner(Removal(macs=0.5), L2Norm()).prune(net)
    assert net.a.weight.grad is None
    assert net.b.weight.grad is None
    with pytest.raises(RuntimeError, match="size"):
        _step(net, optimizer)
    optimizer.state.clear()
    before = net.a.weight.detach().clone()
    _step(net, optimizer)
    pruned.apply(net)
    assert not torch.equal(net.a.weight, before)
    assert all(p.grad.shape == p.shape for p in net.parameters())


def test_a_network_that_is_not_in_the_state_of_the_round_before_is_refused():
    front = pruner(Removal(sparsity=0.5), L1Norm())
    kept = front.prune(network(), progress=0.5)
    with pytest.raises(ValueError, match="restore it first"):
        front.prune(network(), before=kept)
    with pytest.raises(ValueError, match="prunes widths, at least one; came 1 targets, 0 of them"):
        Pruner(L1Norm(), Removal(sparsity=0.5), ("a",), batches()).prune(network())
