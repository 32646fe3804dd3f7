"""What readers of the page see at a glance: no name cut, no number lost, nothing on top of another.

It is looked at on a wide screen, on a phone and on paper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import test_reports_search
from ledgers import ECA, MAGNITUDE, NONE, SE, cell, document_of, done, ledger_of, small
from playwright.sync_api import Browser, Page, expect
from test_page import (
    Opened,
    drawn,
    history,
    mixed,
    needs_chromium,
    opening,
    option,
    rows,
    runs,
    started,
)

from reports.page import page
from sweeps.cell import Choice
from sweeps.ledger import Ledger

LONG = "a_name_without_any_space_that_is_longer_than_a_phone_is_wide_and_longer_than_a_label"


# ------------------------------------------------------------------------------ sweeps to show


def measured(folder: Path) -> Ledger:
    """Accuracies that read alike though they differ, and costs twenty times as large as others."""
    found = []
    for attention, size, accuracies in (
        (NONE, 78_042, (0.98607, 0.98611, 0.98614)),
        (SE, 1_600_000, (0.98604, 0.9870, 0.9886)),
    ):
        names = ("params", "params_nonzero", "macs", "macs_nonzero", "bytes")
        for seed, accuracy in enumerate(accuracies):
            one = cell(attention=attention, seed=seed)
            found.append((one, done(one, accuracy, cost=dict.fromkeys(names, size))))
    return ledger_of(folder, found)


def lengthy(folder: Path) -> Ledger:
    """Names that fit nowhere, and differ at their ends."""
    attentions = [Choice(LONG, {"reduction": r}) for r in (4, 16)]
    cells = [cell(Choice(LONG), a, p) for a in (NONE, *attentions) for p in (NONE, Choice(LONG))]
    return ledger_of(folder, [(one, done(one, 0.9)) for one in cells])


def selected(folder: Path) -> Ledger:
    """A run of one epoch, and one whose second phase selected the second of its three."""
    short, long = cell(attention=ECA), cell(pruning=MAGNITUDE)
    found = [(one, done(one, 0.9, selected_epoch=at)) for one, at in ((short, 0), (long, 1))]
    ledger = ledger_of(folder, found)
    history(ledger, short, [("fit", 0, 0.5, 0.6)])
    phases = [("fit", 0), ("fit", 1), ("refit", 0), ("refit", 1), ("refit", 2)]
    history(ledger, long, [(phase, epoch, 0.5, 0.6) for phase, epoch in phases])
    return ledger


def searches(folder: Path) -> Ledger:
    return ledger_of(folder, test_reports_search.outcomes())


SWEEPS = {
    **{"small": small, "mixed": mixed, "measured": measured, "lengthy": lengthy},
    **{"selected": selected, "searches": searches},
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The page of every sweep."""
    found = {}
    for name, make in SWEEPS.items():
        folder = tmp_path_factory.mktemp(name)
        ledger = make(folder)
        found[name] = folder / "index.html"
        found[name].write_text(page(document_of(ledger), {}, curves=ledger.curves))
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from started()


@pytest.fixture
def opened(browser: Browser, pages: Mapping[str, Path]) -> Iterator[Opened]:
    yield from opening(browser, pages)


def top(shown: Page, selector: str) -> float:
    box = shown.locator(selector).bounding_box()
    assert box is not None
    return box["y"]


# ------------------------------------------------------------------------------ filters


def count(shown: Page, text: str) -> None:
    expect(shown.locator("#explore-controls output")).to_have_text(text)


ASKED = [
    ("Accuracy", "98.61", 3),  # 98.607, 98.611 and 98.614 read so
    ("Accuracy", "= 98.61", 3),
    ("Accuracy", ">= 98.61", 5),
    ("Accuracy", "> 98.61", 2),
    ("Accuracy", "98.6", 4),
    ("Accuracy", "98", 6),
    ("Accuracy", "98.60..98.61", 4),
    ("Accuracy", "98.7..", 2),
    ("Accuracy", ">", 6),
    ("Params", "78,042", 3),
    ("Params", "78042", 3),
    ("Params", "78.04k", 3),
    ("Params", "1.6M", 3),
    ("Params", "< 0.1M", 3),
    ("Params", "1,600,001", 0),
]


