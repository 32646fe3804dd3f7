"""How alike attention is in the blocks of a stage: a matrix for each stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
    "Correlation of attention between the blocks of a stage: Pearson's r of the gates of two "
    "blocks over the channels, mean over images; r is its mean over the pairs of a stage. Blocks "
    "are numbered along the depth."
)
COLOURS = "PuOr_r"


def draw(rows: Sequence[Row]) -> Figure | None:
    """The matrices of every row; None if no stage has two plugged blocks."""
    rows = [row for row in rows if any(found["stages"] for found in row.found)]
    if not rows:
        return None
    stages = {id(row): _stages(row.found) for row in rows}
    with mpl.rc_context(STYLE):
        strip = Strip(1, 0.85, 0.85, left=0.3, gap=0.2, below=0.45)
        figure, panels = sheet(rows, strip, foot=0.4, panels=lambda row: len(stages[id(row)]))
        for row, axes in panels:
            for one, stage in zip(axes, stages[id(row)], strict=False):
                _heat(one, stage)
            for one in axes[len(stages[id(row)]) :]:
                one.set_axis_off()
        scale(figure, COLOURS, "Pearson's r")
    return figure


def numbers(found: Found) -> Iterator[dict[str, Any]]:
    """A line for each pair of blocks; stages and blocks count from 1."""
    for stage in found["stages"]:
        for place, block in enumerate(stage["blocks"]):
            for other in range(place + 1, len(stage["blocks"])):
                yield {
                    "stage": stage["stage"] + 1,
                    "block": block + 1,
                    "other_block": stage["blocks"][other] + 1,
                    "correlation": stage["matrix"][place][other],
                }


def _stages(seeds: Iterable[Found]) -> list[Found]:
    """Each stage, its matrix the mean over those seeds that plug the same blocks of it."""
    found: dict[int, list[Found]] = {}
    for seed in seeds:
        for stage in seed["stages"]:
            found.setdefault(stage["stage"], []).append(stage)
    alike = ([one for one in same if one["blocks"] == same[0]["blocks"]] for same in found.values())
    return [{**same[0], "matrix": mean(one["matrix"] for one in same)} for same in alike]


def _heat(axes: Axes, stage: Found) -> None:
    matrix, count = stage["matrix"], len(stage["blocks"])
    pairs = matrix[np.triu_indices(count, 1)]
    known = pairs[~np.isnan(pairs)]
    axes.imshow(matrix, cmap=COLOURS, vmin=-1, vmax=1, interpolation="nearest")
    ends = {place: str(stage["blocks"][place] + 1) for place in (0, count - 1)}
    axes.set_xticks(list(ends), list(ends.values()))
    axes.set_yticks(list(ends), list(ends.values()))
    axes.tick_params(length=2, pad=1.5)
    value = f"{known.mean():.2f}".replace("-", "−") if len(known) else "undefined"
    axes.set_xlabel(f"stage {stage['stage'] + 1}: r {value}", labelpad=2)
