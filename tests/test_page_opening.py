"""A page opens without an error, fits its screen, keeps its theme and runs nothing of a record."""

from __future__ import annotations

import re

import pytest
from chromium import Opened, option, place, points, rows, runs, texts
from page_sweeps import EVIL
from playwright.sync_api import expect


@pytest.mark.parametrize("name", ["small", "trained", "mixed", "hostile", "ruined"])
def test_a_page_opens_without_an_error_or_a_request(name: str, opened: Opened) -> None:
    shown = opened(name)
    shown.wait_for_selector(".tabulator-row")
    for section in (
        "#overview",
        "#tradeoff",
        "#comparison",
        "#explore",
        "#training",
        "#reading",
        "#origins",
    ):
        shown.locator(section).scroll_into_view_if_needed()
    assert shown.title() == "small: comparison"
    assert shown.locator("#heat td a").count() > 0


@pytest.mark.parametrize("width", [1440, 820, 390])
@pytest.mark.parametrize("name", ["small", "hostile"])
def test_no_page_is_wider_than_its_screen(name: str, width: int, opened: Opened) -> None:
    shown = opened(name, width=width)
    shown.wait_for_selector(".tabulator-row")
    wide = "() => [document.documentElement.scrollWidth, document.body.scrollWidth]"
    assert max(shown.evaluate(wide)) <= width
    shown.locator("#heat a").first.click()
    body = shown.locator("#detail-body")
    assert body.evaluate("(e) => e.scrollWidth - e.clientWidth") == 0
    assert (body.bounding_box() or {})["width"] <= width


@pytest.mark.parametrize("width", [1440, 820, 390])
def test_no_long_name_makes_the_page_wider(width: int, opened: Opened) -> None:
    shown = opened("lengthy", width=width)
    shown.locator("#comparison").scroll_into_view_if_needed()
    expect(shown.locator("#comparison td.label").first).to_be_visible()
    wide = "() => [document.documentElement.scrollWidth, document.body.scrollWidth]"
    assert max(shown.evaluate(wide)) <= width


def test_the_theme_follows_the_system_until_it_is_chosen(opened: Opened) -> None:
    ground = "() => getComputedStyle(document.body).backgroundColor"
    shown = opened("trained", color_scheme="light")
    light = shown.evaluate(ground)
    axis = option(shown, "pareto")["yAxis"][0]["axisLabel"]["color"]
    shown.emulate_media(color_scheme="dark")
    dark = shown.evaluate(ground)
    assert (
        sum(map(int, re.findall(r"\d+", light)))
        > 700
        > 120
        > sum(map(int, re.findall(r"\d+", dark)))
    )
    assert option(shown, "pareto")["yAxis"][0]["axisLabel"]["color"] != axis  # the plots too
    shown.locator("#theme").click()
    assert shown.evaluate(ground) == light
    shown.reload()
    assert shown.evaluate(ground) == light
    shown.locator("#theme").click()
    assert shown.evaluate(ground) == dark


def test_nothing_that_a_record_says_is_run(opened: Opened) -> None:
    shown = opened("hostile")
    rows(shown)
    runs(shown)
    shown.get_by_role("button", name="Filter by column").click()
    shown.locator("#search").fill("onerror")
    assert shown.locator(".tabulator-row").count() == 5
    for row in points(shown):
        shown.mouse.move(*place(shown, row))
        shown.locator(".told").last.wait_for()
    assert option(shown, "training-chart")["series"]
    for key in texts(shown, "key"):
        shown.evaluate(f"() => {{ location.hash = '#run-{key}' }}")
        shown.locator("#detail code", has_text=key).first.wait_for()
        assert EVIL in (shown.locator("#detail-body").text_content() or "")
    made = "() => document.querySelectorAll('main script, dialog script, img').length"
    assert shown.evaluate(made) == 0
