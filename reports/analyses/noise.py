"""Accuracy of finished networks under noise in their batch norms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.analyses._row import Found, Row, mean, plain
from reports.analyses._sheet import BLUE, Strip, key, level, sheet
from reports.figures import STYLE
from reports.marks import GREY

__all__ = ["CAPTION", "draw", "numbers"]

CAPTION = (
    "Robustness to noise in the batch norms: accuracy on held-out images (validation split), mean "
    "over seeds. Left: every normalised map becomes scale · x + shift. Right: batch norms take "
    "their statistics from the batch, to which images of another data set are added; only the "
    "batch's own images are counted."
)
STYLES = ("-", "--", ":")
"""For the scales, in their order."""


def draw(rows: Sequence[Row]) -> Figure | None:
    """Two panels for each row: constant and mixed noise."""
    with mpl.rc_context(STYLE):
        figure, panels = sheet(rows, Strip(2, 1.25, 1.0, left=0.5, gap=0.15), foot=0.3)
        for row, axes in panels:
            if reference := plain(rows, row):
                _lines(axes, reference, GREY)
            _lines(axes, row, GREY if row.is_plain else BLUE)
            _describe(axes)
        level(panels)
        key(
            figure, {"this network": (BLUE, "-"), "without attention": (GREY, "-"), **_scales(rows)}
        )
    return figure


def numbers(found: Found) -> Iterator[dict[str, Any]]:
    """A line for each strength of either noise."""
    constant, mixed = found["constant"], found["mixed"]
    for scale, line in zip(constant["scales"], constant["accuracy"], strict=True):
        for shift, accuracy in zip(constant["shifts"], line, strict=True):
            yield {"noise": "constant", "scale": scale, "shift": shift, "accuracy": accuracy}
    for share, accuracy in zip(mixed["shares"], mixed["accuracy"], strict=True):
        yield {"noise": "mixed", "share": share, "accuracy": accuracy}


def _lines(axes: Sequence[Axes], row: Row, colour: str) -> None:
    constant, mixed = axes
    heights = 100 * mean(seed["constant"]["accuracy"] for seed in row.found)
    shifts = row.found[0]["constant"]["shifts"]
    for line, style in zip(heights, STYLES, strict=False):
        constant.plot(shifts, line, style, color=colour, linewidth=1)
    shares = [100 * share for share in row.found[0]["mixed"]["shares"]]
    heights = 100 * mean(seed["mixed"]["accuracy"] for seed in row.found)
    mixed.plot(shares, heights, color=colour, linewidth=1, marker="o", markersize=2)


def _describe(axes: Sequence[Axes]) -> None:
    constant, mixed = axes
    constant.set_ylabel("accuracy (%)", labelpad=2)
    constant.set_xlabel("shift", labelpad=1.5)
    mixed.set_xlabel("foreign images (%)", labelpad=1.5)
    mixed.set_yticklabels([])
    for one in axes:
        one.set_ylim(0, 104)
        one.grid(True, axis="y")


def _scales(rows: Sequence[Row]) -> dict[str, tuple[str, str]]:
    found = rows[0].found[0]["constant"]["scales"]
    return {f"scale {scale:g}": (GREY, style) for scale, style in zip(found, STYLES, strict=False)}
