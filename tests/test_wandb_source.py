"""A report from W&B is that of the ledger, and what W&B cannot give is said, never guessed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import test_reports_search as searches
import wandb
from conftest import ROOT, Run
from ledgers import MAGNITUDE, SE, cell, done, failed, small
from ledgers import ledger_of as written
from test_analysis_reports import keep

from reports.document import Document
from reports.report import report
from sweeps.cell import Cell, Choice
from sweeps.errors import UserError
from sweeps.ledger import Ledger, Plan
from sweeps.mirror import entry, plans, read
from sweeps.mirror.read import Project, Runs
from sweeps.mirror.source import WandbSource
from sweeps.record import Record
from sweeps.source import problems, source_of
from tests.wandb_server.client import local_wandb, renew
from tests.wandb_server.reading import (
    busy,
    fill,
    meanwhile,
    sent_config,
    sent_summary,
    slow,
)
from tests.wandb_server.server import Server
from tests.wandb_server.store import Run as Stored
from tests.wandb_server.store import Store

ADDRESS = "wandb://lab/triptych"
READING_IT = "W&B lab/triptych: reading sweep small\n"


QUICK = {"WANDB_X_GRAPHQL_RETRY_WAIT_MAX_SECONDS": "1", "WANDB_X_GRAPHQL_RETRY_MAX": "2"}
"""W&B's client counts whole seconds."""


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with local_wandb() as one, pytest.MonkeyPatch.context() as patch:
        for name, value in QUICK.items():
            patch.setenv(name, value)
        yield one


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    """The server with nothing on it."""
    renew(running)
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "wandb"))
    return running


@dataclass(frozen=True)
class Published:
    """The small ledger, and its runs as the server has them."""

    ledger: Ledger
    runs: dict[str, Stored]

    def run(self, one: Cell) -> Stored:
        return self.runs[one.key]


@pytest.fixture
def published(server: Server, tmp_path: Path) -> Published:
    ledger = small(tmp_path)
    fill(server.store, ledger, "small")
    return Published(ledger, server.store.project("lab", "triptych"))


def sweep(name: str = "small") -> WandbSource:
    return WandbSource.read("lab", "triptych", name)


def state_of(one: Cell, source: WandbSource | None = None) -> tuple[str, str]:
    """What a report says of a cell: its state, and why."""
    frame = Document.of(source or sweep(), "small").frame.set_index("key")
    return str(frame.loc[one.key, "state"]), str(frame.loc[one.key, "reason"])


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


LEDGERS: dict[str, Callable[[Path], Ledger]] = {
    "small": small,
    "searches": lambda folder: written(folder, searches.outcomes()),
    "a failed supernet": lambda folder: searches.broken(folder)[1],
}


@pytest.mark.parametrize("name", LEDGERS)
def test_every_file_of_a_report_is_that_of_the_ledger(
    name: str, server: Server, tmp_path: Path
) -> None:
    ledger = LEDGERS[name](tmp_path)
    fill(server.store, ledger, "small")
    there, _ = report(source_of(ADDRESS, ledger, "small"), "small", tmp_path / "wandb")
    here, _ = report(ledger, "small", tmp_path / "ledger")
    assert files(there) == files(here)
    assert {"table.md", "table.csv", "table.tex", "runs.csv", "index.html"} <= set(files(here))


def test_only_the_ledger_s_report_has_analyses(published: Published, tmp_path: Path) -> None:
    keep(published.ledger, cell(), "noise")
    there, here = files(report(sweep(), "small", tmp_path / "wandb")[0]), {}
    here |= files(report(published.ledger, "small", tmp_path / "ledger")[0])
    only = {f"analysis_noise.{kind}" for kind in ("png", "pdf", "csv")}
    assert set(here) - set(there) == only
    differ = {name for name in there if there[name] != here[name]}
    assert differ == {"index.html"}


