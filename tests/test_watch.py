"""A sweep that is watched: its bar, its frame, and the terminal afterwards."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time

from conftest import ROOT, Run
from started import DENSE, PLAN, seen, write

from sweeps import attempts
from sweeps.claim import claim
from sweeps.frame import bar, frame, line
from sweeps.ledger import Ledger
from sweeps.look import Look
from sweeps.state import State
from sweeps.watch import follow


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
