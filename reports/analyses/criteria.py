"""How alike pruning criteria rank the channels of a layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.analyses._row import Found, Row, mean
from reports.analyses._sheet import Strip, scale, sheet
from reports.figures import STYLE

__all__ = ["CAPTION", "draw", "numbers"]

CAPTION = (
    "Rank correlation of pruning criteria: Spearman's rho of their scores over the channels of a "
    "layer, as the mean over layers and for the first, the middle and the last layer; mean over "
    "seeds. 1: both remove the same channels."
)
COLOURS = "PuOr_r"


def draw(rows: Sequence[Row]) -> Figure | None:
    """Four matrices for each row."""
    with mpl.rc_context(STYLE):
        strip = Strip(4, 1.2, 1.2, left=1.15, gap=0.1, below=0.4)
        figure, panels = sheet(rows, strip, foot=0.4)
        for row, axes in panels:
            for place, (one, (name, matrix)) in enumerate(
                zip(axes, _matrices(row.found).items(), strict=False)
            ):
                _heat(one, name, matrix, row.found[0]["criteria"], first=not place)
        scale(figure, COLOURS, "Spearman's rho")
    return figure


def numbers(found: Found) -> Iterator[dict[str, Any]]:
    """A line for each pair of criteria in each layer, and for their mean over layers."""
    names = found["criteria"]
    for layer, matrix in {"": found["mean"], **found["layers"]}.items():
        for place, name in enumerate(names):
            for other in range(place + 1, len(names)):
                yield {
                    "layer": layer,
                    "criterion": name,
                    "other_criterion": names[other],
                    "correlation": matrix[place][other],
                }


def _matrices(seeds: Sequence[Found]) -> Mapping[str, np.ndarray]:
    """The mean, and the first, middle and last layer."""
    layers = list(seeds[0]["layers"])
    shown = dict.fromkeys((layers[0], layers[len(layers) // 2], layers[-1]))
    found = {"mean of layers": mean(seed["mean"] for seed in seeds)}
    return found | {layer: mean(seed["layers"][layer] for seed in seeds) for layer in shown}


def _heat(
    axes: Axes, title: str, matrix: np.ndarray, criteria: Sequence[str], *, first: bool
) -> None:
    places = range(len(criteria))
    axes.imshow(matrix, cmap=COLOURS, vmin=-1, vmax=1, interpolation="nearest")
    labels = [f"{name}  {place + 1}" for place, name in enumerate(criteria)]
    axes.set_xticks(places, [str(place + 1) for place in places], fontsize=6)
    axes.set_yticks(places, labels if first else [], fontsize=6)
    axes.tick_params(length=0, pad=1.5)
    axes.set_xlabel(title, labelpad=2)
