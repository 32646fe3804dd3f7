"""Try the canaries of a submission before the rest: the whole path of each, for a few steps.

A job runs it on a node. Each canary has a child of its own, which trains, prunes, trains on and
measures in a temporary folder, its dense parent first. What passes tells how long the real cells
will take and how much memory they need; what fails alike keeps the rest from starting. A row of
``<ledger>/rehearsals/<key>.json``, and of the submission's ``canaries.json``:

    key, cell             the real cell (see Cell.json); in canaries.json its name, too
    ok                    whether everything passed
    seconds               how long the real cell will take; null if it failed
    step_seconds          median of an optimizer step; null if it failed
    peak_mib              peak memory of the child
    gpu_peak_mib          peak that PyTorch reserved of the GPU; null without one
    host, device          where it ran; device is "cpu", the GPU's name, or null if it is not known
    sources               digest of each variant's source, by axis
    submission            which submission tried it
    error                 null, or {type, message, traceback}
"""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lightning_modules import tasks
from sweeps.cell import Cell
from sweeps.cluster.notice import NOTICES, Notice, restarts, say
from sweeps.cluster.room import Room
from sweeps.cluster.short import Row, run_short
from sweeps.cluster.submission import Submission
from sweeps.context import Context
from sweeps.evidence import read_rehearsal, rehearsal
from sweeps.provenance import sources
from sweeps.record import write_atomically

POLL_S = 0.1
MOST_RESTARTS = 20


class CanariesFailed(RuntimeError):
    """So many canaries failed alike that the rest would, too."""


class Leaving(Exception):
    """SLURM wants the job to leave."""


def rehearse(folder: str) -> None:
    """Try the canaries of a submission, those left out that it has tried before.

    Raises:
        CanariesFailed: they failed alike; what waits for this job to end well never starts.
        SystemExit: SLURM wanted the job to leave; it is queued again unless it was cancelled.
    """
    if tasks.rank():
        return
    notice = Notice()
    notice.listen()
    submission = Submission.read(Path(folder))
    try:
        rows = [_row(submission, submission.by_key[key], notice) for key in submission.canaries]
    except Leaving:
        if notice.job and restarts() < MOST_RESTARTS:
            notice.queue_again()
        sys.exit("left before every canary was tried")
    alike = failed_alike(rows)
    named = [{**row, "name": str(submission.by_key[row["key"]])} for row in rows]
    text = json.dumps({"failed_alike": alike, "cells": named}, indent=1)
    write_atomically(submission.folder / "canaries.json", text.encode())
    if alike:
        raise CanariesFailed(_summary(rows))


def failed_alike(rows: Sequence[Row]) -> bool:
    """Whether the rest would fail, too: all failed, or most did, and half of these in one way."""
    ways = Counter(_way(row["error"]) for row in rows if not row["ok"])
    failed = ways.total()
    if failed == len(rows):
        return failed > 0
    return failed >= 2 and 2 * failed > len(rows) and 2 * max(ways.values()) >= failed


def _way(error: Mapping[str, Any]) -> tuple[str, str]:
    """An error's type and the last place of its traceback; messages may differ."""
    places = [line for line in error["traceback"].splitlines() if line.startswith('  File "')]
    return error["type"], places[-1] if places else ""


def _summary(rows: Sequence[Row]) -> str:
    errors = [row["error"] for row in rows if not row["ok"]]
    (way, _), *_ = Counter(map(_way, errors)).most_common()
    first = next(error for error in errors if _way(error) == way)
    return (
        f"{len(errors)} of {len(rows)} canaries failed, so that the other cells do not start; "
        f"most often with {first['type']}: {' '.join(first['message'].split())[:200]}"
    )


def _row(submission: Submission, cell: Cell, notice: Notice) -> Row:
    """The row of a canary; its dense parent's is written as well."""
    path = rehearsal(submission.ledger, cell.key)
    before = read_rehearsal(path)
    if before is not None and before.get("submission") == submission.id:
        return before
    say(f"{cell.key} {cell} is tried")
    rows = _tried(submission, cell, notice)
    for row in rows:
        row["submission"] = submission.id
        text = json.dumps(row, indent=1)
        write_atomically(rehearsal(submission.ledger, row["key"]), text.encode())
    error = rows[-1]["error"]
    end = f"failed: {error['type']}: {' '.join(error['message'].split())}" if error else "passed"
    say(f"{cell.key} {cell} {end}")
    return rows[-1]


def _tried(submission: Submission, cell: Cell, notice: Notice) -> list[Row]:
    """The rows of a cell's dense parent, if it has one, and of the cell, made by a child."""
    with tempfile.TemporaryDirectory(prefix="canary-", ignore_cleanup_errors=True) as name:
        place = Path(name)
        pid = os.fork()
        if not pid:
            _child(submission, cell, place)
        status, peak_mib = _wait(pid, notice)
        try:
            rows: list[Row] = json.loads((place / "rows.json").read_bytes())
        except FileNotFoundError:
            rows = [_lost(cell, os.waitstatus_to_exitcode(status))]
    return [{**row, "peak_mib": peak_mib} for row in rows]


def _wait(pid: int, notice: Notice) -> tuple[int, float]:
    """Wait status and peak MiB of a child.

    Raises:
        Leaving: a signal came first; the child is dead.
    """
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended and os.WIFSIGNALED(status) and os.WTERMSIG(status) in NOTICES:
            raise Leaving
        if ended:
            return status, usage.ru_maxrss / 1024
        if notice():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise Leaving
        time.sleep(POLL_S)


def _child(submission: Submission, cell: Cell, place: Path) -> None:
    """What the child does; it does not return."""
    code = 1
    try:
        for number in NOTICES:
            signal.signal(number, signal.SIG_DFL)
        context, processes = _context(submission, cell, place)
        rows = [run_short(cell.parent, context, processes)] if cell.parent else []
        if rows and not rows[0]["ok"]:
            own = {"key": cell.key, "cell": cell.json(), "sources": sources(cell)}
            rows.append({**rows[0], **own})
        else:
            rows.append(run_short(cell, context, processes))
        write_atomically(place / "rows.json", json.dumps(rows).encode())
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _context(submission: Submission, cell: Cell, place: Path) -> tuple[Context, int]:
    """How a canary runs, as one process in a place of its own, and how many share the real cell."""
    arrays = submission.arrays
    own = next(a.resources for a in arrays if any(cell.key in pack for pack in a.tasks))
    context = submission.run_context(own)
    alone = {"devices": 1, "num_nodes": 1, "strategy": "auto"}
    threads = context.trainer["threads"] or Room(submission.options, own).threads
    trainer = {**context.trainer, **alone, "threads": threads}
    made = replace(context, ledger=place / "runs", trainer=trainer, tracking="none", sweep=None)
    return made, own.processes


def _lost(cell: Cell, code: int) -> Row:
    """The row of a cell whose child left none: killed, as for too much memory."""
    why = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    error = {"type": "Lost", "message": f"the process {why}", "traceback": ""}
    row: Row = {"key": cell.key, "cell": cell.json(), "ok": False}
    row |= {"seconds": None, "step_seconds": None, "sources": sources(cell), "error": error}
    return {**row, "gpu_peak_mib": None, "host": platform.node(), "device": None}
