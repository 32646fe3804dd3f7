"""Canaries: few cells that go through everything, tried for real before the rest may start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, TINY, TRAINER, cells
from torch import Tensor, nn

from lightning_modules.attention import eca, se
from sweeps.cell import AXES, Cell
from sweeps.cluster.arrays import Array
from sweeps.cluster.canaries import choose, proven
from sweeps.cluster.rehearsal import CanariesFailed, failed_alike, rehearse
from sweeps.cluster.resources import Resources
from sweeps.cluster.submission import Submission
from sweeps.context import Context
from sweeps.evidence import Evidence
from sweeps.overrides import CONF, read_yaml
from sweeps.plan import ordered
from sweeps.provenance import sources

CLUSTER = read_yaml(CONF / "cluster/slurm.yaml") | {"gpus": 0, "cpus": 1}
PRUNED = ("pruning=l1", "pruning.macs=0.7")


def values(cell: Cell) -> set[str]:
    parts = [cell, cell.parent] if cell.parent else [cell]
    return {json.dumps([axis, one.json()[axis]]) for one in parts for axis in AXES}


def everything(found: Sequence[Cell]) -> set[str]:
    return {value for cell in found for value in values(cell)}


def grid() -> list[Cell]:
    return ordered(
        cells(
            *("backbone=resnet8,resnet20", "attention=none,se,eca,dia", "seed=range(2)"),
            *("pruning=magnitude", "pruning.sparsity=0.5,0.9", "recipe=digits,smoke"),
        )
    )


def seen(cell: Cell, *, on_gpu: bool = False, **changed: str) -> Evidence:
    return Evidence(cell, 1.0, rehearsed=False, on_gpu=on_gpu, sources=sources(cell) | changed)


def test_every_value_with_its_options_is_tried_by_few_cells_of_the_first_seed() -> None:
    chosen = choose(grid(), ())
    assert everything(chosen) == everything(grid())
    assert len(chosen) == 4  # as many as there are attentions
    assert {cell.seed for cell in chosen} == {0}


def test_no_canary_could_be_left_out() -> None:
    odd = [cell for n, cell in enumerate(grid()) if n % 3 or cell.is_dense]
    chosen = choose(odd, ())
    for cell in chosen:
        others = [other for other in chosen if other is not cell]
        assert everything(others) < everything(odd)


def test_a_pruned_canary_covers_the_path_of_its_dense_parent() -> None:
    both = ordered(cells(*PRUNED))
    assert len(both) == 2
    assert [cell.is_dense for cell in choose(both, ())] == [False]


def test_what_is_proven_is_not_tried_again() -> None:
    first = [seen(cell) for cell in grid() if cell.seed == 0]
    assert choose(grid(), proven(first, on_gpu=False)) == ()
    new = cells("attention=sge")
    assert choose([*grid(), *new], proven(first, on_gpu=False)) == tuple(new)


def test_a_source_that_changed_and_another_device_prove_nothing() -> None:
    before = [seen(cell, attention="0123456789ab") for cell in grid()]
    chosen = choose(grid(), proven(before, on_gpu=False))
    assert {cell.attention.name for cell in chosen} == {"none", "se", "eca", "dia"}
    assert choose(grid(), proven([seen(cell) for cell in grid()], on_gpu=True))


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """A rehearsal owns the signals of its process; this one is not its own."""
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Broken(nn.Module):
    def __init__(self, channels: int, **options: Any) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError(f"no gate for {x.shape[1]} channels")


class Killed(Broken):
    def forward(self, x: Tensor) -> Tensor:
        os.kill(os.getpid(), signal.SIGKILL)
        return x


def submitted(ledger: Path, *overrides: str) -> Submission:
    """A submission whose canaries are the pruned cells."""
    found = ordered(cells(*TINY, "data.size=200", "recipe.batch_size=16", *overrides))
    own = Resources.of(CLUSTER, TRAINER)
    submission = Submission(
        folder=ledger / "submissions" / "one",
        sweep="test",
        code="",
        options=CLUSTER,
        context=Context(ledger, ledger, TRAINER).json(),
        results="",
        cells=tuple(found),
        arrays=(Array(own, tuple((cell.key,) for cell in found)),),
        canaries=tuple(cell.key for cell in found if not cell.is_dense),
    )
    submission.write()
    return submission


def outcome(submission: Submission) -> dict[str, Any]:
    return dict(json.loads((submission.folder / "canaries.json").read_bytes()))


def row(ledger: Path, cell: Cell) -> dict[str, Any]:
    return dict(json.loads((ledger / "rehearsals" / f"{cell.key}.json").read_bytes()))


def test_a_rehearsal_measures_the_cell_and_its_parent_and_leaves_no_cell_behind(
    tmp_path: Path,
) -> None:
    submission = submitted(tmp_path, *PRUNED, "recipe.epochs=500", "recipe.refit.epochs=100")
    rehearse(str(submission.folder))
    (told,) = outcome(submission)["cells"]
    assert not outcome(submission)["failed_alike"]
    assert (told["ok"], told["error"], told["device"]) == (True, None, "cpu")
    assert told["name"] == "synthetic resnet8 none l1 smoke seed=0"
    assert told["peak_mib"] > 100
    dense, pruned = (row(tmp_path, cell) for cell in submission.cells)
    assert Cell.from_json(dense["cell"]).key == submission.cells[0].key
    for one, epochs in ((dense, 500), (pruned, 100)):
        steps = 10 * epochs  # of 16 of the 160 images that are not kept for validation
        assert one["seconds"] > one["step_seconds"] * steps > 0
    assert {p.name for p in tmp_path.iterdir()} == {"submissions", "rehearsals"}


def test_a_canary_that_fails_alone_does_not_hold_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eca, eca.__all__[0], Broken)
    submission = submitted(tmp_path, *PRUNED, "attention=none,eca")
    rehearse(str(submission.folder))
    found = outcome(submission)
    assert not found["failed_alike"]
    assert [one["ok"] for one in found["cells"]] == [True, False]
    error = found["cells"][1]["error"]
    assert (error["type"], error["message"]) == ("RuntimeError", "no gate for 16 channels")
    assert "in forward" in error["traceback"]


def test_canaries_that_fail_alike_end_the_job_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eca, eca.__all__[0], Broken)
    submission = submitted(tmp_path, *PRUNED, "attention=none,eca", "backbone=resnet8,wrn16_1")
    submission = replace(submission, canaries=submission.canaries[1:])
    submission.write()
    with pytest.raises(CanariesFailed, match=r"2 of 3 canaries failed.* no gate for 16 channels"):
        rehearse(str(submission.folder))
    assert outcome(submission)["failed_alike"]


def test_a_canary_whose_process_is_killed_fails_and_the_next_one_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(se, se.__all__[0], Killed)
    submission = submitted(tmp_path, *PRUNED, "attention=se,none")
    rehearse(str(submission.folder))
    killed, fine = outcome(submission)["cells"]
    assert killed["error"]["message"] == "the process was killed by SIGKILL"
    assert fine["ok"]


def error(kind: str, line: int, message: str = "") -> dict[str, Any]:
    trace = f'Traceback\n  File "a.py", line 1, in x\n    x()\n  File "b.py", line {line}, in y\n'
    return {"ok": False, "error": {"type": kind, "message": message, "traceback": trace}}


FINE: dict[str, Any] = {"ok": True, "error": None}
SAME = [error("ValueError", 7, "9 channels"), error("ValueError", 7, "16 channels")]


@pytest.mark.parametrize(
    ("rows", "alike"),
    [
        ([], False),
        ([FINE, FINE], False),
        ([error("ValueError", 7)], True),
        ([FINE, error("ValueError", 7)], False),
        ([error("ValueError", 7), error("TypeError", 7)], True),
        ([FINE, *SAME], True),
        ([FINE, FINE, *SAME], False),
        ([FINE, *SAME, error("KeyError", 1), error("KeyError", 2)], True),
        ([FINE, *[error("ValueError", line) for line in range(3)]], False),
    ],
)
def test_most_failures_in_one_way_are_alike(rows: list[dict[str, Any]], alike: bool) -> None:
    assert failed_alike(rows) is alike


@contextmanager
def started(submission: Submission) -> Iterator[subprocess.Popen[str]]:
    code = f"from sweeps.cluster.rehearsal import rehearse; rehearse({str(submission.folder)!r})"
    outside = {k: v for k, v in os.environ.items() if not k.startswith("SLURM")}
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=outside, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("rehearsals/*")}


@pytest.mark.slow
def test_a_job_that_has_to_leave_does_not_repeat_what_it_has_tried(tmp_path: Path) -> None:
    submission = submitted(tmp_path, *PRUNED, "attention=none,se,eca")
    with started(submission) as first:
        assert first.stdout is not None
        assert sum(line.endswith("is tried\n") for line in islice(first.stdout, 3)) == 2
        first.send_signal(signal.SIGTERM)
        assert first.wait(60) == 1
    assert not (submission.folder / "canaries.json").exists()
    tried = files(tmp_path)
    assert len(tried) == 2
    with started(submission) as second:
        assert second.wait(120) == 0
    assert len(files(tmp_path)) == 6
    assert {name: files(tmp_path)[name] for name in tried} == tried
    assert [one["ok"] for one in outcome(submission)["cells"]] == [True] * 3
