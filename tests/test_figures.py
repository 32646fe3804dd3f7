"""Figures as files: the same bytes, as wide as a column or a page, and nothing of them cut."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from drawings import assert_nothing_is_cut, at, course, everything, product_of
from ledgers import (
    DIA,
    ECA,
    NONE,
    RESNET,
    SE,
    cell,
    document_of,
    done,
    failed,
    hostile,
    ledger_of,
    small,
)
from matplotlib.figure import Figure

from reports.figures import MACS, files, pareto
from reports.figures.panels import MOST, panels
from sweeps.cell import DENSE, Choice
from sweeps.curves import Curves
from sweeps.ledger import Ledger


def test_a_figure_is_a_png_and_a_pdf_with_fonts_that_publishers_take(tmp_path: Path) -> None:
    found = files(pareto(document_of(small(tmp_path)).rows, MACS))
    assert set(found) == {"png", "pdf"}
    assert found["png"].startswith(b"\x89PNG")
    assert found["pdf"].startswith(b"%PDF")
    assert b"/Type3" not in found["pdf"]


def test_the_same_ledger_gives_the_same_bytes_of_every_figure(tmp_path: Path) -> None:
    cells = [cell(attention=a, pruning=p) for p in (DENSE, at(0.5), at(0.9)) for a in (NONE, SE)]
    removed = [one.pruning.options.get("sparsity", 0.0) for one in cells]
    ledger = ledger_of(
        tmp_path, [(c, done(c, 0.9, sparsity=s)) for c, s in zip(cells, removed, strict=True)]
    )
    read = {one.key: course(0.5, 0.7) for one in cells}
    first, second = (everything(document_of(ledger), read) for _ in range(2))
    assert set(first) == {
        *("pareto_macs", "pareto_params", "pareto_latency"),
        *("grid", "curves", "pruning_sparsity"),
    }
    for name, figure in first.items():
        assert files(figure) == files(second[name])


def test_figures_are_as_wide_as_a_column_or_a_page(tmp_path: Path) -> None:
    rows = document_of(small(tmp_path)).rows
    plain = rows[rows["backbone"] == "resnet8"]
    assert pareto(rows, MACS).get_figwidth() == 7.0
    assert pareto(plain, MACS).get_figwidth() == 3.4
    widths = {one.get_figwidth() for one in everything(document_of(small(tmp_path))).values()}
    assert widths <= {3.4, 7.0}


@pytest.mark.parametrize("counts", [(5, 20, 20), (1, 200, 2), (40, 3, 3)], ids=str)
def test_a_figure_is_no_higher_than_a_page_and_says_what_it_leaves_out(
    counts: tuple[int, int, int], tmp_path: Path
) -> None:
    found = everything(document_of(product_of(tmp_path, *counts)))
    assert {"pareto_macs", "grid"} <= set(found)
    for figure in found.values():
        assert figure.get_figheight() <= 9.2
        assert_nothing_is_cut(figure)
    backbones, attentions, prunings = counts
    points, maps = found["pareto_macs"], found["grid"]
    names = attentions - sum("attention" in text.get_text() for text in points.texts) - 1
    assert said_to_miss(points) == backbones - len(points.axes) + max(names, 0)
    shown = sum(axes.collections[0].get_array().size for axes in maps.axes)
    assert (said_to_miss(maps) > 0) == (shown < backbones * attentions * prunings)


def said_to_miss(figure: Figure) -> int:
    """How many panels, maps or names a figure says that it leaves out."""
    text = " ".join(text.get_text() for text in figure.texts)
    return sum(int(count) for count in re.findall(r"[Aa]nd (\d+) more", text))


def wide(folder: Path) -> tuple[Ledger, dict[str, Curves]]:
    """Many variants with long names, on two backbones, and their curves."""
    long = Choice("a_rather_long_name_of_an_attention_module", {"reduction": 16, "where": "x" * 70})
    attentions = [NONE, SE, Choice("se", {"reduction": 4}), ECA, DIA, long]
    attentions += [Choice(long.name, {"reduction": 16, "where": "y" * 70})]
    prunings = [DENSE, *(at(s, n) for n in ("magnitude", "random") for s in (0.5, 0.8, 0.9))]
    prunings += [Choice(f"criterion_number_{n}", {"scope": "global"}) for n in range(12)]
    backbones = [RESNET, Choice("a_backbone_with_a_name_that_is_longer_than_its_panel_is_wide" * 2)]
    cells = [cell(b, a, p) for p in prunings for b in backbones for a in attentions]
    removed = [one.pruning.options.get("sparsity", 0.0) for one in cells]
    outcomes = [(c, done(c, 0.9, sparsity=share)) for c, share in zip(cells, removed, strict=True)]
    return ledger_of(folder, outcomes), {one.key: course(0.5, 0.7, 0.8) for one in cells}


def test_nothing_is_cut_however_long_its_name_and_however_many_there_are(tmp_path: Path) -> None:
    ledger, read = wide(tmp_path)
    for figure in everything(document_of(ledger), read).values():
        assert_nothing_is_cut(figure)


def test_nothing_is_cut_where_names_are_hostile(tmp_path: Path) -> None:
    found = everything(document_of(hostile(tmp_path)))
    assert {"pareto_macs", "grid"} <= set(found)
    for figure in found.values():
        assert_nothing_is_cut(figure)


def test_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    svg = files(pareto(document_of(hostile(tmp_path)).rows, MACS), ["svg"])["svg"].decode()
    assert "_i$e$" in svg
    assert "<script" not in svg


def test_more_panels_than_a_page_holds_are_counted() -> None:
    figure, axes = panels([f"backbone {n}" for n in range(MOST + 3)], lambda w: [], vertical="y")
    assert len(axes) == MOST
    assert "and 3 more panels: see table.csv" in [text.get_text() for text in figure.texts]
    assert figure.get_figheight() <= 9.2


def test_a_sweep_that_only_failed_has_no_figure(tmp_path: Path) -> None:
    one = cell()
    assert not everything(document_of(ledger_of(tmp_path, [(one, failed(one, "no"))])))
