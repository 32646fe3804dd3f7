"""The page on paper and without scripts: tables and figures, and no controls."""

from __future__ import annotations

import re
from pathlib import Path

from chromium import Opened
from html_reader import content_of, unpacked
from ledgers import cell, document_of, ledger_of
from playwright.sync_api import Page

from reports.page import page
from reports.page.still import MOST_ROWS, MOST_RUNS
from sweeps.cell import Choice


def top(shown: Page, selector: str) -> float:
    box = shown.locator(selector).bounding_box()
    assert box is not None
    return box["y"]


def test_the_tables_need_no_script(opened: Opened) -> None:
    shown = opened("small", java_script_enabled=False)
    assert shown.locator("#table-1").is_visible()
    assert shown.locator("tr#row-1").is_visible()
    assert shown.locator("figure svg").count() == 4
    assert all(figure.is_visible() for figure in shown.locator("figure").all())
    assert shown.locator(f"tr#run-{cell().key}").is_visible()
    assert not any(part.is_visible() for part in shown.locator(".live").all())


def test_on_paper_are_tables_and_no_controls(opened: Opened) -> None:
    shown = opened("small", color_scheme="dark")
    shown.emulate_media(media="print")
    for part in ("#table-1", "#heat", f"tr#run-{cell().key}", "figure.still svg"):
        assert shown.locator(part).first.is_visible()
    for part in ("#explore", "#pareto", "#training", ".bar", "#heat-controls", "#detail"):
        assert not shown.locator(part).first.is_visible()
    assert shown.evaluate("() => getComputedStyle(document.documentElement).colorScheme") == "light"
    assert shown.locator("#failures pre").first.evaluate("(e) => e.checkVisibility()")
    assert len(shown.pdf(prefer_css_page_size=True)) > 10_000


def test_on_paper_the_plots_stand_below_the_grid(opened: Opened) -> None:
    shown = opened("small")
    assert top(shown, "#overview") == top(shown, "#tradeoff")
    shown.emulate_media(media="print")
    assert top(shown, "#heat-legend") < top(shown, "#tradeoff")
    styles = "(e) => [getComputedStyle(e).display, getComputedStyle(e).breakInside]"
    assert shown.locator("#overview .sheet").evaluate(styles) == ["block", "auto"]
    found = shown.locator("#heat tr").evaluate_all(f"(all) => all.map({styles})")
    assert {tuple(one) for one in found} == {("table-row", "avoid")}


def test_a_large_sweep_is_shortened_and_says_so(tmp_path: Path) -> None:
    count = MOST_ROWS + 50
    cells = [cell(attention=Choice(f"a{n}"), seed=s) for n in range(count) for s in (0, 1)]
    ledger = ledger_of(tmp_path, [(one, None) for one in cells])
    text = page(document_of(ledger), {})
    assert len(re.findall(r'<tr id="row-', text)) == MOST_ROWS
    assert f"The first {MOST_ROWS} of {count} rows." in text
    assert "On paper and without scripts the others are left out" in text
    assert len(cells) > MOST_RUNS
    assert '<tr id="run-' not in text
    assert f"{len(cells)} runs are too many for paper" in text
    assert len(unpacked(content_of(text)["runs"]["key"])) == len(cells)
