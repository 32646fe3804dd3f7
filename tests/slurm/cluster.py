"""A real SLURM cluster for tests: the machine's own, or one in a temporary folder.

    python -m tests.slurm.cluster start     start one, print how to use it, and leave it running
    python -m tests.slurm.cluster stop      end it with all its jobs, and remove its files
    python -m tests.slurm.cluster shell     a shell with a cluster that ends with it

The one in a folder is complete: munged, MariaDB, slurmdbd, slurmctld and a slurmd for each of
three nodes, all on this machine, with ports and sockets of their own. It needs root.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.slurm import daemons
from tests.slurm.commands import answer, command, wait
from tests.slurm.launch import launch, start_controller, start_node

NODES = ("n1", "n2", "n3")
ROOT = Path(__file__).parents[2]
HERE = Path(tempfile.gettempdir()) / "triptych-slurm"


@dataclass(frozen=True)
class Cluster:
    """A running cluster.

    Args:
        env: the environment in which SLURM's commands, and programs that use them, find it.
        folder: where it lives; None for a cluster that was there before us.
        guard: ends it as soon as nothing holds the guard's standard input open.
    """

    env: Mapping[str, str]
    folder: Path | None = None
    guard: subprocess.Popen[bytes] | None = None

    def command(self, *args: str | Path) -> str:
        """What one of SLURM's commands prints; RuntimeError with its complaint if it fails."""
        return command(self.env, *args)

    def wait(self, condition: Callable[[], object], seconds: float = 30) -> None:
        """Return as soon as the condition holds; TimeoutError if it does not within the time."""
        wait(condition, seconds)

    def submit(self, script: str, *options: str) -> str:
        """Submit lines of shell; returns the job's number."""
        job = self.command("sbatch", "--parsable", "--output=/dev/null", *options, "--wrap", script)
        return job.partition(";")[0]

    def state(self, job: str) -> str:
        """A job's state as the controller has it: PENDING, RUNNING, COMPLETING, COMPLETED, ..."""
        return self.command("squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={job}")

    def node(self, name: str) -> str:
        """A node's state: idle, mixed, down, ...; a star says that it does not answer."""
        return self.command("sinfo", "--noheader", "--format=%T", f"--nodes={name}").split()[0]

    def release(self, job: str) -> None:
        """Let a requeued job start soon, without SLURM's two minutes of waiting.

        At once would be too soon: its node may still be removing the script of the first run.
        """
        self.wait(lambda: self.state(job) == "PENDING")
        self.command("scontrol", "update", f"JobId={job}", "StartTime=now+2")

    @property
    def own(self) -> Path:
        """The cluster's folder; skips the test on a cluster that is not ours to break."""
        if self.folder is None:
            pytest.skip("this machine's own cluster is not ours to change or break")
        return self.folder

    def kill_node(self, name: str) -> None:
        """End a node's slurmd and every process of its jobs without notice, as a crash would."""
        daemons.kill(self.own, name)

    def start_node(self, name: str) -> None:
        """Start a node's slurmd again."""
        start_node(self.own, name)

    def restart_controller(self) -> None:
        """Stop slurmctld in good order and start it again; jobs go on meanwhile."""
        folder = self.own
        self.command("scontrol", "shutdown", "slurmctld")
        self.wait(lambda: not daemons.is_running(folder, "slurmctld"))
        start_controller(folder)

    def stop(self) -> None:
        """End what was started, with every process of its jobs, and remove its files."""
        if self.guard is not None:
            self.guard.communicate()
        elif self.folder is not None:
            daemons.kill_all(self.folder)


def find_or_start() -> Cluster:
    """This machine's cluster if it has one, else a new one; skips the test if neither can be."""
    conf = Path(os.environ.get("SLURM_CONF", ""))
    ours = (conf.parent / "slurmctld.keeper").exists()
    env = {name: value for name, value in os.environ.items() if name != "SLURM_CONF" or not ours}
    return Cluster(env) if answer(env, "sinfo") else start()


def start(nodes: Sequence[str] = NODES, *, accounting: bool = True) -> Cluster:
    """Start a cluster that ends with this process, however this process ends.

    Args:
        nodes: their names.
        accounting: with a database, where the account ``lab`` is this user's.
    """
    if absent := daemons.missing():
        pytest.skip(f"there is no SLURM cluster, and no {', '.join(absent)} to start one")
    if os.geteuid() != 0:
        pytest.skip("there is no SLURM cluster, and only root can start one")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    end = (sys.executable, "-m", "tests.slurm.cluster", "stop", str(folder))
    guard = subprocess.Popen(
        ["sh", "-c", 'read -r _; exec "$@"', "guard", *end],
        stdin=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    )
    cluster = Cluster(daemons.environment(folder), folder, guard)
    try:
        launch(folder, nodes, accounting=accounting)
    except BaseException:
        cluster.stop()
        raise
    return cluster


def main(verb: str = "", where: str = str(HERE)) -> None:
    """The command line of this file."""
    folder = Path(where)
    if verb in ("start", "stop") and folder.exists() != (verb == "stop"):
        sys.exit(f"cannot {verb}: {folder} {'exists' if verb == 'start' else 'does not exist'}")
    if verb == "start":
        folder.mkdir()
        try:
            launch(folder, NODES, accounting=True)
        except BaseException:
            daemons.kill_all(folder)
            raise
        print(f"export SLURM_CONF={folder}/slurm.conf")
    elif verb == "stop":
        daemons.kill_all(folder)
    elif verb == "shell":
        cluster = start()
        subprocess.run([os.environ.get("SHELL", "sh")], env=cluster.env)
        cluster.stop()
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