def test_the_curves_are_those_of_the_ledger(server: Server, tmp_path: Path) -> None:
    ledger = small(tmp_path)
    rows = [{"phase": "fit", "epoch": n, "train_loss": 1 / (n + 1)} for n in range(40)]
    ledger.paths(cell().key).history.write_text(json.dumps(rows))
    fill(server.store, ledger, "small")
    source = sweep()
    assert source.curves(cell().key) == ledger.curves(cell().key) != {}
    assert source.curves(cell(attention=SE).key) == source.curves("nobody") == {}


def test_the_command_line_makes_the_same_report_from_both(
    published: Published, running: Server, run: Run, tmp_path: Path
) -> None:
    """Of a sweep that conf/ does not know, as the sweeps of others."""
    fill(running.store, published.ledger, "small", project="other")
    asked = ("do=report", "sweep=small")
    here = run(*asked, f"ledger={published.ledger.root}", f"results={tmp_path}/here")
    there = run(
        *asked, "source=wandb://lab/other", f"ledger={tmp_path}/none", f"results={tmp_path}/there"
    )
    assert (here.returncode, there.returncode) == (1, 0), there.stderr
    assert files(tmp_path / "there") == files(tmp_path / "here") != {}
    assert there.stdout.replace("/there", "/here") == here.stdout
    assert not (tmp_path / "none").exists()


def test_what_the_command_line_publishes_makes_the_ledger_s_report(
    server: Server, run: Run, tmp_path: Path
) -> None:
    """W&B's own client writes and reads; nothing of a record or of its history is lost."""
    lost, pruned = (cell(pruning=MAGNITUDE, seed=seed) for seed in (7, 8))
    asked = [*searches.outcomes()[::2], (lost, failed(lost, "a & <b>\nc"))]
    asked += [(cell(seed=8), done(cell(seed=8), 1.0, peak_mib=None)), (pruned, done(pruned, 1 / 3))]
    ledger = written(tmp_path, asked, inapplicable=((cell(attention=SE), "it cannot work"),))
    rows = [{"phase": "fit", "epoch": n, "lr": 1.0, "train_loss": 1 / (n + 1)} for n in range(40)]
    ledger.paths(cell(seed=8).key).history.write_text(json.dumps(rows))
    common = ("sweep=small", f"ledger={ledger.root}")
    sent = run("do=publish", *common, "wandb.entity=lab")
    assert sent.returncode == 0, sent.stderr
    run("do=report", *common, f"results={tmp_path}/here")
    there = run("do=report", *common, f"source={ADDRESS}", f"results={tmp_path}/there")
    assert there.returncode == 0, there.stderr
    assert files(tmp_path / "there") == files(tmp_path / "here") != {}
    states = {run.state for run in server.store.project("lab", "triptych").values()}
    assert states == {"finished", "failed"}


def test_five_thousand_runs_are_read_in_a_dozen_requests(server: Server) -> None:
    cells = tuple(cell(seed=seed) for seed in range(5000))
    plan = Plan("small", "many", cells)
    runs = server.store.project("lab", "triptych")
    runs["sweep-small"] = Stored(
        "sweep-small", tags=["sweep:small"], config=plans.plan_config(plan)
    )
    for one in cells:
        said = sent_summary(entry.summary(one, done(one, 0.5), []))
        runs[one.key] = Stored(
            one.key, tags=["sweep:small"], config=entry.config(one), summary=said
        )
    source = sweep()
    assert all(source.record(one.key) for one in cells)
    assert len(server.asked) == 7
    assert set(server.asked) == {"Viewer", "Runs"}


