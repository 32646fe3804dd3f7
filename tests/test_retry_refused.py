"""A retry that is refused changes nothing, and is told what would be taken."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import TINY, cells
from ledgers import done, failed, ledger_of

from sweeps.cell import Cell
from sweeps.cli import WORDS, command
from sweeps.cluster.resources import Resources
from sweeps.errors import UserError
from sweeps.evidence import Evidence
from sweeps.forecast import Forecast, check_budget
from sweeps.ledger import Ledger
from sweeps.overrides import CONF, parse, read_yaml
from sweeps.provenance import sources
from sweeps.record import write_record
from sweeps.request import Request
from sweeps.state import State, survey

ARGS = re.compile(r"ARGS='([^']*)'")


def resources(cell: Cell) -> Resources:
    options = read_yaml(CONF / "cluster/slurm.yaml")
    return Resources.of(options, read_yaml(CONF / "settings.yaml")["trainer"])


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A sweep whose dense network has failed, so that its pruned one is blocked."""
    dense, pruned = cells(*TINY, "pruning=none,control")
    made = ledger_of(tmp_path, [(dense, failed(dense, "no")), (pruned, None)])
    made.prepare()
    return made


def states(ledger: Ledger, again: Sequence[str] = ()) -> list[State]:
    return [one.state for one in survey(ledger, ledger.plan("small").cells, again=again)]


def test_a_failed_cell_that_is_about_to_run_again_counts_as_open(ledger: Ledger) -> None:
    assert states(ledger) == [State.FAILED, State.BLOCKED]
    dense = ledger.plan("small").cells[0]
    assert states(ledger, [dense.key]) == [State.PENDING, State.PENDING]


def test_a_retry_that_is_refused_leaves_every_record_where_it_is(ledger: Ledger) -> None:
    before = sorted(path.name for path in ledger.root.rglob("*.json"))
    for _ in range(2):
        with pytest.raises(UserError, match="trainer options"):
            command(
                [
                    *("do=retry", "sweep=small", "cluster=here", "trainer.accelerator=none"),
                    *(f"ledger={ledger.root}", f"results={ledger.root.parent}/results"),
                ]
            )
        assert states(ledger) == [State.FAILED, State.BLOCKED]
    assert sorted(path.name for path in ledger.root.rglob("*.json")) == before


@pytest.mark.parametrize("verb", ["sweep", "retry", "plan"])
@pytest.mark.parametrize("seconds", [3600, None], ids=["too much", "unknown"])
def test_who_is_over_the_budget_is_told_what_the_verb_takes(
    verb: str, seconds: float | None
) -> None:
    (one,) = cells()
    seen = [Evidence(one, seconds, False, True, sources(one))]
    with pytest.raises(UserError) as caught:
        check_budget(Forecast(seen), [one], resources, 0.5, verb=verb)
    (advice,) = ARGS.findall(str(caught.value))
    request = Request(parse([f"do={verb}", "sweep=demo", *shlex.split(advice)]), WORDS)
    assert request.settings.do == verb
    assert ("budget" in advice) == (verb == "retry" or seconds is None)


def test_a_record_that_is_no_failure_any_more_is_not_set_aside(ledger: Ledger) -> None:
    dense = ledger.plan("small").cells[0]
    write_record(ledger.paths(dense.key), done(dense, 0.5))
    ledger.set_aside(dense.key)
    assert states(ledger)[0] is State.DONE
    ledger.paths(dense.key).record.unlink()
    ledger.set_aside(dense.key)
    assert states(ledger)[0] is State.PENDING
