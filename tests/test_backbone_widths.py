"""Widths: the layers of one agree on its channels, and nothing else does."""

from __future__ import annotations

import pytest
import torch
from nets import ALL, SMALL, at, family_of, lively, make, plug, skeleton
from torch import Tensor, nn

from lightning_modules.catalog import catalog
from lightning_modules.structure import Width

pytestmark = pytest.mark.usefixtures("one_thread")


def moved(channels: int, groups: int) -> Tensor:
    """A permutation that turns every group of channels round by one."""
    return torch.arange(channels).view(groups, -1).roll(1, 1).flatten()


def permute(model: nn.Module, width: Width) -> None:
    """Reorder the channels of a width in all layers that the width names."""
    producer = at(model, width.producer)
    order = moved(producer.weight.shape[0], width.groups)
    for path in (width.producer, *width.followers):
        layer = at(model, path)
        for key in ("weight", "bias", "running_mean", "running_var"):
            tensor = getattr(layer, key, None)
            if tensor is not None:
                tensor.data.copy_(tensor.data[order])
    consumer = at(model, width.consumer)
    if isinstance(consumer, nn.Conv2d) and consumer.groups > 1:
        order = moved(consumer.weight.shape[1], 1)
    consumer.weight.data.copy_(consumer.weight.data[:, order])


@pytest.mark.parametrize("name", SMALL)
def test_reordering_the_channels_of_a_width_changes_nothing_else(name: str) -> None:
    model = lively(name)
    image = torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        before = model(image)
        for width in family_of(name).widths(model):
            if at(model, width.producer).weight.shape[0] > 1:
                permute(model, width)
        torch.testing.assert_close(model(image), before, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_the_layers_of_a_width_agree_on_its_number_of_channels(name: str) -> None:
    model = skeleton(name)
    found = family_of(name).widths(model)
    assert found
    assert len({w.producer for w in found}) == len(found)
    for width in found:
        producer, consumer = at(model, width.producer), at(model, width.consumer)
        channels = producer.weight.shape[0]
        assert (
            channels == getattr(consumer, "in_channels", None) or consumer.in_features == channels
        )
        assert channels % width.groups == 0
        for path in width.followers:
            follower = at(model, path)
            assert follower.weight.shape[0] == channels
            assert isinstance(follower, nn.BatchNorm2d) or follower.groups == channels


@pytest.mark.parametrize("name", ALL)
def test_a_width_is_followed_by_the_declared_norm(name: str) -> None:
    family, model = family_of(name), skeleton(name)
    norms = {
        any(isinstance(at(model, path), nn.BatchNorm2d) for path in width.followers)
        for width in family.widths(model)
    }
    assert norms == {catalog("backbone")[name].facts["NORM"] == "batch"}


@pytest.mark.parametrize(
    ("name", "groups"), [("resnext11_4x8d", 4), ("resnext29_8x64d", 8), ("resnet164", 1)]
)
def test_a_width_has_the_groups_of_the_grouped_convolution_it_touches(
    name: str, groups: int
) -> None:
    found = family_of(name).widths(skeleton(name))
    assert {width.groups for width in found} == {groups}


def test_vgg_keeps_a_width_whole_where_a_gate_sees_it() -> None:
    family, model = family_of("vgg16_bn"), make("vgg16_bn")
    plain = family.widths(model)
    assert len(plain) == 13
    assert plain[-1].consumer == "fc"
    plug(model, "stages.1.gate")
    assert [w for w in plain if w not in family.widths(model)] == [
        Width("stages.1.conv2", ("stages.1.bn2",), "stages.2.conv1")
    ]
