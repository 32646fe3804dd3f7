"""How far each block moves the features, along depth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter

from reports.analyses._row import Found, Row, mean, plain
from reports.analyses._sheet import BLUE, ORANGE, Strip, key, level, sheet
from reports.figures import STYLE
from reports.marks import GREY

__all__ = ["CAPTION", "draw", "numbers"]

CAPTION = (
    "Stiffness along depth: NSI, the change of the features over a block relative to their size, "
    "mean over images and seeds (band: one standard deviation over images); with every gate "
    "replaced by the identity at the same weights, and for the backbone without attention. Blocks "
    "that change the shape have no NSI; dotted lines part the stages."
)
LINES = {"gated": BLUE, "ungated": ORANGE}
WORDS = {"gated": "this network", "ungated": "its gates replaced by the identity"}


def draw(rows: Sequence[Row]) -> Figure | None:
    """A panel for each row; None if no block keeps the shape."""
    rows = [row for row in rows if any(found["blocks"] for found in row.found)]
    if not rows:
        return None
    with mpl.rc_context(STYLE):
        figure, panels = sheet(rows, Strip(1, 1.2, 1.0, left=0.46, below=0.4), foot=0.3)
        for row, (axes,) in panels:
            if reference := plain(rows, row):
                _line(axes, reference.found, "gated", GREY)
            for which, colour in LINES.items():
                _line(axes, row.found, which, GREY if row.is_plain else colour, band=True)
            _describe(axes, row)
        level(panels)
        names = {name: (LINES[which], "-") for which, name in WORDS.items()}
        key(figure, {**names, "without attention": (GREY, "-")})
    return figure


def numbers(found: Found) -> Iterator[dict[str, Any]]:
    """A line for each block; stages and blocks count from 1."""
    for block in found["blocks"]:
        line = {"stage": block["stage"] + 1, "block": block["block"] + 1}
        line["plugged"] = block["plugged"]
        for which in LINES:
            line |= {f"nsi_{which}_{k}": v for k, v in (block[which] or {}).items()}
        yield line


def _line(
    axes: Axes, seeds: Sequence[Found], which: str, colour: str, *, band: bool = False
) -> None:
    if any(seed["blocks"][0][which] is None for seed in seeds):
        return
    blocks = [seed["blocks"] for seed in seeds if len(seed["blocks"]) == len(seeds[0]["blocks"])]
    middle = mean([block[which]["mean"] for block in seed] for seed in blocks)
    around = mean([block[which]["std"] for block in seed] for seed in blocks)
    depth = np.arange(1, len(middle) + 1)
    marker = "o" if len(depth) < 12 else None
    axes.plot(depth, middle, color=colour, linewidth=1, marker=marker, markersize=2)
    if band:
        axes.fill_between(depth, middle - around, middle + around, color=colour, alpha=0.15, lw=0)


def _describe(axes: Axes, row: Row) -> None:
    blocks = row.found[0]["blocks"]
    for place in range(1, len(blocks)):
        if blocks[place]["stage"] != blocks[place - 1]["stage"]:
            axes.axvline(place + 0.5, color=GREY, linewidth=0.6, linestyle=":")
    axes.set_xticks(range(1, len(blocks) + 1, len(blocks) // 5 + 1))
    axes.set_xlim(0.5, len(blocks) + 0.5)
    axes.set_xlabel("block", labelpad=1.5)
    axes.set_ylabel("NSI", labelpad=2)
    axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.grid(True, axis="y")
