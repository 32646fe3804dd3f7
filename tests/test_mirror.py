"""A cell as a W&B run and back: the same record, whatever W&B makes of its values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import inf, nan
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import searches
from ledgers import DATA, MAGNITUDE, NONE, RECIPE, RESNET, SE, cell, done, failed, outcomes
from ledgers import ledger_of as written
from ledgers import small as small_ledger

from reports.gather import gather
from sweeps.cell import Cell, Choice
from sweeps.curves import curves
from sweeps.errors import UserError
from sweeps.ledger import Ledger
from sweeps.mirror import entry, plans
from sweeps.record import Record, write_record
from tests.wandb_server.reading import OWN, sent_config, sent_summary

Rows = list[dict[str, Any]]
ATTEMPT = {"host": "n1", "job": None, "since": "2026-11-01T08:00:00+00:00", "ended": "kill"}
HISTORY: Rows = [
    {"phase": phase, "epoch": epoch, "lr": 0.1, "train_loss": 1 / (epoch + 1), "val_accuracy": 1.0}
    for phase in ("fit", "refit")
    for epoch in range(3)
]


def shapes() -> dict[str, tuple[Cell, Record]]:
    """Every shape of a record that `sweeps.record` describes."""
    dense, pruned = cell(), cell(pruning=MAGNITUDE)
    ean, blended = searches.cell(searches.EAN), searches.cell(searches.BLENDED)
    search = {"search": {"evaluations": 40, "asked": [1, 2.0], "best": {"macs": 0.5, "none": None}}}
    trace = "Traceback\n" + '  line ☃ \\ "quoted" </script>\n' * 200
    lost = failed(dense, "out of memory at 100 %\nsecond line")
    lost["error"] |= {"traceback": trace, "kind": "memory"}
    attempts = [ATTEMPT, ATTEMPT | {"job": "17_3", "ended": "done", "accumulate": 2}]
    origin = done(dense, 0.5)["provenance"] | {"attempts": attempts, "diff": None}
    origin["hardware"] = {"cpu": "A", "cores": 2, "gpus": ["H200", "H200"], "driver": None}
    big = {"params": 2**53 + 1, "params_nonzero": 0, "macs": 10**15, "macs_nonzero": 1, "bytes": 4}
    return {
        "dense": (dense, done(dense, 0.1 + 0.2)),
        "pruned": (pruned, done(pruned, 1 / 3)),
        "whole numbers that are floats": (dense, done(dense, 1.0, val_loss=2.0, train_loss=1e22)),
        "very small and large numbers": (dense, done(dense, 1e-300, val_loss=1e300, cost=big)),
        "numbers that are not there": (dense, done(dense, 0.5, accuracy_top5=None, peak_mib=None)),
        "not measured yet": (dense, done(dense, 0.5, latency=None)),
        "no seconds": (dense, done(dense, 0.5) | {"seconds": {}}),
        "search for connections": (ean, searches.searched(ean, "1|01", 0.96)),
        "nested search": (blended, _with(done(blended, 0.9), "result", search)),
        "failed": (dense, lost),
        "failed before it started": (dense, failed(dense, "") | {"provenance": {}}),
        "provenance with lists": (dense, done(dense, 0.5) | {"provenance": origin}),
        "names with dots": (dense, _with(done(dense, 0.5), "seconds", {"prune.0": 1.5})),
    }


def _with(record: Record, part: str, more: Mapping[str, Any]) -> Record:
    return record | {part: record[part] | dict(more)}


def mirrored(cell: Cell, record: Record, history: Rows = HISTORY) -> dict[str, Any]:
    """A summary as W&B gives it back: once through its client, as JSON, with names of its own."""
    told = sent_summary(entry.summary(cell, record, history) | OWN)
    back: dict[str, Any] = json.loads(json.dumps(told))
    return back


def configured(content: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a config."""
    back: dict[str, Any] = json.loads(json.dumps(sent_config(content)))
    return back


def ledgers(folder: Path) -> dict[str, Ledger]:
    return {
        "small": small_ledger(folder / "small"),
        "searches": written(folder / "searches", searches.outcomes()),
        "broken": searches.broken(folder / "broken")[1],
    }


@pytest.mark.parametrize("shape", shapes())
def test_a_record_comes_back_as_it_was(shape: str, tmp_path: Path) -> None:
    cell, record = shapes()[shape]
    ledger = Ledger(tmp_path)
    write_record(ledger.paths(cell.key), record)
    kept = ledger.record(cell.key)
    assert kept is not None
    back = entry.record_of(mirrored(cell, record))
    assert json.dumps(back | {"cell": kept["cell"]}, sort_keys=True) == json.dumps(
        kept, sort_keys=True
    )


