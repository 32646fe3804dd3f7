"""Criteria that look at activations, against plain formulas on networks taken apart by hand."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lightning_modules.pruning.apoz import AveragePercentageOfZeros
from lightning_modules.pruning.entropy import ActivationEntropy
from lightning_modules.pruning.taylor_activation import TaylorOnActivations
from lightning_modules.structure import Width

WIDTHS = (Width("0", ("1", "3", "4"), "6", 2), Width("6", ("7",), "11"))


def network() -> nn.Sequential:
    """A convolution that a depthwise one follows, a grouped one, a pooling and a classifier."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 6, 3, groups=6),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.Conv2d(6, 4, 3, groups=2),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 3),
    )
    for norm in (net[1], net[4], net[7]):
        norm.momentum = 1.0
        nn.init.normal_(norm.bias, std=0.3)
    net.train()(torch.cat([images for images, _ in batches()]))  # no channel is always zero
    return net.eval()


def batches() -> list[tuple[Tensor, Tensor]]:
    lot = torch.Generator().manual_seed(1)
    sizes = (5, 5, 2)
    images = [torch.randn(size, 3, 8, 8, generator=lot) for size in sizes]
    return [(x, torch.randint(0, 3, (len(x),), generator=lot)) for x in images]


def read_by_hand() -> dict[str, list[list[list[float]]]]:
    """{producer: image, channel, position: what the consumer reads}"""
    net, images = network(), torch.cat([x for x, _ in batches()])
    with torch.no_grad():
        inner = net[:6](images)
        last = net[6:11](inner)
    return {"0": inner.flatten(2).tolist(), "6": last[:, :, None].tolist()}


def test_apoz_counts_what_is_zero_behind_the_last_activation():
    scores = AveragePercentageOfZeros().score(network(), WIDTHS, batches(), 0)
    for name, seen in read_by_hand().items():
        for channel, score in enumerate(scores[name].tolist()):
            values = [value for image in seen for value in image[channel]]
            assert score == pytest.approx(1 - values.count(0.0) / len(values))
    assert 0 < float(scores["0"].min()) < float(scores["0"].max()) < 1


@pytest.mark.parametrize("bins", [2, 20])
def test_entropy_is_that_of_the_histogram_of_each_channels_means(bins):
    scores = ActivationEntropy(bins=bins).score(network(), WIDTHS, batches(), 0)
    for name, seen in read_by_hand().items():
        for channel, score in enumerate(scores[name].tolist()):
            means = [sum(image[channel]) / len(image[channel]) for image in seen]
            low, width = min(means), (max(means) - min(means)) / bins
            places = [min(int((mean - low) / width), bins - 1) for mean in means]
            shares = [places.count(place) / len(means) for place in set(places)]
            expected = -sum(share * math.log(share) for share in shares)
            assert score == pytest.approx(expected, abs=1e-9)


def test_a_channel_that_is_the_same_for_every_image_has_no_entropy():
    net = network()
    with torch.no_grad():
        net[4].weight[2] = 0
    scores = ActivationEntropy().score(net, WIDTHS, batches(), 0)
    assert float(scores["0"][2]) == 0
    assert (scores["0"] > 0).sum() == 5


@pytest.mark.parametrize("form", ["l1", "l2"])
def test_taylor_on_activations_is_how_each_images_loss_moves_when_a_channel_fades(form):
    net, step = network().double(), 1e-6
    data = [(x.double(), y) for x, y in batches()]
    scores = TaylorOnActivations(form=form).score(net, WIDTHS, data, 0)
    images, labels = (torch.cat(part) for part in zip(*data, strict=True))
    for width, positions in zip(WIDTHS, (36, 1), strict=True):
        moved = []
        for channel in range(len(scores[width.producer])):
            faded = copy.deepcopy(net)
            weight = faded.get_submodule(width.consumer).weight  # reads the channel, fainter
            group, inside = divmod(channel, weight.shape[1])
            rows = len(weight) // (6 // 3) if width.producer == "0" else len(weight)
            with torch.no_grad():
                weight[group * rows : (group + 1) * rows, inside] *= 1 - step
                losses = [cross_entropy(n(images), labels, reduction="none") for n in (net, faded)]
            each = ((losses[1] - losses[0]).abs() / step / positions).tolist()
            one = sum(each) / len(each)
            two = math.sqrt(sum(t * t for t in each) / len(each))
            moved.append(one if form == "l1" else two)
        expected = [value / math.hypot(*moved) for value in moved]
        assert scores[width.producer].tolist() == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_tokens_count_as_positions_and_a_gelu_has_shares_that_are_not_positive():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), nn.GELU(), nn.Linear(6, 5), nn.Flatten(), nn.Linear(35, 3))
    width, tokens = Width("0", (), "2"), torch.randn(8, 7, 4)
    data = [(tokens, torch.randint(0, 3, (8,)))]
    score = AveragePercentageOfZeros().score(net, [width], data, 0)["0"]
    with torch.no_grad():
        expected = [float((net[0](tokens)[..., i] > 0).float().mean()) for i in range(6)]
    assert score.tolist() == pytest.approx(expected)
    for criterion in (ActivationEntropy(), TaylorOnActivations()):
        assert criterion.score(net, [width], data, 0)["0"].shape == (6,)


def test_taylor_on_activations_works_without_gradients_on_and_keeps_foreign_ones():
    net = network()
    net[11].weight.grad = torch.ones_like(net[11].weight)
    with torch.no_grad():
        scores = TaylorOnActivations().score(net, WIDTHS, batches(), 0)
    again = TaylorOnActivations().score(network(), WIDTHS, batches(), 0)
    assert all(torch.equal(scores[name], again[name]) for name in scores)
    assert torch.equal(net[11].weight.grad, torch.ones_like(net[11].weight))


def test_options_out_of_range_are_refused():
    with pytest.raises(ValueError, match="form is one of l1, l2; came 'max'"):
        TaylorOnActivations(form="max")
    with pytest.raises(ValueError, match="bins is at least 2; came 1"):
        ActivationEntropy(bins=1)
