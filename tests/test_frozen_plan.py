"""A frozen plan that is none is named with the reason, whatever stands in its file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, cells

from sweeps.errors import UserError
from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.published import Published

Content = dict[str, Any]
QUOTED = Published(0.76, "best", "a paper", keys=("0123456789ab",))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runs")
    grid = tuple(cells("attention=none,se"))
    made.freeze(Plan("demo", "two cells", grid, ((grid[0], "why"),), {}, (QUOTED,)))
    return made


def changed(*place: str | int, to: object) -> Callable[[Content], object]:
    """What makes another plan of a sound one."""

    def change(content: Content) -> object:
        part: Any = content
        for name in place[:-1]:
            part = part[name]
        part[place[-1]] = to
        return content

    return change


def without(*place: str | int) -> Callable[[Content], object]:
    def change(content: Content) -> object:
        part: Any = content
        for name in place[:-1]:
            part = part[name]
        del part[place[-1]]
        return content

    return change


SHAPES: dict[str, Callable[[Content], object]] = {
    "a list": lambda _: [],
    "nothing": lambda _: None,
    "a number": lambda _: 3,
    "a schema only": lambda _: {"schema": 1},
    "no cells": without("cells"),
    "no about": without("about"),
    "no sweep": without("sweep"),
    "no inapplicable": without("inapplicable"),
    "no schema": without("schema"),
    "a schema as text": changed("schema", to="1"),
    "sweep is a number": changed("sweep", to=3),
    "about is a number": changed("about", to=3),
    "cells are null": changed("cells", to=None),
    "a cell is a number": changed("cells", to=[1]),
    "a cell without seed": without("cells", 0, "seed"),
    "a text as seed": changed("cells", 0, "seed", to="0"),
    "a name is a number": changed("cells", 1, "data", "name", to=3),
    "options are null": changed("cells", 1, "attention", "options", to=None),
    "options of an inapplicable cell": changed("inapplicable", 0, 0, "data", "options", to=None),
    "no reason": changed("inapplicable", 0, to=[1]),
    "a reason is a number": changed("inapplicable", 0, 1, to=3),
    "resources are null": changed("resources", to=None),
    "resources of a cell": changed("resources", to={"0123456789ab": 3}),
    "published is null": changed("published", to=None),
    "published is something else": changed("published", to=[{"a": 1}]),
    "published accuracy": changed("published", 0, "accuracy", to="x"),
    "published source": changed("published", 0, "source", to=3),
}


@pytest.mark.parametrize("change", SHAPES.values(), ids=SHAPES)
def test_a_plan_of_another_shape_is_damaged(
    ledger: Ledger, change: Callable[[Content], object]
) -> None:
    path = ledger.plans / "demo.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(UserError) as caught:
        ledger.plan("demo")
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"plan {path} is damaged (")
    assert line.endswith("); sweep again to write it anew")


def test_a_missing_part_is_named(ledger: Ledger) -> None:
    path = ledger.plans / "demo.json"
    path.write_text(json.dumps(without("cells", 0, "seed")(json.loads(path.read_text()))))
    with pytest.raises(UserError, match="it lacks 'seed'"):
        ledger.plan("demo")


def test_a_plan_under_another_name_names_the_file(ledger: Ledger) -> None:
    (ledger.plans / "demo.json").rename(ledger.plans / "other.json")
    said = r"other\.json is that of sweep 'demo', not of 'other'"
    with pytest.raises(UserError, match=said):
        ledger.plan("other")


def test_a_folder_in_its_place_cannot_be_read_or_written(ledger: Ledger) -> None:
    plan, path = ledger.plan("demo"), ledger.plans / "demo.json"
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match=r"demo\.json cannot be read \(Is a directory\)"):
        ledger.plan("demo")
    with pytest.raises(UserError, match=r"cannot write plan .*demo\.json \(Is a directory\)"):
        ledger.freeze(plan)


def test_a_name_that_no_file_can_have_is_refused(ledger: Ledger) -> None:
    with pytest.raises(UserError, match=r"cannot be read \(File name too long\)"):
        ledger.plan("x" * 300)


def test_a_ledger_s_schema_as_text_is_shown_as_text(ledger: Ledger) -> None:
    (ledger.root / "ledger.json").write_text('{"schema": "1"}')
    with pytest.raises(UserError, match="made with schema '1', this version reads 1"):
        ledger.check()


@pytest.mark.parametrize("verb", ["status", "logs", "report", "retry", "publish", "dashboard"])
def test_what_looks_at_a_damaged_plan_says_so(ledger: Ledger, run: Run, verb: str) -> None:
    (ledger.plans / "demo.json").write_text("[]")
    done = run(f"do={verb}", "sweep=demo", f"ledger={ledger.root}")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: plan {ledger.plans}/demo.json is damaged")
