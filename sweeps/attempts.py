"""Every start of a cell and how it ended, in ``attempts.jsonl``: a line when it begins, one when it
ends. A start without an end was lost with its process; the next one asks SLURM why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sweeps.claim import identity
from sweeps.cluster import slurm

Attempt = dict[str, Any]
"""number, host, pid, job, restart, since, mark, accumulate; when over also ended, until."""

LOST = "lost without notice"
LOSSES = (*slurm.LOSSES.values(), "kill", LOST)
"""Ends that are nobody's mistake: the cell starts again."""


def read(path: Path) -> list[Attempt]:
    """All attempts, oldest first; a torn line is left out."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    found: dict[int, Attempt] = {}
    for line in lines:
        try:
            row = json.loads(line)
            found.setdefault(row["number"], {}).update(row)
        except (ValueError, KeyError, TypeError):
            continue
    return [found[number] for number in sorted(found)]


def begin(path: Path, *, mark: int, accumulate: int) -> list[Attempt]:
    """Note a start; returns all attempts, this one last.

    Args:
        mark: how far the cell's files have come (see ``RunPaths.mark``).
        accumulate: micro-batches a batch is cut into.
    """
    before = read(path)
    if before and "ended" not in before[-1]:
        _append(path, _ending(before[-1]["number"], _why_lost(before[-1])))
    number = before[-1]["number"] + 1 if before else 1
    _append(path, {"number": number, **identity(), "mark": mark, "accumulate": accumulate})
    return read(path)


def end(path: Path, why: str) -> None:
    """Note how the last attempt ended, unless that is known."""
    attempts = read(path)
    if attempts and "ended" not in attempts[-1]:
        _append(path, _ending(attempts[-1]["number"], why))


def barren(attempts: Sequence[Attempt]) -> int:
    """How many attempts before the last one, without a break, were lost with nothing gained."""
    count = 0
    for one, following in zip(attempts[-2::-1], attempts[:0:-1], strict=True):
        if one.get("ended") not in LOSSES or one.get("mark") != following.get("mark"):
            break
        count += 1
    return count


def brief(attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    """What a record says of the attempts."""
    names = ("host", "job", "since", "until", "ended", "accumulate")
    return [{name: one.get(name) for name in names} for one in attempts]


def _ending(number: int, why: str) -> dict[str, Any]:
    return {"number": number, "ended": why, "until": _now()}


def _append(path: Path, row: dict[str, Any]) -> None:
    torn = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("ab") as file:
        file.write(b"\n" * torn + json.dumps(row).encode() + b"\n")


def _why_lost(attempt: Attempt) -> str:
    """From SLURM's accounting: how the run of the job that held this attempt ended."""
    job = attempt.get("job")
    if not job or not slurm.exists():
        return LOST
    since = datetime.fromisoformat(attempt["since"]).astimezone().replace(tzinfo=None).isoformat()
    for start, until, state in slurm.endings(job):
        if start <= since and (until >= since or not until[:1].isdigit()):
            return slurm.LOSSES.get(state, LOST)
    return LOST


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
