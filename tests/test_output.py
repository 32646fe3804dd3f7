"""What becomes of a command when its output cannot be written, or somebody interrupts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, cells
from ledgers import HOSTILE, cell, done, failed, ledger_of

from sweeps.frozen import Plan
from sweeps.ledger import Ledger

FULL = Path("/dev/full")
STOP = """
import runpy, sys
class Stop:
    def find_spec(name, path=None, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Stop)
sys.argv[0] = {program!r}
runpy.run_path({program!r}, run_name="__main__")
"""
"""Ctrl-C at the moment when a module is imported."""


@pytest.fixture
def started(tmp_path: Path) -> Path:
    """A folder in whose ledger the demo was started."""
    Ledger(tmp_path / "runs").freeze(Plan("demo", "", tuple(cells("seed=0,1"))))
    return tmp_path


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("verb", ["report", "status"])
def test_an_output_that_lacks_a_letter_shows_another(
    tmp_path: Path, encoding: str, verb: str
) -> None:
    runs = [(cell(seed=seed), done(cell(seed=seed), 0.9 + seed / 100)) for seed in range(3)]
    ledger_of(tmp_path, [*runs, (cell(seed=3), failed(cell(seed=3), HOSTILE))])
    said = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), f"do={verb}", "sweep=small"],
        cwd=tmp_path,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert b"Traceback" not in said.stderr
    assert said.returncode == (1 if verb == "report" else 0)
    assert "?" in said.stdout.decode(encoding)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "arguments",
    [
        ["do=status", "sweep=demo"],
        ["do=list"],
        ["do=cost", "backbone=resnet8", "trainer.latency_seconds=0.02", "trainer.threads=1"],
    ],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize("flags", [[], ["-u"]], ids=["buffered", "unbuffered"])
def test_an_output_without_room_is_one_line(
    started: Path, arguments: list[str], flags: list[str]
) -> None:
    with FULL.open("w") as full:
        said = subprocess.run(
            [sys.executable, *flags, str(ROOT / "run.py"), *arguments],
            cwd=started,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert said.returncode == 2
    (line,) = said.stderr.splitlines()
    assert line.startswith("error: cannot write to standard output (No space left on device)")


def test_a_reader_that_leaves_is_no_mistake(started: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    said = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "do=status", "sweep=demo"],
        cwd=started,
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    assert (said.returncode, said.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("module", "verb", "words"),
    [
        ("sweeps.cli", "sweep", "interrupted"),
        ("hydra", "status", "interrupted"),
        ("reports.report", "report", "interrupted"),
        (
            "sweeps.preflight",
            "sweep",
            "interrupted; the same command goes on from the last checkpoint",
        ),
    ],
)
def test_an_interruption_is_one_line(started: Path, module: str, verb: str, words: str) -> None:
    code = STOP.format(module=module, program=str(ROOT / "run.py"))
    settings = [f"do={verb}", "sweep=demo", "cluster=here", "tracking=none"]
    said = subprocess.run(
        [sys.executable, "-c", code, *settings],
        cwd=started,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert said.returncode == 130, said.stderr
    assert said.stderr.splitlines()[-1] == words
    assert "Traceback" not in said.stderr