@needs_chromium
def test_a_column_filter_finds_the_numbers_that_are_shown(opened: Opened) -> None:
    shown = opened("measured")
    runs(shown)
    shown.get_by_role("button", name="Filter by column").click()
    for name, wanted, found in ASKED:
        asked = shown.get_by_label(f"Filter {name}")
        asked.fill(wanted)  # without a key, as a paste
        count(shown, f"{found} of 6 runs")
        assert asked.get_attribute("aria-invalid") == "false"
        asked.fill("")
        count(shown, "6 of 6 runs")


@needs_chromium
def test_a_row_is_found_by_its_number_rounded_or_not(opened: Opened) -> None:
    shown = opened("measured")
    rows(shown)
    shown.get_by_role("button", name="Filter by column").click()
    asked = shown.get_by_label("Filter Params")
    for wanted in ("78.04k", "78.04 k", "78,042", "= 78.04k", "< 0.1M"):
        asked.fill(wanted)
        count(shown, "1 of 2 rows")
        asked.fill(">= 78,042")
        count(shown, "2 of 2 rows")


@needs_chromium
def test_what_no_filter_can_read_is_marked(opened: Opened) -> None:
    shown = opened("measured")
    runs(shown)
    shown.get_by_role("button", name="Filter by column").click()
    asked = shown.get_by_label("Filter Accuracy")
    border = "(e) => getComputedStyle(e).borderColor"
    plain = asked.evaluate(border)
    for wanted in ("98,61", "about 98", "1..2..3", "1.2.3", "7,8042"):
        asked.fill("98.7")
        count(shown, "1 of 6 runs")
        asked.fill(wanted)
        expect(asked).to_have_attribute("aria-invalid", "true")
        assert asked.evaluate(border) != plain
        count(shown, "6 of 6 runs")


@needs_chromium
def test_lines_and_state_can_be_chosen_at_once(opened: Opened) -> None:
    shown = opened("small")
    runs(shown)
    shown.evaluate(
        """() => {
          const [rows] = document.querySelectorAll("#explore .segments button");
          const state = document.querySelector("#explore select");
          rows.click();
          state.value = "failed";
          state.dispatchEvent(new Event("change"));
        }"""
    )
    count(shown, "1 of 9 rows")  # and the page warned of nothing


# ------------------------------------------------------------------------------ names


@needs_chromium
def test_what_is_of_one_protocol_says_of_which(opened: Opened) -> None:
    shown = opened("mixed")
    offered = shown.locator("#protocol option").all_inner_texts()
    title = "Data digits, recipe short"
    assert offered == [f"epochs={n}: {title} epochs={n}" for n in (8, 16)]
    for place, epochs in ((0, 8), (1, 16)):
        shown.locator("#protocol select").select_option(index=place)
        for section in ("#overview", "#tradeoff", "#explore", "#training"):
            told = shown.locator(f"{section} .which")
            expect(told).to_have_text(f"{title} epochs={epochs}")
            expect(told).to_be_visible()
    shown.emulate_media(media="print")
    expect(shown.locator("#overview .which")).to_be_visible()


@needs_chromium
def test_a_single_protocol_is_not_repeated(opened: Opened) -> None:
    expect(opened("small").locator("#overview .which")).not_to_be_visible()


