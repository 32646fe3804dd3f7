"""Cells without a number: failed, damaged, blocked, missing and impossible ones look different."""

from __future__ import annotations

from pathlib import Path

from ledgers import (
    DIA,
    ECA,
    MAGNITUDE,
    VIT,
    cell,
    document,
    document_of,
    done,
    failed,
    ledger_of,
    small,
    texts,
)

from reports.gather import WITHOUT
from reports.report import report


def test_seeds_without_a_number_are_counted(tmp_path: Path) -> None:
    made = document_of(small(tmp_path))
    assert texts(made, "se")["seeds"] == "n=2/3 1 missing"
    assert texts(made, "eca")["seeds"] == "n=0/3"
    assert texts(made, "eca")["accuracy"] == "missing"
    counts = {name: int(made.rows[name].sum()) for name in WITHOUT}
    assert counts == {"failed": 4, "damaged": 0, "blocked": 3, "missing": 5}


def test_whatever_has_no_number_looks_different(tmp_path: Path) -> None:
    lost, dense, child = cell(), cell(attention=DIA), cell(attention=DIA, pruning=MAGNITUDE)
    open_, never = cell(attention=ECA), cell(VIT)
    found = [(lost, done(lost, 2.0)), (dense, failed(dense, "x")), (child, None), (open_, None)]
    made = document_of(ledger_of(tmp_path, found, inapplicable=((never, "no"),)))
    (table,) = made.tables
    shown = [line.values[1].text for line in table.lines]
    assert shown == ["damaged", "failed", "blocked", "missing", "n/a"]
    counted = "5 cells: 1 failed, 1 damaged, 1 blocked, 1 missing, 1 inapplicable"
    assert made.progress == counted
    assert table.remarks == (f"{counted}.",)


def test_every_cell_has_its_state(tmp_path: Path) -> None:
    frame = document_of(small(tmp_path)).frame
    states = frame.groupby(["backbone", "attention", "pruning"])["state"].agg(list).to_dict()
    assert states == {
        ("resnet8", "none", "none"): ["done"] * 3,
        ("resnet8", "none", "magnitude"): ["done"] * 3,
        ("resnet8", "se", "none"): ["done", "done", "missing"],
        ("resnet8", "se", "magnitude"): ["failed", "done", "missing"],
        ("resnet8", "eca", "none"): ["missing"] * 3,
        ("resnet8", "dia", "none"): ["failed"] * 3,
        ("resnet8", "dia", "magnitude"): ["blocked"] * 3,
        ("vit_tiny", "none", "none"): ["done"],
        ("vit_tiny", "dia", "none"): ["inapplicable"],
    }


def test_failures_and_reasons_stand_in_footnotes(tmp_path: Path) -> None:
    (table,) = document_of(small(tmp_path)).tables
    notes = " ".join(text for _, text in table.notes)
    assert "RuntimeError: out of memory at 100 % of 2_048 MiB" in notes
    assert "second line" not in notes
    assert "Not applicable: dia needs a map" in notes
    assert "its dense parent failed" in notes
    marks = {mark for line in table.lines for value in line.values for mark in value.marks}
    assert marks == {mark for mark, _ in table.notes}


def test_a_failure_counts_even_if_nothing_is_known_about_it(tmp_path: Path) -> None:
    one = cell()
    record = failed(one, "no") | {"provenance": {}, "seconds": {}}
    assert list(document(tmp_path, [(one, record)]).frame["state"]) == ["failed"]


def test_a_sweep_that_only_failed_still_has_a_report(tmp_path: Path) -> None:
    one = cell()
    folder, _ = report(ledger_of(tmp_path, [(one, failed(one, "no"))]), "small", tmp_path)
    assert "| failed<sup>1</sup> |" in (folder / "table.md").read_text()
