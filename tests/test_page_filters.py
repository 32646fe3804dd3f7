"""Filters of the page's table: words, states and the numbers that are shown."""

from __future__ import annotations

from chromium import Opened, rows, runs, texts
from playwright.sync_api import Page, expect


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


def test_the_table_filters_by_words_by_state_and_by_number(opened: Opened) -> None:
    shown = opened("small")
    runs(shown)
    shown.locator("#search").fill("DIA resnet8")
    assert texts(shown, "attention") == ["dia"] * 6
    assert shown.locator("#explore-controls output").inner_text() == "6 of 23 runs"
    shown.locator("#explore-controls select").select_option("failed")
    assert texts(shown, "state") == ["failed"] * 3
    shown.locator("#search").fill("loss is nan")
    assert texts(shown, "pruning") == ["magnitude"]
    shown.locator("#search").fill("")
    shown.locator("#explore-controls select").select_option("")
    shown.get_by_role("button", name="Filter by column").click()
    asked = shown.get_by_label("Filter Accuracy")
    for wanted, expected in (("> 94", ["95.00", "96.00"]), ("90..91", ["90.00", "91.00", "90.00"])):
        asked.fill("")
        asked.press_sequentially(wanted)
        shown.get_by_text(f"{len(expected)} of 23 runs").wait_for()
        assert texts(shown, "accuracy") == expected
    shown.get_by_label("Filter Pruning").press_sequentially("magn")
    shown.get_by_text("1 of 23 runs").wait_for()


def test_what_matches_nothing_says_so(opened: Opened) -> None:
    shown = opened("small")
    shown.locator("#search").fill("no such thing")
    assert shown.get_by_text("Nothing here matches the filter.").is_visible()


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