def test_reading_leaves_no_file(published: Published, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    assert sweep().record(cell().key)
    assert not (tmp_path / "wandb").exists()
    assert set(tmp_path.rglob("*")) == before


CLIENT = """
import json, sys, wandb
values = json.loads(sys.argv[1])
quiet = wandb.Settings(silent=True, console="off", x_disable_meta=True, x_disable_stats=True)
with wandb.init(entity="lab", project="p", id="a", config=values, settings=quiet) as run:
    run.summary.update(values | {"nan": float("nan")})
"""


def test_the_helpers_send_what_the_client_sends(server: Server, tmp_path: Path) -> None:
    """They stand for W&B's client in these tests: here they are compared with it."""
    values = {"a.b": 1.0, "none": None, "empty": {}, "list": [], "third": 1 / 3, "text": "1.0"}
    values |= {"nested": {"x": 2.0, "y": None, "z": {}, "l": [1.0, {"q": None, "r": {}}]}}
    values |= {"big": 2**53 + 1, "tiny": 1e-300, "large": 1e300}
    (tmp_path / "wandb").mkdir()
    done = subprocess.run([sys.executable, "-c", CLIENT, json.dumps(values)], timeout=60)
    assert done.returncode == 0
    kept = server.store.project("lab", "p")["a"]
    config = {name: value for name, value in kept.config.items() if name != "_wandb"}
    summary = {name: value for name, value in kept.summary.items() if not name.startswith("_")}
    assert _text(config) == _text(sent_config(values))
    assert _text(summary) == _text(sent_summary(values | {"nan": nan}))


LIVE = """
import sys
from pathlib import Path
from sweeps.ledger import Ledger
from sweeps.mirror.live import Tracker
from sweeps.record import read_history
ledger = Ledger(Path(sys.argv[1]))
where = {"entity": "lab", "project": "triptych"}
for cell in ledger.plan("small").cells:
    paths, record = ledger.paths(cell.key), ledger.record(cell.key)
    with Tracker(cell, paths, "wandb", sweep="small", wandb=where) as tracker:
        for row in read_history(paths):
            tracker.epoch(row)
        tracker.finish(record)
"""


def test_what_was_logged_while_it_trained_is_read_back(server: Server, tmp_path: Path) -> None:
    """Written with W&B's real client: of a row that is done, pruned, searched and failed."""
    pruned, ean, lost = cell(pruning=MAGNITUDE), searches.cell(searches.EAN), cell(attention=SE)
    records = [done(cell(), 1.0, peak_mib=None), done(pruned, 1 / 3), failed(lost, "no & <memory>")]
    records.append(searches.searched(ean, "1|01", 0.96))
    cells = (cell(), pruned, lost, ean)
    ledger = written(tmp_path, zip(cells, records, strict=True))
    rows = [{"phase": "fit", "epoch": n, "lr": 1.0, "train_loss": 1 / (n + 1)} for n in range(3)]
    ledger.paths(cell().key).history.write_text(json.dumps(rows))
    command = [sys.executable, "-c", LIVE, str(ledger.root)]
    subprocess.run(command, check=True, timeout=100, env={**os.environ, "PYTHONPATH": str(ROOT)})
    source = sweep()
    frame = Document.of(source, "small").frame.set_index("key").sort_index()
    expected = Document.of(ledger, "small").frame.set_index("key").sort_index()
    order = ["row", "reference_row", "published"]  # in what order W&B was told of the cells
    pd.testing.assert_frame_equal(
        frame.drop(columns=order), expected.drop(columns=order), check_exact=True
    )
    assert source.curves(cell().key) == ledger.curves(cell().key) != {}


def _text(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)


# What W&B has of a cell


def damage_missing(run: Stored) -> None:
    del run.summary["accuracy"]


def damage_nan(run: Stored) -> None:
    run.summary["accuracy"] = "NaN"


def damage_number(run: Stored) -> None:
    run.summary["cost.macs"] += 1


def damage_record(run: Stored) -> None:
    del run.summary["record"]


def damage_all(run: Stored) -> None:
    run.summary = {}


def damage_schema(run: Stored) -> None:
    run.summary["record"] = run.summary["record"].replace('"schema":1', '"schema":2')


def damage_owner(run: Stored) -> None:
    run.summary["record"] = run.summary["record"].replace(run.id, cell(seed=2).key)


def damage_status(run: Stored) -> None:
    run.summary["status"] = "perfect"
    run.summary["record"] = run.summary["record"].replace('"done"', '"perfect"')


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_missing, "accuracy is missing in its summary, but its record says 0.9"),
        (damage_nan, "accuracy is NaN in its summary"),
        (damage_number, "cost.macs is 1600001 in its summary, but its record says 1600000"),
        (damage_record, "its summary has no record"),
        (damage_all, "its summary has no record"),
        (damage_schema, "its record has schema 2, this version reads 1"),
        (damage_owner, f"it belongs to {cell(seed=2).key}"),
        (damage_status, "status is done or failed, came perfect"),
    ],
)
def test_a_run_that_cannot_be_trusted_damages_its_cell_alone(
    damage: Callable[[Stored], None], reason: str, published: Published
) -> None:
    damage(published.run(cell()))
    found = state_of(cell())
    assert found[0] == "damaged"
    assert reason in found[1]
    assert state_of(cell(seed=1))[0] == "done"


