"""What a sweep would take and cost: known from what ran, shown by the plan, held by the budget."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import TINY, TRAINER, Run, cell, cells

from sweeps.cell import Cell
from sweeps.cluster.layout import lay_out
from sweeps.cluster.resources import Resources
from sweeps.context import Context
from sweeps.errors import UserError
from sweeps.estimate import estimate
from sweeps.evidence import Evidence, evidence, rehearsal
from sweeps.execute import execute
from sweeps.forecast import Bill, Forecast, check_budget, over
from sweeps.ledger import Ledger
from sweeps.overrides import CONF, read_yaml
from sweeps.plan import ordered
from sweeps.provenance import sources
from sweeps.record import RunPaths, write_atomically, write_record
from sweeps.state import State, Status, survey

CLUSTER = read_yaml(CONF / "cluster/slurm.yaml")
PRUNED = ("pruning=l1", "pruning.macs=0.7")


def took(cell: Cell, seconds: float, *, rehearsed: bool = False, on_gpu: bool = False) -> Evidence:
    return Evidence(cell, seconds, rehearsed, on_gpu, sources(cell))


def test_seconds_come_from_the_nearest_that_ran_and_records_go_before_rehearsals() -> None:
    near, other = cell("attention=se"), cell("attention=eca")
    seen = [took(other, 9, rehearsed=True)]
    assert Forecast(seen).seconds(near) == 9
    seen += [took(cell("attention=eca", f"seed={n}"), 10 * n) for n in (1, 2, 3)]
    assert Forecast(seen).seconds(near) == 20
    seen.append(took(cell("attention=se", "seed=1"), 7, rehearsed=True))
    assert Forecast(seen).seconds(near) == 7
    seen.append(took(cell("attention=se", "seed=2"), 6))
    assert Forecast(seen).seconds(near) == 6


@pytest.mark.parametrize(
    "other",
    [("recipe.epochs=99",), ("backbone=resnet8",), ("data=synthetic",), PRUNED],
    ids=lambda other: other[0],
)
def test_nothing_is_known_from_cells_of_another_size(other: tuple[str, ...]) -> None:
    assert Forecast([took(cell(*other), 5)]).seconds(cell()) is None


def test_what_ran_without_a_gpu_says_nothing_of_a_gpu() -> None:
    forecast = Forecast([took(cell("seed=1"), 5)])
    assert forecast.seconds(cell()) == 5
    assert forecast.seconds(cell(), on_gpu=False) == 5
    assert forecast.seconds(cell(), on_gpu=True) is None


def test_a_ledger_knows_cells_of_every_sweep_but_for_those_that_were_interrupted(
    tmp_path: Path,
) -> None:
    done = cell(*TINY)
    record = execute(done, Context(tmp_path, tmp_path, TRAINER, tracking="none"))
    (seen,) = evidence(Ledger(tmp_path))
    assert seen.seconds == sum(record["seconds"].values()) > 0
    assert seen.sources == sources(done)
    assert Forecast.of(Ledger(tmp_path)).seconds(cell(*TINY, "seed=1")) == seen.seconds
    lost = {**record["provenance"]["attempts"][0], "ended": "preemption"}
    record["provenance"]["attempts"].insert(0, lost)
    write_record(RunPaths(tmp_path, done.key), record)
    assert Forecast.of(Ledger(tmp_path)).seconds(cell(*TINY, "seed=1")) is None
    assert len(evidence(Ledger(tmp_path))) == 1


def rehearsed(ledger: Path, *found: Cell, seconds: float = 3600, device: str = "H200") -> None:
    for one in found:
        row = {"ok": True, "cell": one.json(), "seconds": seconds, "device": device}
        text = json.dumps({**row, "sources": sources(one)})
        write_atomically(rehearsal(ledger, one.key), text.encode())


def test_a_rehearsal_that_failed_or_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    rehearsed(tmp_path, cell())
    path = rehearsal(tmp_path, cell().key)
    path.write_text(path.read_text().replace('"ok": true', '"ok": false'))
    rehearsal(tmp_path, "0123456789ab").write_text('{"ok"')
    assert evidence(Ledger(tmp_path)) == []


def test_an_estimate_counts_open_cells_and_asks_the_forecast() -> None:
    states = (State.DONE, State.RUNNING, State.PENDING, State.FAILED)
    statuses = [Status(cell(f"seed={n}"), state) for n, state in enumerate(states)]
    assert str(estimate(statuses)) == "time unknown until one cell of each kind is done"
    assert estimate(statuses, Forecast([took(cell("seed=9"), 60)])).seconds == 120


def classes(**options: Any) -> Callable[[Cell], Resources]:
    return lambda cell: Resources.of({**CLUSTER, **options}, TRAINER)


def test_gpu_hours_count_every_gpu_of_every_node() -> None:
    forecast = Forecast([took(cell(), 1800, on_gpu=True), took(cell(), 900)])
    seeds = cells("seed=range(4)")
    assert Bill.of(seeds, classes(gpus=2, nodes=3), forecast).gpu_hours == 4 * 0.5 * 6
    bill = Bill.of(seeds, classes(gpus=0, cpus=8), forecast)
    assert (bill.gpu_hours, bill.core_hours) == (0, 4 * 0.25 * 8)
    unknown = Bill.of(cells("backbone=resnet8,resnet20"), classes(), forecast)
    assert (unknown.unknown, unknown.unknown_gpu) == (1, 1)
    assert str(unknown) == "about 0.5 GPU-hours and 1 cells of unknown length"


def test_a_budget_refuses_what_costs_more_and_says_what_costs_most(tmp_path: Path) -> None:
    asked = cells("backbone=resnet8,resnet20", "seed=range(3)")
    rehearsed(tmp_path, cell("backbone=resnet8"))
    rehearsed(tmp_path, cell("backbone=resnet20"), seconds=7200)
    check_budget(Forecast.of(Ledger(tmp_path)), asked, classes(), 9)
    check_budget(Forecast.of(Ledger(tmp_path)), asked, classes(), None)
    with pytest.raises(UserError) as refused:
        check_budget(Forecast.of(Ledger(tmp_path)), asked, classes(), 8.5)
    text = str(refused.value)
    assert "about 9.0 GPU-hours are more than budget_gpu_hours=8.5" in text
    assert "6.0 for digits resnet20 digits dense, 3.0 for digits resnet8" in text
    assert "ARGS='seed=0'" in text


def test_a_budget_is_not_promised_for_what_nobody_knows(tmp_path: Path) -> None:
    rehearsed(tmp_path, cell("backbone=resnet8"))
    asked = cells("backbone=resnet8,resnet20")
    with pytest.raises(UserError, match=r"1 cells .* ARGS='seed=0 budget_gpu_hours=null'"):
        check_budget(Forecast.of(Ledger(tmp_path)), asked, classes(), 100)
    assert over(Bill.of(asked, classes(gpus=0), Forecast([])), 100) is None


def sent(ledger: Path, asked: list[Cell], *, longest: int = 1001, **options: Any) -> Any:
    cluster = {**CLUSTER, **options}
    left = [s.cell for s in survey(Ledger(ledger), asked) if s.state is State.PENDING]
    own = classes(**options)
    return lay_out(
        left, own, cluster, Forecast.of(Ledger(ledger)), longest=longest, most=9999, queued={}
    )


def test_children_of_done_parents_wait_for_nobody(tmp_path: Path) -> None:
    asked = ordered(cells(*TINY, *PRUNED, "attention=none,eca"))
    arrays, canaries = sent(tmp_path, asked)
    assert [array.after for array in arrays] == [None, 0]
    assert len(canaries) == 2
    execute(asked[0], Context(tmp_path, tmp_path, TRAINER, tracking="none"))
    arrays, canaries = sent(tmp_path, asked, gpus=0)
    waits = {key: a.after is not None for a in arrays for pack in a.tasks for key in pack}
    assert [waits.get(one.key) for one in asked] == [None, False, False, True]
    assert [c.attention.name for c in canaries] == ["eca"]
    assert sent(tmp_path, asked, canary=False)[1] == ()


def test_known_cells_share_tasks_and_arrays_stay_as_short_as_they_must(tmp_path: Path) -> None:
    asked = cells("attention=none,se,eca,dia")
    assert [len(a.tasks) for a in sent(tmp_path, asked, longest=3)[0]] == [3, 1]
    rehearsed(tmp_path, cell(), seconds=100)
    (array,) = sent(tmp_path, asked, pack_minutes=5)[0]
    assert [len(pack) for pack in array.tasks] == [3, 1]


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without SLURM's commands."""
    monkeypatch.setenv("PATH", str(tmp_path))


