"""Heat maps of accuracy: attentions downwards, prunings across, a map for each backbone."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from reports.figures.cells import EDGE, WITH_NUMBERS
from reports.figures.maps import Map, maps
from reports.figures.panels import place_axes
from reports.figures.stacks import Place, placed
from reports.figures.style import STYLE
from reports.lettering import broken, line_inches, literal
from reports.marks import GREY, INK

COLOURS = "cividis"
"""Reads the same to colour-blind readers, and in grey."""
SIGNS = {
    "failed": ("×", "failed"),
    "damaged": ("!", "record damaged"),
    "blocked": ("⊘", "its parent failed"),
    "missing": ("–", "not there yet"),
    "inapplicable": ("n/a", "cannot work"),
}
"""What stands in a cell without a number, and what that means, by the state of its row."""
HATCHED = ("failed", "damaged", "blocked")
FEWER = ("*", "not all seeds that were planned")
NUMBER_SIZE = 6.0


def grid(rows: pd.DataFrame) -> Figure | None:
    """Mean accuracy of every row; None if no backbone has two attentions and two prunings."""
    found = maps(rows)
    if not any(min(one.values.shape) > 1 for one in found):
        return None
    with mpl.rc_context(STYLE):
        return _figure(found)


def _figure(found: Sequence[Map]) -> Figure:
    places, width = placed(found)
    has_numbers = found[0].size is WITH_NUMBERS
    said = _notes([place.one for place in places], has_numbers, len(found) - len(places))
    notes = broken(" ".join(said), width - 2 * EDGE)
    height = max(place.end for place in places) + 0.06 + len(notes) * line_inches() + EDGE
    figure = Figure(figsize=(width, height))
    for place in places:
        axes = _draw(figure, place)
        if has_numbers:
            _write(axes, place.one)
    for number, text in enumerate(notes):
        y = EDGE + (len(notes) - number - 0.6) * line_inches()
        figure.text(EDGE / width, y / height, text, va="center_baseline")
    return figure


def _draw(figure: Figure, place: Place) -> Axes:
    one = place.one
    lines, columns = one.values.shape
    low, high = one.ends
    bottom = figure.get_figheight() - place.y - one.above - one.body
    axes = place_axes(figure, place.x + one.left, bottom, one.cells, one.body)
    axes.pcolormesh(
        np.ma.masked_invalid(one.values),
        cmap=COLOURS,
        vmin=low,
        vmax=max(high, low + 1e-9),
        edgecolors="white",
        linewidth=0.6,
    )
    axes.set(xlim=(0, columns), ylim=(lines, 0))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, pad=2)
    across = [literal("\n".join(name)) for name in one.across] if place.has_names else []
    ticks = np.arange(len(across)) + 0.5
    axes.set_xticks(ticks, across, rotation=90 if one.is_turned else 0)
    axes.set_yticks(np.arange(lines) + 0.5, [literal("\n".join(name)) for name in one.down])
    axes.set_title(literal("\n".join(one.titles)), loc="left", pad=4)
    for line, column in np.argwhere(np.isnan(one.values)):
        if state := one.states[line, column]:
            _empty(axes, line, column, state)
    return axes


def _empty(axes: Axes, line: int, column: int, state: str) -> None:
    """A cell without a number: hatched if something went wrong, grey if it cannot work."""
    is_wrong = state in HATCHED
    box = Rectangle(
        (column + 0.04, line + 0.06),
        0.92,
        0.88,
        facecolor="#e6e6e6" if state == "inapplicable" else "white",
        edgecolor=GREY,
        hatch="//////" if is_wrong else None,
        linewidth=0.4,
    )
    axes.add_patch(box)
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.6} if is_wrong else None
    _number(axes, line, column, SIGNS[state][0]).set_bbox(ground)


def _write(axes: Axes, one: Map) -> None:
    middle = sum(one.ends) / 2
    for line, column in np.argwhere(~np.isnan(one.values)):
        value = one.values[line, column]
        text = f"{value:.2f}{FEWER[0] if one.is_fewer[line, column] else ''}"
        _number(axes, line, column, text).set_color("white" if value <= middle else INK)


def _number(axes: Axes, line: int, column: int, text: str) -> Text:
    return axes.text(
        column + 0.5, line + 0.5, text, ha="center", va="center_baseline", fontsize=NUMBER_SIZE
    )


def _notes(shown: Sequence[Map], has_numbers: bool, left_out: int) -> list[str]:
    states = {state for one in shown for state in one.states[np.isnan(one.values)]}
    signs = [SIGNS[state] for state in SIGNS if state in states]
    signs += [FEWER] if has_numbers and any(one.is_fewer.any() for one in shown) else []
    said = ["Accuracy (%), mean over seeds; colours from the lowest to the highest of a backbone."]
    said += [] if has_numbers else ["Numbers: table.csv."]
    said += [f"{'; '.join(f'{sign} {meaning}' for sign, meaning in signs)}."] if signs else []
    more = f"And {left_out} more map{'s' * (left_out > 1)}: see table.csv."
    said += [more] if left_out else []
    return said
