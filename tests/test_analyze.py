"""do=analyze: what is due, what is known, what fails, and what becomes of it in the report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import QUICK, TINY, TRAINER, Run, cells

from datamodules.tensors import TensorData
from lightning_modules import analyses
from lightning_modules.analysis._subject import Batch, Subject
from sweeps.analysable import chosen, due
from sweeps.analyze import analyze, subject
from sweeps.cell import Cell
from sweeps.cli import command
from sweeps.context import Context
from sweeps.errors import UserError
from sweeps.execute import execute
from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.listing import listing
from sweeps.settings import Settings
from sweeps.workbench import Workbench

ASKED = ("correlation", "stiffness", "noise")
PAIR = (*TINY, "attention=none,se", "seed=0")


def settings(ledger: Path) -> Settings:
    return Settings(
        do="analyze",
        format="text",
        ledger=Ledger(ledger),
        results=ledger.parent / "results",
        datasets=ledger,
        tracking="none",
        wandb={},
        trainer=TRAINER,
        cluster={},
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of two finished cells, and a third that was never run."""
    ledger = tmp_path_factory.mktemp("analyze") / "runs"
    for cell in cells(*PAIR):
        assert execute(cell, Context(ledger, ledger, TRAINER, tracking="none"))["status"] == "done"
    Ledger(ledger).freeze(Plan("demo", "", (*cells(*PAIR), *cells(*TINY, "seed=1"))))
    return ledger


@pytest.fixture
def ledger(runs: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(runs, tmp_path / "runs"))


def work(ledger: Path, *names: str) -> Any:
    return due(Ledger(ledger), Ledger(ledger).plan("demo").cells, chosen(names or ASKED))


def content(ledger: Path, cell: Cell, name: str) -> dict[str, Any]:
    return dict(json.loads(Ledger(ledger).paths(cell.key).analysis(name).read_bytes()))


def test_every_analysis_is_due_for_the_finished_cells_that_have_what_it_needs(ledger: Path) -> None:
    found = work(ledger)
    asked = [(job.cell.attention.name, [e.name for e in job.entries]) for job in found.jobs]
    assert asked == [("none", ["stiffness", "noise"]), ("se", list(ASKED))]
    assert dict(found.skipped["stiffness"]) == {"not done": 1}
    assert dict(found.skipped["correlation"]) == {
        "no attention at the end of a residual branch": 1,
        "not done": 1,
    }
    assert "1 not done" in found.text()


