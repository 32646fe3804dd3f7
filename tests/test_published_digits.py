"""A number that a paper prints is shown with the digits that the paper gives."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ledgers import cell, document_of, done, ledger_of, texts

from sweeps.errors import UserError
from sweeps.ledger import Ledger
from sweeps.mirror.plans import plan_config, plan_of
from sweeps.overrides import CONF, read_yaml
from sweeps.published import Published

WRITTEN = re.compile(r"^    accuracy: \"?([\d.]+)\"?$", re.MULTILINE)


def printed(accuracy: Any) -> Published:
    return Published.parse({"accuracy": accuracy, "epoch": "best", "source": "a README"})


def ledger(folder: Path, *published: Published) -> Ledger:
    one = cell()
    beside = tuple(Published(**{**p.json(), "keys": (one.key,)}) for p in published)
    return ledger_of(folder, [(one, done(one, 0.9))], published=beside)


@pytest.mark.parametrize(
    ("accuracy", "text"),
    [(77.1, "77.1"), (77.09, "77.09"), (77, "77"), ("77.10", "77.10"), ("77", "77"), (100, "100")],
)
def test_a_published_number_pretends_no_digit(tmp_path: Path, accuracy: Any, text: str) -> None:
    document = document_of(ledger(tmp_path, printed(accuracy)))
    assert texts(document, "none")["published"] == f"{text} best"


def test_each_end_of_a_range_has_its_own_digits(tmp_path: Path) -> None:
    document = document_of(ledger(tmp_path, printed(77.3), printed("77.10"), printed(77.25)))
    assert texts(document, "none")["published"] == "77.10–77.3 best"
    said = [text.partition(":")[0] for _, text in document.tables[0].notes]
    assert said == ["Published 77.3", "Published 77.10", "Published 77.25"]


def test_the_digits_are_in_the_ledger_s_plan_and_in_that_of_wandb(tmp_path: Path) -> None:
    plan = ledger(tmp_path, printed("77.10"), printed(77.1)).plan("small")
    for came in (plan, plan_of(plan_config(plan))):
        assert [one.percent for one in came.published] == ["77.10", "77.1"]


def test_a_plan_of_before_has_two_digits_behind_the_point(tmp_path: Path) -> None:
    kept = ledger(tmp_path, printed(77.1))
    path = kept.plans / "small.json"
    content = json.loads(path.read_bytes())
    del content["published"][0]["decimals"]
    path.write_text(json.dumps(content))
    assert [one.percent for one in kept.plan("small").published] == ["77.10"]


@pytest.mark.parametrize("decimals", ["2", -1, True, 10**9])
def test_a_plan_with_impossible_digits_is_damaged(tmp_path: Path, decimals: Any) -> None:
    kept = ledger(tmp_path, printed(77.1))
    path = kept.plans / "small.json"
    content = json.loads(path.read_bytes())
    content["published"][0]["decimals"] = decimals
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"small.json is damaged \(published accuracy of"):
        kept.plan("small")


@pytest.mark.parametrize("accuracy", ["77,1", "77.1 %", "77.", "1e1", "", "nan", True, None, [77]])
def test_what_is_no_percentage_is_refused(accuracy: Any) -> None:
    with pytest.raises(UserError, match="accuracy is in percent"):
        printed(accuracy)


@pytest.mark.parametrize("path", sorted((CONF / "sweep").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_shipped_number_is_shown_as_its_file_has_it(path: Path) -> None:
    entries = read_yaml(path).get("published", [])
    shown = [Published.parse(without_match(one)).percent for one in entries]
    assert shown == WRITTEN.findall(path.read_text(encoding="utf-8"))


def without_match(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "match"}
