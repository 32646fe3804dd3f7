"""The dashboard's panels and lists name what real runs hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import QUICK, ROOT, TINY, cell
from dashboards import PLAN, settings, written

from sweeps.cell import Cell
from sweeps.ledger import Ledger
from sweeps.mirror import entry, plans
from sweeps.mirror.dashboard import dashboard
from sweeps.mirror.views import NO_RESULT
from sweeps.outcome import failed
from sweeps.record import RunPaths, read_history


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
