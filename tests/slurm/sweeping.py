"""A sweep on a real cluster, as a person would start it, and what must be true when it is over."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.slurm.cluster import Cluster

ROOT = Path(__file__).parents[2]
ROOMS = ("conf", "lightning_modules", "datamodules", "sweeps", "reports")
RELEASE_S = 6.0
"""Letting a job go more often than SLURM schedules puts it off each time."""
SMALL = (
    "cluster=slurm",
    "cluster.gpus=0",
    "cluster.cpus=1",
    "cluster.memory_gb=2",
    "cluster.minutes=20",
    "cluster.canary=false",
    "tracking=none",
    "trainer.threads=1",
    "trainer.latency_seconds=0.05",
)
OWN = os.environ.get("TRIPTYCH_TEST_SLURM", "").split()
"""Overrides that a cluster which is not ours needs, e.g. ``cluster.partition=debug``."""

FAMILY = {
    "about": "a dense network and what is pruned from it",
    "common": ["data=digits", "backbone=resnet8", "recipe=digits", "attention=none"],
    "blocks": [
        ["pruning=none", "recipe.epochs=40", "recipe.refit.epochs=12"],
        ["pruning=l1", "pruning.macs=0.7", "recipe.epochs=40", "recipe.refit.epochs=12"],
    ],
}
SWEEPS: Mapping[str, Any] = {
    "family": FAMILY,
    "relatives": FAMILY | {"blocks": [*FAMILY["blocks"], ["attention=se", "recipe.epochs=2"]]},
    "long": FAMILY | {"blocks": [["pruning=none", "recipe.epochs=100"]]},
    "tiny": {"common": ["data=synthetic", "data.size=64", "data.image_size=8", "recipe=smoke",
                        "backbone=resnet8"]},
}  # fmt: skip

PACE = """

import os

_say, _last = say_epoch, time.monotonic()


def say_epoch(row):
    global _last
    _say(row)
    time.sleep(max(0.0, _last + float(os.environ["TRIPTYCH_TEST_EPOCH_S"]) - time.monotonic()))
    _last = time.monotonic()
"""
"""An epoch on the cluster takes a time that a test can count on, however fast the machine is."""


def copy_project(folder: Path) -> Path:
    """The project in a folder of its own, with the sweeps of these tests and their pace."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("run.py", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    for name, content in SWEEPS.items():
        (folder / "conf/sweep" / f"{name}.yaml").write_text(json.dumps(content))
    with (folder / "sweeps/cluster/child.py").open("a") as file:
        file.write(PACE)
    return folder


