"""The Fermat point of a layer's filters, against geometry and plain gradient descent."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.pruning.fermat import FermatPoint
from lightning_modules.structure import Width


def scores(rows: Tensor) -> Tensor:
    """The scores of a layer with these filters (n, d)."""
    net = nn.Sequential(nn.Linear(rows.shape[1], len(rows)), nn.ReLU(), nn.Linear(len(rows), 2))
    with torch.no_grad():
        net[0].weight.copy_(rows)
    return FermatPoint().score(net, [Width("0", (), "2")], [], 0)["0"]


def relative(distances: Tensor) -> list[float]:
    return (distances / distances.mean()).tolist()


def test_of_a_convex_quadrilateral_it_is_where_the_diagonals_cross():
    corners = torch.tensor(
        [[0.0, 2.0], [4.0, 2.0], [1.0, 4.0], [1.0, -3.0]]
    )  # they cross at (1, 2)
    expected = relative(torch.tensor([1.0, 3.0, 2.0, 5.0]))
    assert scores(corners).tolist() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_no_other_point_has_a_smaller_sum_of_distances_to_the_filters(seed):
    rows = torch.randn(6, 27, generator=torch.Generator().manual_seed(seed)).double()
    point = rows.mean(0)
    for _ in range(1000):  # plain gradient descent on that sum
        apart = point - rows
        point = point - 0.1 * (apart / apart.norm(dim=1, keepdim=True)).mean(0)
    assert scores(rows).tolist() == pytest.approx(relative((rows - point).norm(dim=1)), rel=1e-4)


def test_it_is_the_filter_that_most_of_a_layer_are():
    rows = torch.ones(6, 4)
    rows[5] = 9.0
    assert scores(rows).tolist() == pytest.approx([0, 0, 0, 0, 0, 6], abs=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e30])
def test_filters_that_are_all_the_same_score_alike_and_finite(value):
    found = scores(torch.full((5, 7), value))
    assert found.isfinite().all()
    assert found.unique().numel() == 1
