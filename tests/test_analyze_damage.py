"""do=analyze before what is damaged: one line, no traceback, and the rest goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import TINY, cells
from ledgers import document_of, done, ledger_of

from sweeps.analysable import chosen, due
from sweeps.cli import command
from sweeps.ledger import Ledger
from sweeps.record import Damaged, write_atomically
from sweeps.sound import record_problem
from sweeps.state import DAMAGED, survey

(ONE,) = cells(*TINY)
ENTRIES = chosen(["noise"])


def ledger(folder: Path, weights: Any) -> Ledger:
    """A cell whose record has these weights, or none."""
    record = done(ONE, 0.9)
    del record["result"]["weights"]
    record["result"] |= {} if weights is None else {"weights": weights}
    return ledger_of(folder, [(ONE, record)])


@pytest.mark.parametrize(("weights", "came"), [(None, "missing"), (7, "7")])
def test_a_record_without_the_digest_of_its_weights_is_damaged_like_any_other(
    tmp_path: Path, weights: Any, came: str
) -> None:
    made = ledger(tmp_path, weights)
    with pytest.raises(Damaged, match=f"result.weights is {came}, must be a digest"):
        made.record(ONE.key)
    assert survey(made, [ONE])[0].note == DAMAGED
    assert document_of(made).frame["state"].tolist() == ["damaged"]
    found = due(made, [ONE], ENTRIES)
    assert (found.jobs, dict(found.skipped["noise"])) == ([], {"not done": 1})


def test_an_analysis_of_it_ends_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = ledger(tmp_path, None)
    places = f"ledger={made.root}", f"results={tmp_path}/results"
    assert command(["do=analyze", "sweep=small", "analysis=noise", *places]) == 0
    assert "1 not done" in capsys.readouterr().err


@pytest.mark.parametrize("content", ['{"found": {}}', '{"found": {}, "digest": 1}', "[]", "{"])
def test_a_result_that_says_not_what_it_was_made_of_is_made_again(
    tmp_path: Path, content: str
) -> None:
    made = ledger(tmp_path, "0" * 64)
    write_atomically(made.paths(ONE.key).analysis("noise"), content.encode())
    assert [job.cell for job in due(made, [ONE], ENTRIES).jobs] == [ONE]


def test_a_whole_record_has_no_problem() -> None:
    assert record_problem(done(ONE, 0.9)) == ""
