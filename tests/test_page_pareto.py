"""Accuracy against cost on the page: its points, its front, and what is hidden."""

from __future__ import annotations

import pytest
from chromium import Opened, Pages, option, place, points
from playwright.sync_api import expect

from reports.figures import front


def test_every_row_has_one_point_and_the_front_is_drawn(opened: Opened, pages: Pages) -> None:
    shown, made = opened("small"), pages("small")[1]
    measured = made.rows[made.rows["accuracy_mean"].notna()]
    expected = {
        row: [line["macs"], 100 * line["accuracy_mean"]] for row, line in measured.iterrows()
    }
    found = points(shown)
    assert found.keys() == expected.keys()
    assert all(found[row] == pytest.approx(expected[row]) for row in found)
    ahead = front(list(measured["macs"]), list(measured["accuracy_mean"]))
    (line,) = [one for one in option(shown, "pareto")["series"] if one.get("step")]
    assert line["data"] == [pytest.approx(expected[measured.index[place]]) for place in ahead]
    listed = shown.locator("#pareto-front a").evaluate_all("(all) => all.map((a) => a.hash)")
    assert listed == [f"#row-{measured.index[place]}" for place in ahead]


def test_a_point_tells_n_and_deviation_and_leads_to_its_runs(opened: Opened) -> None:
    shown = opened("small")
    x, y = place(shown, 1)
    shown.mouse.move(x, y)
    told = shown.locator(".told").last
    told.wait_for()
    assert "Accuracy 91.00 ± 1.00 %, n=3" in told.inner_text()
    assert "MACs 1.600 M" in told.inner_text()
    shown.mouse.click(x, y)
    assert shown.locator("#detail-title").inner_text() == "resnet8 · none · none"
    links = shown.locator("#detail a[href^='#run-']")
    assert links.count() == 3
    links.nth(1).click()
    assert shown.locator("#detail .kicker").inner_text().startswith("Run ")
    assert "0.91" in shown.locator("#detail .numbers").first.inner_text()


def test_a_sweep_without_a_number_says_so_where_the_plot_would_be(opened: Opened) -> None:
    shown = opened("ruined")
    assert not shown.locator("#pareto").is_visible()
    assert "No row has both" in shown.locator("#pareto-about").inner_text()
    words = shown.locator("#heat td a").all_inner_texts()
    assert words == ["failed", "damaged", "missing"]


def test_what_is_hidden_leaves_the_plot(opened: Opened) -> None:
    shown = opened("small")
    button = shown.locator("#pareto-legend").get_by_role("button", name="se", exact=True)
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert set(points(shown)) == {1, 2, 8}
    shown.locator("#pareto-controls select").nth(1).select_option("vit_tiny")
    assert set(points(shown)) == {8}


@pytest.mark.parametrize("name", ["small", "measured"])  # even steps and factors
def test_labels_of_the_cost_axis_never_overlap(name: str, opened: Opened) -> None:
    label = option(opened(name, width=390), "pareto")["xAxis"][0]["axisLabel"]
    assert (label["hideOverlap"], label["fontSize"]) == (True, 12)


def test_a_plot_of_nothing_but_hidden_rows_says_so(opened: Opened) -> None:
    shown = opened("small")
    for button in shown.locator("#pareto-legend .toggles").first.locator("button").all():
        button.click()
    expect(shown.locator("#pareto-about")).to_contain_text("Every row is hidden")
    shown.locator("#pareto-legend button").first.click()
    expect(shown.locator("#pareto-about")).to_contain_text("Multiply-accumulates")
