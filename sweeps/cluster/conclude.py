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
from sweeps.cluster.submission import Submission, lock, submissions
from sweeps.errors import UserError
from sweeps.ledger import Ledger
from sweeps.state import OPEN, State, shares, survey


def conclude(folder: str) -> None:
    """Report on the sweep as it is now that no job of this submission is left."""
    submission = Submission.read(Path(folder))
    outcome = _outcome(submission)
    message = f"sweep {submission.sweep} {outcome}"
    say(message)
    _report(submission)
    submission.close(outcome)
    _notify(submission, message)
    _tidy(submission)


def _outcome(submission: Submission) -> str:
    ledger = Ledger(submission.ledger)
    queued = standing(submission.ledger).tasks
    plan = ledger.plan(submission.sweep)
    counts = Counter(status.state for status in survey(ledger, plan.cells, queued))
    left = sum(counts[state] for state in OPEN)
    if left:
        return f"stalled: {left} cells have no job; {shares(counts)}"
    if counts[State.QUEUED]:
        return f"goes on in another submission: {shares(counts)}"
    return f"ended: {shares(counts)}"


def _report(submission: Submission) -> None:
    """With the tables that were asked for; without them if they cannot be made."""
    from sweeps.reporting import write_report

    source, results = Ledger(submission.ledger), Path(submission.results)
    for tables in (submission.tables, ()) if submission.tables else ((),):
        try:
            folder, _ = write_report(source, submission.sweep, results, tables=tables)
            say(f"open {folder}/index.html")
            return
        except (UserError, OSError) as error:
            say(f"{'no tables beside its own' if tables else 'no report'}: {error}")


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
        with claim(lock(submission.ledger)):
            needed = {one.code for one in submissions(submission.ledger)}
            snapshot.clean(submission.ledger, needed | {submission.code})
    except Busy:
        return
