"""One style for all figures, sized for the column or the page of a paper."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from reports.lettering import FAMILY, SIZE
from reports.marks import GREY, INK

COLUMN_INCHES = 3.4
PAGE_INCHES = 7.0
DEEP_INCHES = 9.2
"""How wide a column and a page are, and how high: a figure that is higher fits no paper."""
PNG_DPI = 200

PLAIN = {name: value for name, value in mpl.rcParamsDefault.items() if name != "backend"}
"""What matplotlib itself has: a reader's own settings are none of a figure's."""
STYLE = PLAIN | {
    "font.size": SIZE,
    "font.family": FAMILY,
    "axes.titlesize": SIZE,
    "axes.linewidth": 0.6,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": GREY,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.4,
    "svg.fonttype": "none",
    "svg.hashsalt": "triptych",
    "pdf.fonttype": 42,
}
KINDS = ("png", "pdf")
HOW: Mapping[str, Mapping[str, Any]] = {
    "png": {"dpi": PNG_DPI, "pil_kwargs": {"compress_level": 3}},
    "pdf": {"metadata": {"CreationDate": None}},
    "svg": {"metadata": {"Date": None}, "transparent": True},
}
"""Nothing in a file says when it was made: the same figure gives the same bytes."""


def files(figure: Figure, kinds: Sequence[str] = KINDS) -> dict[str, bytes]:
    """The figure as png, pdf or svg, by kind."""
    found = {}
    with mpl.rc_context(STYLE):
        for kind in kinds:
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, **HOW[kind])
            found[kind] = buffer.getvalue()
    return found
