"""The blend of criteria: its search, and what it promises on held-out images."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from datamodules.open import open_data
from datamodules.spec import DataSpec
from lightning_modules import build as builder
from lightning_modules.analysis._subject import Subject
from lightning_modules.analysis.criteria import analyse
from lightning_modules.catalog import catalog, load, variant
from lightning_modules.options import Removal
from lightning_modules.pruning._apply import Pruned, Pruner, cubic
from lightning_modules.pruning._blend import Blends
from lightning_modules.pruning._evolution import Evolution
from lightning_modules.pruning._ranks import agglomerate
from lightning_modules.pruning.blended import Blended
from lightning_modules.recipe import Recipe
from lightning_modules.structure import Width
from lightning_modules.variant import Variant

NORMS = {"l1", "l2", "fpgm", "fermat"}
DIGITS = DataSpec("digits", image_size=8, mean=(0.3052,) * 3, std=(0.376,) * 3, pad=1)
Batches = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Trained:
    """A small network, trained, and what pruning it needs."""

    network: nn.Module
    widths: Sequence[Width]
    train: Batches
    held_out: Batches

    def prune(self, rule: Any, removal: Removal, seed: int = 0) -> tuple[Pruned, nn.Module, dict]:
        network, log = copy.deepcopy(self.network), dict[str, Any]()
        pruner = Pruner(rule, removal, self.widths, self.train, seed, self.held_out)
        return pruner.prune(network, log=log), network, log

    def accuracy(self, network: nn.Module) -> float:
        with torch.no_grad():
            right = [network(x).argmax(1) == y for x, y in self.held_out]
        return float(torch.cat(right).double().mean())


@pytest.fixture(scope="module")
def trained() -> Iterator[Trained]:
    """ResNet-8 after a second on the digits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    data = open_data(DIGITS, folder=Path(), recipe=Recipe(batch_size=64), seed=0)
    network, widths = made("resnet8", 8)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    for data.epoch_offset in range(5):
        for images, labels in data.train_dataloader():
            optimizer.zero_grad()
            cross_entropy(network(images), labels).backward()
            optimizer.step()
    optimizer.zero_grad()
    yield Trained(network.eval(), widths, data.calibration(4, 64), data.held_out(100))
    torch.set_num_threads(threads)


def made(backbone: str, size: int) -> tuple[nn.Module, Sequence[Width]]:
    torch.manual_seed(0)
    asked, plain = (
        SimpleNamespace(name=name, options={o.name: o.default for o in catalog(axis)[name].options})
        for axis, name in (("backbone", backbone), ("attention", "none"))
    )
    network = builder.build(asked, plain, classes=10, image_size=size)
    return network, builder.widths(asked, network)


def small(**options: Any) -> Blended:
    return Blended(**{"population": 10, "generations": 3} | options)


def test_evolution_finds_the_best_asks_once_about_each_and_keeps_what_it_started_with() -> None:
    asked: list[tuple[int, ...]] = []

    def ones(bits: tuple[int, ...]) -> float:
        asked.append(bits)
        return sum(bits)

    first = [(0,) * 12, (1, 1) + (0,) * 10]
    for seed in (0, 1):
        asked.clear()
        search = Evolution(20, 25, mutation=0.1, crossover=0.5)
        tried = search.run(first, lambda place, rng: rng.randrange(2), ones, Random(seed))
        assert max(tried.values()) == 12
        assert asked == list(tried)
        assert list(tried)[:2] == first
    alone = Evolution(2, 0, 0.1, 0.5).run(first, lambda place, rng: 0, sum, Random(0))
    assert alone == {first[0]: 0, first[1]: 2}


