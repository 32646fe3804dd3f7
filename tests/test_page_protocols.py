"""Protocols and devices are never mixed on the page, and it says which is shown."""

from __future__ import annotations

from chromium import Opened, points, rows, texts
from playwright.sync_api import expect


def test_latencies_of_two_devices_are_never_in_one_plot(opened: Opened) -> None:
    shown = opened("mixed")
    cost = shown.locator("#pareto-controls select").first
    names = [text for text in cost.locator("option").all_inner_texts() if "Latency" in text]
    assert ["one" in name for name in names] == [True, False]
    found = []
    for name in names:
        cost.select_option(name)
        found.append(set(points(shown)))
    assert found == [{1, 2}, {2, 3}]  # se was measured on both, each time with the seed of that one
    grid = shown.locator("#heat-controls select")
    grid.select_option(names[1])
    assert shown.locator("#heat td.done").count() == 2
    assert shown.locator("#heat td.unmeasured").count() == 1


def test_rows_of_two_protocols_are_shown_one_after_the_other(opened: Opened) -> None:
    shown = opened("mixed")
    assert set(points(shown)) == {1, 2, 3}
    shown.locator("#protocol select").select_option(index=1)
    assert set(points(shown)) == {4}
    assert shown.locator("#heat th[scope=row]").all_inner_texts() == ["dia†"]
    rows(shown)
    assert texts(shown, "number") == ["4"]


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


def test_a_single_protocol_is_not_repeated(opened: Opened) -> None:
    expect(opened("small").locator("#overview .which")).not_to_be_visible()
