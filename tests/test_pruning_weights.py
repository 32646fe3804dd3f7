"""Masks: exact counts, survivors that dominate, nesting, budgets, and zeros that stay."""

from __future__ import annotations

import copy
import io
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lightning_modules.cost import count
from lightning_modules.options import Removal
from lightning_modules.pruning._apply import Pruner, cubic, prunable, restore
from lightning_modules.pruning._weights import Masks, WeightOrder
from lightning_modules.pruning.lamp import LayerAdaptiveMagnitude
from lightning_modules.pruning.magnitude import GlobalMagnitude
from lightning_modules.pruning.random import RandomWeights
from lightning_modules.structure import Width

SIZES = {"0": 108, "3": 144, "8": 40}
POSITIONS = {"0": 64, "3": 64, "8": 1}
TOTAL = 292
SIDE = 8
KINDS = (RandomWeights, GlobalMagnitude, LayerAdaptiveMagnitude)


def network(seed: int = 0) -> nn.Sequential:
    """A convolution, a grouped one, and a classifier: 108 + 144 + 40 prunable weights."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 8, 3, padding=1, groups=2),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    )


def batches() -> list[tuple[Tensor, Tensor]]:
    lot = torch.Generator().manual_seed(1)
    images = torch.randn(6, 3, SIDE, SIDE, generator=lot)
    return [(images, torch.randint(0, 5, (6,), generator=lot))]


def pruner(removal: Removal, criterion: object | None = None, names: Sequence[str] = ()) -> Pruner:
    targets = tuple(names or SIZES)
    return Pruner(criterion or GlobalMagnitude(), removal, targets, batches())


def removed(masks: Masks) -> dict[str, int]:
    return {name: int((~mask).sum()) for name, mask in masks.keep.items()}


def nonzero_macs(net: nn.Module, masks: Masks) -> int:
    """By hand: every weight left, times the places it is used at; none of the rest counts."""
    return sum(int(masks.keep[name].sum()) * POSITIONS[name] for name in SIZES)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("sparsity", [0.01, 0.5, 0.777, 0.95])
def test_exactly_the_asked_number_of_weights_is_removed(kind, scope, sparsity):
    net = network()
    masks = pruner(Removal(sparsity=sparsity, scope=scope), kind()).prune(net)
    assert sum(removed(masks).values()) == round(sparsity * TOTAL)
    zeros = sum(int((net.get_submodule(name).weight == 0).sum()) for name in SIZES)
    assert zeros == round(sparsity * TOTAL)
    assert masks.sparsity == pytest.approx(round(sparsity * TOTAL) / TOTAL)


@pytest.mark.parametrize("kind", KINDS)
def test_every_survivor_scores_at_least_as_high_as_every_removed_weight(kind):
    net = network()
    scores = kind().score(net, tuple(SIZES), batches(), 0)
    masks = pruner(Removal(sparsity=0.6), kind()).prune(net)
    kept = torch.cat([scores[n][masks.keep[n]] for n in SIZES])
    gone = torch.cat([scores[n][~masks.keep[n]] for n in SIZES])
    assert float(kept.min()) >= float(gone.max())


def test_scope_layer_removes_the_same_share_of_each_layer_the_weakest_first():
    net = network()
    weights = {n: net.get_submodule(n).weight.detach().abs().clone() for n in SIZES}
    masks = pruner(Removal(sparsity=0.6, scope="layer")).prune(net)
    for name, number in removed(masks).items():
        assert abs(number - 0.6 * SIZES[name]) <= 1
        kept, gone = weights[name][masks.keep[name]], weights[name][~masks.keep[name]]
        assert float(kept.min()) >= float(gone.max())


def test_of_equal_scores_the_first_positions_go():
    scores = {"a": torch.ones(2, 3), "b": torch.ones(4)}
    keep = WeightOrder.of(scores).masks(7).keep
    assert keep["a"].sum() == 0
    assert keep["b"].tolist() == [False, True, True, True]


@pytest.mark.parametrize("scope", ["global", "layer"])
def test_a_score_of_infinity_is_never_removed(scope):
    score = torch.tensor([float("inf"), 1.0, float("inf"), 2.0])
    order = WeightOrder.of({"a": score}, scope=scope)
    assert order.order.tolist() == [1, 3]


def test_the_minimum_keeps_a_layer_of_tiny_weights_alive():
    def left(minimum: float) -> int:
        net = network()
        with torch.no_grad():
            net[8].weight *= 1e-6
        criterion = GlobalMagnitude(minimum=minimum)
        return int(pruner(Removal(sparsity=0.9), criterion).prune(net).keep["8"].sum())

    assert left(0.0) == 0
    assert left(0.02) == int(0.02 * TOTAL) == 5


def test_a_sparsity_beyond_the_minimum_is_refused_with_the_largest_that_works():
    protected = 3 * int(0.1 * TOTAL)
    with pytest.raises(ValueError, match=r"sparsity=0.9 cannot be reached: at most 0\.70") as error:
        pruner(Removal(sparsity=0.9), GlobalMagnitude(minimum=0.1)).prune(network())
    assert f"{1 - protected / TOTAL:.4f}" in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_gradual_steps_nest_and_end_at_the_goal_while_training_goes_on(kind, scope):
    net, masks, front = network(), None, pruner(Removal(sparsity=0.9, scope=scope), kind())
    for step in range(1, 5):
        before = masks
        masks = front.prune(net, progress=cubic(step, 4), before=masks)
        assert sum(removed(masks).values()) == round(0.9 * cubic(step, 4) * TOTAL)
        if before is not None:
            assert not any((masks.keep[n] & ~before.keep[n]).any() for n in SIZES)
        with torch.no_grad():
            for name in SIZES:
                weight = net.get_submodule(name).weight
                weight.add_(torch.randn_like(weight))
    assert masks.sparsity == pytest.approx(round(0.9 * TOTAL) / TOTAL)


def test_a_smaller_goal_after_a_larger_one_brings_nothing_back():
    net, front = network(), pruner(Removal(sparsity=0.8))
    masks = front.prune(net)
    again = front.prune(net, progress=0.5, before=masks)
    assert removed(again) == removed(masks)


def _train(net: nn.Module, masks: Masks, *, hold: bool) -> int:
    """Three steps with momentum and weight decay; how many removed weights came back."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-2)
    for _ in range(3):
        for images, labels in batches():
            optimizer.zero_grad()
            cross_entropy(net(images), labels).backward()
            optimizer.step()
            if hold:
                masks.apply(net)
    pairs = ((net.get_submodule(n).weight, mask) for n, mask in masks.keep.items())
    return sum(int((weight[~mask] != 0).sum()) for weight, mask in pairs)