def test_what_was_analysed_is_known_until_its_code_or_its_weights_change(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = settings(ledger)
    assert analyze(asked, work(ledger)) == []
    assert work(ledger).jobs == []
    assert dict(work(ledger).known) == {"stiffness": 2, "noise": 2, "correlation": 1}
    one = cells(*PAIR)[1]
    found = content(ledger, one, "noise")
    assert found["analysis"] == "noise"
    assert found["settings"]["SHARES"] == [0.0, 0.25, 0.5, 0.75]
    assert found["reconstruction"]
    path = Ledger(ledger).paths(one.key).analysis("noise")
    for other in ({"digest": "of older code"}, {"weights": "of another run"}):
        path.write_text(json.dumps(found | other))
        assert [e.name for job in work(ledger).jobs for e in job.entries] == ["noise"]
    path.write_text('{"half')
    assert work(ledger).count == 1


def failing(error: BaseException) -> Callable[[Any], Callable[[Subject], dict[str, Any]]]:
    """Loads analyses of which stiffness ends in an error."""

    def analyse(subject: Subject) -> dict[str, Any]:
        raise error

    load = analyses.load
    return lambda entry: analyse if entry.name == "stiffness" else load(entry)


def test_a_failure_is_reported_and_the_others_go_on(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyses, "load", failing(ZeroDivisionError("by nothing")))
    failures = analyze(settings(ledger), work(ledger))
    assert len(failures) == 2
    assert all("stiffness: ZeroDivisionError: by nothing; see " in line for line in failures)
    trace = Path(failures[0].rpartition("see ")[2])
    assert "raise error" in trace.read_text()
    assert [e.name for job in work(ledger).jobs for e in job.entries] == ["stiffness"] * 2
    monkeypatch.undo()
    assert analyze(settings(ledger), work(ledger)) == []
    assert not trace.exists()


def test_an_interruption_keeps_what_was_finished(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyses, "load", failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        analyze(settings(ledger), work(ledger, "noise", "stiffness"))
    left = work(ledger, "noise", "stiffness")
    assert left.known["noise"] == 1
    assert left.count == 3


def test_lost_weights_are_one_line_that_says_what_to_do(ledger: Path) -> None:
    one, other = (Ledger(ledger).paths(cell.key) for cell in cells(*PAIR))
    one.weights("fit").unlink()
    other.weights("fit").write_bytes(b"torn")
    lines = analyze(settings(ledger), work(ledger))
    assert len(lines) == 2
    for line, paths in zip(lines, (one, other), strict=True):
        assert "its weights are lost" in line
        assert f"delete {paths.folder} and sweep again" in line


def test_weights_that_do_not_fit_the_code_any_more_fail_alone(ledger: Path) -> None:
    one, other = (Ledger(ledger).paths(cell.key) for cell in cells(*PAIR))
    shutil.copy(other.weights("fit"), one.weights("fit"))
    (line,) = analyze(settings(ledger), work(ledger, "noise"))
    assert line.startswith(one.key)
    assert "its network cannot be made (RuntimeError: Error(s) in loading state_dict" in line
    assert other.analysis("noise").exists()


def test_a_number_that_is_none_is_a_failure_and_not_a_file(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyses, "load", lambda entry: lambda subject: {"x": float("nan")})
    lines = analyze(settings(ledger), work(ledger, "noise"))
    assert ["noise: ValueError" in line for line in lines] == [True, True]
    assert not list(ledger.glob("*/analysis/*.json"))


def test_an_analysis_is_never_given_the_test_split(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, plain = list[str](), TensorData.plain

    def noted(self: TensorData, part: Any, *args: Any) -> Iterator[Batch]:
        parts.append(part)
        return plain(self, part, *args)

    monkeypatch.setattr(TensorData, "plain", noted)
    (cell, _) = cells(*PAIR)
    bench = Workbench(cell, Ledger(ledger).paths(cell.key), ledger, TRAINER)
    made = subject(bench)
    assert parts == ["train", "train"]
    assert [len(images) for images, _ in made.train] == [64] * 8
    assert sum(len(images) for images, _ in made.held_out) == len(bench.data.val_index)
    assert made.foreign is not None
    assert made.foreign.shape[1:] == made.train[0][0].shape[1:]
    assert not made.network.training


def test_the_listing_has_every_analysis_and_what_it_needs() -> None:
    found = {entry["name"]: entry for entry in listing()["analysis"]}
    assert found["correlation"]["needs"] == ["gate"]
    assert found["noise"]["reconstruction"]
    assert "Li et al., NeurIPS 2018" in found["flatness"]["source"]


def test_without_a_name_the_names_are_listed() -> None:
    with pytest.raises(UserError, match="analysis=all, or of correlation, criteria"):
        chosen(())


# ------------------------------------------------------------------------------ the command


def test_the_command_analyses_a_sweep_and_makes_its_report_again(
    ledger: Path, run: Run, tmp_path: Path
) -> None:
    done = run("do=analyze", "sweep=demo", "analysis=[correlation,stiffness]", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "analysis     to do  known  skipped  because" in done.stderr
    made = {path.name for path in (tmp_path / "results/demo").glob("analysis_*")}
    assert made == {f"analysis_stiffness.{kind}" for kind in ("csv", "png", "pdf")}


def test_an_analysis_that_failed_is_the_exit_status(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = cells(*PAIR)[0].key
    Ledger(ledger).paths(key).weights("fit").unlink()
    places = (f"ledger={ledger}", f"results={tmp_path}/results", "cluster=here")
    asked = ("do=analyze", "sweep=demo", "analysis=noise", f"key={key[:8]}", *places, *QUICK)
    assert command(asked) == 1
    shown = capsys.readouterr()
    assert "1 failed, see above" in shown.err
    assert shown.err.count("its weights are lost") == 1
    assert "open" in shown.out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ["analysis=[corelation,noise]"],
            "'corelation' does not exist; did you mean 'correlation'",
        ),
        ([], "this needs an analysis"),
        (["analysis=all", "key=zz"], "no cell has a key that begins with 'zz' in sweep demo"),
    ],
)
def test_a_mistake_is_one_message(ledger: Path, run: Run, arguments: list[str], text: str) -> None:
    done = run("do=analyze", "sweep=demo", *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert text in done.stderr
