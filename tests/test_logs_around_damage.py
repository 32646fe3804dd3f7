"""A cell's logs are shown whatever is damaged elsewhere in its ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ledgers import cell, done, failed, ledger_of

from sweeps.cli import command
from sweeps.errors import UserError
from sweeps.ledger import Ledger
from sweeps.record import write_atomically

ONE, OTHER = cell(), cell(seed=1)
NO_OPTIONS = {**ONE.json(), "recipe": {"name": "short", "options": None}}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A sweep of two cells; one has failed, and printed a line."""
    made = ledger_of(tmp_path, [(ONE, failed(ONE, "no")), (OTHER, done(OTHER, 0.9))])
    write_atomically(made.paths(ONE.key).log, b"the last word\n")
    return made


def plan(ledger: Ledger) -> Path:
    return ledger.plans / "another.json"


def old_plan(ledger: Ledger) -> Path:
    write_atomically(ledger.plans / "older.json", b'{"schema": 0}')
    return plan(ledger)


def submission(ledger: Ledger) -> Path:
    return ledger.root / "submissions" / "x" / "plan.json"


def folder(ledger: Ledger) -> Path:
    return ledger.plans / "folder.json" / "file"


Damage = Callable[[Ledger], Path]


@pytest.mark.parametrize(
    ("damage", "lines"), [(plan, 1), (old_plan, 2), (submission, 1), (folder, 1)]
)
def test_what_is_damaged_elsewhere_is_a_line(
    ledger: Ledger, capsys: pytest.CaptureFixture[str], damage: Damage, lines: int
) -> None:
    write_atomically(damage(ledger), b'{"schema": 1, "swee')
    assert command(["do=logs", f"key={ONE.key}", f"ledger={ledger.root}"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"{ONE.key}  {ONE}\nfailed")
    assert said.out.endswith("the last word\n")
    assert [line.split(":")[0] for line in said.err.splitlines()] == ["left out"] * lines
    assert str(ledger.root) in said.err


@pytest.mark.parametrize("content", [b"{", json.dumps(NO_OPTIONS).encode()])
def test_a_cell_whose_own_file_is_damaged_is_found_in_its_plan(
    ledger: Ledger, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = ledger.paths(ONE.key).cell
    write_atomically(path, content)
    assert command(["do=logs", f"key={ONE.key}", f"ledger={ledger.root}"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"{ONE.key}  {ONE}\nfailed")
    assert said.err.startswith(f"left out: cell {path} cannot be read")


def test_a_damaged_plan_of_the_sweep_itself_is_a_mistake_to_mend(ledger: Ledger) -> None:
    write_atomically(ledger.plans / "small.json", b"{")
    with pytest.raises(UserError, match=r"small.json is damaged"):
        command(["do=logs", "sweep=small", f"ledger={ledger.root}"])


@pytest.mark.parametrize("verb", ["status", "logs"])
def test_a_damaged_submission_is_one_line(ledger: Ledger, verb: str) -> None:
    write_atomically(submission(ledger), b"[]")
    with pytest.raises(UserError) as caught:
        command([f"do={verb}", "sweep=small", f"ledger={ledger.root}"])
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"submission {submission(ledger)} is damaged")
