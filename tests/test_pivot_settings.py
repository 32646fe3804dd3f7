"""Tables that are asked for: by name, written out, and kept for the report of a job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ledgers import small
from pivots import ACROSS

from sweeps.cluster.conclude import conclude
from sweeps.cluster.submission import Submission
from sweeps.compose import composed
from sweeps.overrides import CONF, names, text_of, value_of
from sweeps.settings import Settings
from sweeps.tables import impossible_tables, pivots, tables


def settings(*lines: str) -> Settings:
    return Settings.of(composed(lines, ())[0])


def test_the_tables_that_are_shipped_are_pivots_with_a_word_on_them() -> None:
    found = pivots(tables(list(names("table"))))
    assert {"accuracy", "cost", "pruning", "devices"} <= {one.name for one in found}
    assert all(one.about for one in found)
    assert all((CONF / "table" / f"{one.name}.yaml").read_text().startswith("# ") for one in found)


def test_a_report_has_a_pivot_where_nothing_is_asked() -> None:
    assert [one.name for one in pivots(settings().tables)] == ["accuracy"]


def test_tables_are_asked_for_by_name_or_written_out() -> None:
    inline = "{rows:[attention.reduction],values:[params],where:{attention.reduction:[16,null]}}"
    asked = settings(f"tables=[cost,{inline}]")
    cost, own = pivots(asked.tables)
    assert cost.values == ("accuracy", "delta_reference", "params", "macs", "latency")
    assert own.name == "2"
    assert own.where == {"attention.reduction": ("16", None)}
    assert settings("tables=cost").tables == asked.tables[:1]
    assert settings("tables=[]").tables == settings("tables=null").tables == ()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("cots", "table 'cots' does not exist; did you mean 'cost'?"),
        (["cost", "cost"], "tables: 2 are called cost"),
        ([{"rows": ["backbone"], "values": ["x"]}], "table 1: value 'x' does not exist"),
        ([["cost"]], "table '['cost']' does not exist"),
    ],
)
def test_impossible_tables_are_told_before_anything_is_read(asked: Any, said: str) -> None:
    (problem,) = impossible_tables(asked)
    assert said in problem


def test_a_table_that_is_written_out_survives_a_users_file() -> None:
    content = [
        {"rows": ["attention.reduction"], "where": {"pruning": "l1*", "data.pad": [1, None]}}
    ]
    assert value_of(text_of(content)) == content


def submission(folder: Path, **asked: Any) -> Submission:
    ledger = small(folder)
    return Submission(
        folder=ledger.root.absolute() / "submissions" / "one",
        sweep="small",
        code="none",
        options={"notify": ""},
        context={},
        results=str(folder / "results"),
        cells=(),
        arrays=(),
        **asked,
    )


def test_a_submission_keeps_its_tables_and_an_old_one_has_none(tmp_path: Path) -> None:
    asked = ({"name": "one", **ACROSS},)
    one = submission(tmp_path, tables=asked)
    one.write()
    assert Submission.read(one.folder).tables == asked
    path = one.folder / "plan.json"
    data = json.loads(path.read_text())
    del data["tables"]
    path.write_text(json.dumps(data))
    assert Submission.read(one.folder).tables == ()


@pytest.mark.parametrize(
    ("rows", "has_pivot"), [(["backbone", "pruning"], True), (["data"], False)]
)
def test_the_report_of_a_job_has_the_tables_that_were_asked_for_if_they_can_be(
    rows: list[str], has_pivot: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = submission(tmp_path, tables=({"name": "one", **ACROSS, "rows": rows},))
    one.write()
    conclude(str(one.folder))
    results = tmp_path / "results" / "small"
    assert (results / "table.md").exists()
    assert (results / "pivot_one.md").exists() == has_pivot
    said = capsys.readouterr().out
    assert ("no tables beside its own: table one would have several rows" in said) != has_pivot