@dataclass(frozen=True)
class Sweep:
    """One sweep in one ledger; an epoch takes ``epoch_s`` seconds or longer."""

    cluster: Cluster
    project: Path
    folder: Path
    name: str = "family"
    more: tuple[str, ...] = ()
    epoch_s: float = 0.3

    @property
    def ledger(self) -> Path:
        return self.folder / "runs"

    def start(self, *more: str) -> str:
        """Submit it; the output of the command."""
        done = self.run("do=sweep", *more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``python run.py`` on a login node."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def command(self, *arguments: str) -> list[str]:
        own = (f"sweep={self.name}", f"ledger={self.ledger}", f"results={self.folder}/results")
        program = [sys.executable, str(self.project / "run.py")]
        starts = "do=sweep" in arguments  # from then on its plan says what the grid is
        more = [one for one in self.more if starts or one.startswith(("cluster.", "trainer."))]
        return [*program, *own, *SMALL, *OWN, *more, *arguments]

    @property
    def environment(self) -> dict[str, str]:
        own = {k: v for k, v in self.cluster.env.items() if not k.startswith("SLURM_J")}
        ours = {"TRIPTYCH_USER": "", "TRIPTYCH_TEST_EPOCH_S": str(self.epoch_s)}
        return {**own, **ours, "COLUMNS": "140", "PYTHONDONTWRITEBYTECODE": ""}

    def jobs(self) -> list[tuple[str, str, str, str]]:
        """(name, state, reason, raw id) of this sweep's jobs in the queue."""
        rows = self.cluster.command("squeue", "-h", "-r", "-o", "%i|%T|%r|%A|%k").splitlines()
        mine = [row.split("|") for row in rows if self._is_mine(row)]
        return [(name, state, reason, raw) for name, state, reason, raw, _ in mine]

    def _is_mine(self, row: str) -> bool:
        comment = row.rpartition("|")[2]
        return any(f"triptych:{path.parent.name}:" in comment for path in self.plans())

    def plans(self) -> list[Path]:
        return sorted(self.ledger.glob("submissions/*/plan.json"))

    def running(self) -> str:
        """The raw id of a job of cells that runs; waits until there is one."""
        found: list[str] = []

        def look() -> bool:
            found[:] = [raw for name, state, _, raw in self._cells() if state == "RUNNING"]
            return bool(found)

        self.until(look)
        return found[0]

    def _cells(self) -> list[tuple[str, str, str, str]]:
        numbers = self.numbers()
        return [job for job in self.jobs() if job[0].partition("_")[0] in numbers]

    def numbers(self) -> set[str]:
        """SLURM's ids of the arrays of cells."""
        lines = [
            json.loads(line)
            for plan in self.plans()
            for line in (plan.parent / "jobs.jsonl").read_text().splitlines()
        ]
        return {line["job"] for line in lines if line["name"].isdecimal()}

    def until(self, there: Callable[[], object], seconds: float = 120) -> None:
        """Wait for something while held jobs are let go (SLURM waits 2 minutes by itself)."""
        end, next_look = time.monotonic() + seconds, 0.0
        while not there():
            assert time.monotonic() < end, self.story()
            if time.monotonic() > next_look:
                self.let_go()
                next_look = time.monotonic() + RELEASE_S
            time.sleep(0.2)

    def until_log(self, text: str) -> str:
        """Wait until the only cell's log, or its job's, has said something."""
        logs = ("*/log.txt", "submissions/*/jobs/*_log.out")

        def found() -> str:
            texts = [path.read_text() for glob in logs for path in self.ledger.glob(glob)]
            return next((one for one in texts if text in one), "")

        self.until(found)
        return found()

    def let_go(self) -> None:
        for name, state, reason, _ in self.jobs():
            if state == "PENDING" and reason == "BeginTime":
                with suppress(TimeoutError, RuntimeError):  # it went on by itself meanwhile
                    self.cluster.release(name)

    def finish(self, seconds: float = 240) -> None:
        """Wait until no job of it is left."""
        self.until(lambda: not self.jobs(), seconds)

    def story(self) -> str:
        """What the jobs and cells wrote, for a test that fails."""
        logs = [*self.ledger.glob("submissions/*/jobs/*_log.*"), *self.ledger.glob("*/log.txt")]
        parts = [f"== {path}\n{path.read_text(errors='replace')[-3000:]}" for path in sorted(logs)]
        return "\n".join([str(self.jobs()), *parts])

    def folder_of(self, pruning: str) -> Path:
        """The ledger's folder of the cell with this pruning."""
        return self.ledger / next(
            key for key, cell in self.cells().items() if cell["pruning"]["name"] == pruning
        )

    def cells(self) -> dict[str, Any]:
        from sweeps.cell import Cell

        plan = json.loads((self.ledger / "sweeps" / f"{self.name}.json").read_text())
        return {Cell.from_json(cell).key: cell for cell in plan["cells"]}


def outcomes(ledger: Path) -> dict[str, Any]:
    """What must be equal however often a run was interrupted: results, history, weights."""
    found = {}
    for path in ledger.glob("*/record.json"):
        record = json.loads(path.read_text())
        history = json.loads((path.parent / "history.json").read_text())
        found[record["key"]] = {n: record[n] for n in ("status", "result")} | {"history": history}
    return found


def ends(folder: Path) -> list[str]:
    """How the attempts at a cell ended."""
    from sweeps import attempts

    return [one.get("ended", "") for one in attempts.read(folder / "attempts.jsonl")]


def has_trained(sweep: Sweep, epochs: int, pruning: str = "none") -> Callable[[], bool]:
    """Whether a cell has finished so many epochs."""

    def look() -> bool:
        log = sweep.folder_of(pruning) / "log.txt"
        return log.exists() and log.read_text().count(" epoch ") >= epochs

    return look


def trained_twice(ledger: Path) -> list[str]:
    """Epochs that were finished more than once, and cells that were done more than once."""
    found = []
    for log in ledger.glob("*/log.txt"):
        epochs = Counter(re.findall(r"^(?:re)?fit epoch \d+", log.read_text(), re.MULTILINE))
        found += [f"{log.parent.name} {name}" for name, count in epochs.items() if count > 1]
        found += [log.parent.name] * (ends(log.parent).count("done") > 1)
    return found


def processes_of(job: str) -> Sequence[int]:
    """The processes of a job's task on this machine, the job's script and srun left out."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            environment = (path / "environ").read_bytes().split(b"\0")
            command = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"SLURM_JOB_ID={job}".encode() in environment and b"submitit.core._submit" in command:
            found.append((path, command))
    return [int(path.name) for path, command in found if not command[0].endswith(b"srun")]
