"""What a person sees of a sweep: its cells and jobs as they stand, in words, and live."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, TINY, Run, cells

from sweeps import attempts
from sweeps.cell import Cell
from sweeps.claim import claim
from sweeps.cluster.accounting import read_ends
from sweeps.cluster.arrays import Array
from sweeps.cluster.queue import Standing, live, recover, standing
from sweeps.cluster.resources import Resources
from sweeps.cluster.slurm import Job
from sweeps.cluster.submission import REPORT, Submission
from sweeps.evidence import evidence
from sweeps.failures import failed_groups, failures_text
from sweeps.frame import bar, frame, line
from sweeps.ledger import Ledger, Plan
from sweeps.look import Look, look
from sweeps.overrides import CONF, read_yaml
from sweeps.provenance import sources
from sweeps.record import write_atomically, write_record
from sweeps.state import DAMAGED, State, survey
from sweeps.status import status_json, status_text
from sweeps.watch import follow

OPTIONS = read_yaml(CONF / "cluster/slurm.yaml")
GRID = cells(*TINY, "attention=none,eca", "pruning=none,control", "seed=0,1")
DENSE = [cell for cell in GRID if cell.is_dense]
PRUNED = [cell for cell in GRID if not cell.is_dense]
PLAN = Plan("demo", "for tests", (*DENSE, *PRUNED))
TRACE = 'Traceback:\n  File "/code/{0}/fit.py", line {1}, in fit\n    step()\nOops: no'


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger in which the grid was started as sweep ``demo``, with nothing done."""
    made = Ledger(tmp_path / "runs")
    made.prepare()
    made.freeze(PLAN)
    return made


def submit(ledger: Ledger, name: str = "20260101-000000-a-1") -> Submission:
    """Two arrays, as written: dense cells alone, and their children in packs of two."""
    resources = Resources.of(OPTIONS, {"devices": 1})
    dense = Array(resources, tuple((cell.key,) for cell in DENSE))
    pruned = Array(resources, tuple((a.key, b.key) for a, b in [PRUNED[:2], PRUNED[2:]]), after=0)
    folder = ledger.root.absolute() / "submissions" / name
    fields = ("demo", "c0de", OPTIONS, {}, "results", tuple(GRID), (dense, pruned))
    made = Submission(folder, *fields, canaries=(DENSE[0].key,), user="root")
    made.write()
    return made


def job(name: str, state: str = "PENDING", reason: str = "Resources", comment: str = "") -> Job:
    return Job(name, f"9{name.replace('_', '')}", state, reason, comment)


def write(ledger: Ledger, cell: Cell, error: Mapping[str, Any] | None = None, **more: Any) -> None:
    """A record: done, or failed if there is an error."""
    status = "failed" if error else "done"
    origin = {"sources": sources(cell), "attempts": more.get("attempts", [])}
    times = {"latency": None if error else {"ratio": 1.0}, "seconds": {"fit": 60.0}}
    result = None if error else {"accuracy": 0.5, "cost": {}}
    record = {"cell": cell.json(), "status": status, "result": result, **times}
    write_record(ledger.paths(cell.key), {**record, "provenance": origin, "error": error})


def error(message: str, folder: str = "a", number: int = 1) -> dict[str, str]:
    trace = TRACE.format(folder, number)
    return {"type": "Oops", "message": message, "traceback": trace, "kind": "error in the code"}


def seen(ledger: Ledger, jobs: Sequence[Job] = (), *made: Submission) -> Look:
    return look(ledger, PLAN, Standing(made, live(made, jobs)))


def states(ledger: Ledger, queued: Sequence[str] = ()) -> dict[str, State]:
    return {s.cell.key: s.state for s in survey(ledger, PLAN.cells, queued)}


def test_a_task_answers_for_its_pack_and_one_that_runs_comes_first(ledger: Ledger) -> None:
    old, new = submit(ledger), submit(ledger, "20260102-000000-a-1")
    for one, first in ((old, 10), (new, 20)):
        one.accepted(0, str(first))
        one.accepted(1, str(first + 1))
    jobs = [job("10_0", "RUNNING"), job("20_0"), job("21_1"), job("77_0", "RUNNING"), job("21_5")]
    now = Standing((old, new), live((old, new), jobs))
    names = {key: task.name for key, task in now.tasks.items()}
    assert names == {DENSE[0].key: "10_0", PRUNED[2].key: "21_1", PRUNED[3].key: "21_1"}
    assert now.running == {"10_0"}
    assert now.ended(old) == ["10_1", "10_2", "10_3", "11_0", "11_1"]
    assert "21_1" not in now.ended(new)


def test_a_job_whose_id_was_never_written_is_known_by_its_comment(ledger: Ledger) -> None:
    made = submit(ledger)
    made.accepted(0, "10")
    jobs = [job("10_0"), job("11_1", comment=f"{made.comment}:1")]
    jobs += [job("12", comment=f"{made.comment}:{REPORT}"), job("10_1", comment="triptych:else:0")]
    assert set(Standing((made,), live((made,), jobs)).tasks) == {
        *(cell.key for cell in (DENSE[0], *PRUNED[2:]))
    }
    assert sorted(recover(made, jobs)) == ["1", REPORT]
    assert made.jobs == {"0": "10", "1": "11", REPORT: "12"}
    assert recover(made, jobs) == []