def test_half_of_the_runs_without_their_accuracy_are_damaged(published: Published) -> None:
    whole = Document.of(published.ledger, "small").frame["state"].value_counts()
    marred = [run for run in published.runs.values() if "accuracy" in run.summary][::2]
    for run in marred:
        del run.summary["accuracy"]
    states = Document.of(sweep(), "small").frame["state"].value_counts()
    assert states["damaged"] == len(marred) > 3
    assert states["done"] == whole["done"] - len(marred)


def test_a_run_that_goes_on_is_missing_and_counted(
    published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    published.run(cell()).state = "running"
    published.run(cell(seed=1)).state = "running"
    del published.run(cell(seed=1)).summary["record"]
    assert state_of(cell()) == state_of(cell(seed=1)) == ("missing", "")
    assert (
        "W&B lab/triptych: 2 cells are still going on: shown as missing" in capsys.readouterr().err
    )


@pytest.mark.parametrize("state", ["crashed", "killed", "failed", "preempted"])
def test_a_run_that_broke_off_is_missing_as_in_the_ledger(
    state: str, published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    published.run(cell()).state = state
    published.run(cell()).summary = {"fit/train_loss": 0.5}
    assert state_of(cell()) == ("missing", "")
    said = capsys.readouterr().err
    assert f"1 cell is without a record (1 {state}): shown as missing" in said
    assert "make publish SWEEP=small" in said


@pytest.mark.parametrize("state", ["crashed", "killed", "failed"])
def test_a_record_counts_whatever_became_of_its_run_afterwards(
    state: str, published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    published.run(cell()).state = state
    assert state_of(cell())[0] == "done"
    assert capsys.readouterr().err == READING_IT


def twin(published: Published, record: Record | None, state: str = "finished") -> Stored:
    """A second run of the first cell."""
    first = published.run(cell())
    other = replace(first, id="twin", state=state)
    if record is not None:
        other.summary = sent_summary(entry.summary(cell(), record, []))
    published.runs["twin"] = other
    return other


def test_two_runs_of_a_cell_that_agree_are_one(published: Published) -> None:
    twin(published, None)
    assert state_of(cell())[0] == "done"


@pytest.mark.parametrize(
    ("change", "part"),
    [({"accuracy": 0.8999}, "result"), ({"ratio": 1.016}, "latency"), ({"macs": 1}, "")],
)
def test_two_runs_of_a_cell_that_differ_damage_it(
    change: dict[str, float], part: str, published: Published
) -> None:
    twin(published, done(cell(), **{"accuracy": 0.90} | change))
    found = state_of(cell())
    if not part:  # nothing of a record is called so
        assert found[0] == "done"
        return
    assert found[0] == "damaged"
    assert f"runs {cell().key} and twin in W&B are both of cell {cell().key}" in found[1]
    assert f"differ in {part}" in found[1]


@pytest.mark.parametrize("state", ["running", "crashed"])
def test_a_second_run_without_a_record_changes_nothing(
    state: str, published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    twin(published, None, state).summary = {}
    assert state_of(cell())[0] == "done"
    assert capsys.readouterr().err == READING_IT


def test_a_run_that_is_done_wins_over_one_that_failed(published: Published) -> None:
    lost = published.run(cell(attention=Choice("dia")))
    other = replace(lost, id="twin", config=published.run(cell()).config)
    published.runs["twin"] = other
    assert state_of(cell())[0] == "done"


def test_runs_of_others_are_passed_over_and_counted(
    published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        published.runs[f"other{number}"] = Stored(
            f"other{number}", tags=["sweep:small"], config={"lr": 0.1}, summary={"accuracy": 1.0}
        )
    published.runs["elsewhere"] = Stored("elsewhere", config={"key": "1"})
    frame = Document.of(sweep(), "small").frame
    expected = Document.of(published.ledger, "small").frame
    pd.testing.assert_frame_equal(frame, expected, check_exact=True)
    said = capsys.readouterr().err
    line = "W&B lab/triptych: 3 runs are not Triptych's, but tagged sweep:small: ignored\n"
    assert said == READING_IT + line


def test_a_run_without_the_tag_is_found_by_its_id(server: Server, published: Published) -> None:
    published.run(cell()).tags = ["sweep:another"]
    source = sweep()
    assert state_of(cell(), source)[0] == "done"
    assert server.asked == ["Viewer", "Runs", "Runs"]


def test_runs_of_cells_that_left_the_sweep_are_in_no_table(published: Published) -> None:
    gone = cell(seed=17)
    published.runs[gone.key] = Stored(gone.key, tags=["sweep:small"], config=entry.config(gone))
    assert gone.key not in set(Document.of(sweep(), "small").frame["key"])


# Plans


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


# Nothing there, no way there


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


@pytest.mark.parametrize("address", ["wandb://lab", "wandb://lab/a/b", "wandb://lab/a:b", "lab/a"])
def test_an_address_without_entity_and_project_is_refused(address: str) -> None:
    assert problems(address) == [f"source={address}: must be ledger or wandb://<entity>/<project>"]


@pytest.mark.parametrize("place", [("lab", "tryptich"), ("laboratory", "triptych")])
def test_a_wrong_project_or_entity_says_so(place: tuple[str, str], published: Published) -> None:
    with pytest.raises(UserError, match=f"W&B {'/'.join(place)} is not there at http://"):
        WandbSource.read(*place, "small")


def test_a_wrong_key_says_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "f" * 40)
    with pytest.raises(UserError, match=r"user is not logged in.*WANDB_API_KEY.*wandb login"):
        sweep()


def test_a_key_that_is_none_says_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    with pytest.raises(UserError, match=r"40. characters.*wandb login"):
        sweep()
    assert not server.asked


def test_a_project_that_may_not_be_read_says_so(published: Published, server: Server) -> None:
    server.fault = busy(9, status=403)
    with pytest.raises(UserError, match=r"cannot read lab/triptych of W&B at .*your key may read"):
        sweep()


@pytest.mark.parametrize(
    ("operation", "answer", "message"),
    [
        ("Viewer", {"data": {"viewer": None}}, "credentials.* look at WANDB_API_KEY"),
        ("Runs", {"errors": [{"message": "permission denied"}]}, "your key may read them"),
        ("Runs", {"data": {"project": {"runCount": 1}}}, "run the same command again"),
        ("Runs", b"<html>a hotel asks for a password</html>", "look at the network"),
    ],
)
def test_an_odd_answer_ends_in_one_message(
    operation: str, answer: Any, message: str, server: Server
) -> None:
    server.fault = lambda _, asked: (200, answer) if asked == operation else None
    with pytest.raises(UserError, match=f"cannot read lab/triptych of W&B at http://.*{message}"):
        sweep()


def test_a_server_that_is_busy_is_waited_for(published: Published, server: Server) -> None:
    server.fault = busy(2)
    assert sweep().record(cell().key)
    assert server.asked.count("Runs") > 2


def test_a_server_that_stays_busy_ends_in_one_message(published: Published, server: Server) -> None:
    server.fault = busy(99)
    with pytest.raises(UserError, match=r"429.*run the same command again"):
        sweep()


def test_slow_pages_are_waited_for(published: Published, server: Server) -> None:
    server.fault = slow(1.0)
    assert sweep().record(cell().key)


def test_nothing_that_answers_ends_in_one_message(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in (QUICK | {"WANDB_BASE_URL": "http://127.0.0.1:9"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WANDB_API_KEY", "f" * 40)
    done = run("do=report", "sweep=smoke", f"source={ADDRESS}", timeout=60)
    assert done.returncode == 2
    assert "connection refused" in done.stderr
    assert "look at the network and at WANDB_BASE_URL" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()


def test_without_a_key_nothing_is_asked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    done = run("do=report", "sweep=smoke", f"source={ADDRESS}", timeout=60)
    assert done.returncode == 2
    assert "log in with 'wandb login', or set WANDB_API_KEY" in done.stderr
    assert "Traceback" not in done.stderr


# While it is read


@pytest.mark.parametrize("address", ["localhost:80", "http://", "nonsense"])
def test_an_address_that_is_none_ends_in_one_message(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", address)
    monkeypatch.setenv("WANDB_API_KEY", "f" * 40)
    with pytest.raises(UserError, match=r"^WANDB_BASE_URL: W&B does not take its value \(.*URL"):
        sweep()


def tagged() -> Runs:
    """What is read of the small sweep."""
    return Project.open("lab", "triptych").tagged("small") or {}


@pytest.fixture
def _pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "PAGE", 4)


@pytest.mark.usefixtures("_pages")
def test_a_run_that_leaves_meanwhile_takes_no_other_with_it(
    published: Published, server: Server
) -> None:
    """The first run goes before page 2, which moves one of its runs to page 1, unread."""
    kept = set(list(published.runs)[1:])
    server.fault = meanwhile(2, lambda store: published.runs.pop("sweep-small"))
    found = tagged()
    assert kept <= set(found)


@pytest.mark.usefixtures("_pages")
def test_runs_that_come_meanwhile_are_read_once_and_push_none_out(
    published: Published, server: Server
) -> None:
    late = cell(seed=17)
    new = Stored(late.key, tags=["sweep:small"], config=entry.config(late))

    def come(store: Store) -> None:
        old = dict(published.runs)
        published.runs.clear()
        published.runs.update({"first": replace(new, id="first"), **old, late.key: new})

    server.fault = meanwhile(2, come)
    found = tagged()
    assert set(found) >= set(published.runs) - {"first"}
    assert sorted(found) == sorted(set(found))


@pytest.mark.usefixtures("_pages")
def test_a_run_that_ends_meanwhile_has_its_record(published: Published, server: Server) -> None:
    last = list(published.runs.values())[-1]
    last.state = "running"
    server.fault = meanwhile(2, lambda store: setattr(last, "state", "finished"))
    assert tagged()[last.id].state == "finished"


# What a publisher asks


def test_runs_are_found_by_tag_and_by_id(published: Published) -> None:
    one = published.run(cell())
    one.tags, one.history, one.state = ["sweep:other", "best"], [{"a": 1}, {"a": 2}], "crashed"
    project = Project.open("lab", "triptych")
    assert set(project.tagged("small") or ()) == set(published.runs) - {one.id}
    (found,) = project.named([one.id, "nobody"]).values()
    assert (found.id, found.state, found.rows) == (one.id, "crashed", 2)
    assert (found.group, found.job_type, found.tags) == ("small", "dense", ("sweep:other", "best"))
    record = published.ledger.record(one.id)
    assert record is not None
    assert found.digest == entry.digest(cell(), record, [])
    assert tagged()["sweep-small"].digest is None


def test_many_ids_are_asked_for_in_several_requests(published: Published, server: Server) -> None:
    ids = [f"none{n}" for n in range(2 * read.PAGE)]
    assert set(Project.open("lab", "triptych").named([*ids, cell().key])) == {cell().key}
    assert server.asked.count("Runs") == 3


def test_nothing_is_in_a_project_to_be(server: Server) -> None:
    project = Project.open(None, "new")
    assert project.path == "lab/new"
    assert project.tagged("small") is None
    assert project.named(["a"]) == {}


def test_the_limits_of_reading_are_for_reading(published: Published) -> None:
    tagged()
    settings = wandb.setup().settings
    assert settings.x_graphql_retry_max == int(QUICK["WANDB_X_GRAPHQL_RETRY_MAX"])
    assert settings.x_graphql_timeout_seconds is None
