"""The exit status of do=report says whether a cell failed, wherever its record was read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ledgers import MAGNITUDE, cell, done, failed, ledger_of
from mirrored import ADDRESS

from sweeps.cli import command
from sweeps.ledger import Ledger
from sweeps.record import Record, write_atomically
from tests.wandb_server.reading import fill
from tests.wandb_server.server import Server

DENSE, PRUNED = cell(), cell(pruning=MAGNITUDE)
FAILED = "1 cells failed, 1 blocked by them; "
DAMAGED = "1 cells have a damaged record; the report says what is wrong"


def status(folder: Path, ledger: Ledger, *more: str) -> int:
    places = f"ledger={ledger.root}", f"results={folder}/results"
    found = command(["do=report", "sweep=small", *places, *more])
    assert (folder / "results/small/index.html").exists()
    return found


@pytest.mark.parametrize(
    ("record", "expected", "said"),
    [(done(DENSE, 0.9), 0, ""), (failed(DENSE, "no"), 1, FAILED)],
    ids=["done", "failed"],
)
def test_ledger_and_wandb_give_the_same_status(
    record: Record,
    expected: int,
    said: str,
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ledger = ledger_of(tmp_path, [(DENSE, record), (PRUNED, None)])
    fill(server.store, ledger, "small")
    assert status(tmp_path, ledger) == expected
    here = capsys.readouterr()
    assert status(tmp_path, ledger, f"source={ADDRESS}") == expected
    there = capsys.readouterr()
    assert here.out == there.out
    for error in (here.err, there.err):
        assert said in error
        assert ("cells" in error) == bool(said)
    assert ("make retry" in here.err) == bool(said)
    assert "make" not in there.err


def torn(path: Path) -> None:
    write_atomically(path, b"{")


def older(path: Path) -> None:
    write_atomically(path, path.read_bytes().replace(b'"schema": 1', b'"schema": 0'))


@pytest.mark.parametrize("damage", [torn, older])
def test_a_record_that_cannot_be_trusted_is_told_too(
    damage: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = ledger_of(tmp_path, [(DENSE, done(DENSE, 0.9)), (PRUNED, done(PRUNED, 0.8))])
    damage(ledger.paths(DENSE.key).record)
    assert status(tmp_path, ledger) == 1
    assert DAMAGED in capsys.readouterr().err.splitlines()