def test_a_blend_is_the_weighted_mean_of_comparable_scores() -> None:
    one = {"x": torch.tensor([1.0, 2.0, 9.0]), "y": torch.tensor([4.0, 4.0])}
    two = {"x": torch.tensor([30.0, 20.0, 10.0]), "y": torch.tensor([10.0, 30.0])}
    blends = Blends.of({"one": one, "two": two}, 2)
    assert blends.places == [(p, (name,)) for p in "xy" for name in ("one", "two")]
    blended = blends.blend([("one", 0.2), ("two", 0.6), ("one", 0.0), ("two", 0.0)])
    first, second = [0.0, 1 / 3, 8 / 3], [2.0, 1.0, 0.0]
    expected = [0.25 * a + 0.75 * b for a, b in zip(first, second, strict=True)]
    assert blended["x"].tolist() == pytest.approx(expected)
    assert blended["y"].tolist() == pytest.approx([0.5 * 1.0, 0.5 * 1.0 + 0.5 * 2.0])


@pytest.mark.parametrize("removal", [Removal(macs=0.6), Removal(sparsity=0.4, scope="layer")])
def test_the_blend_is_never_worse_than_the_best_criterion_on_the_held_out_images(
    trained: Trained, removal: Removal
) -> None:
    _, network, log = trained.prune(small(), removal)
    assert log["fitness"] == trained.accuracy(network) >= max(log["single"].values())
    assert set(log["single"]) == set(Blended.candidates)
    for name, fitness in log["single"].items():  # alone it is worth what it is worth by itself
        alone = trained.prune(load(variant("pruning", name))(), removal)[1]
        assert trained.accuracy(alone) == fitness, name


def test_the_search_leaves_the_network_alone_and_counts_its_evaluations(trained: Trained) -> None:
    network, asked = copy.deepcopy(trained.network).train(), []

    def trial(scores: dict[str, Tensor]) -> float:
        asked.append(scores)
        return float(scores[trained.widths[0].producer][0])

    found = small().search(network, trained.widths, trained.train, 0, trial)
    assert found.log["evaluations"] == len(asked) <= 10 + 3 * 5
    assert found.log["fitness"] == max(trial(scores) for scores in list(asked))
    assert json.loads(json.dumps(found.log)) == found.log
    before = trained.network.state_dict()
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())
    assert all(module.training for module in network.modules())
    assert not any(module._forward_pre_hooks for module in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_log_says_which_criteria_were_clustered_and_what_the_blend_is_made_of(
    trained: Trained,
) -> None:
    log = trained.prune(small(clusters=3), Removal(macs=0.5))[2]
    for width in trained.widths:
        clusters, blend = log["clusters"][width.producer], log["blend"][width.producer]
        assert sorted(name for cluster in clusters for name in cluster) == sorted(log["single"])
        assert [sum(name in cluster for name in blend) for cluster in clusters] == [1, 1, 1]
        assert sum(blend.values()) == pytest.approx(1)


def test_the_same_seed_tries_the_same_blends_and_another_seed_others(trained: Trained) -> None:
    def tried(seed: int) -> list[list[float]]:
        asked: list[list[float]] = []

        def trial(scores: dict[str, Tensor]) -> float:
            asked.append(torch.cat(list(scores.values())).tolist())
            return sum(asked[-1][:3])

        small().search(trained.network, trained.widths, trained.train, seed, trial)
        return asked

    assert tried(0) == tried(0) != tried(1)


def test_the_same_seed_gives_the_same_network(trained: Trained) -> None:
    one, same = (trained.prune(small(), Removal(macs=0.6), seed=3) for _ in range(2))
    assert one[2] == same[2]
    assert all(torch.equal(one[0].channels[p], same[0].channels[p]) for p in one[0].channels)


def test_a_gradual_blend_searches_in_every_round(trained: Trained) -> None:
    network, kept, removal = copy.deepcopy(trained.network), None, Removal(macs=0.5)
    data = (trained.widths, trained.train, 0, trained.held_out)
    for step in (1, 2):
        before, log = kept, dict[str, Any]()
        pruner = Pruner(small(generations=0), removal, *data)
        kept = pruner.prune(network, progress=cubic(step, 2), before=before, log=log)
        assert log["fitness"] == trained.accuracy(network)
    assert all(
        set(kept.channels[p].tolist()) <= set(before.channels[p].tolist()) for p in kept.dense
    )


@pytest.mark.parametrize("held_out", [None, []])
def test_a_blend_without_held_out_images_is_refused(trained: Trained, held_out: Any) -> None:
    removal = Removal(macs=0.5)
    with pytest.raises(ValueError, match=r"needs a validation split, data\.val_fraction > 0"):
        replace(trained, held_out=held_out).prune(small(), removal)


def test_only_criteria_of_channels_can_try_their_scores_out(trained: Trained) -> None:
    class Weights(Blended):
        grain = "weight"

    with pytest.raises(ValueError, match="Weights tries scores out, which only channel criteria"):
        Pruner(Weights(), Removal(sparsity=0.5), ["fc"], trained.train).prune(trained.network)


def test_criteria_of_batch_norms_are_left_out_where_there_are_none() -> None:
    network, widths = made("vit_micro", 16)
    images = [(torch.randn(8, 3, 16, 16), torch.arange(8))]
    _, _, log = Trained(network, widths, images, images).prune(small(), Removal(macs=0.7))
    assert set(Blended.candidates) - set(log["single"]) == {"bn_scale", "bn_shift"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clusters": 0}, "clusters is at least 1; came 0"),
        ({"population": 1}, "population is at least 2; came 1"),
        ({"generations": -1}, "generations is at least 0; came -1"),
        ({"mutation": 1.5}, r"mutation is a chance in \[0, 1\]; came 1.5"),
        ({"crossover": -0.5}, "crossover is a chance"),
    ],
)
def test_options_that_make_no_search_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Blended(**options)


