"""What is left of one cell's runs, and a cancel where nothing is queued."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import TINY, Run, cells

from sweeps import attempts
from sweeps.errors import UserError
from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.logs import find, tail
from sweeps.record import write_atomically, write_record

GRID = cells(*TINY, "attention=none,se,eca,cbam", "seed=range(8)")
FIRST = GRID[0]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A started sweep whose first cell was lost once, then failed, and printed 150 lines."""
    made = Ledger(tmp_path / "runs")
    made.prepare()
    made.freeze(Plan("demo", "", tuple(GRID)))
    paths = made.paths(FIRST.key)
    write_atomically(paths.cell, json.dumps(FIRST.json()).encode())
    for why in ("node failure", "error in the code"):
        attempts.begin(paths.attempts, mark=0, accumulate=1)
        attempts.end(paths.attempts, why)
    error = {"type": "Oops", "message": "no", "traceback": "Traceback: here\nOops: no"}
    parts = {"result": None, "latency": None, "seconds": {}, "provenance": {"sources": {}}}
    record = {"cell": FIRST.json(), "status": "failed", **parts, "error": error}
    write_record(paths, record)
    paths.log.write_text("".join(f"line {n}\n" for n in range(150)))
    return made


def test_a_cells_log_comes_with_its_attempts_and_its_files(run: Run, ledger: Ledger) -> None:
    done = run("do=logs", f"key={FIRST.key[:6]}", f"ledger={ledger.root}")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == [f"{FIRST.key}  {FIRST}", "failed"]
    assert [line.split()[0] for line in lines if line.endswith(("failure", "code"))] == ["1", "2"]
    assert str(ledger.paths(FIRST.key).log) in done.stdout
    assert "Oops: no" in lines
    assert "last 100 lines of the log" in lines
    assert (lines[-100], lines[-1]) == ("line 50", "line 149")


def test_a_cells_log_for_machines_has_its_paths(run: Run, ledger: Ledger) -> None:
    done = run("do=logs", f"key={FIRST.key}", f"ledger={ledger.root}", "format=json")
    found = json.loads(done.stdout)
    assert (found["key"], found["state"]) == (FIRST.key, "failed")
    assert found["log"] == str(ledger.paths(FIRST.key).log)
    assert [one["ended"] for one in found["attempts"]] == ["node failure", "error in the code"]


def test_without_a_key_what_failed_and_what_runs_is_listed(run: Run, ledger: Ledger) -> None:
    done = run("do=logs", "sweep=demo", "key=", f"ledger={ledger.root}")
    assert done.returncode == 0, done.stderr
    (only,) = done.stdout.splitlines()[2:]
    assert only.split()[:3] == [FIRST.key, "failed", str(ledger.paths(FIRST.key).log)]


def test_a_cell_that_has_not_run_is_found_by_its_key(ledger: Ledger) -> None:
    assert find(ledger, GRID[-1].key).json() == GRID[-1].json()


def test_a_key_that_several_or_no_cells_begin_with_is_refused(ledger: Ledger) -> None:
    digits = [cell.key[0] for cell in GRID]
    twice = next(digit for digit in digits if digits.count(digit) > 1)
    with pytest.raises(UserError) as several:
        find(ledger, twice)
    assert all(c.key in str(several.value) for c in GRID if c.key.startswith(twice))
    with pytest.raises(UserError, match="no cell of ledger"):
        find(ledger, "nothing")


@pytest.mark.parametrize("key", ["12e4", "000", "1_0", "null"])
def test_a_key_stays_as_it_was_typed(run: Run, ledger: Ledger, key: str) -> None:
    done = run("do=logs", f"key={key}", f"ledger={ledger.root}")
    assert done.returncode == 2
    assert f"error: key={key}: no cell" in done.stderr


def test_a_tail_is_what_a_terminal_would_show(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"old\nepoch 1\repoch 2\r\nlast \xff\n")
    assert tail(tmp_path / "log", 2) == ["epoch 2", "last \ufffd"]
    assert tail(tmp_path / "none", 2) == []


def test_cancelling_a_sweep_that_has_no_jobs_says_so(run: Run, ledger: Ledger) -> None:
    done = run("do=cancel", "sweep=demo", f"ledger={ledger.root}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing of it is queued or running on SLURM" in done.stdout


def test_cancelling_a_sweep_that_was_never_started_is_refused(run: Run) -> None:
    done = run("do=cancel", "sweep=demo")
    assert done.returncode == 2
    assert "make sweep SWEEP=demo" in done.stderr