def test_a_machine_without_slurm_says_that_the_queue_is_not_known(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert standing(ledger.root).known
    submit(ledger)
    assert not standing(ledger.root).known
    now = look(ledger, PLAN)
    assert "no SLURM commands" in status_text(now)
    assert not now.lost
    assert now.is_active


def test_an_open_cell_is_queued_if_a_task_answers_for_it(ledger: Ledger) -> None:
    write(ledger, DENSE[0], error("no"))
    write(ledger, DENSE[1])
    found = states(ledger, [cell.key for cell in (*DENSE[:3], *PRUNED)])
    assert [found[cell.key] for cell in DENSE] == ["failed", "done", "queued", "pending"]
    children = {cell.parent.key: found[cell.key] for cell in PRUNED if cell.parent}
    assert children == {cell.key: "queued" for cell in DENSE} | {DENSE[0].key: "blocked"}


def test_a_damaged_record_leaves_its_cell_open_with_a_note(ledger: Ledger) -> None:
    write(ledger, DENSE[0])
    path = ledger.paths(DENSE[0].key).record
    path.write_bytes(path.read_bytes()[:50])
    assert states(ledger)[DENSE[0].key] is State.PENDING
    assert "1 cells: record damaged, measured anew at the next sweep" in status_text(seen(ledger))


def test_a_cell_whose_lock_cannot_be_seen_runs_while_its_job_does(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    path = ledger.paths(DENSE[0].key).attempts
    path.parent.mkdir()
    attempts.begin(path, mark=0, accumulate=1)
    assert survey(ledger, DENSE, (), {"4711"})[0].state is State.RUNNING
    assert survey(ledger, DENSE, (), {"4712"})[0].state is State.PENDING
    attempts.end(path, "kill")
    assert survey(ledger, DENSE, (), {"4711"})[0].state is State.PENDING


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


def test_the_ends_of_tasks_are_read_from_the_accounting() -> None:
    rows = ["50_0|COMPLETED", "50_1|CANCELLED by 0", "50_[2-3,6-9%1]|PENDING", "51|NODE_FAIL"]
    found = read_ends(["50_0", "50_1", "50_4", "51", "52_0"], rows)
    words = ["ended", "cancelled", "cancelled", "lost with their node", "end unknown"]
    assert list(found.values()) == words


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


def test_a_bar_has_a_mark_for_every_cell() -> None:
    counts = {State.DONE: 5, State.FAILED: 1, State.RUNNING: 2, State.QUEUED: 1, State.PENDING: 1}
    assert bar(counts, 12) == "[#####x>>-.]"
    assert len(bar({State.DONE: 1, State.RUNNING: 2}, 33)) == 33
    assert bar({}, 12) == "[]"


def test_a_frame_names_what_runs_and_since_when(ledger: Ledger) -> None:
    paths = ledger.paths(DENSE[0].key)
    with claim(paths.lock):
        attempts.begin(paths.attempts, mark=0, accumulate=1)
        now = seen(ledger)
        text = "\n".join(frame(now, 80))
        assert "0 of 8 done" in text
        assert f"{DENSE[0].key}  {DENSE[0]}  on {os.uname().nodename} for " in text
        assert line(now).endswith("1 running, 7 pending")


def test_watching_ends_only_when_nothing_was_active_twice(ledger: Ledger) -> None:
    idle = seen(ledger)
    with claim(ledger.paths(DENSE[0].key).lock):
        active = seen(ledger)
    shown: list[Look] = []
    assert follow(iter([idle, active, idle, idle, active]), shown.append, 0.0) is idle
    assert shown == [idle, active, idle, idle]


def test_watching_without_a_terminal_prints_lines_then_the_status(run: Run, ledger: Ledger) -> None:
    for cell in PLAN.cells:
        write(ledger, cell)
    done = run("do=status", "sweep=demo", "watch=true")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].endswith("8 done")
    assert "nothing left to run" in done.stdout
    assert "\x1b" not in done.stdout


def test_ctrl_c_leaves_a_watched_terminal_as_it_was(ledger: Ledger) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, str(ROOT / "run.py"), "do=status", "sweep=demo", "watch=true"]
    with claim(ledger.paths(DENSE[0].key).lock):
        process = subprocess.Popen(
            [*command, f"ledger={ledger.root}"],
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm"},
        )
        os.close(theirs)
        text = os.read(ours, 10_000)
        end = time.monotonic() + 60
        while b"1 running" not in text and time.monotonic() < end:
            text += os.read(ours, 10_000)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        text += os.read(ours, 10_000)
    os.close(ours)
    assert text.startswith(b"\x1b[?1049h")
    assert text.endswith(b"\x1b[?1049l")
    assert b"Traceback" not in text


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
