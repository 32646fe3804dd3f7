"""Channel surgery: real shapes, the masked network's function, exact costs, tight budgets."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lightning_modules import build as builder
from lightning_modules.catalog import catalog
from lightning_modules.cost import count
from lightning_modules.options import Removal
from lightning_modules.pruning._apply import Pruner, cubic, restore
from lightning_modules.pruning._channels import Kept, shrink
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

WEIGHTS = (RandomChannels, L1Norm, L2Norm, GeometricMedian, FermatPoint)
NORMS = (BatchNormScale, BatchNormShift)
SEEING = (Taylor, TaylorOnActivations, AveragePercentageOfZeros, ActivationEntropy)
KINDS = (*WEIGHTS, *NORMS, *SEEING)
SIDE = 8


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """These networks are so small that a second thread only waits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def conv(into: int, out: int, size: int = 1, groups: int = 1, *, bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(into, out, size, padding=size // 2, groups=groups, bias=bias)


class Branches(nn.Module):
    """A trunk of 8 channels with a plain, a grouped and a depthwise branch, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(3, 8, 3)
        self.a, self.a_bn, self.b = conv(8, 12, 3, bias=True), nn.BatchNorm2d(12), conv(12, 8, 3)
        self.c, self.c_bn = conv(8, 24), nn.BatchNorm2d(24)
        self.d, self.d_bn, self.e = conv(24, 16, 3, 4), nn.BatchNorm2d(16), conv(16, 8)
        self.f, self.f_bn = conv(8, 20), nn.BatchNorm2d(20)
        self.g, self.g_bn, self.h = conv(20, 20, 3, 20, bias=True), nn.BatchNorm2d(20), conv(20, 8)
        self.t, self.t_bn, self.fc = conv(8, 30), nn.BatchNorm2d(30), nn.Linear(30, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.b(self.a_bn(self.a(x)).relu())
        x = x + self.e(self.d_bn(self.d(self.c_bn(self.c(x)).relu())).relu())
        x = x + self.h(self.g_bn(self.g(self.f_bn(self.f(x)).relu())).relu())
        return self.fc(self.t_bn(self.t(x)).relu().mean((2, 3)))


WIDTHS = (
    Width("a", ("a_bn",), "b"),
    Width("c", ("c_bn",), "d", 4),
    Width("d", ("d_bn",), "e", 4),
    Width("f", ("f_bn", "g", "g_bn"), "h"),
    Width("t", ("t_bn",), "fc"),
)
DENSE = {"a": 12, "c": 24, "d": 16, "f": 20, "t": 30}
SINGLE = tuple(width for width in WIDTHS if width.groups == 1)


def network() -> Branches:
    torch.manual_seed(0)
    net = Branches()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return net


def batches(count: int = 2) -> list[tuple[Tensor, Tensor]]:
    lot = torch.Generator().manual_seed(1)
    images = torch.randn(count, 4, 3, SIDE, SIDE, generator=lot)
    labels = torch.randint(0, 5, (count, 4), generator=lot)
    return list(zip(images, labels, strict=True))


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


def gone(kept: Kept, producer: str) -> list[int]:
    return sorted(set(range(kept.dense[producer])) - set(kept.channels[producer].tolist()))


def pruner(removal: Removal, criterion: object, widths: tuple[Width, ...] = WIDTHS) -> Pruner:
    return Pruner(criterion, removal, widths, batches())


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


def test_many_small_rounds_in_scope_layer_end_where_one_round_ends():
    removal = Removal(sparsity=0.7, scope="layer")
    net, front, kept = network(), pruner(removal, L2Norm(), SINGLE), None
    for step in range(1, 13):
        kept = front.prune(net, progress=cubic(step, 12), before=kept)
    assert kept.counts == pruner(removal, L2Norm(), SINGLE).prune(network()).counts


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


def test_a_network_that_is_not_in_the_state_of_the_round_before_is_refused():
    front = pruner(Removal(sparsity=0.5), L1Norm())
    kept = front.prune(network(), progress=0.5)
    with pytest.raises(ValueError, match="restore it first"):
        front.prune(network(), before=kept)
    with pytest.raises(ValueError, match="prunes widths, at least one; came 1 targets, 0 of them"):
        Pruner(L1Norm(), Removal(sparsity=0.5), ("a",), batches()).prune(network())


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
