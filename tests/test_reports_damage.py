"""Damaged records: what makes one, and that it hides no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ledgers import SE, cell, document, document_of, done, ledger_of, small, texts

from reports.gather import gather
from reports.report import report
from sweeps.frozen import Plan


def test_a_damaged_record_does_not_hide_the_others(tmp_path: Path) -> None:
    ledger = small(tmp_path)
    keys = [cell(seed=seed).key for seed in range(3)]
    ledger.paths(keys[0]).record.write_text('{"half')
    ledger.paths(keys[1]).record.write_text(ledger.paths(keys[2]).record.read_text())
    made = document_of(ledger)
    damaged = made.frame[made.frame["state"] == "damaged"].set_index("key")["reason"]
    assert list(damaged.index) == keys[:2]
    assert "is damaged" in damaged[keys[0]]
    assert f"belongs to {keys[2]}" in damaged[keys[1]]
    assert texts(made, "none")["seeds"] == "n=1/3 2 damaged"


@pytest.mark.parametrize(
    "spoil",
    [
        {"status": "nearly"},
        {"cell": None},
        {"result": None},
        {"result": {}},
        {"seconds": 3},
        {"seconds": {"fit": "1 s"}},
        {"latency": 3},
        {"latency": {"ratio": 1}},
        {"provenance": {}},
        {"provenance": []},
        {"status": "failed", "error": None},
    ],
)
def test_a_record_that_breaks_its_contract_is_damaged(
    spoil: dict[str, Any], tmp_path: Path
) -> None:
    one = cell()
    frame = document(tmp_path, [(one, done(one, 0.5) | spoil)]).frame
    assert list(frame["state"]) == ["damaged"]
    assert re.search("not as agreed|is damaged", frame["reason"][0])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ({"accuracy": "NaN"}, "accuracy is 'NaN', must be a finite number from 0 to 1"),
        ({"accuracy": "Infinity"}, "accuracy is 'Infinity'"),
        ({"accuracy": float("nan")}, "accuracy is nan"),
        ({"accuracy": float("inf")}, "accuracy is inf"),
        ({"accuracy": 1.01}, "accuracy is 1.01"),
        ({"accuracy": 93.5}, "accuracy is 93.5"),
        ({"accuracy": -0.01}, "accuracy is -0.01"),
        ({"accuracy": None}, "accuracy is None"),
        ({"accuracy": True}, "accuracy is True"),
        ({"accuracy_selected": "NaN"}, "accuracy_selected is 'NaN'"),
        ({"accuracy_before_refit": 1.5}, "accuracy_before_refit is 1.5"),
        ({"val_loss": "Infinity"}, "val_loss is 'Infinity'"),
        ({"params": -1}, "params is -1, must be a finite number from 0 to inf"),
        ({"macs": "NaN"}, "macs is 'NaN'"),
        ({"macs_nonzero": None}, "macs_nonzero is None"),
        ({"bytes": 10**400}, "OverflowError"),
        ({"ratio": float("nan")}, "latency.ratio is nan"),
        ({"ratio": None}, "latency.ratio is None"),
        ({"p50_ms": -0.5}, "latency.p50_ms is -0.5"),
        ({"fit": "NaN"}, "seconds.fit is 'NaN'"),
        ({"schema": 0}, "its schema is 0, this version reads 1"),
    ],
)
def test_a_number_that_cannot_be_one_is_damage(spoil: dict[str, Any], reason: str) -> None:
    one, other = cell(), cell(SE)
    records = {c.key: {"schema": 1, "key": c.key, **done(c, 0.9)} for c in (one, other)}
    record = records[one.key]
    for part in (record, record["result"], record["result"]["cost"], record["latency"]):
        part.update({name: value for name, value in spoil.items() if name in part})
    record["seconds"].update({name: value for name, value in spoil.items() if name == "fit"})
    frame = gather(Plan("x", "", (one, other)), records.get)
    assert list(frame["state"]) == ["damaged", "done"]
    assert f"record of {one.key} is not as agreed" in frame["reason"][0]
    assert reason in frame["reason"][0]
    assert frame["accuracy"].isna().tolist() == [True, False]


def test_a_record_without_an_accuracy_is_damaged(tmp_path: Path) -> None:
    one = cell()
    record = done(one, 0.9)
    del record["result"]["accuracy"]
    frame = document(tmp_path, [(one, record)]).frame
    assert list(frame["state"]) == ["damaged"]
    assert "result.accuracy is missing" in frame["reason"][0]


def test_a_record_of_another_schema_is_damaged(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, [(cell(), done(cell(), 0.9))])
    path = ledger.paths(cell().key).record
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 99'))
    frame = document_of(ledger).frame
    assert list(frame["state"]) == ["damaged"]
    assert "has schema 99, this version reads 1" in frame["reason"][0]


def test_whole_numbers_are_as_good_as_others() -> None:
    one = cell()
    record = {"schema": 1, "key": one.key, **done(one, 1, accuracy_selected=1, p50_ms=2)}
    frame = gather(Plan("x", "", (one,)), {one.key: record}.get)
    assert list(frame["state"]) == ["done"]
    assert frame["accuracy"][0] == frame["accuracy_selected"][0] == 1.0
    assert frame["latency_p50_ms"][0] == 2.0


@pytest.mark.parametrize(
    ("rows", "curves"),
    [
        (
            '[{"phase": "fit", "epoch": 0, "train_loss": NaN}, '
            '{"phase": "fit", "epoch": 1, "train_loss": Infinity, "val_accuracy": 0.5}]',
            {"fit": {"epoch": [0, 1], "train_loss": [None, None], "val_accuracy": [None, 0.5]}},
        ),
        ('[{"phase": "fit", "epoch": [0]}]', {}),
        ('[{"phase": "fit", "epoch": 0, "train_loss": "NaN"}]', {}),
        ("[3]", {}),
        ('{"half', {}),
    ],
)
def test_a_history_of_no_numbers_keeps_no_report_from_being_made(
    rows: str, curves: dict[str, Any], tmp_path: Path
) -> None:
    ledger = small(tmp_path)
    ledger.paths(cell().key).history.write_text(rows)
    assert ledger.curves(cell().key) == curves
    folder, _ = report(ledger, "small", tmp_path / "results")
    assert (folder / "index.html").exists()
