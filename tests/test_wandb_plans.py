"""The plan that a report from W&B follows, and the sweeps and projects that have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ledgers import cell, small
from mirrored import Published, sweep

from reports.document import Document
from sweeps.errors import UserError
from sweeps.source import problems, source_of
from tests.wandb_server.reading import fill
from tests.wandb_server.server import Server

pytestmark = pytest.mark.usefixtures("wandb_folder")


def test_without_a_plan_the_runs_make_one(
    published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    del published.runs["sweep-small"]
    source = sweep()
    assert "no plan of sweep small was published" in capsys.readouterr().err
    plan = source.plan("small")
    assert "no plan" in plan.about
    assert {one.key for one in plan.cells} == set(published.runs)
    assert [one.is_dense for one in plan.cells] == sorted(
        (one.is_dense for one in plan.cells), reverse=True
    )
    rows, expected = Document.of(source, "small").rows, Document.of(published.ledger, "small").rows
    means = set(expected["accuracy_mean"].dropna())
    assert set(rows["accuracy_mean"].dropna()) == means


def test_a_plan_that_lost_its_tag_is_found_by_its_id(published: Published) -> None:
    published.runs["sweep-small"].tags = []
    assert sweep().plan("small").cells == published.ledger.plan("small").cells


@pytest.mark.parametrize("change", [{"plan": "{"}, {"plan": 5}, {"plan": "{}"}, {"plan": "[]"}])
def test_a_plan_that_cannot_be_read_is_refused(
    change: dict[str, Any], published: Published
) -> None:
    published.runs["sweep-small"].config |= change
    with pytest.raises(UserError, match="run sweep-small of W&B lab/triptych, cannot be read"):
        sweep()


def test_a_plan_of_another_version_is_refused(published: Published) -> None:
    published.runs["sweep-small"].config |= {"schema": 7}
    with pytest.raises(UserError, match="has schema 7, this version reads 1"):
        sweep()


def test_a_source_is_of_one_sweep(published: Published) -> None:
    with pytest.raises(UserError, match="was read for sweep 'small', not 'other'"):
        sweep().plan("other")


def test_a_sweep_that_is_not_there_names_those_that_are(published: Published) -> None:
    with pytest.raises(UserError) as refused:
        sweep("smal")
    assert str(refused.value) == (
        "published sweep 'smal' does not exist; did you mean 'small'? Available: small in "
        "W&B lab/triptych. Publish it with: make publish SWEEP=smal"
    )


def test_a_project_without_runs_says_so(server: Server) -> None:
    server.store.project("lab", "triptych")
    with pytest.raises(UserError, match="'small' does not exist; Available: none in W&B lab/trip"):
        sweep()


@pytest.mark.parametrize("project", ["my project", "größe_1.0-b", "a(b)"])
def test_a_project_may_have_every_name_that_w_and_b_takes(
    project: str, server: Server, tmp_path: Path
) -> None:
    ledger = small(tmp_path)
    fill(server.store, ledger, "small", project=project)
    assert not problems(f"wandb://lab/{project}")
    assert source_of(f"wandb://lab/{project}", ledger, "small").record(cell().key)
