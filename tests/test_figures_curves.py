"""Figures of training: means over seeds in bands of one deviation."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import pytest
from drawings import NOTHING, course, marks_of
from ledgers import MAGNITUDE, SE, VIT, cell, document_of, done, ledger_of
from matplotlib.figure import Figure

from reports.figures.curves import MOST_BANDS, curves
from sweeps.cell import Cell, Choice
from sweeps.curves import Curves


def curves_of(folder: Path, *found: tuple[Cell, Curves]) -> Figure | None:
    ledger = ledger_of(folder, [(one, done(one, 0.9)) for one, _ in found])
    document = document_of(ledger)
    read = {one.key: course for one, course in found}
    return curves(document.frame, lambda key: read.get(key, NOTHING), marks_of(document.rows))


def test_a_curve_is_the_mean_over_seeds_in_a_band_of_one_deviation(tmp_path: Path) -> None:
    figure = curves_of(tmp_path, (cell(seed=0), course(0.4, 0.8)), (cell(seed=1), course(0.6, 0.9)))
    assert figure is not None
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "resnet8"
    assert axes.lines[0].get_xydata().tolist() == [[1, pytest.approx(50)], [2, pytest.approx(85)]]
    (band,) = axes.collections
    corners = band.get_paths()[0].vertices
    deviation = sqrt(2) * 10
    assert corners[:, 1].min() == pytest.approx(50 - deviation)
    assert corners[:, 1].max() == pytest.approx(85 + deviation / 2)


def test_curves_are_of_dense_networks_by_backbone(tmp_path: Path) -> None:
    pruned = cell(pruning=MAGNITUDE)
    refitted: Curves = {"refit": course(0.9, 0.9)["fit"]}
    networks = [(one, course(0.4, 0.8)) for one in (cell(), cell(attention=SE), cell(VIT))]
    figure = curves_of(tmp_path, *networks, (pruned, refitted))
    assert figure is not None
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["resnet8", "vit_tiny"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 1]


def test_a_seed_that_has_fewer_epochs_counts_where_it_has_some(tmp_path: Path) -> None:
    figure = curves_of(
        tmp_path, (cell(seed=0), course(0.4, 0.8, 0.9)), (cell(seed=1), course(0.6, None, 0.7))
    )
    assert figure is not None
    assert figure.axes[0].lines[0].get_ydata().tolist() == pytest.approx([50, 80, 80])


def test_without_validation_the_loss_is_shown(tmp_path: Path) -> None:
    figure = curves_of(tmp_path, (cell(), course(None, None, loss=2.0)))
    assert figure is not None
    assert figure.axes[0].get_ylabel() == "Training loss"
    assert figure.axes[0].lines[0].get_ydata().tolist() == [2.0, 1.0]


def test_without_a_course_there_are_no_curves(tmp_path: Path) -> None:
    assert curves_of(tmp_path, (cell(), NOTHING), (cell(attention=SE), course(0.5))) is None


def test_a_crowded_panel_has_no_bands(tmp_path: Path) -> None:
    attentions = [Choice(f"a{n}") for n in range(MOST_BANDS + 1)]
    figure = curves_of(tmp_path, *((cell(attention=a), course(0.4, 0.8)) for a in attentions))
    assert figure is not None
    assert len(figure.axes[0].lines) == MOST_BANDS + 1
    assert not figure.axes[0].collections
