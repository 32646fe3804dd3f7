"""``do=publish`` as a process: interrupted, in a strange environment, and asked wrongly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT
from ledgers import cell
from processes import until
from publishing import CELLS, counted, made, runs

from sweeps.ledger import Ledger
from tests.wandb_server.client import environment, helpers_of, send
from tests.wandb_server.server import Server


@dataclass(frozen=True)
class Command:
    """``do=publish`` in a process of its own."""

    ledger: Ledger
    folder: Path
    variables: Mapping[str, str]

    def start(self, *asked: str, **changed: str) -> subprocess.Popen[str]:
        where = [f"ledger={self.ledger.root}", "wandb.project=p"]
        return subprocess.Popen(
            [sys.executable, str(ROOT / "run.py"), "do=publish", "sweep=demo", *where, *asked],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env={**os.environ, "HOME": str(self.folder), **self.variables, **changed},
        )

    def __call__(self, *asked: str, **changed: str) -> tuple[int, str, str]:
        process = self.start(*asked, **changed)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.fixture
def command(server: Server, tmp_path: Path) -> Command:
    ledger = made(tmp_path, "demo")
    (tmp_path / "home").mkdir()
    return Command(ledger, tmp_path / "home", environment(server))


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a process and its W&B client, as the end of a machine does."""
    process.kill()
    process.communicate()
    for helper in helpers_of(process.pid):
        with suppress(ProcessLookupError):
            os.kill(helper, signal.SIGKILL)


@pytest.mark.parametrize("how", ["kill", "interrupt"])
def test_what_an_interrupted_publishing_left_is_finished_by_the_next(
    how: str, server: Server, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    many = tuple(cell(seed=seed) for seed in range(16))
    ledger = made(command.folder, "demo", many)
    command = Command(ledger, command.folder, command.variables)
    server.fault = lambda _, name: time.sleep(0.05)
    process = command.start()
    ended = ("finished", "failed")
    until(lambda: sum(run.state in ended for run in runs(server).values()) >= 4)
    if how == "kill":
        kill(process)
    else:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "Traceback" not in err
    there = [run for run in runs(server).values() if run.state in ended]
    assert 4 <= len(there) < 16
    server.fault = None
    assert send(ledger, "demo") == 0
    assert f"{len(there)} unchanged" in counted(capsys)
    assert {run.state for run in runs(server).values()} == {"finished"}
    assert {len(run.history) for run in runs(server).values()} == {3}
    assert len(runs(server)) == 16
    send(ledger, "demo")
    assert "16 unchanged" in counted(capsys)


def test_the_command_needs_no_torch_and_leaves_no_file(command: Command) -> None:
    script = (
        "import sys; from sweeps.cli import command; command(sys.argv[1:]); "
        "sys.exit(int('torch' in sys.modules))"
    )
    where = ["do=publish", "sweep=demo", f"ledger={command.ledger.root}", "wandb.project=p"]
    before = set(command.folder.parent.rglob("*"))
    done = subprocess.run(
        [sys.executable, "-c", script, *where],
        env={**os.environ, **command.variables, "PYTHONPATH": str(ROOT)},
        cwd=command.folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("demo: 4 runs: 4 new")
    assert set(command.folder.parent.rglob("*")) == before


OTHERS: dict[str, dict[str, str]] = {
    "of an agent": {"WANDB_SWEEP_ID": "abc", "WANDB_PROJECT": "p", "WANDB_RUN_ID": "xyz"},
    "to resume": {"WANDB_RESUME_FROM": "xyz?_step=1", "WANDB_RESUME": "must"},
    "to fork": {"WANDB_FORK_FROM": "xyz?_step=1"},
    "of a process that is gone": {"WANDB_SERVICE": "3-1-unix-/nowhere/socket"},
    "of nothing": {"WANDB_SERVICE": "nonsense"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_variables_of_other_runs_change_nothing(
    name: str, server: Server, command: Command
) -> None:
    code, out, err = command(**OTHERS[name])
    assert (code, err) == (0, "")
    assert out.startswith("demo: 4 runs: 4 new")
    code, out, _ = command(**OTHERS[name])
    assert (code, out.startswith("demo: 4 runs: 0 new, 0 changed, 4 unchanged")) == (0, True)
    assert set(runs(server)) == {one.key for one in CELLS}
    assert set(server.store.projects) == {("lab", "p")}


MISTAKES: dict[str, tuple[list[str], dict[str, str], str]] = {
    "no key": ([], {"WANDB_API_KEY": ""}, "wandb login"),
    "half a key": ([], {"WANDB_API_KEY": "0123"}, "WANDB_API_KEY"),
    "a wrong key": ([], {"WANDB_API_KEY": "f" * 40}, "WANDB_API_KEY"),
    "no such entity": (["wandb.entity=nobody"], {}, "entity"),
    "an entity that is locked": ([], {"WANDB_ENTITY": "locked"}, "permission denied"),
    "a project that cannot be": (["wandb.project=a/b"], {}, "wandb.project=a/b: must have none of"),
    "the same in a variable": (
        [],
        {"WANDB_PROJECT": "a/b"},
        "WANDB_PROJECT=a/b: must have none of",
    ),
    "W&B is switched off": ([], {"WANDB_MODE": "offline"}, "WANDB_MODE=offline: publishing needs"),
    "no mode": ([], {"WANDB_MODE": "foo"}, "WANDB_MODE: W&B does not take its value"),
    "no number": ([], {"WANDB_INIT_TIMEOUT": "abc"}, "WANDB_INIT_TIMEOUT: W&B does not take"),
    "no address": ([], {"WANDB_BASE_URL": "foo"}, "WANDB_BASE_URL: W&B does not take its value"),
    "nobody answers": ([], {"WANDB_BASE_URL": "http://127.0.0.1:9"}, "network"),
    "an unknown sweep": (["sweep=dema"], {}, "did you mean 'demo'"),
    "an unknown artifact": (["wandb.artifacts=[models]"], {}, "did you mean 'model'"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_clear_message(name: str, server: Server, command: Command) -> None:
    asked, variables, says = MISTAKES[name]
    code, out, err = command(*asked, **variables, WANDB_X_GRAPHQL_RETRY_MAX="1")
    assert (code, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) == 1
    assert server.store.writes == 0
