"""SLURM's commands, and waiting for what they say."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

LIMIT_S = 60.0


def command(env: Mapping[str, str], *args: str | Path) -> str:
    """What a command prints.

    Raises:
        RuntimeError: it failed; the message is what it wrote.
    """
    run = subprocess.run(args, env=env, capture_output=True, text=True, timeout=LIMIT_S)
    if run.returncode:
        raise RuntimeError(f"{args[0]} left with {run.returncode}: {run.stderr.strip()}")
    return run.stdout.strip()


def answer(env: Mapping[str, str], *args: str | Path) -> str:
    """What a command prints, or nothing where it fails."""
    try:
        return command(env, *args)
    except (RuntimeError, OSError):
        return ""


def wait(condition: Callable[[], object], seconds: float, what: str = "a condition") -> None:
    """Return as soon as the condition holds.

    Raises:
        TimeoutError: it did not hold within the time.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.1)
