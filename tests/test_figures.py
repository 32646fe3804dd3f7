"""Figures for papers: what they show, that nothing of it is cut, and that they stay the same."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from itertools import combinations
from math import isnan, sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ledgers import (
    DIA,
    ECA,
    MAGNITUDE,
    NONE,
    RESNET,
    SE,
    VIT,
    cell,
    document_of,
    done,
    failed,
    hostile,
    ledger_of,
    small,
)
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox
from simulated_vision import READERS, contrast, difference

from reports.document import Document
from reports.figures import LATENCY, MACS, PARAMS, figures, files, front, pareto
from reports.figures.curves import MOST_BANDS, curves
from reports.figures.grid import FEWER, SIGNS, grid
from reports.figures.panels import MOST, label, panels
from reports.figures.pruning import MACS_LEFT, MOST_LINES, SPARSITY, pruning
from reports.lettering import broken, inches, shortened
from reports.marks import COLOURS, INK, Marks
from sweeps.cell import DENSE, Cell, Choice
from sweeps.curves import Curves
from sweeps.ledger import Ledger

NOTHING: Curves = {}


def marks_of(rows: pd.DataFrame) -> Marks:
    return Marks.of(label(rows, "attention"), rows["pruning"])


def at(sparsity: float, name: str = "magnitude", **more: object) -> Choice:
    return Choice(name, {"sparsity": sparsity, "macs": None, **more})


def assert_nothing_is_cut(figure: Figure) -> None:
    """Nothing is drawn outside of the figure: a frame around it stays white."""
    width, height = figure.get_size_inches()
    buffer = io.BytesIO()
    around = Bbox.from_extents(-1, -1, width + 1, height + 1)
    figure.savefig(buffer, format="rgba", dpi=100, bbox_inches=around)
    drawn = np.frombuffer(buffer.getvalue(), np.uint8)
    drawn = drawn.reshape(-1, round(100 * (width + 2)), 4)[..., :3] < 255
    inside = drawn[99:-99, 99:-99]
    assert inside.any()
    assert drawn.sum() == inside.sum()


def everything(document: Document, read: Mapping[str, Curves] | None = None) -> dict[str, Figure]:
    return figures(document.frame, document.rows, lambda key: (read or {}).get(key, NOTHING))


# Files


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


def product_of(folder: Path, backbones: int, attentions: int, prunings: int) -> Ledger:
    """Everything finished, one seed; prunings differ in their ratio."""
    ratios = [at(round(share / prunings, 2)) for share in range(1, prunings)]
    cells = [
        cell(Choice(f"backbone{b}"), Choice(f"attention{a}") if a else NONE, pruning)
        for pruning in (DENSE, *ratios)
        for b in range(backbones)
        for a in range(attentions)
    ]
    removed = [one.pruning.options.get("sparsity", 0.0) for one in cells]
    return ledger_of(
        folder, [(c, done(c, 0.9, sparsity=share)) for c, share in zip(cells, removed, strict=True)]
    )


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


def test_a_long_text_is_broken_into_lines_that_fit() -> None:
    text = f"several words and {'a_very_long_one' * 5}"
    lines = broken(text, 1.0)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert max(map(inches, lines)) <= 1.0
    assert broken("short", 1.0) == ["short"]


def test_a_long_legend_has_fewer_columns_and_more_lines() -> None:
    short = Marks.of(["none", "se", "eca"], []).dots(3.4)
    long = Marks.of(["none", "se", "eca" * 40], []).dots(3.4)
    assert (short.columns, long.columns) == (4, 1)
    assert len(long.texts[2]) > 2
    assert long.inches > short.inches


def test_a_legend_of_very_many_names_says_how_many_it_leaves_out() -> None:
    legend = Marks.of([f"attention{n}" for n in range(200)], []).dots(3.4)
    assert legend.inches < 4.3
    assert legend.left_out
    assert len(legend.texts) + legend.left_out == 200


def test_an_attention_has_one_colour_in_all_figures(tmp_path: Path) -> None:
    """ECA has no finished dense network here, and no curve, and still counts."""
    networks = [cell(attention=a) for a in (NONE, SE, DIA)]
    outcomes = [(one, done(one, 0.9)) for one in networks]
    eca = cell(attention=ECA)
    outcomes.insert(2, (eca, failed(eca, "no")))
    document = document_of(ledger_of(tmp_path, outcomes))
    found = everything(document, {one.key: course(0.5, 0.6) for one in networks})
    lines = found["curves"].axes[0].lines
    assert [to_hex(line.get_color()) for line in lines] == ["#101010", *map(str.lower, (
        COLOURS[0], COLOURS[2]
    ))]  # fmt: skip
    points = found["pareto_macs"].axes[0].collections
    assert [to_hex(edge) for dots in points for edge in dots.get_edgecolors()] == [
        to_hex(line.get_color()) for line in lines
    ]


def test_every_colour_stands_out_from_a_page_light_or_dark() -> None:
    css = (Path(__file__).parents[1] / "reports/assets/page.css").read_text()
    (grounds,) = re.findall(r"--paper: light-dark\((#\w+), (#\w+)\)", css)
    for colour in COLOURS:
        assert min(contrast(colour, ground) for ground in grounds) >= 3, colour


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_can_tell_any_two_colours_apart(reader: str) -> None:
    pairs = combinations([INK, *COLOURS], 2)
    found = {pair: difference(*pair, reader) for pair in pairs}
    assert min(found.values()) >= 12, min(found, key=lambda pair: found[pair])


def test_a_text_that_is_too_long_ends_in_an_ellipsis() -> None:
    text = "several words that take a number of lines"
    assert shortened(text, 1.0, 9) == broken(text, 1.0)
    short = shortened(text, 1.0, 2)
    assert short[0] == broken(text, 1.0)[0]
    assert short[1].endswith("…")
    assert max(map(inches, short)) <= 1.0


def test_more_panels_than_a_page_holds_are_counted() -> None:
    figure, axes = panels([f"backbone {n}" for n in range(MOST + 3)], lambda w: [], vertical="y")
    assert len(axes) == MOST
    assert "and 3 more panels: see table.csv" in [text.get_text() for text in figure.texts]
    assert figure.get_figheight() <= 9.2


def test_a_sweep_that_only_failed_has_no_figure(tmp_path: Path) -> None:
    one = cell()
    assert not everything(document_of(ledger_of(tmp_path, [(one, failed(one, "no"))])))


# Accuracy against cost


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


# Heat map


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


# Curves


def course(*accuracies: float | None, loss: float = 1.0) -> Curves:
    count = len(accuracies)
    epochs: list[float | None] = [float(epoch) for epoch in range(count)]
    return {
        "fit": {
            "epoch": epochs,
            "val_accuracy": list(accuracies),
            "train_loss": [loss / (1 + epoch) for epoch in range(count)],
        }
    }


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


# Pruning


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
