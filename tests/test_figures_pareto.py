"""Figures of accuracy against cost: each row once, and each setting in a panel of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from drawings import everything
from ledgers import NONE, RESNET, SE, VIT, cell, document_of, done, ledger_of, small

from reports.document import Document
from reports.figures import LATENCY, MACS, PARAMS, front, pareto


def test_the_front_holds_what_nothing_beats() -> None:
    #          cheap  equal cost, worse  dearer and worse  dearer and better  equal to the last
    costs, accuracies = [1.0, 1.0, 2.0, 3.0, 4.0], [0.8, 0.7, 0.75, 0.9, 0.9]
    assert front(costs, accuracies) == [0, 3]


@pytest.mark.parametrize("cost", [MACS, PARAMS, LATENCY], ids=lambda cost: cost.column)
def test_each_row_with_numbers_is_drawn_once(cost: object, tmp_path: Path) -> None:
    rows = document_of(small(tmp_path)).rows
    figure = pareto(rows, cost)
    drawn = [len(dots.get_offsets()) for axes in figure.axes for dots in axes.collections]
    assert sum(drawn) == rows["accuracy_mean"].notna().sum() == 5
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["resnet8", "vit_tiny"]


def test_parameters_are_thousands_or_millions(tmp_path: Path) -> None:
    one, two = cell(), cell(VIT)
    cost = {"params": 5_500_000, "macs": 1, "bytes": 1, "params_nonzero": 1, "macs_nonzero": 1}
    ledger = ledger_of(tmp_path, [(one, done(one, 0.9)), (two, done(two, 0.9, cost=cost))])
    axes = pareto(document_of(ledger).rows, PARAMS).axes
    assert [one.get_xlabel() for one in axes] == ["Parameters (k)", "Parameters (M)"]
    assert axes[1].collections[0].get_offsets()[0, 0] == 5.5


def timed(folder: Path, *settings: Mapping[str, object], backbones: int = 1) -> Document:
    """Two rows on each backbone, with a seed for each setting in which they were timed."""
    outcomes = []
    for backbone in (RESNET, VIT)[:backbones]:
        for place, attention in enumerate((NONE, SE)):
            for seed, setting in enumerate(settings):
                one = cell(backbone, attention, seed=seed)
                time = {"p50_ms": 1.0 + place + 10 * seed}
                latency = {**done(one, 0.9)["latency"], **time, **setting}
                outcomes.append((one, done(one, 0.9 + 0.01 * place, latency=latency)))
    return document_of(ledger_of(folder, outcomes))


def test_every_row_is_drawn_once_for_each_setting_that_it_was_timed_in(tmp_path: Path) -> None:
    gpu = {"device": "NVIDIA A100", "dtype": "float16"}
    figure = everything(timed(tmp_path, {}, {"threads": 8}, gpu, backbones=2))["pareto_latency"]
    settings = ("CPU A, float32, 1 thread", "CPU A, float32, 8 threads")
    settings += ("NVIDIA A100, float16, 1 thread",)
    titles = [axes.get_title(loc="left").replace("\n", " ") for axes in figure.axes]
    assert titles == [
        f"{backbone}; {setting}" for backbone in ("resnet8", "vit_tiny") for setting in settings
    ]
    drawn = [[dots.get_offsets().tolist() for dots in axes.collections] for axes in figure.axes]
    assert drawn == [
        [[[1.0 + 10 * seed, pytest.approx(90)], [2.0 + 10 * seed, pytest.approx(91)]]]
        for _ in range(2)
        for seed in range(3)
    ]
    fronts = [axes.lines[-1].get_xdata().tolist() for axes in figure.axes]
    assert fronts == [[1 + 10 * seed, 2 + 10 * seed] for _ in range(2) for seed in range(3)]
    said = [text.get_text() for text in figure.texts]
    assert "Measured in all panels: batch 64, alternating blocks." in said


def test_a_latency_says_its_setting_where_there_is_only_one(tmp_path: Path) -> None:
    figure = everything(timed(tmp_path, {}))["pareto_latency"]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["resnet8"]
    said = " ".join(text.get_text() for text in figure.texts)
    assert "Measured on CPU A, float32, 1 thread, batch 64, alternating blocks." in said


def test_times_of_two_settings_stand_in_panels_that_say_so(tmp_path: Path) -> None:
    first, second = cell(), cell(attention=SE)
    slow = {**done(second, 0.9)["latency"], "threads": 8}
    ledger = ledger_of(
        tmp_path, [(first, done(first, 0.9)), (second, done(second, 0.9, latency=slow))]
    )
    titles = [axes.get_title(loc="left") for axes in pareto(document_of(ledger).rows, LATENCY).axes]
    assert len(set(titles)) == 2
    assert all("thread" in title for title in titles)
