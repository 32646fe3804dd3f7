"""Equal panels on a column or a page, with titles above and legends below them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.style import COLUMN_INCHES, DEEP_INCHES, PAGE_INCHES
from reports.legend import MARGIN_INCHES, Legend
from reports.lettering import broken, line_inches, literal, shortened

PANEL_INCHES, LEAST_INCHES = 2.05, 1.1
"""The height of one, and its least where many share a page."""
LEFT, RIGHT, GAP, BELOW, ABOVE, EDGE = 0.52, 0.14, 0.42, 0.42, 0.12, 0.05
"""Room beside the panels, between two of them, for the labels below, above a title, at the end."""
ACROSS = 3
MOST = 15
"""More do not fit on a page that people read; the figure says how many it leaves out."""
MOST_TITLE = 4
"""Lines of a title."""

Legends = Callable[[float], Sequence[Legend]]
"""The legends of a figure of so many inches."""


def panels(
    titles: Sequence[str], legends: Legends, *, vertical: str, note: str = ""
) -> tuple[Figure, list[Axes]]:
    """An empty figure with a panel for each of the first titles, as many as fit on a page.

    Args:
        vertical: the label of the vertical axes.
        note: what is said below the panels.
    """
    across = max(min(len(titles), ACROSS), 1)
    width = COLUMN_INCHES if across == 1 else PAGE_INCHES
    panel = (width - LEFT - RIGHT - (across - 1) * GAP) / across
    texts = [shortened(title, panel, MOST_TITLE) for title in titles[:MOST]]
    rows = [texts[start : start + across] for start in range(0, len(texts), across)]
    heads = [max(map(len, row)) * line_inches() + ABOVE for row in rows]
    shown = legends(width)
    below = EDGE + sum(legend.inches for legend in shown)
    count, high = _fitting(heads, DEEP_INCHES - below - _depth(_notes(note, width, len(titles))))
    rows, heads = rows[:count], heads[:count]
    said = _notes(note, width, len(titles) - sum(map(len, rows)))
    down = sum(heads) + count * (high + BELOW)
    figure = Figure(figsize=(width, below + _depth(said) + down))
    found, top = [], figure.get_figheight()
    for head, row in zip(heads, rows, strict=True):
        top -= head + high
        for place, lines in enumerate(row):
            axes = place_axes(figure, LEFT + place * (panel + GAP), top, panel, high)
            axes.set_title(literal("\n".join(lines)), loc="left", pad=4)
            found.append(axes)
        found[-len(row)].set_ylabel(vertical)
        top -= BELOW
    _foot(figure, shown, top, said)
    return figure, found


def _fitting(heads: Sequence[float], room: float) -> tuple[int, float]:
    """How many rows of panels there is room for, and how high their panels are."""
    for count in range(len(heads), 0, -1):
        high = (room - sum(heads[:count])) / count - BELOW
        if high >= LEAST_INCHES or count == 1:
            break
    return count, max(min(high, PANEL_INCHES), LEAST_INCHES)


def _notes(note: str, width: float, left_out: int) -> list[str]:
    """Lines below the panels."""
    more = f"and {left_out} more panel{'s' * (left_out > 1)}: see table.csv" if left_out else ""
    said = filter(None, (note, more))
    return [line for text in said for line in broken(text, width - 2 * MARGIN_INCHES)]


def _depth(lines: Sequence[str]) -> float:
    """Of lines below the panels, in inches."""
    return len(lines) * line_inches() + 0.13 if lines else 0.0


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


def _foot(figure: Figure, legends: Sequence[Legend], top: float, said: Sequence[str]) -> None:
    width, height = figure.get_size_inches()
    for number, line in enumerate(said):
        y = top - 0.1 - number * line_inches()
        figure.text(MARGIN_INCHES / width, y / height, literal(line), va="center_baseline")
    top -= _depth(said)
    for legend in legends:
        legend.draw(figure, top)
        top -= legend.inches
