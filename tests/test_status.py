"""What a person is told of a sweep: its cells, failures and jobs, in words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from started import DENSE, GRID, PLAN, PRUNED, error, job, seen, states, submit, write

from sweeps.evidence import evidence
from sweeps.failures import failed_groups, failures_text
from sweeps.ledger import Ledger
from sweeps.record import write_atomically
from sweeps.state import DAMAGED, State, survey
from sweeps.status import status_json, status_text


def test_a_damaged_record_leaves_its_cell_open_with_a_note(ledger: Ledger) -> None:
    write(ledger, DENSE[0])
    path = ledger.paths(DENSE[0].key).record
    path.write_bytes(path.read_bytes()[:50])
    assert states(ledger)[DENSE[0].key] is State.PENDING
    assert "1 cells: record damaged, measured anew at the next sweep" in status_text(seen(ledger))


def test_errors_that_differ_in_numbers_paths_and_keys_are_shown_once(ledger: Ledger) -> None:
    for n, cell in enumerate(DENSE[:3]):
        write(ledger, cell, error(f"loss {n}.5e-3 in /data/{n}/x of {cell.key}", cell.key))
    write(ledger, DENSE[3], error("loss 1 in /x of 0123456789ab", number=2))
    found = survey(ledger, PLAN.cells)
    assert [len(group.members) for group in failed_groups(found)] == [3, 1]
    text = failures_text(found)
    assert text.count("Traceback") == 2
    assert "failed, 3 cells: Oops: loss 0.5e-3" in text
    assert "(error in the code)" in text
    assert "blocked by them, 3 cells" in text


def test_the_status_says_what_waits_for_what_and_what_is_lost(ledger: Ledger) -> None:
    made = submit(ledger)
    made.accepted(0, "10")
    made.accepted(1, "11")
    write(ledger, DENSE[0])
    jobs = [job("10_1", "RUNNING", "None"), job("11_0", reason="Dependency"), job("10_2")]
    now = seen(ledger, jobs, made)
    text = status_text(now)
    assert "SLURM: 1 jobs run, 2 wait" in text
    assert "  1 Dependency: for their parents" in text
    assert set(now.lost) == {DENSE[3].key, PRUNED[2].key, PRUNED[3].key}
    assert "3 cells have no job any more (3 end unknown): make sweep submits them again" in text
    assert "more than 2.0 min left, 1 at a time" in text
    machine = status_json(now)
    assert machine["slurm"]["waiting"] == {"Dependency": 1, "Resources": 1}
    assert machine["seconds_left"] == 120
    assert machine["cells"][1]["job"]["name"] == "10_1"
    json.dumps(machine)


def test_what_a_submission_that_is_over_left_open_is_told(ledger: Ledger) -> None:
    made = submit(ledger)
    made.accepted(0, "10")
    assert not seen(ledger).lost
    (made.folder / "over").write_text("sweep demo stalled: 8 cells have no job\n")
    assert set(seen(ledger).lost) == {cell.key for cell in DENSE}


def test_attempts_beyond_the_first_are_counted_with_their_reasons(ledger: Ledger) -> None:
    ends = [["time limit", "done"], ["time limit", "node failure", "done"], ["done"]]
    for cell, own in zip(DENSE, ends, strict=False):
        write(ledger, cell, attempts=[{"ended": end} for end in own])
    text = status_text(seen(ledger))
    assert "2 cells needed more than one attempt: time limit 2, node failure 1" in text


def test_a_canary_that_failed_is_shown_until_its_cell_is_submitted_anew(ledger: Ledger) -> None:
    made = submit(ledger)
    rows = [{"key": c.key, "name": str(c), "ok": False, "error": error("dry")} for c in DENSE[:2]]
    text = json.dumps({"failed_alike": True, "cells": rows})
    (made.folder / "canaries.json").write_text(text)
    (made.folder / "over").touch()
    shown = status_text(seen(ledger))
    assert "canaries failed, 2: Oops: dry" in shown
    assert shown.count("Traceback") == 1
    again = replace(made, folder=made.folder.with_name("20260102-000000-a-1"))
    again.write()
    jobs = [job("30_0", comment=f"{again.comment}:0")]
    assert "canaries failed" not in status_text(seen(ledger, jobs, again))


@pytest.mark.parametrize(
    "content",
    [
        *("[]", "null", "{}", '{"schema": 1}', '{"schema": 1, "status": "x"}'),
        *('{"schema": 1, "status": "done", "latency": null}', "a folder"),
    ],
)
def test_a_record_that_is_none_is_damaged_to_everyone(content: str, tmp_path: Path) -> None:
    """Status, forecasts and tables go on, and the next sweep makes it again."""
    one = GRID[0]
    ledger = Ledger(tmp_path)
    record = ledger.paths(one.key).record
    if content == "a folder":
        record.mkdir(parents=True)
    else:
        write_atomically(record, content.encode())
    (status,) = survey(ledger, [one])
    assert (status.state, status.note) == (State.PENDING, DAMAGED)
    assert ledger.sound_record(one.key) is None
    assert evidence(ledger) == []
