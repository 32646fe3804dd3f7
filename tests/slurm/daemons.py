"""The daemons of a cluster in one folder: each is started, found and ended by its own name."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.slurm.commands import wait

PROGRAMS = ("munged", "mariadbd", "mariadb-install-db", "slurmdbd", "slurmctld", "slurmd", "sbatch")
PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
LIMIT_S = 20.0
KEEPER = Path(__file__).with_name("keeper.py")


def missing() -> list[str]:
    """The programs that a cluster needs and this machine lacks."""
    return [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]


def environment(folder: Path) -> dict[str, str]:
    """The caller's environment, with this cluster in place of any other."""
    others = ("SLURM", "SBATCH", "SRUN", "SQUEUE", "SINFO", "SACCT")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return {**kept, "PATH": PATH, "SLURM_CONF": str(folder / "slurm.conf")}


def start(folder: Path, name: str, *command: str | Path) -> None:
    """Start a daemon in the background; its output goes to ``<name>.out``."""
    file = _file(folder, name)
    file.unlink(missing_ok=True)
    with (folder / f"{name}.out").open("ab") as output:
        subprocess.run(
            [sys.executable, "-I", KEEPER, file, *command],
            env={**environment(folder), "MYSQL_UNIX_PORT": str(folder / "mariadb.socket")},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=True,
        )
    wait(file.exists, LIMIT_S, f"the start of {name}")


def is_running(folder: Path, name: str) -> bool:
    """Whether a daemon that was started here has not ended."""
    file = _file(folder, name)
    return file.exists() and _keeps(int(file.read_text()), file)


def kill(folder: Path, name: str) -> None:
    """End a daemon and all processes below it with SIGKILL."""
    file = _file(folder, name)
    _end(int(file.read_text()), file)


def kill_all(folder: Path) -> None:
    """End every daemon of the folder, and remove it.

    The folder gets another name first: a daemon that someone is starting meanwhile fails then.
    """
    ending = folder.rename(folder.with_name(f"{folder.name}.ending"))
    for file in ending.glob("*.keeper"):
        _end(int(file.read_text()), folder / file.name)
    shutil.rmtree(ending)


def last_words(folder: Path) -> str:
    """The last lines that each daemon wrote."""
    tails = {file.stem: file.read_text().splitlines()[-20:] for file in folder.glob("*.out")}
    return "\n".join(f"{name}: {line}" for name, lines in tails.items() for line in lines)


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.keeper"


def _end(pid: int, file: Path) -> None:
    if _keeps(pid, file):
        os.kill(pid, signal.SIGTERM)
        wait(lambda: not _keeps(pid, file), LIMIT_S, f"the end of {file.stem}")


def _keeps(pid: int, file: Path) -> bool:
    """Whether a process is the keeper that this file was made by."""
    try:
        return bytes(file) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
