"""What a command line says that means nothing for what is done is refused, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import cells

from sweeps.asked import STARTED
from sweeps.cli import RUNNING, WORDS, command
from sweeps.errors import UserError
from sweeps.frozen import Plan
from sweeps.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """A ledger in which the demo was started; what is asked is asked of it."""
    monkeypatch.chdir(tmp_path)
    made = Ledger(tmp_path / "runs")
    made.freeze(Plan("demo", "", tuple(cells("seed=0,1"))))
    return made


def refusal(*arguments: str) -> str:
    """What a command line is refused with."""
    before = sorted(Path.cwd().rglob("*"))
    with pytest.raises(UserError) as caught:
        command(arguments)
    assert sorted(Path.cwd().rglob("*")) == before
    return str(caught.value)


@pytest.mark.parametrize("verb", STARTED)
@pytest.mark.parametrize("grid", ["seed=0", "attention=sse", "recipe.epochs=3"])
def test_what_is_about_a_started_sweep_takes_no_part_of_it(
    ledger: Ledger, verb: str, grid: str
) -> None:
    (line,) = refusal(f"do={verb}", "sweep=demo", grid).splitlines()
    assert line.startswith(f"{grid}: do={verb} is about the whole sweep as it was started")


def test_a_report_says_how_a_table_gets_its_rows(ledger: Ledger) -> None:
    line = refusal("do=report", "sweep=demo", "attention=se", "seed=0")
    assert line.startswith("attention=se seed=0: do=report")
    assert "values: [accuracy], where: {attention: se}}]" in line


@pytest.mark.parametrize("verb", sorted({*WORDS} - {"logs", "analyze"}))
def test_a_key_is_for_what_looks_at_one_cell(ledger: Ledger, verb: str) -> None:
    (line,) = refusal(f"do={verb}", "key=7f3fa4").splitlines()
    assert line == "key=7f3fa4: only do=logs and do=analyze ask for a key; leave it out"


@pytest.mark.parametrize("flag", ["--foo", "-m", "--multirun", "-x"])
def test_a_verb_takes_no_flags(ledger: Ledger, flag: str) -> None:
    for arguments in ((flag, "do=status"), ("do=status", flag)):
        assert f"{flag}: do=status takes key=value only" in refusal(*arguments, "sweep=demo")


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("sweep=demo,demo", "sweep=demo,demo: one value is allowed, came several"),
        ("cluster=here,local", "cluster=here,local: one value is allowed, came several"),
        ("format=text,json", "write a command for each"),
        ("trainer.threads=range(1,3)", "one value is allowed, came several"),
        ("tables=accuracy,cost", "write a list: tables=[accuracy,cost]"),
        ("do=report,plan", "do=report,plan: one value is allowed"),
        ("~results", "~results: a setting can be changed, but not taken away; write results=..."),
        ("~trainer.threads", "write trainer.threads=..."),
        ("~do", "write do=..."),
        ("wandb=3", "wandb=3: must be keys and values; set each with wandb.<key>=..."),
        ("wandb=null", "wandb=None: must be keys and values"),
        ("trainer=3", "trainer=3: must be keys and values; set each with trainer.<key>=..."),
        ("ledger='~nouser/x'", "ledger=~nouser/x: this machine knows no such home folder"),
        ("results='~nouser/x'", "results=~nouser/x: this machine knows no such home folder"),
        ("tables=[null]", "table 'None' does not exist"),
        ("tables=[accuracy,'']", "table '' does not exist"),
        ("tables=0", "table '0' does not exist"),
    ],
)
def test_a_setting_has_one_value_of_its_kind(ledger: Ledger, override: str, text: str) -> None:
    (line,) = refusal("do=status", "sweep=demo", override).splitlines()
    assert text in line


def test_all_that_is_wrong_comes_at_once(ledger: Ledger) -> None:
    asked = ("do=report", "sweep=demo", "format=xml", "~results", "seed=0", "key=1")
    assert len(refusal(*asked).splitlines()) == 4
    wrong = ("wandb=3", "trainer=3", "datasets='~nouser/x'")
    assert len(refusal("do=status", "sweep=demo", *wrong).splitlines()) == 3


def test_a_table_without_rows_and_values_is_refused(ledger: Ledger) -> None:
    said = refusal("do=status", "sweep=demo", "tables=[{}]")
    assert said.splitlines() == [
        "table 1: rows: must name one at least",
        "table 1: values: must name one at least",
    ]


@pytest.mark.parametrize("nothing", ["tables=null", "tables=", "tables=[]"])
def test_no_tables_may_be_asked_for(ledger: Ledger, nothing: str) -> None:
    assert command(["do=status", "sweep=demo", nothing]) == 0


def test_what_a_user_added_to_sbatch_can_be_taken_away(ledger: Ledger) -> None:
    flags = ("cluster=slurm", "++cluster.sbatch.nice=5", "~cluster.sbatch.nice")
    assert command(["do=status", "sweep=demo", *flags]) == 0


def test_only_a_sweep_that_has_a_file_can_be_started(ledger: Ledger) -> None:
    unknown = refusal("do=status", "sweep=dmo")
    assert "did you mean 'demo'? Available: demo" in unknown
    assert unknown.endswith("(in ledger runs)")
    assert "make sweep" not in unknown
    assert "make sweep SWEEP=smoke" in refusal("do=status", "sweep=smoke")


@pytest.mark.parametrize("verb", ["status", "sweep"])
def test_only_what_runs_cells_goes_on_from_a_checkpoint(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("sweeps.cli.VERBS", {verb: interrupted})
    with pytest.raises(KeyboardInterrupt) as caught:
        command([f"do={verb}", "sweep=demo"])
    words = ("the same command goes on from the last checkpoint",)
    assert caught.value.args == (words if verb in RUNNING else ())