DEMO = ("do=plan", "sweep=demo", "cluster=slurm", "seed=0")


@pytest.mark.usefixtures("nowhere")
def test_the_plan_for_a_cluster_shows_arrays_canaries_and_what_they_cost(
    run: Run, tmp_path: Path
) -> None:
    text = run(*DEMO, "cluster.max_running=5", "cluster.partition=fast").stdout
    assert "    1     0  pruned  fast          1     8  32 GB   4.0 h" in text
    assert "array 0, task by task" in text
    assert "34 jobs: 32 tasks, the canaries, the report; at most 5 tasks at the same time" in text
    assert "canaries, tried for a few steps before the rest: 4\n" in text
    assert "this machine has no SLURM commands: arrays of at most 1001 tasks" in text
    assert max(map(len, text.splitlines()[:60])) <= 120
    both = "backbone=resnet8,resnet20"
    rehearsed(tmp_path / "runs", *cells(both), *cells(both, *PRUNED))
    text = run(*DEMO, "budget_gpu_hours=3").stdout
    assert "about 32 h of work" in text
    assert "cost: about 32 GPU-hours" in text
    assert "budget: about 32 GPU-hours are more than budget_gpu_hours=3" in text
    assert "within budget_gpu_hours=40" in run(*DEMO, "budget_gpu_hours=40").stdout


@pytest.mark.usefixtures("nowhere")
def test_the_plan_for_a_cluster_is_there_for_machines(run: Run) -> None:
    found = json.loads(run(*DEMO, "format=json", "cluster.canary=false").stdout)
    jobs = found["jobs"]
    assert (jobs["tasks"], jobs["total"], jobs["canaries"]) == (32, 33, [])
    assert [array["after"] for array in jobs["arrays"]] == [None, 0, 0, 0]
    keys = {key for array in jobs["arrays"] for pack in array["tasks"] for key in pack}
    assert keys == {row["key"] for row in found["cells"]}
    assert jobs["estimate"] == {"gpu_hours": 0, "core_hours": 0, "unknown_cells": 32}
    assert jobs["arrays"][0]["resources"]["memory_gb"] == 32


@pytest.mark.parametrize("value", ["0", "-1", "x", "true"])
def test_a_budget_that_is_no_number_above_zero_is_refused(run: Run, value: str) -> None:
    done = run(*DEMO, f"budget_gpu_hours={value}")
    assert done.returncode == 2
    assert "must be a number above 0, or null" in done.stderr
