"""Hand a sweep's open cells to SLURM and return: canaries, arrays of packs, then the report.

Everything is looked at before anything is sent. One submission at a time goes on in a ledger, so
that two sweeps that share cells see each other's jobs: what one has queued the other waits for.
"""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sweeps import snapshot
from sweeps.cell import Cell
from sweeps.claim import Busy, claim
from sweeps.cluster import slurm
from sweeps.cluster.arrays import Array, count
from sweeps.cluster.checks import Limits, check
from sweeps.cluster.conclude import conclude
from sweeps.cluster.layout import lay_out
from sweeps.cluster.pack import run_task
from sweeps.cluster.queue import Standing, recover, standing
from sweeps.cluster.refusals import flags
from sweeps.cluster.rehearsal import rehearse
from sweeps.cluster.resources import Resources
from sweeps.cluster.submission import CANARY, REPORT, Submission, new_folder, submissions, whoami
from sweeps.cluster.throttle import shares
from sweeps.errors import UserError
from sweeps.forecast import check_budget
from sweeps.ledger import Ledger
from sweeps.order import Order

PATIENCE_S = 300.0
REPORT_MINUTES = 30
REPORT_MEMORY_GB = 4
RESTARTS = 50
AGAIN = f"""
status=$?
tries=${{SLURM_RESTART_COUNT:-0}}
job=${{SLURM_ARRAY_JOB_ID:+${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID}}
job=${{job:-$SLURM_JOB_ID}}
# Above 128 the task was killed without notice: queue it again, unless SLURM has its own plans.
if [ $status -gt 128 ] && [ $tries -lt {RESTARTS} ]; then
  for pause in 1 5 15 30 60 60; do
    state=$(squeue --noheader --jobs $job --format=%T) || {{ sleep $pause; continue; }}
    [ "$state" = RUNNING ] && scontrol requeue $job
    break
  done
fi
exit $status
"""
"""What a job's script does after its task has ended."""


class Submitter:
    """One order, looked at.

    Raises:
        UserError: all that would keep SLURM from running it; nothing has been sent.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._ledger = Ledger(order.context.ledger.absolute())
        self._sweep = order.context.sweep or "cells"
        cells = self._unqueued(standing(self._ledger.root).tasks)
        self._limits = self._look(cells) if cells else None

    def submit(self) -> str:
        """Send what no job answers for yet; returns what was sent, in words.

        Raises:
            UserError: SLURM refused some of it; the message lists what it had accepted.
        """
        with _turn(self._ledger.root):
            jobs = slurm.queue()
            for earlier in submissions(self._ledger.root):
                recover(earlier, jobs)
            now = standing(self._ledger.root)
            _close(now)
            queued = now.tasks
            cells = self._unqueued(queued)
            if not cells:
                return f"sweep {self._sweep}: jobs for all open cells are in the queue: make status"
            self._clean()
            submission = self._plan(cells, {key: job.name for key, job in queued.items()})
            submission.write()
            _Sender(submission).send()
        return _sent(submission)

    def _look(self, cells: Sequence[Cell]) -> Limits:
        classes = {self._resources(cell) for cell in cells}
        limits = check(classes, self._order.cluster, self._ledger.root, self._sweep)
        check_budget(self._ledger, cells, self._resources, self._order.budget)
        return limits

    def _unqueued(self, queued: Collection[str]) -> list[Cell]:
        return [cell for cell in self._order.cells if cell.key not in queued]

    def _resources(self, cell: Cell) -> Resources:
        own = self._order.resources.get(cell.key, {})
        return Resources.of(self._order.cluster, self._order.context.trainer, own)

    def _plan(self, cells: Sequence[Cell], queued: dict[str, str]) -> Submission:
        limits = self._limits or self._look(cells)
        most = limits.most - len((CANARY, REPORT))
        arrays, canaries = lay_out(
            cells,
            self._resources,
            self._order.cluster,
            self._ledger,
            longest=limits.longest,
            most=most,
            queued=queued,
        )
        if count(arrays) > most:
            raise UserError(
                f"the sweep needs {count(arrays)} jobs at least, SLURM takes {most} now beside the "
                "canaries and the report: wait until others have ended, or leave out some cells"
            )
        return Submission(
            folder=new_folder(self._ledger.root),
            sweep=self._sweep,
            code=snapshot.take(self._ledger.root).digest,
            options=dict(self._order.cluster),
            context=self._order.context.json(),
            results=str(self._order.results.absolute()),
            cells=tuple(cells),
            arrays=tuple(arrays),
            canaries=tuple(cell.key for cell in canaries),
            user=whoami(),
        )

    def _clean(self) -> None:
        needed = {one.code for one in submissions(self._ledger.root)}
        snapshot.clean(self._ledger.root, needed)


def _close(now: Standing) -> None:
    """Submissions that have no job any more are over, whatever became of their last one."""
    alive = {one.submission.id for one in now.live}
    for submission in now.submissions if now.known else ():
        if submission.id not in alive:
            (submission.folder / "over").write_text(f"sweep {submission.sweep} has no job left\n")


@contextmanager
def _turn(ledger: Path) -> Iterator[None]:
    """Wait for another submission into the same ledger to be through."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            with claim(ledger / "submissions" / "lock"):
                yield
                return
        except Busy as owner:
            if time.monotonic() > end:
                raise UserError(
                    f"another submission into ledger {ledger} is under way ({owner}); try again"
                ) from None
            time.sleep(0.5)


