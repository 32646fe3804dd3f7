"""A sweep at one moment in words: what runs and waits where, what is lost, what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sweeps.cluster.submission import CANARY, REPORT
from sweeps.estimate import duration, estimate
from sweeps.failures import Group, alike, failures_text
from sweeps.look import Look
from sweeps.show import plan_json, plan_text
from sweeps.state import Status

REASONS = {
    "Resources": "for free nodes",
    "Priority": "for jobs of higher priority",
    "Dependency": "for their parents, for canaries, or for jobs that came before",
    "DependencyNeverSatisfied": "for ever, since what they wait for has failed: make cancel",
    "JobArrayTaskLimit": "for their turn: max_running",
    "BeginTime": "about 2 min after a requeue, 10 after making room for others",
    "JobHeldUser": "until they are released: scontrol release",
    "JobHeldAdmin": "until the cluster's administrators release them",
    "None": "to be looked at by the scheduler",
}
"""SLURM's reasons as they are meant here: a job waits ..."""


def status_text(now: Look) -> str:
    """The plan with its state, then everything else that is to be said."""
    lines = [*slurm_lines(now), lost_text(now), left_text(now), attempts_text(now.statuses)]
    left = estimate(now.statuses, now.forecast)
    parts = [plan_text(now.plan, now.statuses, left), "\n".join(line for line in lines if line)]
    parts += [canaries_text(now), failures_text(now.statuses)]
    return "\n\n".join(part for part in parts if part)


def status_json(now: Look) -> dict[str, Any]:
    """The same for machines."""
    plan = plan_json(now.plan, now.statuses, estimate(now.statuses, now.forecast))
    for row, status in zip(plan["cells"], now.statuses, strict=True):
        job = now.standing.tasks.get(row["key"])
        error = status.record["error"] if status.record else None
        row |= {"attempts": list(status.attempts), "note": status.note, "error": error}
        row["job"] = job and {"name": job.name, "state": job.state, "reason": job.reason}
    slurm = {
        "known": now.standing.known,
        "note": now.standing.note,
        "running": now.running_jobs,
        "waiting": now.reasons,
        "canaries": now.state_of(CANARY),
        "report": now.state_of(REPORT),
    }
    more = {"lost": now.lost, "failed_canaries": now.failed_canaries}
    return {**plan, "slurm": slurm, **more, "seconds_left": now.seconds_left}


def slurm_lines(now: Look) -> list[str]:
    """How many jobs run and wait, and for what."""
    if not now.standing.known:
        return [f"SLURM could not be asked ({now.standing.note}): its queue is not known here"]
    if not now.live:
        return []
    first, last, reasons = now.state_of(CANARY), now.state_of(REPORT), now.reasons
    size = len(str(max(reasons.values(), default=0)))
    waiting = [f"  {n:{size}} {name}: {REASONS.get(name, '')}" for name, n in reasons.items()]
    lines = [f"SLURM: {now.running_jobs} jobs run, {sum(reasons.values())} wait", *waiting]
    if first:
        lines.append(f"  the canaries, which come before the rest: {first.lower()}")
    if last and not now.jobs:
        lines.append(f"  the report, which comes last: {last.lower()}")
    return lines


def lost_text(now: Look) -> str:
    """How many open cells no job answers for, and how their jobs ended."""
    if not now.lost:
        return ""
    ends = Counter(now.lost.values()).most_common()
    words = ", ".join(f"{count} {end}" for end, count in ends)
    first = "mend what the canaries met, then " if now.failed_canaries else ""
    text = f"{len(now.lost)} cells have no job any more ({words})"
    return f"{text}: {first}make sweep submits them again"


def left_text(now: Look) -> str:
    """How long it will take, as far as anyone knows."""
    if (seconds := now.seconds_left) is None:
        return ""
    word = "about" if now.due.known == now.due.cells else "more than"
    return f"{word} {duration(seconds)} left, {now.lanes} at a time"


def attempts_text(statuses: Sequence[Status]) -> str:
    """How many cells started more than once, and why their earlier attempts ended."""
    again = [status for status in statuses if len(status.attempts) > 1]
    ends = Counter(one.get("ended") or "not known" for s in again for one in s.attempts[:-1])
    why = ", ".join(f"{end} {count}" for end, count in ends.most_common())
    return f"{len(again)} cells needed more than one attempt: {why}" if again else ""


def canary_groups(now: Look) -> list[Group]:
    """The canaries that failed by their error; members are their rows."""
    return alike((row, row["error"]) for row in now.failed_canaries)


def canaries_text(now: Look) -> str:
    """The canaries that failed, each error once."""
    parts = []
    for group in canary_groups(now):
        names = "\n".join(f"  {row['key']}  {row['name']}" for row in group.members)
        head = f"canaries failed, {len(group.members)}: {group.headline}"
        parts.append(f"{head}\n{names}\n{group.error['traceback'].rstrip()}")
    return "\n\n".join(parts)