@pytest.mark.parametrize("name", ["small", "searches", "broken"])
def test_the_frame_from_wandb_is_that_of_the_ledger(name: str, tmp_path: Path) -> None:
    ledger = ledgers(tmp_path)[name]
    plan = ledger.plan("small")
    stored = {}
    for one in plan.cells:
        if record := ledger.record(one.key):
            stored[one.key] = mirrored(one, record)

    def read(key: str) -> Record | None:
        return entry.record_of(stored[key]) if key in stored else None

    again = plans.plan_of(configured(plans.plan_config(plan)))
    expected = gather(plan, ledger.record)
    assert {"done", "failed", "missing"} & set(expected["state"])
    pd.testing.assert_frame_equal(gather(again, read), expected, check_exact=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accuracy", 0.51),
        ("accuracy", "NaN"),
        ("accuracy", nan),
        ("accuracy", "0.5"),
        ("accuracy", {"min": 0.5}),
        ("accuracy", None),
        ("accuracy_before_refit", 0.25),
        ("cost.macs", 1_600_001),
        ("latency.ratio", 1.0149),
        ("seconds.fit", inf),
        ("status", "failed"),
        ("weights", ""),
    ],
)
def test_a_number_that_is_not_its_record_s_is_not_believed(name: str, value: Any) -> None:
    summary = mirrored(cell(), done(cell(), 0.5)) | {name: value}
    with pytest.raises(UserError, match=f"^{name} is .* in its summary, but its record says"):
        entry.record_of(summary)


@pytest.mark.parametrize("name", ["accuracy", "cost.params", "latency.p50_ms", "status"])
def test_a_number_that_is_gone_is_missed(name: str) -> None:
    summary = mirrored(cell(), done(cell(), 0.5))
    del summary[name]
    with pytest.raises(UserError, match=f"^{name} is missing in its summary"):
        entry.record_of(summary)


@pytest.mark.parametrize("text", ['{"schema": 1, "res', "[1]", "3", "null", None, 5, {"schema": 1}])
def test_a_record_that_cannot_be_read_says_so(text: Any) -> None:
    summary = mirrored(cell(), done(cell(), 0.5)) | {entry.RECORD: text}
    with pytest.raises(UserError, match="the record in its summary cannot be read"):
        entry.record_of(summary)


def test_a_summary_without_a_record_says_so() -> None:
    with pytest.raises(UserError, match="its summary has no record"):
        entry.record_of({"accuracy": 0.5, "status": "done"})


def test_a_record_of_another_schema_says_so() -> None:
    summary = mirrored(cell(), done(cell(), 0.5) | {"schema": 99})
    with pytest.raises(UserError, match="its record has schema 99, this version reads 1"):
        entry.record_of(summary)


def test_a_cell_comes_back_with_its_options_in_their_order() -> None:
    ordered = Choice("se", {"z": 1.0, "a": None, "m": {"y": [0.1, 2.0], "b": {}}, "c": True})
    one = cell(attention=ordered)
    back = entry.cell_of(configured(entry.config(one)))
    assert json.dumps(back.json()) == json.dumps(one.json())
    assert back.key == one.key


def test_a_config_of_another_cell_is_refused() -> None:
    config = entry.config(cell()) | {"key": cell(seed=1).key}
    with pytest.raises(ValueError, match="its key says"):
        entry.cell_of(config)


@pytest.mark.parametrize("name", ["small", "searches", "broken"])
def test_a_plan_comes_back_without_what_it_asks_of_a_cluster(name: str, tmp_path: Path) -> None:
    plan = replace(ledgers(tmp_path)[name].plan("small"), resources={"key": {"gpus": 1}})
    back = plans.plan_of(configured(plans.plan_config(plan)))
    assert json.dumps(back.json()) == json.dumps(replace(plan, resources={}).json())


def test_the_options_of_a_plan_keep_their_order(tmp_path: Path) -> None:
    ordered = cell(attention=Choice("se", {"share": "block", "reduction": 4}))
    plan = written(tmp_path, [(ordered, None), (cell(attention=SE), None)]).plan("small")
    back = plans.plan_of(plans.plan_config(plan))
    assert list(back.cells[0].attention.options) == ["share", "reduction"]


