"""Flatness: loss curves, gradient and curvature against plain formulas on a tiny network."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from test_analysis import CLASSES, subject
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from lightning_modules.analysis import flatness
from lightning_modules.analysis._subject import Subject
from lightning_modules.seeds import generator


class Tiny(nn.Module):
    """A network of 34 parameters with curvature, a batch norm and a pruned weight."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.conv = nn.Conv2d(3, 2, 1)
        self.norm = nn.BatchNorm2d(2)
        self.head = nn.Linear(2, CLASSES)
        with torch.no_grad():
            self.conv.weight[0, 0] = 0
            self.norm.running_mean.uniform_(-1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.conv(x)).tanh().mean((2, 3)))


def loss_of(looked_at: Subject, weights: dict[str, Tensor]) -> Tensor:
    images, labels = (torch.cat(parts) for parts in zip(*looked_at.train, strict=True))
    return F.cross_entropy(functional_call(looked_at.network, weights, (images,)), labels)


def test_the_top_eigenvalue_is_that_of_the_whole_hessian() -> None:
    looked_at = subject(Tiny())
    named = {name: p.detach() for name, p in looked_at.network.named_parameters()}
    sizes = [value.numel() for value in named.values()]

    def loss(vector: Tensor) -> Tensor:
        parts = zip(named.items(), vector.split(sizes), strict=True)
        return loss_of(looked_at, {name: part.view_as(p) for (name, p), part in parts})

    vector = torch.cat([value.flatten() for value in named.values()])
    kept = torch.tensor(
        [name != "conv.weight" or bool(v) for name, p in named.items() for v in p.flatten()]
    )
    hessian = torch.autograd.functional.hessian(loss, vector)[kept][:, kept]
    found = flatness.analyse(looked_at)
    assert found["converged"]
    assert found["eigenvalue"] == pytest.approx(torch.linalg.eigvalsh(hessian)[-1].item(), rel=0.01)
    gradient = torch.autograd.functional.jacobian(loss, vector)[kept]
    assert found["gradient_norm"] == pytest.approx(gradient.norm().item(), rel=1e-4)
    assert found["loss"] == pytest.approx(loss(vector).item(), rel=1e-5)


@pytest.mark.parametrize("values", [[5.0, 1.0, -2.0], [1.0, 0.5, -7.0], [-1.0, -2.0, -3.0]])
def test_the_largest_eigenvalue_is_found_even_if_another_is_larger_in_size(
    values: list[float],
) -> None:
    turn = torch.linalg.qr(torch.randn(3, 3, generator=generator("turn"))).Q
    matrix = turn @ torch.diag(torch.tensor(values)) @ turn.T
    found = flatness.top_eigenvalue(lambda v: matrix @ v, torch.ones(3), tolerance=1e-6)
    assert found.value == pytest.approx(max(values), abs=1e-2)
    assert found.converged


def test_an_iteration_that_comes_to_no_end_says_so() -> None:
    matrix = torch.diag(torch.tensor([1.0, 0.999]))
    found = flatness.top_eigenvalue(lambda v: matrix @ v, torch.ones(2), steps=3, tolerance=0.0)
    assert (found.steps, found.converged) == (3, False)


def test_a_curve_is_the_loss_along_a_direction_with_filters_as_long_as_the_weights() -> None:
    looked_at = subject(Tiny())
    found = flatness.analyse(looked_at)
    lot = generator("direction", 0, 1)  # the second direction of seed 0
    weights = {name: p.detach() for name, p in looked_at.network.named_parameters()}
    along = {}
    for name in ("conv.weight", "head.weight"):
        along[name] = torch.randn(weights[name].shape, generator=lot)
        along[name][weights[name] == 0] = 0
        for filter_, weight in zip(along[name], weights[name], strict=True):
            filter_ *= weight.norm() / filter_.norm()
    for offset, loss in zip(found["offsets"], found["curves"][1], strict=True):
        there = weights | {name: weights[name] + offset * d for name, d in along.items()}
        assert loss_of(looked_at, there).item() == pytest.approx(loss, rel=1e-4)
    assert found["offsets"][10] == 0
    assert {curve[10] for curve in found["curves"]} == {found["loss"]}


def test_another_seed_draws_other_directions() -> None:
    looked_at = subject(Tiny())
    found = [flatness.analyse(replace(looked_at, seed=seed))["curves"] for seed in (0, 1)]
    assert found[0] != found[1]


def test_a_network_of_pruned_weights_is_flat() -> None:
    network = Tiny()
    for name, parameter in network.named_parameters():
        if parameter.ndim > 1:
            nn.init.zeros_(network.get_parameter(name))
    assert (
        len({loss for curve in flatness.analyse(subject(network))["curves"] for loss in curve}) == 1
    )
