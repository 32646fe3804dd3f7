"""Commands as processes: started, waited for, refused."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from conftest import ROOT


def refused(done: subprocess.CompletedProcess[str], *texts: str) -> None:
    """The command has ended with one clear message, which says all of this."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert all(text in done.stderr for text in texts), done.stderr


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {seconds} s"
        time.sleep(0.02)


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """``python run.py ...`` with its ledger in a folder, which goes on."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), f"ledger={folder}/runs", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