@needs_chromium
@pytest.mark.parametrize("media", ["screen", "print"])
@pytest.mark.parametrize("width", [1440, 820, 390])
def test_no_name_in_the_grid_is_cut(width: int, media: Any, opened: Opened) -> None:
    shown = opened("lengthy", width=width)
    shown.emulate_media(media=media)
    labels = shown.locator("#heat th")
    assert labels.count() == 6
    for label in labels.all():
        assert label.evaluate("(e) => e.scrollWidth - e.clientWidth") <= 0
    ends = shown.locator("#heat th[scope=row]").all_inner_texts()
    assert [end[-4:] for end in ends] == ["none", "on=4", "n=16"]


@needs_chromium
@pytest.mark.parametrize("width", [1440, 820, 390])
def test_no_long_name_makes_the_page_wider(width: int, opened: Opened) -> None:
    shown = opened("lengthy", width=width)
    shown.locator("#comparison").scroll_into_view_if_needed()
    expect(shown.locator("#comparison td.label").first).to_be_visible()
    wide = "() => [document.documentElement.scrollWidth, document.body.scrollWidth]"
    assert max(shown.evaluate(wide)) <= width


# ------------------------------------------------------------------------------ states


@needs_chromium
def test_every_state_looks_different_in_the_bar(opened: Opened) -> None:
    parts = opened("small").locator(".states .sample")
    look = "(all) => all.map((e) => [getComputedStyle(e).background, getComputedStyle(e).outline])"
    assert len({tuple(one) for one in parts.evaluate_all(look)}) == parts.count() == 5


def test_the_head_names_supernets_which_no_table_counts(pages: Mapping[str, Path]) -> None:
    text = pages["searches"].read_text()
    head = " ".join(re.sub("<[^>]+>", " ", text[text.index('class="tally"') :]).split())
    assert "11 done (2 supernets of searches among them) 1 missing" in head
    assert "10 cells: 9 done, 1 missing" in text
    assert "among them" not in pages["small"].read_text()


# ------------------------------------------------------------------------------ plots


@needs_chromium
@pytest.mark.parametrize("name", ["small", "measured"])  # even steps and factors
def test_labels_of_the_cost_axis_never_overlap(name: str, opened: Opened) -> None:
    label = option(opened(name, width=390), "pareto")["xAxis"][0]["axisLabel"]
    assert (label["hideOverlap"], label["fontSize"]) == (True, 12)


@needs_chromium
def test_a_plot_of_nothing_but_hidden_rows_says_so(opened: Opened) -> None:
    shown = opened("small")
    for button in shown.locator("#pareto-legend .toggles").first.locator("button").all():
        button.click()
    expect(shown.locator("#pareto-about")).to_contain_text("Every row is hidden")
    shown.locator("#pareto-legend button").first.click()
    expect(shown.locator("#pareto-about")).to_contain_text("Multiply-accumulates")


@needs_chromium
def test_a_run_of_one_epoch_is_seen(opened: Opened) -> None:
    shown = opened("selected", at=f"#run-{cell(attention=ECA).key}")
    chart = drawn(shown, "#detail .chart")
    series = f"{chart}.getOption().series.map((one) => [one.symbol, one.data.length])"
    assert shown.evaluate(f"() => {series}") == [["circle", 1], ["circle", 1]]
    extent = "getModel().getComponent('xAxis').axis.scale.getExtent()"
    assert shown.evaluate(f"() => {chart}.{extent}") == [0.5, 1.5]


@needs_chromium
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


# ------------------------------------------------------------------------------ paper


@needs_chromium
def test_on_paper_the_plots_stand_below_the_grid(opened: Opened) -> None:
    shown = opened("small")
    assert top(shown, "#overview") == top(shown, "#tradeoff")
    shown.emulate_media(media="print")
    assert top(shown, "#heat-legend") < top(shown, "#tradeoff")
    styles = "(e) => [getComputedStyle(e).display, getComputedStyle(e).breakInside]"
    assert shown.locator("#overview .sheet").evaluate(styles) == ["block", "auto"]
    found = shown.locator("#heat tr").evaluate_all(f"(all) => all.map({styles})")
    assert {tuple(one) for one in found} == {("table-row", "avoid")}
