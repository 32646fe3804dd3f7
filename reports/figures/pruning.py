"""Accuracy of pruned networks against how much of them was removed, where that differs."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.panels import by_backbone, label, panels
from reports.figures.pareto import MOST_BARS, bars, dots
from reports.figures.style import STYLE
from reports.legend import Legend
from reports.marks import Marks

NETWORK = ["protocol", "backbone", "backbone_options", "attention", "attention_options"]
RATIOS = r"\b(?:sparsity|macs|params)=\S+"
"""Options that say how much a criterion is to remove."""
MOST_LINES = 16
"""Where a panel would have more, each criterion has its own."""
LEAST_STEP = 1.0
"""In percent: a line that spans less has one ratio only."""


@dataclass(frozen=True)
class Share:
    """What is on the horizontal axis, in percent; ``dense`` is where dense networks stand."""

    column: str
    name: str
    dense: float


SPARSITY = Share("removed", "Removed of what can be pruned (%)", 0.0)
MACS_LEFT = Share("macs_left", "MACs left (%)", 100.0)


def pruning(rows: pd.DataFrame, share: Share, marks: Marks) -> Figure | None:
    """Mean accuracy of each criterion at the ratios that it achieved.

    A line is one network and one criterion, and begins at the dense network; its colour is the
    attention, its marker the criterion. None if no line has two ratios.
    """
    points = _points(rows, share)
    if points.empty:
        return None
    used = marks.only(set(points["attention"]), {"none", *points["pruning"]})

    def legends(width: float) -> list[Legend]:
        return [used.dots(width), used.shapes(width, {})]

    lines = points.drop_duplicates([*NETWORK, "pruning", "further"])
    is_crowded = (
        lines.groupby(["protocol", "backbone", "backbone_options"]).size().max() > MOST_LINES
    )
    groups = by_backbone(points, *(["pruning"] if is_crowded else []), "further")
    with mpl.rc_context(STYLE):
        titles = [title for title, _ in groups]
        figure, found = panels(titles, legends, vertical="Accuracy (%)")
        for axes, (_, some) in zip(found, groups, strict=False):
            _panel(axes, some, share, marks)
    return figure


def _points(rows: pd.DataFrame, share: Share) -> pd.DataFrame:
    """A line for each pruned row whose criterion has several ratios on its network."""
    dense = rows[rows["pruning"] == "none"].drop_duplicates(NETWORK).set_index(NETWORK)
    is_shown = (rows["pruning"] != "none") & ~rows["is_search"].astype(bool)
    rows = rows[is_shown & rows["accuracy_mean"].notna()]
    start = dense.reindex(pd.MultiIndex.from_frame(rows[NETWORK]))
    options = (rows["pruning_options"] + " " + rows["refit_options"]).str.replace(
        RATIOS, "", regex=True
    )
    found = rows.assign(
        removed=100 * rows["sparsity"],
        macs_left=100 * rows["macs"] / start["macs"].to_numpy(),
        further=options.str.split().str.join(" "),
        attention=label(rows, "attention"),
        dense=100 * start["accuracy_mean"].to_numpy(),
        y=100 * rows["accuracy_mean"],
        spread=100 * rows["accuracy_std"].fillna(0),
    )
    found["x"] = found[share.column]
    x = found.groupby([*NETWORK, "pruning", "further"])["x"]
    return found[x.transform("max") - x.transform("min") >= LEAST_STEP]


def _panel(axes: Axes, points: pd.DataFrame, share: Share, marks: Marks) -> None:
    points = points[["x", "y", "dense", "spread", "attention", "pruning"]]
    axes.grid(True)
    axes.set_axisbelow(True)
    if len(points) <= MOST_BARS:
        bars(axes, points, marks)
    starts = points.assign(x=share.dense, y=points["dense"], pruning="none")
    starts = starts[starts["y"].notna()].drop_duplicates("attention")
    everything = pd.concat([starts, points])
    for attention, lines in everything.groupby("attention", sort=False):
        colour, style = marks.stroke(str(attention))
        is_start = lines["pruning"] == "none"
        for criterion in lines["pruning"][~is_start].unique():
            line = lines[is_start | (lines["pruning"] == criterion)].sort_values("x")
            axes.plot(line["x"], line["y"], color=colour, linestyle=style, linewidth=0.8, alpha=0.7)
    dots(axes, everything, marks)
    axes.locator_params(nbins=5)
    axes.set_xlabel(share.name)