def test_a_plan_of_thousands_of_cells_is_short(tmp_path: Path) -> None:
    choices = [Choice(f"gate{n}", {"reduction": 16, "share": "block"}) for n in range(50)]
    cells = [
        Cell(DATA, RESNET, a, p, RECIPE, s)
        for a in choices
        for p in (NONE, MAGNITUDE)
        for s in range(20)
    ]
    plan = written(tmp_path, [(one, None) for one in cells]).plan("small")
    assert len(json.dumps(plans.plan_config(plan))) < 20 * len(cells) + 10_000


def test_a_plan_of_another_schema_is_refused(tmp_path: Path) -> None:
    config = plans.plan_config(small_ledger(tmp_path).plan("small")) | {"schema": 99}
    with pytest.raises(UserError, match="the plan of sweep 'small' in W&B has schema 99"):
        plans.plan_of(config)


def test_curves_come_back_as_they_were() -> None:
    rows = [*HISTORY, {"phase": "refit", "epoch": 3, "train_loss": nan}]
    back = entry.curves_of(mirrored(cell(), done(cell(), 0.5), rows))
    assert back["refit"]["train_loss"][-1] is None
    assert back == curves(rows)
    assert back["refit"]["val_accuracy"] == [1.0, 1.0, 1.0, None]


WHOLE: dict[str, Any] = {"epoch": [0, 1], "train_loss": [0.5, None], "val_accuracy": [0.1, 0.2]}


@pytest.mark.parametrize(
    "phase",
    [
        3,
        {},
        {name: WHOLE[name] for name in ("epoch", "train_loss")},
        WHOLE | {"val_accuracy": [0.1]},
        WHOLE | {"train_loss": 3},
        WHOLE | {"train_loss": [0.5, nan]},
        WHOLE | {"train_loss": [0.5, inf]},
        WHOLE | {"train_loss": ["0.5", "0.4"]},
        WHOLE | {"train_loss": [True, False]},
    ],
)
def test_curves_that_are_none_are_empty(phase: Any) -> None:
    assert entry.curves_of({entry.CURVES: json.dumps({"fit": WHOLE})}) == {"fit": WHOLE}
    assert entry.curves_of({entry.CURVES: json.dumps({"fit": WHOLE, "refit": phase})}) == {}


@pytest.mark.parametrize("text", ["", "[1", None, 3, "[]"])
def test_curves_that_are_not_there_are_empty(text: Any) -> None:
    assert entry.curves_of({entry.CURVES: text}) == {}
    assert entry.curves_of({}) == {}


def test_a_digest_is_that_of_the_record_on_disk(tmp_path: Path) -> None:
    """A run that was published while it trained need not be published again."""
    ledger = Ledger(tmp_path)
    for one, record in shapes().values():
        write_record(ledger.paths(one.key), record)
        kept = ledger.record(one.key)
        assert kept is not None
        assert entry.digest(one, record, HISTORY) == entry.digest(one, kept, HISTORY)


def test_a_digest_tells_apart_all_that_a_run_holds() -> None:
    one, other = cell(), cell(seed=1)
    record = done(one, 0.5)
    found = {
        entry.digest(*given)
        for given in _apart(one, other, record, [record | {"latency": None}, done(one, 0.6)])
    }
    assert len(found) == 6


def _apart(one: Cell, other: Cell, record: Record, more: Iterable[Record]) -> list[Any]:
    changed = _with(record, "provenance", {"attempts": 2})
    given = [(one, record, HISTORY), (other, record, HISTORY), (one, record, HISTORY[:-1])]
    return given + [(one, another, HISTORY) for another in (changed, *more)]


def test_tags_and_ids_are_no_longer_than_wandb_allows() -> None:
    names = ["a" * 60, "a" * 61, "a" * 61 + "b", "demo"]
    tags = [entry.sweep_tag(name) for name in names]
    assert tags[-1] == "sweep:demo"
    assert len(set(tags)) == len(set(map(plans.plan_id, names))) == 4
    long = entry.tags(cell(attention=Choice("x" * 100)), names)
    assert max(map(len, [*long, *map(plans.plan_id, names)])) == 64
    assert entry.tags(cell(), ["demo"]) == ["digits", "resnet8", "none", "short", "sweep:demo"]


def test_every_outcome_of_the_small_ledger_is_looked_at() -> None:
    states = {record and record["status"] for _, record in outcomes()}
    assert states == {None, "done", "failed"}
