"""Loss around the weights along random directions, and the curvature there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from reports.analyses._row import Found, Row, mean, plain, spread
from reports.analyses._sheet import BLUE, Strip, key, level, sheet
from reports.figures import STYLE
from reports.marks import GREY

__all__ = ["CAPTION", "draw", "numbers"]

CAPTION = (
    "Flatness: training loss along random directions whose filters are as long as the weights' "
    "(batch norms and biases stay), geometric mean over directions and seeds, band of one standard "
    "deviation. λ: largest eigenvalue of the Hessian (* where power iteration had not come to "
    "rest); g: norm of the gradient; both means over seeds."
)

TINY = 1e-6
"""A loss below it is drawn there."""


def draw(rows: Sequence[Row]) -> Figure | None:
    """A panel for each row."""
    with mpl.rc_context(STYLE):
        figure, panels = sheet(rows, Strip(1, 1.2, 1.0, left=0.46, below=0.52), foot=0.3)
        for row, (axes,) in panels:
            if reference := plain(rows, row):
                _curve(axes, reference, GREY)
            _curve(axes, row, GREY if row.is_plain else BLUE, band=True)
            axes.set_yscale("log")
            axes.yaxis.set_minor_locator(NullLocator())
            axes.set_ylabel("loss", labelpad=2)
            axes.set_xlabel(_words(row.found), labelpad=1.5)
            axes.grid(True, axis="y")
        level(panels)
        key(figure, {"this network": (BLUE, "-"), "without attention": (GREY, "-")})
    return figure


def numbers(found: Found) -> Iterator[dict[str, Any]]:
    """A line for each point of each curve; what is one number stands in each."""
    one = {n: found[n] for n in ("loss", "gradient_norm", "eigenvalue", "steps", "converged")}
    for direction, curve in enumerate(found["curves"], start=1):
        for offset, loss in zip(found["offsets"], curve, strict=True):
            yield {**one, "direction": direction, "offset": offset, "loss_there": loss}


def _curve(axes: Axes, row: Row, colour: str, *, band: bool = False) -> None:
    curves = [np.log(np.maximum(curve, TINY)) for seed in row.found for curve in seed["curves"]]
    middle, around = mean(curves), spread(curves)
    offsets = row.found[0]["offsets"]
    axes.plot(offsets, np.exp(middle), color=colour, linewidth=1)
    if band:
        low, high = np.exp(middle - around), np.exp(middle + around)
        axes.fill_between(offsets, low, high, color=colour, alpha=0.15, lw=0)


def _words(seeds: Sequence[Found]) -> str:
    top, slope = (
        sum(seed[name] for seed in seeds) / len(seeds) for name in ("eigenvalue", "gradient_norm")
    )
    mark = "" if all(seed["converged"] for seed in seeds) else "*"
    return f"distance\nλ {top:.3g}{mark}, g {slope:.2g}"
