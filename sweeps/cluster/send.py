"""Send a planned submission to SLURM, array after array, through submitit."""

from __future__ import annotations

import shlex
import shutil
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sweeps.cluster import slurm
from sweeps.cluster.arrays import Array
from sweeps.cluster.conclude import conclude
from sweeps.cluster.pack import run_task
from sweeps.cluster.queue import recover
from sweeps.cluster.refusals import flags
from sweeps.cluster.rehearsal import rehearse
from sweeps.cluster.resources import Resources
from sweeps.cluster.submission import CANARY, REPORT, Submission
from sweeps.cluster.throttle import shares
from sweeps.errors import UserError

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


class Sender:
    """Sends a submission that is planned and written."""

    def __init__(self, submission: Submission) -> None:
        self._submission = submission
        self._options = submission.options
        self._sent: dict[str, str] = {}

    def send(self) -> None:
        """Send it whole; notes every array that SLURM accepts.

        Raises:
            UserError: SLURM refused some of it; the message lists what it had accepted.
        """
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
        """Run the snapshot's code; names and texts are UTF-8 whatever a node's locale is."""
        code = shlex.quote(str(self._submission.snapshot))
        return [f"cd {code} && export PYTHONUTF8=1 PYTHONPATH={code}${{PYTHONPATH:+:$PYTHONPATH}}"]

    def _stopped(self, why: str) -> UserError:
        with suppress(UserError):  # SLURM may have taken one whose number did not arrive here
            recover(self._submission, slurm.queue())
            self._sent = self._submission.jobs
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
    minutes = min(REPORT_MINUTES, resources.minutes)
    memory = min(REPORT_MEMORY_GB, resources.memory_gb)
    one = replace(resources, nodes=1, gpus=0, cpus=1, devices=1)
    return replace(one, minutes=minutes, memory_gb=memory)
