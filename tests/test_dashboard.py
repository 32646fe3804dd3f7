"""The dashboard: its panels name what runs hold, and it is saved, replaced, or written to a file.

W&B is a server on this machine: see `tests.wandb_server` for what that proves.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import wandb
from conftest import QUICK, ROOT, TINY, cell

from sweeps.cell import Cell
from sweeps.errors import UserError
from sweeps.ledger import Ledger, Plan
from sweeps.mirror import entry, plans
from sweeps.mirror.dashboard import FILE, dashboard
from sweeps.mirror.views import NO_RESULT, view_id, views
from sweeps.outcome import failed
from sweeps.record import RunPaths, read_history
from sweeps.settings import Settings
from tests.wandb_server.client import local_wandb, renew
from tests.wandb_server.server import Server
from tests.wandb_server.workspaces import Views

PLAN = Plan("small", "a test", ())
PLACE = ("lab", "triptych")


def settings(folder: Path, **changes: Any) -> Settings:
    made = Settings(
        do="dashboard",
        format="text",
        ledger=Ledger(folder / "runs"),
        results=folder / "results",
        datasets=folder,
        tracking="wandb",
        wandb={"entity": None, "project": "triptych"},
        trainer={},
        cluster={},
    )
    return replace(made, **changes)


def written(folder: Path) -> list[dict[str, Any]]:
    content = json.loads((folder / "results" / "small" / FILE).read_bytes())
    return list(content["views"])


# What the panels name


@dataclass(frozen=True)
class Names:
    """The names of real runs' config, summary and history."""

    config: set[str]
    summary: set[str]
    history: set[str]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Names:
    """Of a dense network and the pruned one that starts from it, both trained, and a failed one."""
    folder = tmp_path_factory.mktemp("names")
    asked = (*TINY, "pruning=magnitude", "pruning.sparsity=0.5")
    places = (f"ledger={folder}/runs", f"results={folder}", "cluster=here")
    command = [sys.executable, str(ROOT / "run.py"), *asked, *QUICK, *places]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)
    ledger = Ledger(folder / "runs")
    config: set[str] = set()
    summary: set[str] = set()
    history: set[str] = set()
    for path in ledger.root.glob("*/record.json"):
        record, rows = json.loads(path.read_bytes()), read_history(ledger.paths(path.parent.name))
        one = Cell.from_json(record["cell"])
        config |= set(entry.config(one))
        summary |= set(entry.summary(one, record, rows))
        history |= {name for row in rows for name in entry.row(row)}
    broken, paths = cell(), RunPaths(folder, "broken")
    paths.folder.mkdir()
    record = failed(broken, paths, RuntimeError("no"), [])
    assert record is not None
    assert entry.summary(broken, record, [])["status"] == "failed"
    summary |= {f"error.{name}" for name in entry.summary(broken, record, [])["error"]}
    return Names(config, summary, history)


def addressed(name: str) -> tuple[str, str]:
    """Part and name of what a panel or a column addresses, as W&B writes it."""
    part, _, rest = name.partition(":")
    if part == "config":
        assert rest.endswith(".value")
        assert "." not in rest.removesuffix(".value"), f"W&B would look inside of {rest}"
    return part, rest.removesuffix(".value")


def panel_names(panel: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """All names in a panel, each with the part of a run that must have it."""
    config = panel["config"]
    kind = "history" if panel["viewType"] == "Run History Line Plot" else "summary"
    yield from ((kind, name) for name in config.get("metrics", ()))
    if kind == "history":
        yield kind, config["xAxis"]
    elif "xAxis" in config:
        yield from (addressed(config[axis]) for axis in ("xAxis", "yAxis"))
    yield from (addressed(column["accessor"]) for column in config.get("columns", ()))
    if "groupBy" in config:
        yield addressed(f"config:{config['groupBy']}")


def sections(view: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = view["spec"]["section"]["panelBankConfig"]["sections"]
    return found


def runset(view: dict[str, Any]) -> dict[str, Any]:
    (found,) = view["spec"]["section"]["runSets"]
    return dict(found)


def test_every_name_of_every_panel_is_one_that_runs_have(tmp_path: Path, names: Names) -> None:
    assert dashboard(settings(tmp_path, tracking="none"), PLAN) == 0
    found = [
        one
        for view in written(tmp_path)
        for section in sections(view)
        for panel in section["panels"]
        for one in panel_names(panel)
    ]
    for part, name in found:
        assert name in getattr(names, part), (part, name)
    assert {part for part, _ in found} == {"config", "summary", "history"}
    wanted = {"attention", "backbone", "pruning"}, {"accuracy", "cost.macs", "latency.p50_ms"}
    assert wanted[0] <= {name for part, name in found if part == "config"}
    assert wanted[1] <= {name for part, name in found if part == "summary"}


def test_every_name_of_the_list_of_runs_is_one_that_runs_have(tmp_path: Path, names: Names) -> None:
    dashboard(settings(tmp_path, tracking="none"), PLAN)
    for view in written(tmp_path):
        runs = runset(view)
        columns = runs["runFeed"]["columnOrder"]
        found = [addressed(name) for name in columns if not name.startswith("run:")]
        keys = [*runs["grouping"], *(one["key"] for one in runs["sort"]["keys"])]
        keys += [one["key"] for one in runs["filters"]["filters"]]
        found += [
            (key["section"], key["name"].removesuffix(".value"))
            for key in keys
            if key["section"] != "run"
        ]
        assert found
        for part, name in found:
            assert name in getattr(names, part), (part, name)


def test_the_sections_are_the_grid_curves_costs_and_failures(tmp_path: Path) -> None:
    dashboard(settings(tmp_path, tracking="none"), PLAN)
    everything, failures = written(tmp_path)
    assert [section["name"] for section in sections(everything)] == [
        "Grid",
        *(f"Curves by {axis}" for axis in ("backbone", "attention", "pruning")),
        "Accuracy against cost",
        "Failures",
    ]
    assert [section["name"] for section in sections(failures)] == ["Failures"]
    assert (everything["displayName"], failures["displayName"]) == ("small", "small failures")


def test_a_view_shows_the_runs_of_its_sweep_and_neither_plans_nor_supernets(
    tmp_path: Path,
) -> None:
    dashboard(settings(tmp_path, tracking="none"), PLAN)
    filters = [
        view["spec"]["section"]["runSets"][0]["filters"]["filters"] for view in written(tmp_path)
    ]
    plain = [{(one["key"]["name"], one["op"]): one["value"] for one in some} for some in filters]
    everything = {
        ("tags", "IN"): entry.tags(cell(), ["small"])[-1:],
        ("jobType", "NIN"): [*NO_RESULT],
    }
    assert plain == [everything, everything | {("status", "="): "failed"}]
    assert NO_RESULT == (plans.JOB_TYPE, "supernet")


# Saving


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


# Not saving


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
