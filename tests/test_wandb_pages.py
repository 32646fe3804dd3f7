"""Runs are read page by page: in few requests, and none is lost when others come and go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import wandb
from ledgers import cell, done
from mirrored import Published, sweep

from sweeps.frozen import Plan
from sweeps.mirror import entry, plans, read
from sweeps.mirror.read import Project, Runs
from tests.wandb_server.client import LIMITS
from tests.wandb_server.reading import meanwhile, sent_summary
from tests.wandb_server.server import Server
from tests.wandb_server.store import Run as Stored
from tests.wandb_server.store import Store

pytestmark = pytest.mark.usefixtures("wandb_folder")


def test_five_thousand_runs_are_read_in_a_dozen_requests(server: Server) -> None:
    cells = tuple(cell(seed=seed) for seed in range(5000))
    plan = Plan("small", "many", cells)
    runs = server.store.project("lab", "triptych")
    runs["sweep-small"] = Stored(
        "sweep-small", tags=["sweep:small"], config=plans.plan_config(plan)
    )
    for one in cells:
        said = sent_summary(entry.summary(one, done(one, 0.5), []))
        runs[one.key] = Stored(
            one.key, tags=["sweep:small"], config=entry.config(one), summary=said
        )
    source = sweep()
    assert all(source.record(one.key) for one in cells)
    assert len(server.asked) == 8
    assert set(server.asked) == {"Viewer", "Runs"}


def test_reading_leaves_no_file(published: Published, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    assert sweep().record(cell().key)
    assert not (tmp_path / "wandb").exists()
    assert set(tmp_path.rglob("*")) == before


def tagged() -> Runs:
    """What is read of the small sweep."""
    return Project.open("lab", "triptych").tagged("small") or {}


@pytest.fixture
def _pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "PAGE", 4)


@pytest.mark.usefixtures("_pages")
def test_a_run_that_leaves_meanwhile_takes_no_other_with_it(
    published: Published, server: Server
) -> None:
    """The first run goes before page 2, which moves one of its runs to page 1, unread."""
    kept = set(list(published.runs)[1:])
    server.fault = meanwhile(2, lambda store: published.runs.pop("sweep-small"))
    found = tagged()
    assert kept <= set(found)


@pytest.mark.usefixtures("_pages")
def test_runs_that_come_meanwhile_are_read_once_and_push_none_out(
    published: Published, server: Server
) -> None:
    late = cell(seed=17)
    new = Stored(late.key, tags=["sweep:small"], config=entry.config(late))

    def come(store: Store) -> None:
        old = dict(published.runs)
        published.runs.clear()
        published.runs.update({"first": replace(new, id="first"), **old, late.key: new})

    server.fault = meanwhile(2, come)
    found = tagged()
    assert set(found) >= set(published.runs) - {"first"}
    assert sorted(found) == sorted(set(found))


@pytest.mark.usefixtures("_pages")
def test_a_run_that_ends_meanwhile_has_its_record(published: Published, server: Server) -> None:
    last = list(published.runs.values())[-1]
    last.state = "running"
    server.fault = meanwhile(2, lambda store: setattr(last, "state", "finished"))
    assert tagged()[last.id].state == "finished"


def test_runs_are_found_by_tag_and_by_id(published: Published) -> None:
    one = published.run(cell())
    one.tags, one.history, one.state = ["sweep:other", "best"], [{"a": 1}, {"a": 2}], "crashed"
    project = Project.open("lab", "triptych")
    assert set(project.tagged("small") or ()) == set(published.runs) - {one.id}
    (found,) = project.named([one.id, "nobody"]).values()
    assert (found.id, found.state, found.rows) == (one.id, "crashed", 2)
    assert (found.group, found.job_type, found.tags) == ("small", "dense", ("sweep:other", "best"))
    record = published.ledger.record(one.id)
    assert record is not None
    assert found.digest == entry.digest(cell(), record, [])
    assert tagged()["sweep-small"].digest is None


def test_many_ids_are_asked_for_in_several_requests(published: Published, server: Server) -> None:
    ids = [f"none{n}" for n in range(2 * read.PAGE)]
    assert set(Project.open("lab", "triptych").named([*ids, cell().key])) == {cell().key}
    assert server.asked.count("Runs") == 3


def test_nothing_is_in_a_project_to_be(server: Server) -> None:
    project = Project.open(None, "new")
    assert project.path == "lab/new"
    assert project.tagged("small") is None
    assert project.named(["a"]) == {}


def test_the_limits_of_reading_are_for_reading(published: Published) -> None:
    tagged()
    settings = wandb.setup().settings
    assert settings.x_graphql_retry_max == int(LIMITS["WANDB_X_GRAPHQL_RETRY_MAX"])
    assert settings.x_graphql_timeout_seconds is None
