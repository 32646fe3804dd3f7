"""Pivots of ledgers made by hand, and what stands in them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ledgers import document, done

from reports.document import Document
from reports.pivot.asked import Pivot
from reports.pivot.crossing import crossings
from reports.pivot.file import parse
from reports.pivot.finish import finish
from reports.pivot.finished import PivotTable
from sweeps.cell import Cell

ACROSS = {"rows": ["backbone", "pruning"], "columns": ["attention"], "values": ["accuracy"]}


def pivot(**asked: Any) -> Pivot:
    return parse({"name": "one", **ACROSS, **asked})


def listing(**asked: Any) -> Pivot:
    """A pivot without columns."""
    return parse({"name": "one", "rows": ["backbone", "attention", "pruning"], **asked})


def finished(document: Document, asked: Pivot) -> list[PivotTable]:
    return [finish(one) for one in crossings(document, asked)]


def compared(document: Document) -> list[PivotTable]:
    """A pivot of accuracies and of what pruning takes from them."""
    return finished(document, pivot(values=["accuracy", "delta_parent"]))


def texts(table: PivotTable) -> dict[tuple[str, ...], list[str]]:
    return {line.labels: [value.text for value in line.values] for line in table.lines}


def lines(table: PivotTable) -> list[str]:
    return [" ".join(line.labels) for line in table.lines]


def of_cells(folder: Path, cells: Iterable[Cell], accuracy: float = 0.9) -> Document:
    return document(folder, [(one, done(one, accuracy)) for one in cells])
