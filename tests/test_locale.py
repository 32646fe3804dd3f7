"""What is read, written and said is the same where the locale knows ASCII only."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from ledgers import HOSTILE, cell, done, failed, ledger_of
from started import begun, submit

from sweeps.cluster.send import Sender

ROOMS = ("conf", "lightning_modules", "datamodules", "sweeps", "reports")
BARE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
RICH = {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
SWEEP = """# Naïve Größen, ☃ included (Müller et al., 2020).
about: naïve Größen ☃
common: [data=synthetic, recipe=smoke, backbone=resnet8]
blocks: [["attention=none,eca"]]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which people write as they speak, and a ledger beside it."""
    folder = tmp_path_factory.mktemp("Größe") / "project"
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ROOMS:
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    shutil.copy(ROOT / "run.py", folder)
    (folder / "conf/sweep/naive.yaml").write_text(SWEEP, encoding="utf-8")
    for file in ("attention/eca.py", "backbones/resnet.py"):
        path = folder / "lightning_modules" / file
        path.write_bytes(path.read_bytes() + "\n# Naïve Größen ☃\n".encode())
    cells = [cell(seed=seed) for seed in range(3)]
    records = [done(cells[0], 0.9), done(cells[1], 0.92), failed(cells[2], HOSTILE)]
    ledger_of(folder, zip(cells, records, strict=True))
    return folder


def said(
    project: Path, locale: dict[str, str], *arguments: str, status: int = 0
) -> tuple[str, str]:
    """What a command writes to its output, as that reads, and to its errors."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("PYTHONIO")}
    command = [sys.executable, "run.py", *arguments]
    done = subprocess.run(command, cwd=project, capture_output=True, env={**known, **locale})
    error = done.stderr.decode(errors="replace")
    assert "Traceback" not in error
    assert done.returncode == status, error
    return done.stdout.decode(), error


def test_python_is_told_to_know_ascii_only() -> None:
    code = "import locale; print(locale.getencoding())"
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **BARE})
    assert told.stdout.strip() in ("ANSI_X3.4-1968", "646", "US-ASCII")


@pytest.mark.parametrize("arguments", [["do=list"], ["do=plan", "sweep=naive"]], ids=lambda a: a[0])
def test_what_people_wrote_is_read_the_same(project: Path, arguments: list[str]) -> None:
    bare, _ = said(project, BARE, *arguments, "format=json")
    rich, _ = said(project, RICH, *arguments, "format=json")
    assert json.loads(bare) == json.loads(rich)
    assert "na\\u00efve" in bare.lower()
    plain, _ = said(project, BARE, *arguments)
    assert plain.isascii()


def test_a_job_knows_utf8_on_every_node(tmp_path: Path) -> None:
    submission = submit(begun(tmp_path))
    submission.snapshot.mkdir(parents=True)
    (line,) = Sender(submission)._setup()
    code = f"{sys.executable} -c 'import sys; print(sys.flags.utf8_mode)'"
    command = ["bash", "-c", f"{line} && {code}"]
    told = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **BARE})
    assert told.stdout == "1\n"


def test_a_report_has_the_same_bytes(project: Path) -> None:
    for name, locale in (("bare", BARE), ("rich", RICH)):
        said(project, locale, "do=report", "sweep=small", f"results={name}", status=1)
    made = [project / name / "small" for name in ("bare", "rich")]
    files = [{path.name: path.read_bytes() for path in one.iterdir()} for one in made]
    assert files[0] == files[1]
    assert "☃" in files[0]["table.md"].decode()
