"""Figures of pruning: a line for each criterion that was run at several ratios."""

from __future__ import annotations

from math import isnan
from pathlib import Path

import pandas as pd
import pytest
from drawings import at, marks_of
from ledgers import NONE, cell, document_of, done, ledger_of

from reports.figures.pruning import MACS_LEFT, MOST_LINES, SPARSITY, pruning
from sweeps.cell import DENSE, Choice


def pruned_rows(folder: Path, *prunings: Choice, attentions: int = 1) -> pd.DataFrame:
    cells = [
        cell(attention=Choice(f"a{n}") if n else NONE, pruning=p)
        for p in (DENSE, *prunings)
        for n in range(attentions)
    ]
    removed = [one.pruning.options.get("sparsity") or 0.0 for one in cells]
    outcomes = [
        (one, done(one, 0.95 - 0.1 * share, sparsity=share))
        for one, share in zip(cells, removed, strict=True)
    ]
    return document_of(ledger_of(folder, outcomes)).rows


def test_a_criterion_at_two_ratios_is_a_line_that_begins_at_the_dense_network(
    tmp_path: Path,
) -> None:
    rows = pruned_rows(tmp_path, at(0.9), at(0.5), Choice("control"))
    figure = pruning(rows, SPARSITY, marks_of(rows))
    assert figure is not None
    (axes,) = figure.axes
    line = axes.lines[-1].get_xydata()
    assert line.tolist() == [
        [0.0, pytest.approx(95)],
        [50.0, pytest.approx(90)],
        [90.0, pytest.approx(86)],
    ]
    assert sum(len(dots.get_offsets()) for dots in axes.collections) == 3
    shown = [text.get_text() for text in figure.texts]
    assert "magnitude" in shown
    assert "control" not in shown


def test_masked_weights_leave_all_macs_and_have_no_figure_of_them(tmp_path: Path) -> None:
    rows = pruned_rows(tmp_path, at(0.9), at(0.5))
    assert pruning(rows, MACS_LEFT, marks_of(rows)) is None
    assert pruning(rows, SPARSITY, marks_of(rows)) is not None


def test_channels_are_shown_against_the_macs_that_are_left(tmp_path: Path) -> None:
    dense = cell()
    budgets = [Choice("l1", {"sparsity": None, "macs": share}) for share in (0.5, 0.25)]
    outcomes = [(dense, done(dense, 0.95))]
    for budget in budgets:
        one, share = cell(pruning=budget), budget.options["macs"]
        cost = done(one, 0.9)["result"]["cost"] | {"macs": int(1_600_000 * share)}
        outcomes.append((one, done(one, 0.8 + share / 5, cost=cost)))
    rows = document_of(ledger_of(tmp_path, outcomes)).rows
    figure = pruning(rows, MACS_LEFT, marks_of(rows))
    assert figure is not None
    assert figure.axes[0].lines[-1].get_xdata().tolist() == [25.0, 50.0, 100.0]


def test_with_one_ratio_there_is_no_figure_of_ratios(tmp_path: Path) -> None:
    rows = pruned_rows(tmp_path, at(0.9), at(0.5, "random"))
    assert pruning(rows, SPARSITY, marks_of(rows)) is None


def test_other_options_of_a_criterion_have_their_own_panel(tmp_path: Path) -> None:
    scopes = ("global", "local")
    rows = pruned_rows(tmp_path, *(at(s, scope=scope) for scope in scopes for s in (0.5, 0.9)))
    figure = pruning(rows, SPARSITY, marks_of(rows))
    assert figure is not None
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "resnet8; scope=global",
        "resnet8; scope=local",
    ]
    assert all(len(axes.lines[-1].get_xdata()) == 3 for axes in figure.axes)


def test_a_network_without_a_dense_result_begins_at_its_first_ratio(tmp_path: Path) -> None:
    dense, half, most = cell(), cell(pruning=at(0.5)), cell(pruning=at(0.9))
    outcomes = [(dense, None), (half, done(half, 0.9, sparsity=0.5))]
    outcomes.append((most, done(most, 0.9, sparsity=0.9)))
    rows = document_of(ledger_of(tmp_path, outcomes)).rows
    figure = pruning(rows, SPARSITY, marks_of(rows))
    assert figure is not None
    assert figure.axes[0].lines[-1].get_xdata().tolist() == [50.0, 90.0]


def test_a_crowded_panel_is_parted_by_criterion(tmp_path: Path) -> None:
    two = [at(s, name) for name in ("magnitude", "random") for s in (0.5, 0.9)]
    few = pruned_rows(tmp_path / "few", *two, attentions=MOST_LINES // 2)
    many = pruned_rows(tmp_path / "many", *two, attentions=MOST_LINES // 2 + 1)
    for rows, titles in ((few, ["resnet8"]), (many, ["resnet8; magnitude", "resnet8; random"])):
        figure = pruning(rows, SPARSITY, marks_of(rows))
        assert figure is not None
        assert [axes.get_title(loc="left") for axes in figure.axes] == titles
        assert not any(isnan(y) for axes in figure.axes for y in axes.lines[-1].get_ydata())
