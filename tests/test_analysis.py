"""Analyses of finished networks: each against a slow plain formula on a tiny network."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lightning_modules.analyses import WORDS, analyses, load
from lightning_modules.analysis import correlation, noise, stiffness
from lightning_modules.analysis._subject import Batch, Subject
from lightning_modules.attention.cbam import ConvolutionalBlockAttention
from lightning_modules.attention.dia import DenseImplicitAttention
from lightning_modules.attention.se import SqueezeExcitation
from lightning_modules.attention.sge import SpatialGroupEnhance
from lightning_modules.backbones import resnet
from lightning_modules.insertion import insert
from lightning_modules.options import Insertion
from lightning_modules.plugs import switch, switches
from lightning_modules.seeds import generator
from lightning_modules.structure import Site

CHANNELS, CLASSES = 4, 3
FACTORS = [[0.1, 0.9, 0.4, 0.3], [0.2, 1.8, 0.8, 0.6], [0.5, -0.2, 0.9, 0.1]]
"""Gates of three blocks: the second is twice the first."""


class Fixed(nn.Module):
    """A gate whose factors are given; the state counts the blocks of a stage."""

    carries_state = True

    def __init__(self, channels: int, factors: list[list[float]]) -> None:
        super().__init__()
        self.factors = torch.tensor(factors)

    def forward(self, x: Tensor, state: int | None) -> tuple[Tensor, int]:
        place = state or 0
        return x * self.factors[place, :, None, None], place + 1


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.gate = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.gate(self.conv(x))


class Net(nn.Module):
    def __init__(self, blocks: int = 3) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, CHANNELS, 1)
        self.blocks = nn.Sequential(*(Block() for _ in range(blocks)))
        self.head = nn.Linear(CHANNELS, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


def batches(count: int = 2, size: int = 6, side: int = 5, classes: int = CLASSES) -> list[Batch]:
    lot = generator("images", size)
    return [
        (torch.randn(size, 3, side, side, generator=lot), torch.arange(size) % classes)
        for _ in range(count)
    ]


def subject(network: nn.Module, sites: list[Site] | None = None, **more: Any) -> Subject:
    asked = {"train": batches(), "held_out": batches(), "classes": CLASSES, "seed": 0} | more
    return Subject(network.eval(), tuple(sites or ()), asked.pop("widths", ()), **asked)


def fixed(factors: list[list[float]] = FACTORS) -> Subject:
    network = Net(len(factors))
    sites = [
        Site(f"blocks.{n}.gate", CHANNELS, 0, block=f"blocks.{n}") for n in range(len(factors))
    ]
    insert(network, sites, lambda channels: Fixed(channels, factors), Insertion())
    return subject(network, sites)


def residual(make: Callable[..., nn.Module] | None = None, **insertion: str) -> Subject:
    """ResNet-14 with attention, its batch norms' statistics not those of a fresh one."""
    torch.manual_seed(0)
    network = resnet.build(CLASSES, 8, blocks=(2, 2, 2), bottleneck=False)
    sites = resnet.sites(network)
    if make:
        insert(network, sites, make, Insertion(**insertion))
    for _ in range(3):
        network(batches(side=8)[0][0] * 2 + 1)
    images = {"train": batches(side=8), "held_out": batches(side=8)}
    foreign = torch.rand(9, 3, 8, 8, generator=generator("foreign images"))
    return subject(network, sites, **images, foreign=foreign, widths=tuple(resnet.widths(network)))


# ---------------------------------------------------------------------------- all of them


@pytest.mark.parametrize("name", analyses())
@pytest.mark.parametrize("make", [SqueezeExcitation, DenseImplicitAttention])
def test_an_analysis_gives_plain_json_and_leaves_the_network_as_it_was(
    name: str, make: type[nn.Module]
) -> None:
    looked_at = residual(make)
    network = looked_at.network
    before = copy.deepcopy(network)
    found = load(analyses()[name])(looked_at)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert load(analyses()[name])(looked_at) == found
    for one, other in zip(before.modules(), network.modules(), strict=True):
        assert one.training == other.training
        assert len(one._forward_hooks) == len(other._forward_hooks)
        assert len(one._forward_pre_hooks) == len(other._forward_pre_hooks)
    state = network.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in before.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in network.parameters())


def test_an_analysis_says_what_it_is_and_what_it_needs() -> None:
    for entry in analyses().values():
        assert entry.about
        assert entry.source or entry.reconstruction
        assert set(entry.facts["NEEDS"]) <= set(WORDS)


# ------------------------------------------------------------------------------ correlation


def test_the_correlation_of_known_gates_is_that_of_numpy() -> None:
    (stage,) = correlation.analyse(fixed())["stages"]
    assert stage["blocks"] == [0, 1, 2]
    np.testing.assert_allclose(stage["matrix"], np.corrcoef(FACTORS), atol=1e-6)
    assert stage["matrix"][0][1] == pytest.approx(1, abs=1e-6)


def test_the_mean_is_over_pairs_without_the_diagonal() -> None:
    found = correlation.analyse(fixed())
    rho = np.corrcoef(FACTORS)
    assert found["mean"] == pytest.approx((rho[0, 1] + rho[0, 2] + rho[1, 2]) / 3, abs=1e-6)
    assert found["images"] == 12


