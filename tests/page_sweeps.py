"""Sweeps whose pages are looked at: trained, mixed, hostile, ruined, lengthy."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import searches
from ledgers import (
    DIA,
    ECA,
    HOSTILE,
    MAGNITUDE,
    NONE,
    RECIPE,
    SE,
    VIT,
    cell,
    document_of,
    done,
    failed,
    ledger_of,
    small,
)

from reports.document import Document
from reports.page import page
from reports.report import build
from sweeps.cell import Cell, Choice
from sweeps.ledger import Ledger
from sweeps.record import Record

EVIL = '<img src="x" onerror="alert(1)"> & \'"</script><script>alert(2)</script> ${x} \\z'
LONG = "a_name_without_any_space_that_is_longer_than_a_phone_is_wide_and_longer_than_a_label"


def attempted(record: Record) -> Record:
    """The same with what a real run notes of its attempts."""
    one = {"host": "n7", "job": "41", "since": "2026-11-21T10:00:00", "ended": "time limit"}
    record["provenance"]["attempts"] = [one, {**one, "job": "42", "ended": "done"}]
    return record


def trained(folder: Path) -> Ledger:
    """Two attentions of two seeds with training curves, a pruned row, and an earlier attempt."""
    asked = [(cell(attention=a, seed=s), a) for a in (NONE, SE) for s in (0, 1)]
    found = [(one, attempted(done(one, 0.9 + one.seed / 100))) for one, _ in asked]
    pruned = cell(pruning=MAGNITUDE)
    ledger = ledger_of(folder, [*found, (pruned, done(pruned, 0.8))])
    for place, (one, _) in enumerate(asked):
        history(ledger, one, [("fit", epoch, 1 / (epoch + 1), 0.1 * place) for epoch in range(4)])
    history(ledger, pruned, [("refit", 0, 0.5, 0.7), ("refit", 1, 0.25, 0.8)])
    return ledger


def history(ledger: Ledger, one: Cell, epochs: Iterable[tuple[str, int, float, float]]) -> None:
    names = ("phase", "epoch", "train_loss", "val_accuracy")
    rows = [dict(zip(names, epoch, strict=True)) for epoch in epochs]
    ledger.paths(one.key).history.write_text(json.dumps(rows))


def mixed(folder: Path) -> Ledger:
    """Two protocols; latencies of two devices in the first."""
    longer = replace(RECIPE, options={**RECIPE.options, "epochs": 16})
    cells = [cell(attention=a, seed=s) for a in (NONE, SE, ECA) for s in (0, 1)]
    devices = ["GPU one"] * 3 + ["GPU two"] * 3
    found = [(c, done(c, 0.9, device=d)) for c, d in zip(cells, devices, strict=True)]
    return ledger_of(
        folder, [*found, (other := cell(attention=DIA, recipe=longer), done(other, 0.7))]
    )


def hostile(folder: Path) -> Ledger:
    """Names, options, errors and provenance that would run if one place forgot to escape."""
    first, second = Choice(EVIL, {"o": HOSTILE}), Choice(EVIL, {"o": EVIL})
    cells = [cell(first), cell(second), cell(first, Choice(EVIL)), cell(second, SE, Choice(EVIL))]
    records = [
        done(cells[0], 0.9, commit=EVIL, packages={EVIL: EVIL}, device=EVIL),
        failed(cells[1], EVIL),
        done(cells[2], 0.8, device="other"),
        None,
    ]
    impossible = ((cell(second, DIA), EVIL),)
    ledger = ledger_of(folder, zip(cells, records, strict=True), inapplicable=impossible)
    history(ledger, cells[0], [(EVIL, epoch, 0.5, 0.5) for epoch in range(3)])
    return ledger


def ruined(folder: Path) -> Ledger:
    """Nothing but a failure, a damaged record, and what has not run."""
    one, other, third = cell(), cell(attention=SE), cell(VIT)
    ledger = ledger_of(folder, [(one, failed(one, "no")), (other, done(other, 0.9)), (third, None)])
    ledger.paths(other.key).record.write_text('{"half')
    return ledger


def measured(folder: Path) -> Ledger:
    """Accuracies that read alike though they differ, and costs twenty times as large as others."""
    found = []
    for attention, size, accuracies in (
        (NONE, 78_042, (0.98607, 0.98611, 0.98614)),
        (SE, 1_600_000, (0.98604, 0.9870, 0.9886)),
    ):
        names = ("params", "params_nonzero", "macs", "macs_nonzero", "bytes")
        for seed, accuracy in enumerate(accuracies):
            one = cell(attention=attention, seed=seed)
            found.append((one, done(one, accuracy, cost=dict.fromkeys(names, size))))
    return ledger_of(folder, found)


def lengthy(folder: Path) -> Ledger:
    """Names that fit nowhere, and differ at their ends."""
    attentions = [Choice(LONG, {"reduction": r}) for r in (4, 16)]
    cells = [cell(Choice(LONG), a, p) for a in (NONE, *attentions) for p in (NONE, Choice(LONG))]
    return ledger_of(folder, [(one, done(one, 0.9)) for one in cells])


def selected(folder: Path) -> Ledger:
    """A run of one epoch, and one whose second phase selected the second of its three."""
    short, long = cell(attention=ECA), cell(pruning=MAGNITUDE)
    found = [(one, done(one, 0.9, selected_epoch=at)) for one, at in ((short, 0), (long, 1))]
    ledger = ledger_of(folder, found)
    history(ledger, short, [("fit", 0, 0.5, 0.6)])
    phases = [("fit", 0), ("fit", 1), ("refit", 0), ("refit", 1), ("refit", 2)]
    history(ledger, long, [(phase, epoch, 0.5, 0.6) for phase, epoch in phases])
    return ledger


def searched(folder: Path) -> Ledger:
    return ledger_of(folder, searches.outcomes())


SWEEPS = {
    **{"small": small, "trained": trained, "mixed": mixed, "hostile": hostile, "ruined": ruined},
    **{"measured": measured, "lengthy": lengthy, "selected": selected, "searches": searched},
}


def page_of(name: str, folder: Path) -> tuple[Path, Document]:
    """The page of a sweep, written into a folder, with figures if it is the small one."""
    ledger = SWEEPS[name](folder)
    made = document_of(ledger, {"dia"})
    path = folder / "index.html"
    if name == "small":
        path.write_bytes(build(made, curves=ledger.curves)["index.html"])
    else:
        path.write_text(page(made, {}, curves=ledger.curves))
    return path, made
