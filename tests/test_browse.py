"""The terminal browser: which runs it is given, and that it shows them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import cell

from sweeps.cell import Cell
from sweeps.errors import UserError
from sweeps.ledger import Ledger
from sweeps.mirror.browse import _check_leet, browse, gather, newest
from sweeps.mirror.live import Tracker
from sweeps.record import RunPaths

ROOT = Path(__file__).parents[1]
FIRST, SECOND = "20260102_030405", "20260102_040000"


def attempt(ledger: Path, of: Cell, moment: str) -> Path:
    """An attempt's folder as W&B leaves it."""
    folder = ledger / of.key
    (folder / "wandb" / f"offline-run-{moment}-{of.key}").mkdir(parents=True)
    (folder / "cell.json").write_text(json.dumps(of.json()))
    file = folder / "wandb" / f"offline-run-{moment}-{of.key}" / f"run-{of.key}.wandb"
    file.write_text(moment)
    return file


def test_of_a_cells_attempts_the_newest_is_shown_under_the_cells_name(tmp_path: Path) -> None:
    plain, gated = cell(), cell("attention=se")
    attempt(tmp_path / "runs", plain, SECOND)
    attempt(tmp_path / "runs", plain, FIRST)
    attempt(tmp_path / "runs", gated, FIRST)
    ledger = Ledger(tmp_path / "runs")
    (tmp_path / "shown").mkdir()
    gather(ledger, newest(ledger), tmp_path / "shown")
    assert sorted(path.name for path in (tmp_path / "shown").iterdir()) == sorted(
        f"run-resnet20-{attention}-none-0-run-{moment}-{one.key}"
        for attention, moment, one in (("none", SECOND, plain), ("se", FIRST, gated))
    )
    (shown,) = (tmp_path / "shown").glob(f"*/run-{plain.key}.wandb")
    assert shown.read_text() == SECOND


def test_what_is_deleted_among_the_shown_runs_stays_in_the_ledger(tmp_path: Path) -> None:
    file = attempt(tmp_path / "runs", cell(), FIRST)
    ledger = Ledger(tmp_path / "runs")
    (tmp_path / "shown").mkdir()
    gather(ledger, newest(ledger), tmp_path / "shown")
    (shown,) = (tmp_path / "shown").iterdir()
    shutil.rmtree(shown)
    assert file.read_text() == FIRST


def test_a_run_whose_cell_cannot_be_read_is_shown_by_its_key(tmp_path: Path) -> None:
    attempt(tmp_path / "runs", cell(), FIRST)
    (tmp_path / "runs" / cell().key / "cell.json").write_text("{")
    ledger = Ledger(tmp_path / "runs")
    (tmp_path / "shown").mkdir()
    gather(ledger, newest(ledger), tmp_path / "shown")
    (shown,) = (tmp_path / "shown").iterdir()
    assert shown.name == f"run-unknown-run-{FIRST}-{cell().key}"


def test_a_ledger_without_offline_runs_says_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="tracking=offline"):
        browse(Ledger(tmp_path))


def test_without_a_terminal_other_ways_to_the_numbers_are_named(tmp_path: Path) -> None:
    attempt(tmp_path, cell(), FIRST)
    code = (
        "import pathlib, sys; from sweeps.ledger import Ledger; "
        "from sweeps.mirror.browse import browse; browse(Ledger(pathlib.Path(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    assert "UserError: do=browse needs a terminal" in done.stderr
    assert "do=status" in done.stderr


def test_a_wandb_without_the_browser_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "__init__.py").touch()
    (tmp_path / "wandb" / "__main__.py").write_text(
        "import sys\nsys.exit(\"Error: No such command 'leet'.\")"
    )
    _check_leet()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no terminal browser"):
        _check_leet()


def test_a_variable_that_w_and_b_does_not_take_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt(tmp_path, cell(), FIRST)
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "abc")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    with pytest.raises(UserError, match=r"^WANDB_INIT_TIMEOUT: W&B does not take its"):
        browse(Ledger(tmp_path))


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[list[str]]:
    """The beginning of a tmux command, for a server of its own."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed: nothing here can draw a terminal")
    tmux = ["tmux", "-f", "/dev/null", "-S", str(tmp_path / "tmux")]
    yield tmux
    subprocess.run([*tmux, "kill-server"], capture_output=True)


def screen(tmux: list[str], *awaited: str) -> str:
    """What the terminal shows, as soon as it shows all that is awaited, or after a minute."""
    until = time.monotonic() + 60
    while True:
        shown = subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True).stdout
        if all(text in shown for text in awaited) or time.monotonic() > until:
            return shown
        time.sleep(0.1)


def test_the_browser_shows_every_cell_with_its_curves_and_leaves_nothing_behind(
    tmp_path: Path, terminal: list[str]
) -> None:
    ledger, spare = tmp_path / "runs", tmp_path / "spare"
    spare.mkdir()
    for one in (cell(), cell("attention=se")):
        paths = RunPaths(ledger, one.key)
        paths.folder.mkdir(parents=True)
        paths.cell.write_text(json.dumps(one.json()))
        with Tracker(one, paths, "offline", sweep="tiny") as tracker:
            for epoch in range(3):
                tracker.epoch({"phase": "fit", "epoch": epoch, "train_loss": 1.0 / (1 + epoch)})
    command = f"TMPDIR={spare} {sys.executable} run.py do=browse ledger={ledger}; echo status $?"
    start = [*terminal, "new-session", "-d", "-x", "160", "-y", "40", "-c", str(ROOT)]
    subprocess.run([*start, f"{command}; sleep 60"], check=True)
    awaited = ("run-resnet20-none-none-0", "run-resnet20-se-none-0", "fit/train_loss")
    shown = screen(terminal, *awaited)
    assert all(text in shown for text in awaited), shown
    assert list(spare.glob("triptych-*"))
    subprocess.run([*terminal, "send-keys", "q"], check=True)
    assert "status 0" in screen(terminal, "status 0")
    assert not list(spare.glob("triptych-*"))
