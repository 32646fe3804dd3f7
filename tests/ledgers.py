"""Ledgers made by hand for the tests of reports, and what stands in their tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from reports.document import Document
from reports.tables import Line
from sweeps.cell import DENSE, Cell, Choice
from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.published import Published
from sweeps.record import Record, write_record

HOSTILE = r"a_b % c & d <script>alert(1)</script> $x$ #1 {y} ~ ^ \z | `q` *w* [l](m) é ☃"
DATA = Choice("digits", {"image_size": 8, "num_classes": 10, "folder": ""})
RECIPE = Choice(
    "short",
    {"epochs": 8, "lr": 0.05, "batch_size": 32, "precision": "32-true", "refit": {"epochs": 3}},
)
NONE = Choice("none")
MAGNITUDE = Choice("magnitude", {"sparsity": 0.9, "macs": None})
RESNET, VIT = Choice("resnet8"), Choice("vit_tiny")
SE, ECA, DIA = Choice("se", {"reduction": 16}), Choice("eca"), Choice("dia")


def cell(
    backbone: Choice = RESNET,
    attention: Choice = NONE,
    pruning: Choice = DENSE,
    seed: int = 0,
    recipe: Choice = RECIPE,
) -> Cell:
    return Cell(DATA, backbone, attention, pruning, recipe, seed)


def done(cell: Cell, accuracy: float, **changes: Any) -> Record:
    """A finished record; ``changes`` replace values of its result, latency or provenance."""
    params, macs = (80_000, 1_600_000) if cell.attention.name == "none" else (81_000, 1_602_000)
    left = 0.125 if cell.pruning.name == "magnitude" else 1.0
    cost = {"params": params, "params_nonzero": int(params * left)}
    cost |= {"macs": macs, "macs_nonzero": int(macs * left), "bytes": 4 * params}
    result = {
        **{"accuracy": accuracy, "accuracy_top5": 1.0, "accuracy_selected": accuracy + 0.005},
        **{"accuracy_before_refit": None if cell.is_dense else accuracy - 0.25},
        **{"val_accuracy": 0.9, "val_loss": 0.5, "train_loss": 0.25, "selected_epoch": 7},
        **{"epochs": 8, "cost": cost, "cost_dense": cost, "sparsity": 1 - left},
        **{"weights": "0" * 64},
    }
    ratio = 1.015 if cell.attention.name == "none" else 1.25
    latency = {
        **{"ratio": ratio, "ratio_p10": ratio, "ratio_p90": ratio, "p10_ms": 0.7},
        **{"p50_ms": 0.8 * ratio, "p90_ms": 0.9, "reference_p50_ms": 0.8, "reference": "x"},
        **{"batch": 64, "device": "cpu", "dtype": "float32", "threads": 1},
        **{"protocol": "alternating blocks", "peak_mib": 12.5},
    }
    provenance = {
        **{"commit": "c0ffee1", "dirty": False, "packages": {"torch": "2.15.0"}},
        **{"hardware": {"host": f"n{cell.seed}", "cpu": "A", "cores": 2, "gpus": []}},
        **{"sources": {"backbone": "b0", "attention": "a0", "pruning": ""}},
        **{"data_checksum": "f00d", "attempts": 1},
    }
    for values in (result, latency, provenance):
        values |= {name: value for name, value in changes.items() if name in values}
    return {
        **{"cell": cell.json(), "status": "done", "result": result, "seconds": {"fit": 2.5}},
        **{"latency": changes.get("latency", latency), "provenance": provenance, "error": None},
    }


def failed(cell: Cell, message: str, kind: str = "RuntimeError") -> Record:
    error = {"type": kind, "message": message, "traceback": f"Traceback\n{kind}: {message}"}
    record = done(cell, 0.0)
    return record | {"status": "failed", "result": None, "latency": None, "error": error}


def outcomes() -> list[tuple[Cell, Record | None]]:
    """The small ledger: three seeds on one backbone, one seed on another, all that can happen."""
    found: list[tuple[Cell, Record | None]] = []

    def add(attention: Choice, pruning: Choice, *accuracies: float | str | None) -> None:
        for seed, accuracy in enumerate(accuracies):
            one = cell(attention=attention, pruning=pruning, seed=seed)
            made = failed(one, accuracy) if isinstance(accuracy, str) else None
            found.append((one, done(one, accuracy) if isinstance(accuracy, float) else made))

    add(NONE, DENSE, 0.90, 0.91, 0.92)
    add(SE, DENSE, 0.95, 0.96, None)
    add(DIA, DENSE, "out of memory at 100 % of 2_048 MiB\nsecond line", "out & out", "out & out")
    add(ECA, DENSE, None, None, None)
    add(NONE, MAGNITUDE, 0.88, 0.90, 0.89)
    add(SE, MAGNITUDE, "loss is nan", 0.94, None)
    add(DIA, MAGNITUDE, None, None, None)
    vit = cell(VIT)
    return [*found, (vit, done(vit, 0.5))]


def ledger_of(folder: Path, outcomes: Iterable[tuple[Cell, Record | None]], **more: Any) -> Ledger:
    ledger = Ledger(folder / "runs")
    outcomes = list(outcomes)
    ledger.freeze(Plan("small", "made by hand", tuple(cell for cell, _ in outcomes), **more))
    for one, record in outcomes:
        if record is not None:
            write_record(ledger.paths(one.key), record)
    return ledger


def small(folder: Path) -> Ledger:
    reason = "dia needs a map (B,C,H,W); vit_tiny has <tokens> & nothing else"
    return ledger_of(
        folder, outcomes(), inapplicable=((cell(VIT, DIA), reason),), published=printed()
    )


def printed() -> tuple[Published, ...]:
    """What papers could print for the small ledger: two numbers for one row, one for another."""
    plain, se = (tuple(cell(attention=a, seed=s).key for s in range(3)) for a in (NONE, SE))
    return (
        Published(0.915, "best", "README of a & b", n=5, params="80.0 k", keys=plain),
        Published(0.912, "unknown", "Table 1 of c_d", keys=plain),
        Published(0.9667, "best", "README of a & b", n=5, params="90.0 k", note="r=8", keys=se),
    )


def document_of(ledger: Ledger, reconstructions: Iterable[str] = ()) -> Document:
    return Document.of(ledger, "small", frozenset(reconstructions))


def document(folder: Path, outcomes: Iterable[tuple[Cell, Record | None]]) -> Document:
    return document_of(ledger_of(folder, outcomes))


def row(document: Document, attention: str, pruning: str = "none") -> Mapping[str, Any]:
    rows = document.rows
    found = rows[(rows["attention"] == attention) & (rows["pruning"] == pruning)]
    return dict(found.iloc[0])


def texts(document: Document, attention: str, pruning: str = "none") -> dict[str, str]:
    """What stands in the row's cells, by column."""
    table = document.tables[0]
    line = next(line for line in table.lines if names(line) == (attention, pruning))
    pairs = zip(table.columns, line.values, strict=True)
    return {column.key: f"{value.text} {value.aside}".strip() for column, value in pairs}


def names(line: Line) -> tuple[str, str]:
    return line.attention.name, line.pruning.name


def of_accuracies(folder: Path, **accuracies: list[float]) -> Document:
    made = []
    for name, values in accuracies.items():
        cells = [cell(attention=Choice(name), seed=seed) for seed in range(len(values))]
        made += [(c, done(c, value)) for c, value in zip(cells, values, strict=True)]
    return document(folder, made)


def hostile(folder: Path) -> Ledger:
    """Names, options, reasons and errors that mean something in every format."""
    name = "x_1 & <script>alert(2)</script> %"
    first, second = Choice(name, {"o": HOSTILE}), Choice(name, {"o": "=1+1"})
    cells = [cell(first), cell(second), cell(first, SE), cell(first, Choice("_i$e$"), MAGNITUDE)]
    records = [done(cells[0], 0.9), failed(cells[1], HOSTILE), None, done(cells[3], 0.8)]
    reason = ((cell(second, DIA), HOSTILE),)
    return ledger_of(folder, zip(cells, records, strict=True), inapplicable=reason)
