"""Keep one daemon and everything that ever starts below it: ``keeper.py pid_file command ...``.

SLURM's step daemons and the jobs below them leave their parent's process tree. The keeper adopts
them, so that SIGTERM to the keeper ends all of them at once and without notice, as a crash would.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def main(pid_file: str, *command: str) -> None:
    """Go to the background and run the command until it ends, or until SIGTERM.

    The file is there, complete, before the command starts; where it cannot be, nothing starts.
    """
    if os.fork():
        return
    os.setsid()
    new = Path(f"{pid_file}.new")
    new.write_text(f"{os.getpid()}\n")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        new.rename(pid_file)
        if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            raise OSError("this kernel lets no process adopt others")
        daemon = subprocess.Popen(command)
        while os.wait()[0] != daemon.pid:
            pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        kill_all()


def kill_all() -> None:
    """Kill what is below this process, parents first, so that none can report another's end."""
    while found := below(os.getpid()):
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.01)


def below(root: int) -> list[int]:
    """The processes below one, parents before their children."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found = list(children.get(root, ()))
    for pid in found:
        found += children.get(pid, ())
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
