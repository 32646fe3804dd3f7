"""Equal panels on a column or a page, with titles above and legends below them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.style import COLUMN_INCHES, PAGE_INCHES
from reports.lettering import broken, line_inches, literal
from reports.marks import MARGIN_INCHES, Legend

PANEL_INCHES = 2.05
"""The height of one."""
LEFT, RIGHT, GAP, BELOW, ABOVE, NOTE = 0.52, 0.14, 0.42, 0.42, 0.12, 0.25
"""Room beside the panels, between two of them, for the labels below, above a title, for a note."""
ACROSS = 3
MOST = 15
"""More do not fit on a page that people read; the figure says how many it leaves out."""

Legends = Callable[[float], Sequence[Legend]]
"""The legends of a figure of so many inches."""


def panels(titles: Sequence[str], legends: Legends, *, vertical: str) -> tuple[Figure, list[Axes]]:
    """An empty figure with a panel for each of the first titles.

    Args:
        vertical: the label of the vertical axes.
    """
    across = max(min(len(titles), ACROSS), 1)
    width = COLUMN_INCHES if across == 1 else PAGE_INCHES
    panel = (width - LEFT - RIGHT - (across - 1) * GAP) / across
    texts = [broken(title, panel) for title in titles[:MOST]]
    rows = [texts[start : start + across] for start in range(0, len(texts), across)]
    heads = [max(map(len, row)) * line_inches() + ABOVE for row in rows]
    shown, left_out = legends(width), len(titles) - len(texts)
    foot = sum(legend.inches for legend in shown) + (NOTE if left_out else 0) + 0.05
    figure = Figure(figsize=(width, foot + sum(heads) + len(rows) * (PANEL_INCHES + BELOW)))
    found, top = [], figure.get_figheight()
    for head, row in zip(heads, rows, strict=True):
        top -= head + PANEL_INCHES
        for place, lines in enumerate(row):
            axes = place_axes(figure, LEFT + place * (panel + GAP), top, panel, PANEL_INCHES)
            axes.set_title(literal("\n".join(lines)), loc="left", pad=4)
            found.append(axes)
        found[-len(row)].set_ylabel(vertical)
        top -= BELOW
    _foot(figure, shown, top, left_out)
    return figure, found


def place_axes(figure: Figure, x: float, y: float, width: float, height: float) -> Axes:
    """Axes whose place and size are in inches."""
    across, down = figure.get_size_inches()
    axes: Axes = figure.add_axes((x / across, y / down, width / across, height / down))
    return axes


def by_backbone(rows: pd.DataFrame, *further: str) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each panel with its title: protocols and backbones never share one.

    ``further`` columns do not either; like the protocol they are in the title if they differ.
    """
    apart = ["protocol", *further]
    said = [column for column in apart if rows[column].nunique() > 1]
    groups = rows.groupby(["backbone", "backbone_options", *apart], sort=False)
    found = []
    for _, some in groups:
        parts = [label(some, "backbone").iloc[0], *(some[column].iloc[0] for column in said)]
        found.append(("; ".join(filter(None, parts)), some))
    return found


def label(rows: pd.DataFrame, part: str) -> pd.Series:
    """What a part of the rows is called: its name, and the options that tell it from others."""
    return (rows[part] + " " + rows[f"{part}_options"]).str.strip()


def _foot(figure: Figure, legends: Sequence[Legend], top: float, left_out: int) -> None:
    width, height = figure.get_size_inches()
    if left_out:
        note = f"and {left_out} more panels: see table.csv"
        figure.text(MARGIN_INCHES / width, (top - 0.1) / height, note, va="center_baseline")
        top -= NOTE
    for legend in legends:
        legend.draw(figure, top)
        top -= legend.inches
