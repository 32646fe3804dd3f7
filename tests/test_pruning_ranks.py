"""How alike scores rank channels, and clusters by it: scipy's numbers."""

from __future__ import annotations

import pytest
import torch
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import spearmanr

from lightning_modules.pruning._ranks import agglomerate, correlations, spearman


def test_spearman_is_scipys_with_and_without_ties() -> None:
    lot = torch.Generator().manual_seed(0)
    scores = [torch.rand(30, generator=lot), torch.randint(0, 4, (30,), generator=lot).float()]
    scores += [scores[0].exp(), -scores[1], torch.rand(30, generator=lot)]
    expected = spearmanr(torch.stack(scores, 1).numpy()).statistic
    assert spearman(scores).flatten().tolist() == pytest.approx(expected.flatten().tolist())


def test_a_score_that_is_the_same_everywhere_correlates_with_nothing() -> None:
    assert spearman([torch.ones(5), torch.arange(5.0)]).tolist() == [[1, 0], [0, 1]]


def test_clusters_join_the_nearest_by_mean_distance() -> None:
    distance = torch.ones(5, 5).fill_diagonal_(0)
    for a, b, apart in ((0, 3, 0.1), (1, 4, 0.2), (0, 1, 0.3), (3, 1, 0.9), (2, 1, 0.5)):
        distance[a, b] = distance[b, a] = apart
    assert agglomerate(distance, 9) == [(0,), (1,), (2,), (3,), (4,)]
    assert agglomerate(distance, 4) == [(0, 3), (1,), (2,), (4,)]
    assert agglomerate(distance, 3) == [(0, 3), (1, 4), (2,)]
    assert agglomerate(distance, 2) == [(0, 3), (1, 2, 4)]
    assert agglomerate(distance, 1) == [(0, 1, 2, 3, 4)]


@pytest.mark.parametrize("seed", range(3))
def test_clusters_are_scipys_of_average_linkage(seed: int) -> None:
    lot = torch.Generator().manual_seed(seed)
    distance = torch.rand(9, 9, generator=lot, dtype=torch.float64)
    distance = (distance + distance.T).fill_diagonal_(0)
    tree = linkage(squareform(distance.numpy()), "average")
    for count in (2, 3, 5):
        labels = fcluster(tree, count, "maxclust").tolist()
        expected = {tuple(i for i in range(9) if labels[i] == k) for k in set(labels)}
        assert set(agglomerate(distance, count)) == expected


def test_correlations_are_taken_layer_by_layer_in_the_order_of_the_criteria() -> None:
    up, down = torch.arange(4.0), -torch.arange(4.0)
    table = {"one": {"x": up, "y": up}, "two": {"x": up.exp(), "y": down}}
    found = correlations(table)
    assert found["x"].flatten().tolist() == pytest.approx([1, 1, 1, 1])
    assert found["y"].flatten().tolist() == pytest.approx([1, -1, -1, 1])