def test_a_gate_that_is_the_same_for_all_channels_has_no_correlation() -> None:
    (stage,) = correlation.analyse(fixed([FACTORS[0], [0.3] * 4, FACTORS[1]]))["stages"]
    assert stage["matrix"][1] == [None, None, None]
    assert stage["mean"] == pytest.approx(1, abs=1e-6)


def test_gates_that_depend_on_the_image_are_correlated_image_by_image() -> None:
    looked_at = residual(SqueezeExcitation)
    seen: dict[str, list[Tensor]] = {}
    for site in looked_at.sites:
        looked_at.network.get_submodule(f"{site.path}.excite").register_forward_hook(
            lambda m, x, y, p=site.path: seen.setdefault(p, []).append(y.sigmoid())
        )
    with torch.no_grad():
        for images, _ in looked_at.train:
            looked_at.network(images)
    gates = [torch.cat(parts).flatten(1).numpy() for parts in seen.values()]
    stages = correlation.analyse(looked_at)["stages"]
    for stage in stages:
        one, other = gates[2 * stage["stage"] : 2 * stage["stage"] + 2]
        plain = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(one, other, strict=True)])
        assert stage["mean"] == pytest.approx(plain, abs=1e-4)
    assert len(stages) == 3


@pytest.mark.parametrize(
    ("make", "insertion", "counts"),
    [
        (SqueezeExcitation, {"share": "stage"}, [2, 2, 2]),
        (DenseImplicitAttention, {}, [2, 2, 2]),
        (ConvolutionalBlockAttention, {"connect": "101111"}, [2, 2]),
        (SpatialGroupEnhance, {"connect": "100100"}, []),
        (SqueezeExcitation, {"connect": "random"}, [2, 2]),
    ],
)
def test_every_kind_of_gate_is_found_where_it_is_plugged(
    make: type[nn.Module], insertion: dict[str, str], counts: list[int]
) -> None:
    looked_at = residual(make, **insertion)
    if found := switches(looked_at.network):
        switch(found, [True, False, True, True, True, True])
    stages = correlation.analyse(looked_at)["stages"]
    assert [len(stage["blocks"]) for stage in stages] == counts


# -------------------------------------------------------------------------------- stiffness


def test_stiffness_is_the_relative_change_over_a_block() -> None:
    looked_at = fixed()
    found = stiffness.analyse(looked_at)
    for which, factors in (("gated", FACTORS), ("ungated", [[1.0] * CHANNELS] * 3)):
        per_block: list[list[float]] = [[], [], []]
        with torch.no_grad():
            for images, _ in looked_at.train:
                for image in images:
                    x = looked_at.network.stem(image[None])
                    for place, block in enumerate(looked_at.network.blocks):
                        y = x + block.conv(x) * torch.tensor(factors[place])[None, :, None, None]
                        per_block[place].append(((y - x).norm() / x.norm()).item())
                        x = y
        for block, values in zip(found["blocks"], per_block, strict=True):
            assert block[which]["mean"] == pytest.approx(np.mean(values), rel=1e-5)
            assert block[which]["std"] == pytest.approx(np.std(values, ddof=1), rel=1e-4)


def test_only_blocks_that_keep_the_shape_are_stiff() -> None:
    found = stiffness.analyse(residual())["blocks"]
    assert [(b["stage"], b["block"]) for b in found] == [(0, 0), (0, 1), (1, 1), (2, 1)]
    assert all(b["ungated"] is None and not b["plugged"] for b in found)


# ------------------------------------------------------------------------------------ noise


def right(network: nn.Module, some: list[Batch]) -> float:
    with torch.no_grad():
        hits = [network(x)[: len(y)].argmax(1) == y for x, y in some]
    return torch.cat(hits).float().mean().item()


def test_constant_noise_scales_and_shifts_every_normalised_map() -> None:
    looked_at = residual(SqueezeExcitation)
    found = noise.analyse(looked_at)["constant"]
    assert found["accuracy"][0][0] == right(looked_at.network, list(looked_at.held_out))
    for row, scale in enumerate(found["scales"]):
        for column, shift in enumerate(found["shifts"]):
            twin = copy.deepcopy(looked_at.network)
            for module in twin.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.bias.data += module.weight.data * shift
                    module.weight.data *= scale
            expected = right(twin, list(looked_at.held_out))
            assert found["accuracy"][row][column] == pytest.approx(expected)


def test_foreign_images_change_the_statistics_and_are_not_counted() -> None:
    looked_at = residual()
    whole = list(looked_at.held_out)
    odd = (whole[0][0][:2], whole[0][1][:2])
    found = noise.analyse(replace(looked_at, held_out=[*whole, odd]))["mixed"]
    assert (found["images"], found["batch"]) == (12, 6)
    twin = copy.deepcopy(looked_at.network).train()
    assert found["accuracy"][0] == right(twin, whole)
    assert looked_at.foreign is not None
    mixed = []
    for number, (images, labels) in enumerate(whole):
        drawn = torch.randint(9, (6,), generator=generator("foreign", 0, number))
        mixed.append((torch.cat((images, looked_at.foreign[drawn])), labels))
    assert found["shares"][2] == 0.5
    assert found["accuracy"][2] == right(twin, mixed)