def test_removed_weights_stay_zero_over_optimizer_steps_if_the_masks_are_applied():
    net = network()
    masks = pruner(Removal(sparsity=0.8)).prune(net)
    assert _train(copy.deepcopy(net), masks, hold=False) > 0
    assert _train(net, masks, hold=True) == 0
    assert all(bool(net.get_submodule(n).weight.any()) for n in SIZES)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("macs", [0.2, 0.5, 0.9])
def test_a_budget_of_nonzero_macs_is_met_from_below_and_not_by_one_weight_too_many(
    kind, scope, macs
):
    net = network()
    budget = macs * sum(SIZES[n] * POSITIONS[n] for n in SIZES)
    front = pruner(Removal(macs=macs, scope=scope), kind())
    order = WeightOrder.of(kind().score(net, tuple(SIZES), batches(), 0), scope=scope)
    masks = front.prune(net)
    one_less = order.masks(sum(removed(masks).values()) - 1)
    assert nonzero_macs(net, masks) <= budget < nonzero_macs(net, one_less)


def test_nonzero_macs_and_params_agree_with_the_count_of_the_whole_network():
    net = network()
    dense = count(net, SIDE)
    assert dense.macs == sum(SIZES[n] * POSITIONS[n] for n in SIZES)
    pruner(Removal(macs=0.4)).prune(net)
    assert 0.39 < count(net, SIDE).macs_nonzero / dense.macs <= 0.4


@pytest.mark.parametrize("params", [0.3, 0.6])
def test_a_budget_of_parameters_counts_what_cannot_be_pruned_too(params):
    net = network()
    dense = sum(p.numel() for p in net.parameters())
    assert dense == TOTAL + 4 + 8 + 5 + 2 * (4 + 8)
    masks = pruner(Removal(params=params)).prune(net)
    left = dense - sum(removed(masks).values())
    assert left <= params * dense < left + 1
    assert left == count(net, SIDE).params_nonzero


