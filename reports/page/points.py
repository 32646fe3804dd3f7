"""Colours and shapes of the points in the page's plots: those of the figures, where the colour
stands for the attention and the shape for the pruning."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.colors import to_hex
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path

from reports.figures.panels import label
from reports.marks import INK, Marker, Marks

LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}
"""matplotlib's path codes in SVG."""


def points(rows: pd.DataFrame) -> dict[str, Any]:
    """``colours``: attention -> colour of edge and face; ``dashes``: attention -> style of a line;
    ``shapes``: pruning -> path of an SVG.

    ``ink`` is the colour that stands for the ink of the page, dark or light.
    """
    marks = Marks.of(label(rows, "attention"), rows["pruning"])
    colours = {
        name: [to_hex(edge), to_hex(face, keep_alpha=True)]
        for name, (edge, face) in marks.colours.items()
    }
    names = {"-": "solid", "--": "dashed", ":": "dotted"}
    dashes = {name: names[marks.stroke(name)[1]] for name in marks.colours}
    shapes = {name: shape(marker) for name, marker in marks.markers.items()}
    return {"ink": to_hex(INK), "colours": colours, "dashes": dashes, "shapes": shapes}


def shape(marker: Marker) -> str:
    """A marker of matplotlib as the path of an SVG, upright, within a few units around 0."""
    style = MarkerStyle(marker)
    path = style.get_path().transformed(style.get_transform())
    said = []
    for places, code in path.iter_segments(simplify=False):
        pairs = places.reshape(-1, 2) * (1, -1)  # in an SVG y points down
        numbers = " ".join(f"{number:g}" for number in pairs.ravel().round(3) + 0.0)
        said.append("Z" if code == Path.CLOSEPOLY else f"{LETTERS[code]}{numbers}")
    return "".join(said)
