"""The report's page in Chromium, and what stands in it there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from reports.document import Document

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
Opened = Callable[..., Page]
Pages = Callable[[str], tuple[Path, Document]]
"""The file of a sweep's page, by the name of the sweep, and what the page shows."""


def started() -> Iterator[Browser]:
    """Chromium for the tests of a module."""
    if not CHROMIUM:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as player:
        one = player.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield one
        one.close()


def opening(browser: Browser, pages: Pages) -> Iterator[Opened]:
    """Opens a page; whatever goes wrong in it fails the test at its end."""
    trouble: list[str] = []
    shown: list[Page] = []

    def open_page(name: str, *, at: str = "", width: int = 1440, **context: Any) -> Page:
        address = pages(name)[0].as_uri()
        made = browser.new_page(viewport={"width": width, "height": 900}, **context)
        shown.append(made)
        made.set_default_timeout(30_000)
        made.on("console", lambda said: trouble.append(f"{said.type}: {said.text}"))
        made.on("pageerror", lambda error: trouble.append(str(error)))
        made.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        made.on("request", partial(note_request, address, trouble))
        made.goto(f"{address}{at}")
        return made

    yield open_page
    for made in shown:
        made.close()
    assert trouble == []


def note_request(own: str, trouble: list[str], request: Any) -> None:
    if not request.url.startswith((own, "data:", "blob:")):
        trouble.append(f"request {request.url}")


def texts(shown: Page, field: str) -> list[str]:
    """What stands in a column of the table to sort, from top to bottom."""
    return shown.locator(f'.tabulator-row [tabulator-field="{field}"]').all_inner_texts()


def runs(shown: Page) -> None:
    shown.get_by_role("button", name="Runs", exact=True).click()
    shown.wait_for_selector('.tabulator-row [tabulator-field="key"]')


def rows(shown: Page) -> None:
    shown.get_by_role("button", name="Rows, mean over seeds").click()
    shown.wait_for_selector('.tabulator-row [tabulator-field="number"]')


def option(shown: Page, chart: str) -> dict[str, Any]:
    """What ECharts was told to draw."""
    of = f"{drawn(shown, f'#{chart}')}.getOption()"
    found: dict[str, Any] = shown.evaluate(f"() => JSON.parse(JSON.stringify({of}))")
    return found


def drawn(shown: Page, selector: str) -> str:
    """The chart at a selector as scripts find it, once it is there."""
    shown.locator(selector).scroll_into_view_if_needed()
    found = f"echarts.getInstanceByDom(document.querySelector('{selector}'))"
    shown.wait_for_function(f"() => {found}")
    return found


def points(shown: Page) -> dict[int, list[float]]:
    """Where the points of the plot are, by row."""
    dots = [one for one in option(shown, "pareto")["series"] if one["type"] == "scatter"]
    return {point["row"]: point["value"] for one in dots for point in one["data"]}


def place(shown: Page, row: int) -> tuple[float, float]:
    """Where on the screen the point of a row is."""
    box = shown.locator("#pareto").bounding_box()
    assert box is not None
    x, y = shown.evaluate(
        """(at) => echarts.getInstanceByDom(document.getElementById('pareto'))
          .convertToPixel({xAxisIndex: 0, yAxisIndex: 0}, at)""",
        points(shown)[row],
    )
    return box["x"] + x, box["y"] + y