def test_a_budget_below_what_cannot_be_pruned_is_refused_with_the_smallest_share():
    share = (4 + 8 + 5 + 24) / 333
    with pytest.raises(ValueError, match=r"params=0\.05 cannot be reached") as error:
        pruner(Removal(params=0.05), RandomWeights()).prune(network())
    assert f"at least {share:.4f} of the dense" in str(error.value)


def test_an_unreachable_goal_is_refused_in_the_first_round_already():
    with pytest.raises(ValueError, match=r"params=0\.05 cannot be reached"):
        pruner(Removal(params=0.05), RandomWeights()).prune(network(), progress=0.1)


def test_gradual_budgets_go_down_from_one_along_the_cubic_curve():
    net, masks, front = network(), None, pruner(Removal(macs=0.2))
    dense = count(net, SIDE).macs
    for step in (1, 2, 3):
        masks = front.prune(net, progress=cubic(step, 3), before=masks)
        due = 1 - 0.8 * cubic(step, 3)
        assert due - 64 / dense < nonzero_macs(net, masks) / dense <= due


def test_the_cubic_curve_starts_steep_and_ends_at_one():
    assert cubic(1, 5) == pytest.approx(1 - 0.8**3)
    assert cubic(2, 4) == pytest.approx(0.875)
    assert cubic(1, 1) == cubic(7, 7) == 1
    for step in (0, 6):
        with pytest.raises(ValueError, match=f"step is between 1 and steps=5; came {step}"):
            cubic(step, 5)


def test_masks_come_back_from_a_file_and_prune_a_fresh_network():
    net, file = network(), io.BytesIO()
    masks = pruner(Removal(sparsity=0.7)).prune(net)
    torch.save(masks.state(), file)
    file.seek(0)
    fresh = network()
    again = restore(fresh, (), torch.load(file, weights_only=True))
    assert all(torch.equal(again.keep[n], masks.keep[n]) for n in SIZES)
    state = net.state_dict()
    assert all(torch.equal(state[name], value) for name, value in fresh.state_dict().items())


def test_the_same_network_and_seed_give_the_same_masks():
    for kind in KINDS:
        first, second = (pruner(Removal(sparsity=0.5), kind()).prune(network()) for _ in range(2))
        assert all(torch.equal(first.keep[n], second.keep[n]) for n in SIZES)


def test_pruning_touches_neither_training_flags_nor_running_statistics():
    net = network().train()
    net[1].eval()
    flags, mean = [m.training for m in net.modules()], net[4].running_mean.clone()
    pruner(Removal(macs=0.5)).prune(net)
    assert [m.training for m in net.modules()] == flags
    assert torch.equal(net[4].running_mean, mean)


def test_prunable_names_every_convolution_and_linear_layer_outside_the_excluded():
    net = nn.ModuleDict({"stem": nn.Conv2d(3, 4, 3), "gate": nn.Linear(4, 4)})
    net["gate2"] = nn.Sequential(nn.Linear(4, 4), nn.Conv1d(1, 1, 3))
    net["tied"] = nn.Linear(4, 4)
    net["tied"].weight = net["gate2"][0].weight
    assert prunable(net) == ("stem", "gate", "gate2.0")
    assert prunable(net, ["gate"]) == ("stem", "gate2.0")
    assert prunable(net, ["gate2"]) == ("stem", "gate", "tied")


def test_targets_batches_scores_and_earlier_rounds_that_do_not_fit_are_refused():
    class Broken(GlobalMagnitude):
        def score(self, model, targets, batches, seed):
            return {name: torch.full((2,), float("nan")) for name in targets}

    half = Removal(sparsity=0.5)
    with pytest.raises(ValueError, match="prunes names of layers, at least one; came 0 targets"):
        Pruner(GlobalMagnitude(), half, (), batches()).prune(network())
    with pytest.raises(ValueError, match="at least one batch"):
        Pruner(GlobalMagnitude(), half, tuple(SIZES), []).prune(network())
    with pytest.raises(ValueError, match="Broken scores '0' with shape"):
        pruner(half, Broken()).prune(network())
    with pytest.raises(ValueError, match="progress is a share"):
        pruner(half).prune(network(), progress=0.0)
    with pytest.raises(ValueError, match="'1' is a BatchNorm2d; only Conv2d and Linear"):
        pruner(half, names=["1"]).prune(network())
    with pytest.raises(ValueError, match="came 1 targets, 0 of them"):
        Pruner(GlobalMagnitude(), half, (Width("0", ("1",), "3"),), batches()).prune(network())
