"""Accuracy against cost: one panel for each backbone, with the Pareto front drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator
from matplotlib.transforms import IdentityTransform

from reports.figures.panels import by_backbone, label, panels
from reports.figures.settings import told_apart
from reports.figures.style import STYLE
from reports.legend import Legend
from reports.marks import GREY, Marks

MOST_BARS = 40
"""A panel of more points has no bars: they would hide them."""


@dataclass(frozen=True)
class Cost:
    """What is on the horizontal axis: a column of the rows, its name, its unit.

    ``large`` is the unit of a thousand, for panels that need it.
    """

    column: str
    name: str
    unit: str
    scale: float = 1.0
    large: str = ""


MACS = Cost("macs", "MACs", "M", 1e-6, "G")
PARAMS = Cost("params", "Parameters", "k", 1e-3, "M")
LATENCY = Cost("latency_ms", "Latency of one batch", "ms")


def pareto(rows: pd.DataFrame, cost: Cost, marks: Marks | None = None) -> Figure:
    """Accuracy (mean, one standard deviation) against a cost.

    The colour of a point is its attention, its marker is its pruning. Times of different settings
    never share a panel, and the figure says what they are.
    """
    marks = marks or Marks.of(label(rows, "attention"), rows["pruning"])
    rows, note = measured(rows, cost), ""
    if cost is LATENCY:
        names, note = told_apart(list(dict.fromkeys(rows["latency_setting"])))
        rows = rows.assign(latency_setting=rows["latency_setting"].map(names))
    groups = by_backbone(rows, *(["latency_setting"] if cost is LATENCY else []))
    used = marks.only(set(label(rows, "attention")), set(rows["pruning"]))

    def legends(width: float) -> list[Legend]:
        front = {"Pareto front": "-"}
        return [used.dots(width), used.shapes(width, front)] if groups else []

    titles = [title for title, _ in groups] or [""]
    with mpl.rc_context(STYLE):
        figure, found = panels(titles, legends, vertical="Accuracy (%)", note=note)
        for axes, (_, some) in zip(found, groups, strict=False):
            _panel(axes, some, cost, marks)
        if not groups:
            found[0].text(0.5, 0.5, f"{cost.name}: not measured", ha="center", va="center")
    return figure


def measured(rows: pd.DataFrame, cost: Cost) -> pd.DataFrame:
    """The rows that have a point."""
    return rows[rows["accuracy_mean"].notna() & rows[cost.column].notna()]


def front(costs: Sequence[float], accuracies: Sequence[float]) -> list[int]:
    """Places of the points that no other point beats in one without losing in the other."""
    order = sorted(range(len(costs)), key=lambda place: (costs[place], -accuracies[place]))
    found: list[int] = []
    for place in order:
        if not found or accuracies[place] > accuracies[found[-1]]:
            found.append(place)
    return found


def dots(axes: Axes, points: pd.DataFrame, marks: Marks) -> None:
    """Points at ``x`` and ``y``, a collection for each marker: five times as fast as a scatter."""
    places, prunings = points[["x", "y"]].to_numpy(), points["pruning"].to_numpy()
    colours = np.array([marks.colours[attention] for attention in points["attention"]])
    for pruning in dict.fromkeys(prunings):
        is_here = prunings == pruning
        style = MarkerStyle(marks.markers[pruning])
        drawn = PathCollection(
            [style.get_path().transformed(style.get_transform())],
            [16.0],
            offsets=places[is_here],
            offset_transform=axes.transData,
            linewidths=0.9,
            edgecolors=colours[is_here, 0],
            facecolors=colours[is_here, 1],
            zorder=3,
        )
        drawn.set_transform(IdentityTransform())
        axes.add_collection(drawn, autolim=False)
    axes.update_datalim(places)
    axes.autoscale_view()


def bars(axes: Axes, points: pd.DataFrame, marks: Marks) -> None:
    """Standard deviations; those of one colour as one line with gaps, which is fast to draw."""
    for attention, some in points.groupby("attention", sort=False):
        colour, _ = marks.colours[str(attention)]
        ends = [some["y"] - some["spread"], some["y"] + some["spread"], some["y"] * np.nan]
        heights = np.stack(ends, axis=1).ravel()
        axes.plot(np.repeat(some["x"], 3), heights, color=colour, linewidth=0.7, alpha=0.6)


def _panel(axes: Axes, rows: pd.DataFrame, cost: Cost, marks: Marks) -> None:
    costs, unit = rows[cost.column] * cost.scale, cost.unit
    if cost.large and costs.max() >= 1000:
        costs, unit = costs / 1000, cost.large
    points = pd.DataFrame(
        {
            "x": costs,
            "y": 100 * rows["accuracy_mean"],
            "spread": 100 * rows["accuracy_std"].fillna(0),
            "attention": label(rows, "attention"),
            "pruning": rows["pruning"],
        }
    )
    axes.grid(True)
    axes.set_axisbelow(True)
    if len(points) <= MOST_BARS:
        bars(axes, points, marks)
    ahead = points.iloc[front(list(points["x"]), list(points["y"]))]
    axes.step(ahead["x"], ahead["y"], where="post", color=GREY, linewidth=0.8, zorder=2.5)
    dots(axes, points, marks)
    axes.set_xlabel(f"{cost.name} ({unit})")
    _ticks(axes, points["x"])


def _ticks(axes: Axes, costs: pd.Series) -> None:
    """Few ticks; a logarithmic axis where the costs differ by more than a factor of ten."""
    axes.locator_params(nbins=5)
    if costs.max() > 10 * costs.min() > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.xaxis.set_minor_locator(NullLocator())
