"""Each criterion against a plain formula; all of them leave the network as they found it."""

from __future__ import annotations

import copy
import inspect
import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lightning_modules.pruning.apoz import AveragePercentageOfZeros
from lightning_modules.pruning.bn_scale import BatchNormScale
from lightning_modules.pruning.bn_shift import BatchNormShift
from lightning_modules.pruning.entropy import ActivationEntropy
from lightning_modules.pruning.fermat import FermatPoint
from lightning_modules.pruning.fpgm import GeometricMedian
from lightning_modules.pruning.l1 import L1Norm
from lightning_modules.pruning.l2 import L2Norm
from lightning_modules.pruning.lamp import LayerAdaptiveMagnitude
from lightning_modules.pruning.magnitude import GlobalMagnitude
from lightning_modules.pruning.random import RandomWeights
from lightning_modules.pruning.random_channels import RandomChannels
from lightning_modules.pruning.taylor import Taylor
from lightning_modules.pruning.taylor_activation import TaylorOnActivations
from lightning_modules.structure import Width

WEIGHTS = (RandomWeights, GlobalMagnitude, LayerAdaptiveMagnitude)
NORMS = (BatchNormScale, BatchNormShift)
SEEING = (Taylor, TaylorOnActivations, AveragePercentageOfZeros, ActivationEntropy)
CHANNELS = (RandomChannels, L1Norm, L2Norm, GeometricMedian, FermatPoint, *NORMS, *SEEING)
NAMES = ("0", "3", "8")
WIDTHS = (Width("0", ("1",), "3"), Width("3", ("4",), "8"))


