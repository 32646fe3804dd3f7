"""The dashboard is saved in W&B, a server on this machine, or written to a file."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import wandb
from conftest import ROOT
from dashboards import PLAN, settings, written

from sweeps.errors import UserError
from sweeps.ledger import Ledger
from sweeps.mirror.dashboard import FILE, dashboard
from sweeps.mirror.views import view_id, views
from tests.wandb_server.client import local_wandb, renew
from tests.wandb_server.server import Server
from tests.wandb_server.workspaces import Views

PLACE = ("lab", "triptych")


@pytest.fixture(scope="module")
def saved() -> Views:
    return Views()


@pytest.fixture(scope="module")
def running(saved: Views) -> Iterator[Server]:
    with local_wandb(saved.operations) as one:
        yield one


@pytest.fixture
def server(
    running: Server, saved: Views, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Server:
    """The server with an empty project."""
    renew(running)
    saved.known.clear()
    running.store.project(*PLACE)
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    return running


def test_the_dashboard_is_saved_under_the_sweeps_name_and_says_where(
    server: Server, saved: Views, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dashboard(settings(tmp_path), PLAN) == 0
    assert [view.display_name for view in saved.known[PLACE]] == ["small", "small failures"]
    said = capsys.readouterr().out
    assert f"small: {server.url}/lab/triptych?nw={view_id('small')}\n" in said
    assert f"small failures: {server.url}/lab/triptych?nw={view_id('small failures')}\n" in said
    assert not (tmp_path / "results").exists()


def test_a_second_time_the_same_views_are_replaced(
    server: Server, saved: Views, tmp_path: Path
) -> None:
    for _ in range(2):
        dashboard(settings(tmp_path), PLAN)
    assert [(view.display_name, view.saves) for view in saved.known[PLACE]] == [
        ("small", 2),
        ("small failures", 2),
    ]


def test_another_sweep_has_views_of_its_own(server: Server, saved: Views, tmp_path: Path) -> None:
    dashboard(settings(tmp_path), PLAN)
    dashboard(settings(tmp_path), replace(PLAN, sweep="nw-other-v2"))
    assert [view.saves for view in saved.known[PLACE]] == [1, 1, 1, 1]
    assert len({view.name for view in saved.known[PLACE]}) == 4


def test_the_file_holds_what_is_saved(server: Server, saved: Views, tmp_path: Path) -> None:
    dashboard(settings(tmp_path), PLAN)
    dashboard(settings(tmp_path, tracking="none"), PLAN)
    assert [view["spec"] for view in written(tmp_path)] == [
        view.spec for view in saved.known[PLACE]
    ]
    assert [view["name"] for view in written(tmp_path)] == [
        view.name for view in saved.known[PLACE]
    ]


def test_the_file_is_loaded_as_it_says(server: Server, saved: Views, tmp_path: Path) -> None:
    own = settings(tmp_path, tracking="none", wandb={"entity": "lab", "project": "triptych"})
    dashboard(own, PLAN)
    folder = tmp_path / "results" / "small"
    python, *rest = shlex.split(json.loads((folder / FILE).read_bytes())["load"])
    assert python == "python"
    subprocess.run([sys.executable, *rest], cwd=folder, check=True, timeout=60)
    assert [view.spec for view in saved.known[PLACE]] == [
        view["spec"] for view in written(tmp_path)
    ]


def test_the_same_sweep_gives_the_same_file(tmp_path: Path) -> None:
    one, two = ([view._to_model() for view in views("small", *PLACE)] for _ in range(2))
    assert one == two


def test_a_project_that_is_not_there_is_named_with_the_remedy(
    server: Server, tmp_path: Path
) -> None:
    elsewhere = settings(tmp_path, wandb={"entity": "lab", "project": "missing"})
    with pytest.raises(UserError, match=r"view 'small' of lab/missing .*publish the sweep first"):
        dashboard(elsewhere, PLAN)
    assert "UpsertView2" not in server.asked


def test_a_view_that_the_server_refuses_is_an_error(server: Server, tmp_path: Path) -> None:
    refusal = (403, {"errors": [{"message": "permission denied"}]})
    server.fault = lambda server, name: refusal if name == "UpsertView2" else None
    with pytest.raises(UserError, match=r"view 'small' of lab/triptych .*permission denied"):
        dashboard(settings(tmp_path), PLAN)


def test_without_a_key_the_dashboard_is_a_file(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    wandb.teardown()
    assert dashboard(settings(tmp_path), PLAN) == 1
    said = capsys.readouterr().out
    assert "wandb login" in said
    assert "do=dashboard sweep=small" in said
    assert len(written(tmp_path)) == 2
    assert not server.asked


def test_without_a_network_the_dashboard_is_a_file_within_seconds(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    wandb.teardown()
    assert dashboard(settings(tmp_path), PLAN) == 1
    assert "connection refused" in capsys.readouterr().out
    assert dashboard(settings(tmp_path, tracking="offline"), PLAN) == 0, "nobody asked for W&B"
    assert len(written(tmp_path)) == 2
    wandb.teardown()


@pytest.mark.parametrize(
    ("tracking", "mode", "why"),
    [
        ("none", "", "tracking=none"),
        ("wandb", "offline", "WANDB_MODE=offline"),
    ],
)
def test_offline_nothing_asks_the_network(
    tracking: str, mode: str, why: str, server: Server, tmp_path: Path
) -> None:
    """The key and the server are there: it is not for want of them."""
    code = """
import sys
def watch(event, details):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen"):
        sys.exit(f"asked: {event} {details}"[:200])
sys.addaudithook(watch)
import runpy
runpy.run_path("run.py", run_name="__main__")
"""
    Ledger(tmp_path / "runs").freeze(replace(PLAN, sweep="demo"))
    asked = [f"ledger={tmp_path}/runs", f"results={tmp_path}/results", f"tracking={tracking}"]
    done = subprocess.run(
        [sys.executable, "-c", code, "do=dashboard", "sweep=demo", *asked],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
        env=os.environ | {"WANDB_MODE": mode},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"not saved in W&B: {why}" in done.stdout
    assert (tmp_path / "results" / "demo" / FILE).exists()
    assert not server.asked


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot be written .*results=\.\.\."):
        dashboard(settings(tmp_path, tracking="none"), PLAN)
