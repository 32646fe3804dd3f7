"""Searched schemes beside none, all and a scheme by hand, for the tests of reports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ledgers import DATA, NONE, RECIPE, RESNET, document_of, done, failed, ledger_of

from reports.document import Document
from sweeps.cell import DENSE, Cell, Choice
from sweeps.record import Record

SUPERNET = {"epochs": 4, "lr": 0.05, "schedule": "constant"}
SEARCHING = replace(RECIPE, options={**RECIPE.options, "supernet": SUPERNET})
EAN, LOT = (Choice(n, {"supernet": "random", "steps": 5}) for n in ("ean", "random_sites"))
BLENDED = Choice("blended", {"macs": 0.5})


def plugged(connect: str = "all") -> Choice:
    return Choice("se", {"reduction": 16, "connect": connect})


def cell(pruning: Choice = DENSE, attention: Choice | None = None, seed: int = 0) -> Cell:
    return Cell(DATA, RESNET, attention or plugged(), pruning, SEARCHING, seed)


def searched(cell: Cell, scheme: str, accuracy: float, evaluations: int = 12) -> Record:
    record = done(cell, accuracy)
    record["result"] |= {"scheme": scheme, "accuracy_before_refit": None, "sparsity": 0.5}
    record["result"]["search"] = {"evaluations": evaluations, "asked": 15}
    return record | {"seconds": {"prune": 9.0, "refit": 2.0}, "search_seconds": 240.0}


def supernet(seed: int = 0) -> Cell:
    found = cell(EAN, seed=seed).parent
    assert found is not None
    return found


def outcomes() -> list[tuple[Cell, Record | None]]:
    """Two seeds of a search beside none, all and a scheme by hand; the second lot is to come."""
    found: list[tuple[Cell, Record | None]] = []
    for seed in range(2):
        dense = [cell(attention=a, seed=seed) for a in (NONE, plugged(), plugged("110"))]
        found += [(one, done(one, a)) for one, a in zip(dense, (0.9, 0.95, 0.94), strict=True)]
        net, ean, lot = supernet(seed), cell(EAN, seed=seed), cell(LOT, seed=seed)
        found.append((net, done(net, 0.5) | {"seconds": {"fit": 30.0, "measure": 1.0}}))
        found.append((ean, searched(ean, "1|00" if seed else "1|01", 0.96 + seed / 100)))
        found.append((lot, None if seed else searched(lot, "0|11", 0.91, evaluations=0)))
    return found


def broken(folder: Path) -> tuple[Document, Any]:
    net, ean = supernet(), cell(EAN)
    ledger = ledger_of(folder, [(cell(), None), (net, failed(net, "loss is nan")), (ean, None)])
    return document_of(ledger), ledger
