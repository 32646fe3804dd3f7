"""What a live status shows: a bar, how much is left, what runs where, and what failed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from sweeps.estimate import duration
from sweeps.failures import failed_groups
from sweeps.look import Look
from sweeps.state import State, Status, shares
from sweeps.status import attempts_text, canary_groups, left_text, slurm_lines

MARKS: Mapping[str, tuple[State, ...]] = {
    "#": (State.DONE, State.UNTIMED),
    "x": (State.FAILED, State.BLOCKED),
    ">": (State.RUNNING,),
    "-": (State.QUEUED,),
    ".": (State.PENDING,),
}


def line(now: Look) -> str:
    """One line, for a log."""
    left = left_text(now)
    return f"{time.strftime('%H:%M:%S')}  {shares(now.counts)}{f'; {left}' if left else ''}"


def frame(now: Look, columns: int) -> list[str]:
    """The lines of a terminal that is so wide; what matters most stands first."""
    done = now.counts[State.DONE] + now.counts[State.UNTIMED]
    words = [f"{done} of {len(now.statuses)} done", left_text(now)]
    tail = ", ".join(word for word in words if word)
    running = [status for status in now.statuses if status.state is State.RUNNING]
    lines = [
        f"sweep {now.plan.sweep}, {time.strftime('%H:%M:%S')}  (Ctrl-C leaves, the sweep goes on)",
        f"{bar(now.counts, max(columns - len(tail) - 1, 10))} {tail}",
        shares(now.counts),
        *slurm_lines(now),
        attempts_text(now.statuses),
        *(f"canaries failed, {len(g.members)}: {g.headline}" for g in canary_groups(now)),
        *(f"failed, {len(g.members)} cells: {g.headline}" for g in failed_groups(now.statuses)),
        *map(_running, running),
    ]
    return [text for text in lines if text]


def bar(counts: Mapping[State, int], width: int) -> str:
    """``#`` done, ``x`` failed or blocked, ``>`` running, ``-`` queued, ``.`` to come."""
    total, seen, text = max(sum(counts.values()), 1), 0, ""
    for mark, states in MARKS.items():
        seen += sum(counts.get(state, 0) for state in states)
        text += mark * (round((width - 2) * seen / total) - len(text))
    return f"[{text}]"


def _running(status: Status) -> str:
    if not status.attempts:
        return f"{status.cell.key}  {status.cell}"
    last = status.attempts[-1]
    seconds = (datetime.now(UTC) - datetime.fromisoformat(last["since"])).total_seconds()
    job = f" job {last['job']}" if last.get("job") else ""
    return f"{status.cell.key}  {status.cell}  on {last['host']}{job} for {duration(seconds)}"