class _Sender:
    """Sends a submission that is planned and written."""

    def __init__(self, submission: Submission) -> None:
        self._submission = submission
        self._options = submission.options
        self._sent: dict[str, str] = {}

    def send(self) -> None:
        try:
            self._send_all()
        except KeyboardInterrupt:
            raise self._stopped("interrupted") from None
        except Exception as error:
            raise self._stopped(" ".join(str(error).split())) from error

    def _send_all(self) -> None:
        folder = str(self._submission.folder)
        first = self._submission.arrays[0].resources
        if self._submission.canaries:
            executor = self._executor(CANARY, self._for_canaries(), {})
            self._accept(CANARY, executor.submit(rehearse, folder))
        throttles = self._throttles()
        for number, array in enumerate(self._submission.arrays):
            more = {"dependency": self._dependency(array), "array_parallelism": throttles[number]}
            executor = self._executor(str(number), array.resources, more)
            count = len(array.tasks)
            jobs = executor.map_array(run_task, [folder] * count, [number] * count, range(count))
            self._accept(str(number), jobs[0])
        report = {"dependency": "afterany:" + ":".join(self._sent.values())}
        self._accept(REPORT, self._executor(REPORT, _small(first), report).submit(conclude, folder))

    def _accept(self, name: str, job: Any) -> None:
        self._sent[name] = job.job_id.partition("_")[0]
        self._submission.accepted(name, self._sent[name])

    def _for_canaries(self) -> Resources:
        """The largest class, of which one device does: canaries are tried on a single one."""
        classes = (array.resources for array in self._submission.arrays)
        most = max(classes, key=lambda one: (one.gpus > 0, one.memory_gb))
        return replace(most, nodes=1, gpus=min(most.gpus, 1), devices=1)

    def _throttles(self) -> list[int]:
        sizes = [len(array.tasks) for array in self._submission.arrays]
        limit = int(self._options["max_running"])
        return sizes if sum(sizes) <= limit else shares(sizes, limit)

    def _dependency(self, array: Array) -> str | None:
        if array.after is not None:
            word = "aftercorr" if len(array.tasks) > 1 else "afterok"
            return f"{word}:{self._sent[str(array.after)]}"
        parts = [f"afterok:{self._sent[CANARY]}"] if CANARY in self._sent else []
        parts += [f"afterany:{':'.join(array.behind)}"] if array.behind else []
        return ",".join(parts) or None

    def _executor(self, name: str, resources: Resources, more: dict[str, Any]) -> Any:
        import submitit

        executor = submitit.SlurmExecutor(self._submission.logs, python=self._options["python"])
        own = {
            **flags(resources, self._options),
            "chdir": str(self._submission.snapshot),
            "requeue": True,
            "kill-on-invalid-dep": "yes",
        }
        asked = {
            **more,
            "job_name": f"{self._submission.sweep}-{name}",
            "comment": f"{self._submission.comment}:{name}",
            "setup": [*self._options["setup"], *self._setup()],
            "teardown": AGAIN.splitlines(),
            "srun_args": _srun(resources),
            "additional_parameters": own,
        }
        given = {key: value for key, value in asked.items() if value is not None}
        executor.update_parameters(**given, wckey=None)
        return executor

    def _setup(self) -> list[str]:
        code = shlex.quote(str(self._submission.snapshot))
        return [f"cd {code} && export PYTHONPATH={code}${{PYTHONPATH:+:$PYTHONPATH}}"]

    def _stopped(self, why: str) -> UserError:
        if not self._sent:
            shutil.rmtree(self._submission.folder, ignore_errors=True)
            return UserError(f"SLURM did not take the sweep: {why}; nothing was submitted")
        sweep, jobs = self._submission.sweep, ", ".join(self._sent.values())
        return UserError(
            f"SLURM took a part of the sweep only: {why}; it accepted the jobs {jobs}, which stay. "
            f"Cancel them with: make cancel SWEEP={sweep}, or send the rest with: "
            f"make sweep SWEEP={sweep} CLUSTER=slurm"
        )


def _srun(resources: Resources) -> list[str]:
    """srun takes neither the cores per task from the script, nor the others down with one."""
    cores = max(resources.cpus // resources.devices, 1)
    return [f"--cpus-per-task={cores}", "--kill-on-bad-exit=1"]


def _small(resources: Resources) -> Resources:
    """What the report needs, at the place of the cells."""
    minutes, memory = (
        min(REPORT_MINUTES, resources.minutes),
        min(REPORT_MEMORY_GB, resources.memory_gb),
    )
    small = replace(resources, nodes=1, gpus=0, cpus=1, devices=1)
    return replace(small, minutes=minutes, memory_gb=memory)


def _sent(submission: Submission) -> str:
    tasks = sum(len(array.tasks) for array in submission.arrays)
    canaries = f", {len(submission.canaries)} canaries first" if submission.canaries else ""
    return (
        f"sweep {submission.sweep}: {len(submission.cells)} cells submitted as {tasks} jobs in "
        f"{len(submission.arrays)} arrays{canaries}.\n"
        f"Follow it with: make status SWEEP={submission.sweep} WATCH=1; tables come by themselves "
        f"to {submission.results}/{submission.sweep}"
    )
