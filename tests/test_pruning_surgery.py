"""Channel surgery: real shapes, the masked network's function, exact costs."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from branches import DENSE, SIDE, WIDTHS, batches, conv, gone, network, pruner
from torch import Tensor, nn

from lightning_modules import build as builder
from lightning_modules.catalog import catalog
from lightning_modules.cost import count
from lightning_modules.options import Removal
from lightning_modules.pruning._apply import Pruner, restore
from lightning_modules.pruning._channels import Kept, shrink
from lightning_modules.pruning._profile import ChannelCost
from lightning_modules.pruning.bn_scale import BatchNormScale
from lightning_modules.pruning.l1 import L1Norm
from lightning_modules.pruning.l2 import L2Norm
from lightning_modules.structure import Width

pytestmark = pytest.mark.usefixtures("one_thread")


def some_kept(seed: int) -> Kept:
    """At random, a few channels of each width, as many in each of its groups."""
    lot = torch.Generator().manual_seed(seed)
    channels = {}
    for width in WIDTHS:
        size = DENSE[width.producer] // width.groups
        left = int(torch.randint(1, size + 1, (1,), generator=lot))
        parts = [
            group * size + torch.randperm(size, generator=lot)[:left].sort().values
            for group in range(width.groups)
        ]
        channels[width.producer] = torch.cat(parts)
    return Kept(channels, DENSE)


@pytest.mark.parametrize("seed", range(5))
def test_a_shrunken_network_computes_what_the_masked_one_computes(seed):
    masked, small, kept = network().eval(), network().eval(), some_kept(seed)
    with torch.no_grad():
        for width in WIDTHS:
            for path in (width.producer, *width.followers):
                module = masked.get_submodule(path)
                module.weight[gone(kept, width.producer)] = 0
                if module.bias is not None:
                    module.bias[gone(kept, width.producer)] = 0
        shrink(small, WIDTHS, kept)
        for images, _ in batches():
            assert torch.allclose(masked(images), small(images), atol=1e-5)
            assert not torch.allclose(network().eval()(images), small(images), atol=1e-5)


def test_every_touched_layer_says_its_new_size_and_the_trunk_keeps_its_own():
    net, kept = network(), some_kept(3)
    shrink(net, WIDTHS, kept)
    n = kept.counts
    assert (net.stem.weight.shape, net.fc.weight.shape) == ((8, 3, 3, 3), (5, n["t"]))
    assert net.a.weight.shape == (n["a"], 8, 3, 3)
    assert net.b.weight.shape == (8, n["a"], 3, 3)
    assert net.d.weight.shape == (n["d"], n["c"] // 4, 3, 3)
    assert (net.d.in_channels, net.d.out_channels, net.d.groups) == (n["c"], n["d"], 4)
    assert (net.g.in_channels, net.g.out_channels, net.g.groups) == (n["f"],) * 3
    assert (net.f.out_channels, net.h.in_channels, net.fc.in_features) == (n["f"], n["f"], n["t"])
    assert (net.g_bn.num_features, net.t_bn.num_features) == (n["f"], n["t"])


def test_batch_norms_keep_the_statistics_of_the_channels_that_stay():
    dense, small, kept = network(), network(), some_kept(1)
    shrink(small, WIDTHS, kept)
    for name in ("weight", "bias", "running_mean", "running_var"):
        expected = getattr(dense.g_bn, name)[kept.channels["f"]]
        assert torch.equal(getattr(small.g_bn, name), expected)


def test_layer_norms_and_group_norms_shrink_too():
    net = nn.ModuleDict(
        {
            "up": nn.Linear(4, 6),
            "norm": nn.LayerNorm(6),
            "down": nn.Linear(6, 4),
            "conv": conv(4, 8),
            "group": nn.GroupNorm(2, 8),
            "back": conv(8, 4),
        }
    )
    widths = (Width("up", ("norm",), "down"), Width("conv", ("group",), "back", 2))
    index = {"up": torch.tensor([0, 2, 5]), "conv": torch.tensor([1, 2, 4, 7])}
    shrink(net, widths, Kept(index, {"up": 6, "conv": 8}))
    x = torch.randn(2, 3, 4)
    assert net["down"](net["norm"](net["up"](x))).shape == x.shape
    x = torch.randn(2, 4, 5, 5)
    assert net["back"](net["group"](net["conv"](x))).shape == x.shape


@pytest.mark.parametrize("seed", range(4))
def test_predicted_macs_and_parameters_equal_the_count_after_real_surgery(seed):
    net, kept = network(), some_kept(seed)
    cost = ChannelCost.of(net, WIDTHS, batches()[0][0][:1])
    shrink(net, WIDTHS, kept)
    after = count(net, SIDE)
    assert cost.macs(kept.counts) == after.macs
    assert cost.params(kept.counts) == after.params
    again = ChannelCost.of(net, WIDTHS, batches()[0][0][:1])
    assert (again.macs(DENSE), again.params(DENSE)) == (cost.macs(DENSE), cost.params(DENSE))


def test_attention_with_a_fused_kernel_is_counted_too():
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix = nn.MultiheadAttention(8, 2, batch_first=True)
            self.up, self.down = nn.Linear(8, 16), nn.Linear(16, 8)

        def forward(self, x: Tensor) -> Tensor:
            x = x.flatten(2).transpose(1, 2)
            return self.down(self.up(self.mix(x, x, x, need_weights=False)[0]))

    net, tokens = Attends(), SIDE * SIDE
    cost = ChannelCost.of(net, [Width("up", (), "down")], torch.randn(1, 8, SIDE, SIDE))
    assert cost.macs({"up": 16}) == tokens * (4 * 64 + 2 * 128) + 2 * tokens * tokens * 8
    assert cost.macs({"up": 5}) == tokens * (4 * 64 + 2 * 40) + 2 * tokens * tokens * 8
    assert torch.backends.mha.get_fastpath_enabled()


def test_predicted_macs_of_a_plain_branch_equal_the_count_by_hand():
    cost = ChannelCost.of(network(), WIDTHS, batches()[0][0][:1])
    fewer = {**DENSE, "a": 11, "f": 19}
    plain = 64 * (9 * 8 + 9 * 8)
    depthwise = 64 * (8 + 9 + 8)
    assert cost.macs(DENSE) - cost.macs(fewer) == plain + depthwise
    assert cost.params(DENSE) - cost.params(fewer) == (9 * 16 + 1 + 2) + (8 + 2 + 9 + 1 + 2 + 8)


def test_a_layer_with_an_attention_module_behind_it_is_still_found():
    net = network()
    net.b = nn.Sequential(net.b, nn.Identity())
    net.a_bn = nn.Sequential(net.a_bn)
    kept = pruner(Removal(macs=0.5), BatchNormScale()).prune(net)
    assert net.b[0].in_channels == net.a_bn[0].num_features == kept.counts["a"]


def test_a_wrong_declaration_is_refused_before_anything_is_cut():
    wrong = {
        "hands": Width("a", ("a_bn",), "h"),
        "groups=2": Width("c", ("c_bn",), "d", 2),
        "follower 'c_bn', BatchNorm2d": Width("a", ("c_bn",), "b"),
        "follower 'd', Conv2d": Width("c", ("d",), "e"),
    }
    for message, width in wrong.items():
        net = network()
        before = copy.deepcopy(net.state_dict())
        kept = Kept.whole(net, [width])
        with pytest.raises(ValueError, match=message):
            shrink(net, [WIDTHS[4], width], Kept({**kept.channels, "t": torch.arange(5)}, DENSE))
        after = net.state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("index", "message"),
    [([], "keeps 0 channels"), ([0, 24], "outside 0 to 23"), ([0, 1, 6, 12, 18], "unequal")],
)
def test_impossible_indices_are_refused(index, message):
    kept = Kept({"c": torch.tensor(index, dtype=torch.int64)}, {"c": 24})
    with pytest.raises(ValueError, match=message):
        shrink(network(), [WIDTHS[1]], kept)


def test_a_width_that_reaches_the_trunk_is_noticed_after_the_cut():
    with pytest.raises(ValueError, match="the pruned network does not run"):
        pruner(Removal(sparsity=0.5), L1Norm(), (Width("stem", (), "a"),)).prune(network())


def test_outputs_that_are_not_finite_are_refused():
    net = network()
    with torch.no_grad():
        net.fc.bias[0] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        pruner(Removal(sparsity=0.5), L1Norm()).prune(net)


@pytest.mark.parametrize(
    ("backbone", "attention"),
    [
        ("resnet8", "none"),
        ("resnet8", "dia"),
        ("resnext11_4x8d", "se"),
        ("densenet_bc_22", "none"),
        ("resnet18", "se"),
        ("vit_micro", "none"),
    ],
)
def test_backbones_of_the_catalogue_shrink_to_a_budget_and_can_be_rebuilt(backbone, attention):
    chosen = [
        SimpleNamespace(name=name, options={o.name: o.default for o in catalog(axis)[name].options})
        for axis, name in (("backbone", backbone), ("attention", attention))
    ]
    net, fresh = (builder.build(*chosen, classes=5, image_size=16) for _ in range(2))
    dense = count(net, 16)
    data = [(torch.randn(2, 3, 16, 16), torch.tensor([0, 1]))]
    kept = Pruner(L2Norm(), Removal(macs=0.7), builder.widths(chosen[0], net), data).prune(net)
    assert 0.6 < count(net, 16).macs / dense.macs <= 0.7
    restore(fresh, builder.widths(chosen[0], fresh), kept.state())
    fresh.load_state_dict(net.state_dict())
    assert torch.equal(fresh.eval()(data[0][0]), net.eval()(data[0][0]))