def test_norms_and_distances_of_filters_rank_alike_and_fall_into_one_cluster(
    trained: Trained,
) -> None:
    subject = Subject(
        trained.network,
        sites=(),
        widths=tuple(trained.widths),
        train=trained.train,
        held_out=trained.held_out,
        classes=10,
        seed=0,
    )
    found = analyse(subject)
    assert json.loads(json.dumps(found)) == found
    names, mean = found["criteria"], torch.tensor(found["mean"])
    layers = torch.tensor(list(found["layers"].values()))
    assert list(found["layers"]) == [width.producer for width in trained.widths]
    assert torch.allclose(layers.mean(0), mean)
    alike = [names.index(name) for name in NORMS]
    others = [i for i in range(len(names)) if i not in alike]
    assert float(mean[alike][:, alike].min()) > 0.7 > float(mean[alike][:, others].max())
    for rho in layers:
        assert any(set(alike) <= set(cluster) for cluster in agglomerate(1 - rho, 3))


def test_held_out_images_are_the_plain_validation_split_of_every_class() -> None:
    data = open_data(DIGITS, folder=Path(), recipe=Recipe(batch_size=64), seed=0)
    whole, part = data.held_out(50), data.held_out(50, most=70)
    images, labels = (torch.cat(both) for both in zip(*data.val_dataloader(), strict=True))
    assert torch.equal(torch.cat([x for x, _ in whole]), images)
    assert torch.equal(torch.cat([y for _, y in whole]), labels)
    assert [len(y) for _, y in part] == [50, 20]
    assert set(torch.cat([y for _, y in part]).tolist()) == set(range(10))
    none = open_data(
        replace(DIGITS, val_fraction=0.0), folder=Path(), recipe=Recipe(batch_size=64), seed=0
    )
    with pytest.raises(ValueError, match=r"set data\.val_fraction above 0"):
        none.held_out(50)


def test_another_formula_of_a_candidate_is_another_blend_to_the_ledger(tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.py" for name in ("blend", "part", "stranger")}
    for path in files.values():
        path.write_text("")
    blend = Variant("pruning", "blend", "", facts={"candidates": ("part",)}, path=files["blend"])
    before = blend.digest()
    files["stranger"].write_text("x = 1")
    assert blend.digest() == before
    files["part"].write_text("x = 1")
    assert blend.digest() != before
