"""The last job of a submission: the report, a word to the user, and tidying up."""

from __future__ import annotations

import shlex
import subprocess
from collections import Counter
from pathlib import Path

from sweeps import snapshot
from sweeps.claim import Busy, claim
from sweeps.cluster.notice import say
from sweeps.cluster.queue import standing
from sweeps.cluster.submission import Submission, submissions
from sweeps.errors import UserError
from sweeps.ledger import Ledger
from sweeps.state import State, survey

OPEN = (State.PENDING, State.RUNNING, State.UNTIMED)


def conclude(folder: str) -> None:
    """Report on the sweep as it is now that no job of this submission is left."""
    submission = Submission.read(Path(folder))
    message = _message(submission)
    say(message)
    _report(submission)
    (submission.folder / "over").write_text(message + "\n")
    _notify(submission, message)
    _tidy(submission)


def _message(submission: Submission) -> str:
    ledger = Ledger(submission.ledger)
    queued = standing(submission.ledger).tasks
    plan = ledger.plan(submission.sweep)
    counts = Counter(status.state for status in survey(ledger, plan.cells, queued))
    shares = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    left = sum(counts[state] for state in OPEN)
    if left:
        return f"sweep {submission.sweep} stalled: {left} cells have no job; {shares}"
    if counts[State.QUEUED]:
        return f"sweep {submission.sweep} goes on in another submission: {shares}"
    return f"sweep {submission.sweep} ended: {shares}"


def _report(submission: Submission) -> None:
    from sweeps.start import write_report

    try:
        folder = write_report(Ledger(submission.ledger), submission.sweep, Path(submission.results))
        say(f"open {folder}/index.html")
    except (UserError, OSError) as error:
        say(f"no report: {error}")


def _notify(submission: Submission, message: str) -> None:
    command = submission.options["notify"]
    if not command:
        return
    try:
        subprocess.run([*shlex.split(command), message], timeout=120, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        say(f"notify failed: {error}")


def _tidy(submission: Submission) -> None:
    """Remove submitit's pickles, and the snapshots that no submission needs any more."""
    for path in submission.logs.glob("*.pkl"):
        path.unlink(missing_ok=True)
    try:
        with claim(submission.ledger / "submissions" / "lock"):
            needed = {one.code for one in submissions(submission.ledger)}
            snapshot.clean(submission.ledger, needed | {submission.code})
    except Busy:
        return
