"""Training curves of dense networks: one panel for each backbone, one line for each attention."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.panels import by_backbone, label, panels
from reports.figures.style import STYLE
from reports.gather import NO_ROW
from reports.marks import Marks
from sweeps.curves import Curves

PHASE = "fit"
ACCURACY, LOSS = "val_accuracy", "train_loss"
SHOWN = [
    *("key", "row", "state", "protocol", "pruning"),
    *("backbone", "backbone_options", "attention", "attention_options"),
]
MOST_BANDS = 8
"""A panel of more lines has no bands: they would hide them."""

Read = Callable[[str], Curves]
"""A cell's curves, by its key."""


def curves(frame: pd.DataFrame, read: Read, marks: Marks) -> Figure | None:
    """Validation accuracy after each epoch, mean over seeds, in a band of one standard deviation.

    Where nothing was held out for validation it is the loss in training. None if no dense network
    has a curve of two epochs.

    Args:
        frame: of `reports.gather.gather`.
        marks: what each attention looks like.
    """
    frame = frame[SHOWN]
    is_dense = (frame["pruning"] == "none") & (frame["row"] != NO_ROW)
    cells = frame[is_dense & (frame["state"] == "done")]
    points = _points(list(cells["key"]), read)
    if not points["epoch"].nunique() > 1:
        return None
    is_accuracy = bool(points[ACCURACY].notna().any())
    points["y"] = 100 * points[ACCURACY] if is_accuracy else points[LOSS]
    points["row"] = points["key"].map(cells.set_index("key")["row"])
    lines = points.groupby(["row", "epoch"])["y"]
    found = lines.agg(["mean", "std"]).reset_index("epoch")
    rows = cells.drop_duplicates("row").set_index("row")
    groups = by_backbone(rows[rows.index.isin(found.index)])
    used = marks.only(set(label(rows, "attention")))
    vertical = "Validation accuracy (%)" if is_accuracy else "Training loss"
    with mpl.rc_context(STYLE):
        titles = [title for title, _ in groups]
        figure, made = panels(titles, lambda width: [used.lines(width)], vertical=vertical)
        for axes, (_, some) in zip(made, groups, strict=False):
            _panel(axes, some, found, marks)
    return figure


def _points(keys: Sequence[str], read: Read) -> pd.DataFrame:
    """A line for each epoch of each cell that is kept; epochs count from 1."""
    found: dict[str, list[object]] = {name: [] for name in ("key", "epoch", ACCURACY, LOSS)}
    for key in keys:
        curve = read(key).get(PHASE)
        if curve:
            found["key"] += [key] * len(curve["epoch"])
            for name in ("epoch", ACCURACY, LOSS):
                found[name] += curve[name]
    kinds = dict.fromkeys(("epoch", ACCURACY, LOSS), float)
    points = pd.DataFrame(found).astype(kinds)
    return points.assign(epoch=points["epoch"] + 1)


def _panel(axes: Axes, rows: pd.DataFrame, found: pd.DataFrame, marks: Marks) -> None:
    axes.grid(True)
    axes.set_axisbelow(True)
    for row, attention in label(rows, "attention").items():
        line = found.loc[[row]].dropna(subset="mean")
        colour, style = marks.stroke(attention)
        epochs, mean, std = line["epoch"], line["mean"], line["std"].fillna(0)
        axes.plot(epochs, mean, color=colour, linestyle=style, linewidth=0.9)
        if len(rows) <= MOST_BANDS:
            low, high = mean - std, mean + std
            axes.fill_between(epochs, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.locator_params(nbins=5)
    axes.locator_params(axis="x", integer=True)
    axes.set_xlabel("Epoch")
