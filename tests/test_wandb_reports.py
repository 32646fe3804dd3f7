"""A report from W&B is that of the ledger, of runs that were published and of live ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from math import nan
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import searches
from conftest import ROOT, Run
from ledgers import MAGNITUDE, SE, cell, done, failed, small
from ledgers import ledger_of as written
from mirrored import ADDRESS, Published, sweep
from test_analysis_reports import keep

from reports.document import Document
from reports.report import report
from sweeps.ledger import Ledger
from sweeps.source import source_of
from tests.wandb_server.reading import fill, sent_config, sent_summary
from tests.wandb_server.server import Server

pytestmark = pytest.mark.usefixtures("wandb_folder")


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
    assert (here.returncode, there.returncode) == (1, 1), there.stderr
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
    assert there.returncode == 1, there.stderr
    assert files(tmp_path / "there") == files(tmp_path / "here") != {}
    states = {run.state for run in server.store.project("lab", "triptych").values()}
    assert states == {"finished", "failed"}


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
