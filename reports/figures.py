"""Accuracy against cost: one panel for each backbone, with the Pareto front drawn."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator
from matplotlib.transforms import IdentityTransform

from reports.marks import GREY, INK, Marks, literal

COLUMN_INCHES = 3.4
PAGE_INCHES = 7.0
PANEL_INCHES = 2.05
PNG_DPI = 200
MOST_BARS = 40
"""A panel of more points has no bars: they would hide them."""

STYLE = {
    "font.size": 7,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 7.5,
    "axes.linewidth": 0.6,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": GREY,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "triptych",
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class Cost:
    """What is on the horizontal axis: a column of the rows, its name, its unit."""

    column: str
    name: str
    unit: str
    scale: float = 1.0


MACS = Cost("macs", "MACs", "M", 1e-6)
LATENCY = Cost("latency_ms", "Latency of one batch", "ms")


def pareto(rows: pd.DataFrame, cost: Cost) -> Figure:
    """Accuracy (mean, one standard deviation) against a cost.

    The colour of a point is its attention, its marker is its pruning. Times of different settings
    never share a panel.
    """
    rows = rows[rows["accuracy_mean"].notna() & rows[cost.column].notna()]
    by = ["protocol", "backbone", "backbone_options"]
    by += ["latency_setting"] if cost is LATENCY else []
    panels = [group for _, group in rows.groupby(by, sort=False)]
    with mpl.rc_context(STYLE):
        return _figure(rows, panels, cost)


def files(figure: Figure) -> dict[str, bytes]:
    """The figure as png, pdf and svg, the same bytes every time."""
    found = {}
    dates = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}
    for kind, metadata in dates.items():
        buffer = io.BytesIO()
        with mpl.rc_context(STYLE):
            figure.savefig(
                buffer, format=kind, dpi=PNG_DPI, metadata=metadata, transparent=kind == "svg"
            )
        found[kind] = buffer.getvalue()
    return found


def front(costs: Sequence[float], accuracies: Sequence[float]) -> list[int]:
    """Places of the points that no other point beats in one without losing in the other."""
    order = sorted(range(len(costs)), key=lambda place: (costs[place], -accuracies[place]))
    found: list[int] = []
    for place in order:
        if not found or accuracies[place] > accuracies[found[-1]]:
            found.append(place)
    return found


def _figure(rows: pd.DataFrame, panels: Sequence[pd.DataFrame], cost: Cost) -> Figure:
    across = min(max(len(panels), 1), 3)
    down = max(ceil(len(panels) / across), 1)
    width = COLUMN_INCHES if across == 1 else PAGE_INCHES
    marks = Marks.of(_attentions(rows), rows["pruning"])
    legends = marks.legends(width) if panels else []
    below = sum(legend.inches for legend in legends) + 0.05
    height = down * (PANEL_INCHES + 0.7) + below
    figure = Figure(figsize=(width, height))
    grid = figure.subplots(down, across, squeeze=False)
    figure.subplots_adjust(
        left=0.52 / width,
        right=1 - 0.12 / width,
        top=1 - 0.28 / height,
        bottom=(below + 0.42) / height,
        wspace=0.2,
        hspace=0.7 / PANEL_INCHES,
    )
    for place, axes in enumerate(grid.flat):
        if place < len(panels):
            _panel(axes, panels[place], cost, marks)
            _describe(axes, panels[place], rows["protocol"].nunique() > 1)
        else:
            axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel("Accuracy (%)")
    if not panels:
        grid[0, 0].text(0.5, 0.5, f"{cost.name}: not measured", ha="center", va="center")
    top = below
    for legend in legends:
        legend.draw(figure, top)
        top -= legend.inches
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, cost: Cost, marks: Marks) -> None:
    costs, unit = rows[cost.column] * cost.scale, cost.unit
    if cost is MACS and costs.max() >= 1000:
        costs, unit = costs / 1000, "G"
    points = pd.DataFrame(
        {
            "x": costs,
            "y": 100 * rows["accuracy_mean"],
            "spread": 100 * rows["accuracy_std"].fillna(0),
            "attention": _attentions(rows),
            "pruning": rows["pruning"],
        }
    )
    axes.grid(True)
    axes.set_axisbelow(True)
    if len(points) <= MOST_BARS:
        _bars(axes, points, marks)
    ahead = points.iloc[front(list(points["x"]), list(points["y"]))]
    axes.step(ahead["x"], ahead["y"], where="post", color=GREY, linewidth=0.8, zorder=2.5)
    _dots(axes, points, marks)
    axes.set_xlabel(f"{cost.name} ({unit})")
    _ticks(axes, points["x"])


def _bars(axes: Axes, points: pd.DataFrame, marks: Marks) -> None:
    """Standard deviations; those of one colour as one line with gaps, which is fast to draw."""
    for attention, some in points.groupby("attention", sort=False):
        colour, _ = marks.colours[str(attention)]
        ends = [some["y"] - some["spread"], some["y"] + some["spread"], some["y"] * np.nan]
        heights = np.stack(ends, axis=1).ravel()
        axes.plot(np.repeat(some["x"], 3), heights, color=colour, linewidth=0.7, alpha=0.6)


def _dots(axes: Axes, points: pd.DataFrame, marks: Marks) -> None:
    """The points; one collection for each marker. (Axes.scatter takes five times as long.)"""
    for pruning, some in points.groupby("pruning", sort=False):
        style = MarkerStyle(marks.markers[str(pruning)])
        colours = np.array([marks.colours[attention] for attention in some["attention"]])
        dots = PathCollection(
            [style.get_path().transformed(style.get_transform())],
            [16.0],
            offsets=some[["x", "y"]].to_numpy(),
            offset_transform=axes.transData,
            linewidths=0.9,
            edgecolors=colours[:, 0],
            facecolors=colours[:, 1],
            zorder=3,
        )
        dots.set_transform(IdentityTransform())
        axes.add_collection(dots, autolim=False)
    axes.update_datalim(points[["x", "y"]].to_numpy())
    axes.autoscale_view()


def _ticks(axes: Axes, costs: pd.Series) -> None:
    """Few ticks; a logarithmic axis where the costs differ by more than a factor of ten."""
    axes.locator_params(nbins=5)
    if costs.max() > 10 * costs.min() > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.xaxis.set_minor_locator(NullLocator())


def _describe(axes: Axes, rows: pd.DataFrame, with_protocol: bool) -> None:
    first = rows.iloc[0]
    title = f"{first['backbone']} {first['backbone_options']}".strip()
    title += f"\n{first['protocol']}" if with_protocol else ""
    axes.set_title(literal(title), loc="left", y=1.02)


def _attentions(rows: pd.DataFrame) -> pd.Series:
    return (rows["attention"] + " " + rows["attention_options"]).str.strip()
