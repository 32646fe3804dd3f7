"""Figures of ledgers made by hand: all that a report draws, and whether something is cut."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from ledgers import NONE, cell, done, ledger_of
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from reports.document import Document
from reports.figures import figures
from reports.figures.panels import label
from reports.marks import Marks
from sweeps.cell import DENSE, Choice
from sweeps.curves import Curves
from sweeps.ledger import Ledger

NOTHING: Curves = {}


def marks_of(rows: pd.DataFrame) -> Marks:
    return Marks.of(label(rows, "attention"), rows["pruning"])


def at(sparsity: float, name: str = "magnitude", **more: object) -> Choice:
    return Choice(name, {"sparsity": sparsity, "macs": None, **more})


def course(*accuracies: float | None, loss: float = 1.0) -> Curves:
    count = len(accuracies)
    epochs: list[float | None] = [float(epoch) for epoch in range(count)]
    return {
        "fit": {
            "epoch": epochs,
            "val_accuracy": list(accuracies),
            "train_loss": [loss / (1 + epoch) for epoch in range(count)],
        }
    }


def product_of(folder: Path, backbones: int, attentions: int, prunings: int) -> Ledger:
    """Everything finished, one seed; prunings differ in their ratio."""
    ratios = [at(round(share / prunings, 2)) for share in range(1, prunings)]
    cells = [
        cell(Choice(f"backbone{b}"), Choice(f"attention{a}") if a else NONE, pruning)
        for pruning in (DENSE, *ratios)
        for b in range(backbones)
        for a in range(attentions)
    ]
    removed = [one.pruning.options.get("sparsity", 0.0) for one in cells]
    return ledger_of(
        folder, [(c, done(c, 0.9, sparsity=share)) for c, share in zip(cells, removed, strict=True)]
    )


def everything(document: Document, read: Mapping[str, Curves] | None = None) -> dict[str, Figure]:
    return figures(document.frame, document.rows, lambda key: (read or {}).get(key, NOTHING))


def assert_nothing_is_cut(figure: Figure) -> None:
    """Nothing is drawn outside of the figure: a frame around it stays white."""
    width, height = figure.get_size_inches()
    buffer = io.BytesIO()
    around = Bbox.from_extents(-1, -1, width + 1, height + 1)
    figure.savefig(buffer, format="rgba", dpi=100, bbox_inches=around)
    drawn = np.frombuffer(buffer.getvalue(), np.uint8)
    drawn = drawn.reshape(-1, round(100 * (width + 2)), 4)[..., :3] < 255
    inside = drawn[99:-99, 99:-99]
    assert inside.any()
    assert drawn.sum() == inside.sum()