def network() -> nn.Sequential:
    """Two convolutions of 6 and 5 filters with batch norms, and a classifier of 4 classes."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 5, 3, padding=1, bias=False),
        nn.BatchNorm2d(5),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(5, 4),
    )
    for norm in (net[1], net[4]):
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
        norm.running_var.uniform_(0.5, 2.0)
    return net


def batches(count: int = 3) -> list[tuple[Tensor, Tensor]]:
    lot = torch.Generator().manual_seed(1)
    images = torch.randn(count, 4, 3, 8, 8, generator=lot)
    labels = torch.randint(0, 4, (count, 4), generator=lot)
    return list(zip(images, labels, strict=True))


def targets(kind: type) -> tuple[str, ...] | tuple[Width, ...]:
    return NAMES if kind.grain == "weight" else WIDTHS


def channel_scores(criterion: object) -> dict[str, Tensor]:
    return criterion.score(network(), WIDTHS, batches(), 0)


@pytest.mark.parametrize("kind", WEIGHTS + CHANNELS)
def test_a_criterion_scores_every_target_once_and_in_its_shape(kind):
    net = network()
    scores = kind().score(net, targets(kind), batches(), 0)
    if kind.grain == "weight":
        expected = {name: net.get_submodule(name).weight.shape for name in NAMES}
    else:
        expected = {"0": torch.Size([6]), "3": torch.Size([5])}
    assert {name: score.shape for name, score in scores.items()} == expected
    assert not any(score.requires_grad for score in scores.values())


@pytest.mark.parametrize("kind", WEIGHTS + CHANNELS)
def test_scoring_leaves_the_network_as_it_was(kind):
    net = network()
    net.train()
    net[4].eval()
    before, flags = copy.deepcopy(net.state_dict()), [m.training for m in net.modules()]
    kind().score(net, targets(kind), batches(), 0)
    after = net.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert [m.training for m in net.modules()] == flags
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in net.modules())


@pytest.mark.parametrize("kind", WEIGHTS + CHANNELS)
def test_scoring_twice_gives_the_same(kind):
    first, second = (kind().score(network(), targets(kind), batches(), 7) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("kind", WEIGHTS + CHANNELS)
def test_every_criterion_takes_the_same_arguments_and_declares_the_same_facts(kind):
    parameters = list(inspect.signature(kind.score).parameters)
    assert parameters == ["self", "model", "targets", "batches", "seed"]
    assert kind.grain in ("weight", "channel")
    assert kind.start == "parent"
    assert set(kind.needs) <= {"weights", "activations", "labels", "gradients", "batchnorm"}


def test_another_seed_draws_another_lot():
    for kind in (RandomWeights, RandomChannels):
        first, second = (kind().score(network(), targets(kind), [], seed) for seed in (0, 1))
        assert not torch.equal(first["0"], second["0"])
        assert all(float(s.min()) >= 0 and float(s.max()) < 1 for s in first.values())


def test_magnitude_is_the_absolute_weight_where_nothing_is_protected():
    scores = GlobalMagnitude(minimum=0.0).score(network(), NAMES, [], 0)
    assert all(torch.equal(scores[n], network().get_submodule(n).weight.abs()) for n in NAMES)


def test_magnitude_protects_the_same_number_of_largest_weights_in_every_layer():
    net = network()
    sizes = {name: net.get_submodule(name).weight.numel() for name in NAMES}
    count = int(0.05 * (162 + 270 + 20))
    assert sizes == {"0": 162, "3": 270, "8": 20}
    assert count == 22
    for name, score in GlobalMagnitude(minimum=0.05).score(net, NAMES, [], 0).items():
        weight = net.get_submodule(name).weight.abs().flatten().tolist()
        safe = {i for i, s in enumerate(score.flatten().tolist()) if math.isinf(s)}
        largest = sorted(range(len(weight)), key=lambda i: -weight[i])[:count]
        assert safe == set(largest)


@pytest.mark.parametrize("minimum", [-0.1, 1.0])
def test_magnitude_refuses_a_minimum_that_is_no_share(minimum):
    with pytest.raises(ValueError, match=r"minimum is a share in \[0, 1\)"):
        GlobalMagnitude(minimum=minimum)


def test_lamp_divides_each_square_by_the_squares_that_are_not_smaller():
    net = network()
    for name, score in LayerAdaptiveMagnitude().score(net, NAMES, [], 0).items():
        squares = [w * w for w in net.get_submodule(name).weight.double().flatten().tolist()]
        expected = [s / sum(t for t in squares if t >= s) for s in squares]
        assert score.flatten().tolist() == pytest.approx(expected, rel=1e-9)
        assert float(score.max()) == 1.0


def test_lamp_scores_zero_weights_with_zero():
    net = network()
    with torch.no_grad():
        net[3].weight.zero_()
        net[0].weight[0] = 0
    scores = LayerAdaptiveMagnitude().score(net, NAMES, [], 0)
    assert float(scores["3"].abs().sum()) == 0
    assert float(scores["0"][0].abs().sum()) == 0


def _relative(values: list[float]) -> list[float]:
    return [value * len(values) / sum(values) for value in values]


def test_l1_is_the_sum_of_absolute_weights_over_the_mean_of_the_layer():
    for name, score in channel_scores(L1Norm()).items():
        rows = network().get_submodule(name).weight.flatten(1).tolist()
        assert score.tolist() == pytest.approx(_relative([sum(map(abs, r)) for r in rows]))


def test_l2_is_the_euclidean_norm_over_the_mean_of_the_layer():
    for name, score in channel_scores(L2Norm()).items():
        rows = network().get_submodule(name).weight.flatten(1).tolist()
        assert score.tolist() == pytest.approx(_relative([math.hypot(*row) for row in rows]))


def test_fpgm_is_the_sum_of_distances_over_the_mean_of_the_layer():
    for name, score in channel_scores(GeometricMedian()).items():
        rows = network().get_submodule(name).weight.flatten(1).tolist()
        spread = [sum(math.dist(row, other) for other in rows) for row in rows]
        assert score.tolist() == pytest.approx(_relative(spread))


def test_fpgm_prefers_to_remove_one_of_two_equal_filters():
    net = network()
    with torch.no_grad():
        net[0].weight[1] = net[0].weight[4] = net[0].weight.mean(0)
    score = GeometricMedian().score(net, WIDTHS, [], 0)["0"]
    assert set(score.argsort()[:2].tolist()) == {1, 4}


def test_bn_shift_is_the_absolute_shift_of_the_batch_norm_behind():
    scores, net = channel_scores(BatchNormShift()), network()
    assert torch.equal(scores["0"], net[1].bias.abs())
    assert torch.equal(scores["3"], net[4].bias.abs())


def test_bn_scale_is_the_absolute_scale_of_the_batch_norm_behind():
    scores, net = channel_scores(BatchNormScale()), network()
    assert torch.equal(scores["0"], net[1].weight.abs())
    assert torch.equal(scores["3"], net[4].weight.abs())


@pytest.mark.parametrize(("kind", "name"), [*zip(NORMS, ("bn_scale", "bn_shift"), strict=True)])
def test_criteria_of_batch_norms_refuse_a_width_without_one(kind, name):
    net = nn.Sequential(nn.Linear(3, 6), nn.GELU(), nn.Linear(6, 2))
    with pytest.raises(ValueError, match=rf"{name} needs a batch norm .* behind every width; '0'"):
        kind().score(net, [Width("0", (), "2")], [], 0)


def _taylor_by_hand(form: str) -> dict[str, list[float]]:
    """Backward passes on a copy, filter by filter in plain Python."""
    net = network().eval()
    gradients: dict[str, list[Tensor]] = {"0": [], "3": []}
    for images, labels in batches():
        net.zero_grad()
        cross_entropy(net(images), labels).backward()
        for name, seen in gradients.items():
            seen.append(net.get_submodule(name).weight.grad.clone())
    result = {}
    for name, seen in gradients.items():
        weight = net.get_submodule(name).weight.detach()
        mean = sum(seen) / len(seen)
        result[name] = [
            {
                "abs_sum": lambda i, w=weight, g=mean: abs(float((w[i] * g[i]).sum())),
                "sum_abs": lambda i, w=weight, g=mean: float((w[i] * g[i]).abs().sum()),
                "squared": lambda i, w=weight, s=seen: (
                    sum(float((w[i] * g[i]).sum()) ** 2 for g in s) / len(s)
                ),
            }[form](i)
            for i in range(len(weight))
        ]
    return result


@pytest.mark.parametrize("form", ["abs_sum", "sum_abs", "squared"])
def test_taylor_gathers_weights_times_gradients_over_the_batches(form):
    expected = _taylor_by_hand(form)
    for name, score in channel_scores(Taylor(form=form)).items():
        assert score.tolist() == pytest.approx(expected[name], rel=1e-4, abs=1e-9)


def test_taylor_predicts_how_the_loss_moves_when_a_filter_fades():
    net, (images, labels) = network().double().eval(), batches(1)[0]
    images = images.double()
    score = Taylor().score(net, WIDTHS, [(images, labels)], 0)["0"]
    with torch.no_grad():
        dense = cross_entropy(net(images), labels)
        for channel in range(6):
            faded = copy.deepcopy(net)
            faded[0].weight[channel] *= 1 - 1e-5
            moved = float(cross_entropy(faded(images), labels) - dense).__abs__() / 1e-5
            assert moved == pytest.approx(float(score[channel]), rel=1e-2, abs=1e-6)


def test_taylor_works_where_gradients_are_switched_off_and_keeps_foreign_gradients():
    net = network()
    net[8].weight.grad = torch.ones_like(net[8].weight)
    with torch.no_grad():
        scores = Taylor().score(net, WIDTHS, batches(), 0)
    assert torch.equal(scores["0"], channel_scores(Taylor())["0"])
    assert torch.equal(net[8].weight.grad, torch.ones_like(net[8].weight))


@pytest.mark.parametrize("kind", SEEING)
def test_criteria_that_look_at_images_need_a_batch(kind):
    with pytest.raises(ValueError, match="at least one batch"):
        kind().score(network(), WIDTHS, [], 0)


def test_taylor_refuses_an_unknown_form():
    with pytest.raises(ValueError, match="form is one of abs_sum, sum_abs, squared; came 'max'"):
        Taylor(form="max")
