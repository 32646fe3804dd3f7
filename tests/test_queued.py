"""Which job answers for which cell, and what became of jobs that are gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from started import DENSE, PLAN, PRUNED, error, job, states, submit, write

from sweeps import attempts
from sweeps.cluster.accounting import read_ends
from sweeps.cluster.queue import Standing, live, recover, standing
from sweeps.cluster.submission import REPORT
from sweeps.ledger import Ledger
from sweeps.look import look
from sweeps.state import State, survey
from sweeps.status import status_text


def test_a_task_answers_for_its_pack_and_one_that_runs_comes_first(ledger: Ledger) -> None:
    old, new = submit(ledger), submit(ledger, "20260102-000000-a-1")
    for one, first in ((old, 10), (new, 20)):
        one.accepted(0, str(first))
        one.accepted(1, str(first + 1))
    jobs = [job("10_0", "RUNNING"), job("20_0"), job("21_1"), job("77_0", "RUNNING"), job("21_5")]
    now = Standing((old, new), live((old, new), jobs))
    names = {key: task.name for key, task in now.tasks.items()}
    assert names == {DENSE[0].key: "10_0", PRUNED[2].key: "21_1", PRUNED[3].key: "21_1"}
    assert now.running == {"10_0"}
    assert now.ended(old) == ["10_1", "10_2", "10_3", "11_0", "11_1"]
    assert "21_1" not in now.ended(new)


def test_a_job_whose_id_was_never_written_is_known_by_its_comment(ledger: Ledger) -> None:
    made = submit(ledger)
    made.accepted(0, "10")
    jobs = [job("10_0"), job("11_1", comment=f"{made.comment}:1")]
    jobs += [job("12", comment=f"{made.comment}:{REPORT}"), job("10_1", comment="triptych:else:0")]
    assert set(Standing((made,), live((made,), jobs)).tasks) == {
        *(cell.key for cell in (DENSE[0], *PRUNED[2:]))
    }
    assert sorted(recover(made, jobs)) == ["1", REPORT]
    assert made.jobs == {"0": "10", "1": "11", REPORT: "12"}
    assert recover(made, jobs) == []


def test_a_machine_without_slurm_says_that_the_queue_is_not_known(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert standing(ledger.root).known
    submit(ledger)
    assert not standing(ledger.root).known
    now = look(ledger, PLAN)
    assert "no SLURM commands" in status_text(now)
    assert not now.lost
    assert now.is_active


def test_an_open_cell_is_queued_if_a_task_answers_for_it(ledger: Ledger) -> None:
    write(ledger, DENSE[0], error("no"))
    write(ledger, DENSE[1])
    found = states(ledger, [cell.key for cell in (*DENSE[:3], *PRUNED)])
    assert [found[cell.key] for cell in DENSE] == ["failed", "done", "queued", "pending"]
    children = {cell.parent.key: found[cell.key] for cell in PRUNED if cell.parent}
    assert children == {cell.key: "queued" for cell in DENSE} | {DENSE[0].key: "blocked"}


def test_a_cell_whose_lock_cannot_be_seen_runs_while_its_job_does(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    path = ledger.paths(DENSE[0].key).attempts
    path.parent.mkdir()
    attempts.begin(path, mark=0, accumulate=1)
    assert survey(ledger, DENSE, (), {"4711"})[0].state is State.RUNNING
    assert survey(ledger, DENSE, (), {"4712"})[0].state is State.PENDING
    attempts.end(path, "kill")
    assert survey(ledger, DENSE, (), {"4711"})[0].state is State.PENDING


def test_the_ends_of_tasks_are_read_from_the_accounting() -> None:
    rows = ["50_0|COMPLETED", "50_1|CANCELLED by 0", "50_[2-3,6-9%1]|PENDING", "51|NODE_FAIL"]
    found = read_ends(["50_0", "50_1", "50_4", "51", "52_0"], rows)
    words = ["ended", "cancelled", "cancelled", "lost with their node", "end unknown"]
    assert list(found.values()) == words
