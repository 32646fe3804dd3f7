"""What is asked of W&B for every run: no more than is read, as there may be thousands."""

from __future__ import annotations

from typing import Any

import pytest
from ledgers import cell
from mirrored import Published, sweep

from sweeps.mirror import entry
from sweeps.mirror.read import Project
from tests.wandb_server.reading import READING, meanwhile
from tests.wandb_server.server import Server
from tests.wandb_server.store import Run as Stored

pytestmark = pytest.mark.usefixtures("wandb_folder")
BIG = ("historyKeys", "systemMetrics")
"""What W&B's client would ask of a run beside config and summary."""


@pytest.fixture
def queries(server: Server, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queries for runs, as they come."""
    found: list[str] = []

    def listen(server: Server, variables: dict[str, Any], query: str) -> dict[str, Any]:
        found.append(query)
        return READING["Runs"](server, variables, query)

    monkeypatch.setitem(server.operations, "Runs", listen)
    return found


@pytest.mark.usefixtures("published")
def test_the_config_of_the_plan_is_asked_for_and_of_no_run_that_it_names(
    queries: list[str],
) -> None:
    assert sweep().record(cell().key)
    tagged, plan, without_a_tag = ["config" in query for query in queries]
    assert plan
    assert not tagged
    assert not without_a_tag
    assert not [name for name in BIG for query in queries if name in query]


def test_configs_come_where_they_are_asked_for(published: Published) -> None:
    project, key = Project.open("lab", "triptych"), cell().key
    assert not project.named([key])[key].config
    assert entry.cell_of(project.named([key], config=True)[key].config).key == key
    assert not any(run.config for run in (project.tagged("small") or {}).values())


def test_runs_that_the_plan_does_not_name_are_asked_for_in_one_more_request(
    published: Published, queries: list[str]
) -> None:
    for number in range(3):
        name = f"attempt{number}"
        published.runs[name] = Stored(name, tags=["sweep:small"], config=entry.config(cell()))
    assert [run.id for run in sweep().runs[cell().key]][1:] == ["attempt0", "attempt1", "attempt2"]
    assert ["config" in query for query in queries] == [False, True, True, False]


def test_a_run_that_the_plan_does_not_name_may_leave_meanwhile(
    published: Published, server: Server
) -> None:
    published.runs["gone"] = Stored("gone", tags=["sweep:small"], config=entry.config(cell()))
    server.fault = meanwhile(3, lambda store: published.runs.pop("gone"))
    assert [run.id for run in sweep().runs[cell().key]] == [cell().key]
