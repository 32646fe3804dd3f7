"""The heat map: the mean of every row, a sign where there is none, and how it fills a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawings import assert_nothing_is_cut, product_of
from ledgers import ECA, NONE, SE, cell, document_of, done, ledger_of, small
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from reports.figures.grid import FEWER, SIGNS, grid
from sweeps.cell import DENSE, Choice


def written(axes: Axes) -> dict[tuple[int, int], str]:
    """What stands in which cell, by line and column."""
    texts = [text for text in axes.texts if text.get_text()]
    return {(int(y), int(x)): text.get_text() for text in texts for x, y in [text.get_position()]}


def names(axes: Axes) -> tuple[list[str], list[str]]:
    return (
        [text.get_text() for text in axes.get_yticklabels()],
        [text.get_text() for text in axes.get_xticklabels()],
    )


def test_the_heat_map_has_the_mean_of_every_row_and_a_sign_where_there_is_none(
    tmp_path: Path,
) -> None:
    figure = grid(document_of(small(tmp_path)).rows)
    assert figure is not None
    resnet, vit = figure.axes
    assert names(resnet) == (["none", "se", "dia", "eca"], ["none", "magnitude"])
    assert written(resnet) == {
        (0, 0): "91.00", (0, 1): "89.00",
        (1, 0): "95.50*", (1, 1): "94.00*",
        (2, 0): "×", (2, 1): "⊘",
        (3, 0): "–",
    }  # fmt: skip
    assert written(vit) == {(0, 0): "50.00", (1, 0): "n/a"}
    said = " ".join(text.get_text() for text in figure.texts)
    for sign, meaning in (*SIGNS.values(), FEWER):
        assert (f"{sign} {meaning}" in said) == (meaning != "record damaged")


def test_failed_and_missing_and_impossible_cells_look_different(tmp_path: Path) -> None:
    figure = grid(document_of(small(tmp_path)).rows)
    assert figure is not None
    boxes = [patch for axes in figure.axes for patch in axes.patches]
    looks = {
        (int(box.get_y()), int(box.get_x())): (to_hex(box.get_facecolor()), bool(box.get_hatch()))
        for box in boxes
        if isinstance(box, Rectangle)
    }
    assert looks[2, 0] == ("#ffffff", True)
    assert looks[3, 0] == ("#ffffff", False)
    assert looks[1, 0] == ("#e6e6e6", False)


def test_the_colours_of_a_heat_map_are_those_of_its_backbone(tmp_path: Path) -> None:
    figure = grid(document_of(small(tmp_path)).rows)
    assert figure is not None
    resnet, _ = figure.axes
    (mesh,) = resnet.collections
    assert mesh.get_clim() == pytest.approx((89.0, 95.5))
    assert mesh.get_array().count() == 4
    assert resnet.get_title(loc="left") == "resnet8: 89.00 to 95.50 %"


def test_without_two_attentions_and_two_prunings_there_is_no_heat_map(tmp_path: Path) -> None:
    cells = [cell(attention=attention) for attention in (NONE, SE, ECA)]
    assert grid(document_of(ledger_of(tmp_path, [(c, done(c, 0.9)) for c in cells])).rows) is None


def test_more_columns_than_a_page_is_wide_go_on_in_another_map(tmp_path: Path) -> None:
    prunings = [DENSE, *(Choice(f"criterion{n}") for n in range(30))]
    cells = [cell(attention=a, pruning=p) for p in prunings for a in (NONE, SE)]
    figure = grid(document_of(ledger_of(tmp_path, [(c, done(c, 0.9)) for c in cells])).rows)
    assert figure is not None
    first, second = figure.axes
    shown = [*names(first)[1], *names(second)[1]]
    assert shown == ["none", *(f"criterion{n}" for n in range(30))]
    assert len(written(first)) + len(written(second)) == 62
    assert_nothing_is_cut(figure)


def test_maps_of_three_backbones_fit_a_page_with_all_numbers(tmp_path: Path) -> None:
    figure = grid(document_of(product_of(tmp_path, 3, 15, 8)).rows)
    assert figure is not None
    assert figure.get_figheight() <= 9.2
    assert [len(written(axes)) for axes in figure.axes] == [120, 120, 120]
    stacked = [
        bool(names(axes)[1])
        for axes in sorted(figure.axes, key=lambda axes: axes.get_title(loc="left"))
    ]
    assert stacked == [False, True, True]  # columns are named once, below the last map of a stack
    assert_nothing_is_cut(figure)


def test_the_map_of_one_backbone_is_as_wide_as_a_column_if_it_can_be(tmp_path: Path) -> None:
    for prunings, width in ((8, 3.4), (16, 7.0)):
        figure = grid(document_of(product_of(tmp_path / str(prunings), 1, 4, prunings)).rows)
        assert figure is not None
        assert figure.get_figwidth() == width
        assert_nothing_is_cut(figure)


def test_a_heat_map_of_very_many_cells_has_colours_only_and_says_where_numbers_are(
    tmp_path: Path,
) -> None:
    prunings = [DENSE, *(Choice(f"c{n}") for n in range(25))]
    cells = [cell(attention=Choice(f"a{a}"), pruning=p) for p in prunings for a in range(20)]
    figure = grid(document_of(ledger_of(tmp_path, [(c, done(c, 0.9)) for c in cells])).rows)
    assert figure is not None
    assert not any(written(axes) for axes in figure.axes)
    assert "Numbers: table.csv." in " ".join(text.get_text() for text in figure.texts)
