"""The grid of the page: every state looks different, no name is cut, keys walk over it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from chromium import Opened, Pages


def test_every_state_looks_different_in_the_grid(opened: Opened) -> None:
    shown = opened("small")
    cells = {
        word: shown.locator("#heat td", has_text=re.compile(f"^{word}$"))
        for word in ("failed", "blocked", "missing", "n/a")
    }
    assert {word: found.count() for word, found in cells.items()} == dict.fromkeys(cells, 1)
    look = "(e) => [getComputedStyle(e).background, getComputedStyle(e).outline].join()"
    assert len({found.evaluate(look) for found in cells.values()}) == len(cells)
    said = shown.locator("#heat-legend").inner_text()
    assert all(word in said for word in cells)
    assert shown.locator("#heat td.partial").all_inner_texts() == ["95.50n=2/3", "94.00n=1/3"]


def test_the_grid_shows_what_is_chosen(opened: Opened) -> None:
    shown = opened("small")
    measures = shown.locator("#heat-controls select")
    asked = measures.locator("option").all_inner_texts()
    assert asked == ["Accuracy", "Parameters", "MACs", "Latency", "Training cost"]
    first = shown.locator('#heat a[href="#row-1"]')
    found = []
    for name in asked:
        measures.select_option(name)
        found.append(first.inner_text())
    assert found == ["91.00", "80.00 k", "1.600 M", "0.812", "2.5 s"]


def test_arrow_keys_walk_over_the_grid(opened: Opened) -> None:
    shown = opened("small")
    at = "() => document.activeElement.hash"
    assert shown.locator('#heat a[tabindex="0"]').count() == 1
    shown.locator('#heat a[tabindex="0"]').focus()
    walked = [shown.evaluate(at)]
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft", "ArrowUp"):
        shown.keyboard.press(key)
        walked.append(shown.evaluate(at))
    assert walked == ["#row-1", "#row-2", "#row-4", "#row-6", "#row-5", "#row-3"]
    shown.keyboard.press("Enter")
    assert shown.locator("#detail-title").inner_text() == "resnet8 · se · none"


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


def test_every_state_looks_different_in_the_bar(opened: Opened) -> None:
    parts = opened("small").locator(".states .sample")
    look = "(all) => all.map((e) => [getComputedStyle(e).background, getComputedStyle(e).outline])"
    assert len({tuple(one) for one in parts.evaluate_all(look)}) == parts.count() == 5


def test_the_head_names_supernets_which_no_table_counts(pages: Pages) -> None:
    text = pages("searches")[0].read_text()
    head = " ".join(re.sub("<[^>]+>", " ", text[text.index('class="tally"') :]).split())
    assert "11 done (2 supernets of searches among them) 1 missing" in head
    assert "10 cells: 9 done, 1 missing" in text
    assert "among them" not in pages("small")[0].read_text()
