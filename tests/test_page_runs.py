"""Runs on the page: the curves of their training, where one came from, and the way there."""

from __future__ import annotations

import re

import pytest
from chromium import Opened, drawn, option
from ledgers import ECA, MAGNITUDE, RECIPE, SE, cell
from playwright.sync_api import expect


def test_training_shows_the_mean_and_every_seed(opened: Opened) -> None:
    shown = opened("trained")
    series = option(shown, "training-chart")["series"]
    means = [[p["value"] for p in one["data"]] for one in series if one.get("name")]
    seeds = [one["data"] for one in series if not one.get("name")]
    # validation accuracies 0, 10, 20, 30 % of the four runs at each of the epochs 1 to 4
    assert means == [[[e, pytest.approx(v)] for e in (1, 2, 3, 4)] for v in (5, 25)]
    assert [one[0][1] for one in seeds] == pytest.approx([0, 10, 20, 30])
    shown.get_by_role("button", name="Training loss").click()
    chosen = shown.locator("#training-controls select")
    chosen.nth(2).select_option("magnitude")
    assert option(shown, "training-chart")["series"] == []
    assert "No fit was trained" in shown.locator("#training-legend").inner_text()
    chosen.nth(3).select_option("refit")
    (_, mean) = option(shown, "training-chart")["series"]
    assert [p["value"] for p in mean["data"]] == [[1, 0.5], [2, 0.25]]


def test_a_run_tells_all_that_it_came_from(opened: Opened) -> None:
    one = cell(attention=SE, seed=1)
    shown = opened("trained", at=f"#run-{one.key}")
    text = shown.locator("#detail-body").text_content() or ""
    parts = ["seed 1", "c0ffee1", "torch 2.15.0", "cores 2", "f00d", "a0", "fit 2.5 s", "batch 64"]
    parts += ["job 41, ended time limit", "job 42, ended done", "0.91", "reduction", "16"]
    assert [part for part in parts if part not in text] == []
    options = {**RECIPE.options, **one.data.options, **SE.options}
    assert all(name in text for name, value in options.items() if name != "refit")
    shown.locator("#detail .chart canvas").wait_for()


def test_a_failed_run_shows_its_traceback(opened: Opened) -> None:
    one = cell(attention=SE, pruning=MAGNITUDE)
    shown = opened("small", at=f"#run-{one.key}")
    assert "Traceback\nRuntimeError: loss is nan" in shown.locator("#detail pre").inner_text()
    assert shown.locator("#detail a", has_text=cell(attention=SE).key).count() > 0  # its parent
    shown.locator("#detail-close").click()
    failures = shown.locator("#failures .trouble")
    assert failures.count() == 4
    told = (failures.nth(2).text_content() or "").split()
    assert " ".join(told).startswith("failed 2 runs: RuntimeError: out & out c8d5e5adb902")


def test_the_address_leads_to_a_run_and_back(opened: Opened) -> None:
    shown = opened("small")
    detail = shown.locator("#detail")
    shown.locator('#heat a[href="#row-1"]').click()
    shown.locator("#detail a[href^='#run-']").first.click()
    expect(shown).to_have_url(re.compile(f"#run-{cell().key}$"))
    shown.go_back()
    expect(detail.locator(".kicker")).to_have_text(re.compile("^Row 1"))
    shown.go_back()
    expect(detail).not_to_be_visible()
    shown.locator('#heat a[href="#row-1"]').click()
    shown.keyboard.press("Escape")
    expect(detail).not_to_be_visible()
    expect(shown).to_have_url(re.compile("^[^#]*$"))


def test_a_run_of_one_epoch_is_seen(opened: Opened) -> None:
    shown = opened("selected", at=f"#run-{cell(attention=ECA).key}")
    chart = drawn(shown, "#detail .chart")
    series = f"{chart}.getOption().series.map((one) => [one.symbol, one.data.length])"
    assert shown.evaluate(f"() => {series}") == [["circle", 1], ["circle", 1]]
    extent = "getModel().getComponent('xAxis').axis.scale.getExtent()"
    assert shown.evaluate(f"() => {chart}.{extent}") == [0.5, 1.5]


def test_the_selected_epoch_is_told_as_the_chart_counts(opened: Opened) -> None:
    shown = opened("selected", at=f"#run-{cell(pruning=MAGNITUDE).key}")
    numbers = shown.locator("#detail .numbers").first
    told = numbers.locator("dt", has_text="selected_epoch")
    assert told.inner_text() == "selected_epoch counted from 0"
    assert told.locator("+ dd").inner_text() == "1"
    series = f"{drawn(shown, '#detail .chart')}.getOption().series"
    lines = f"() => {series}.flatMap((one) => one.markLine?.data.map((line) => line.xAxis) ?? [])"
    assert shown.evaluate(lines) == [4]  # after two epochs of the first phase
    expect(shown.locator("#detail-body")).to_contain_text("Dotted: the selected epoch, 4.")
