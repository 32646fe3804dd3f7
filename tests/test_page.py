"""The report's page in Chromium: what it shows, where its points lead, what it never runs."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ledgers import (
    DIA,
    ECA,
    HOSTILE,
    MAGNITUDE,
    NONE,
    RECIPE,
    SE,
    VIT,
    cell,
    document_of,
    done,
    failed,
    ledger_of,
    small,
)
from playwright.sync_api import Browser, Page, expect, sync_playwright

from reports.document import Document
from reports.figures import front
from reports.page import page
from reports.page.inline import LIBRARIES
from reports.page.packed import packed, script
from reports.page.points import shape
from reports.page.still import MOST_ROWS, MOST_RUNS
from reports.report import build
from reports.sheets import runs_csv, table_csv
from reports.templates import FOLDER
from reports.units import percent
from sweeps.cell import Cell, Choice
from sweeps.ledger import Ledger
from sweeps.record import Record

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
EVIL = '<img src="x" onerror="alert(1)"> & \'"</script><script>alert(2)</script> ${x} \\z'
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium on this machine")

Opened = Callable[..., Page]


# ------------------------------------------------------------------------------ sweeps to show


def attempted(record: Record) -> Record:
    """The same with what a real run notes of its attempts."""
    one = {"host": "n7", "job": "41", "since": "2026-11-21T10:00:00", "ended": "time limit"}
    record["provenance"]["attempts"] = [one, {**one, "job": "42", "ended": "done"}]
    return record


def trained(folder: Path) -> Ledger:
    """Two attentions of two seeds with training curves, a pruned row, and an earlier attempt."""
    asked = [(cell(attention=a, seed=s), a) for a in (NONE, SE) for s in (0, 1)]
    found = [(one, attempted(done(one, 0.9 + one.seed / 100))) for one, _ in asked]
    pruned = cell(pruning=MAGNITUDE)
    ledger = ledger_of(folder, [*found, (pruned, done(pruned, 0.8))])
    for place, (one, _) in enumerate(asked):
        history(ledger, one, [("fit", epoch, 1 / (epoch + 1), 0.1 * place) for epoch in range(4)])
    history(ledger, pruned, [("refit", 0, 0.5, 0.7), ("refit", 1, 0.25, 0.8)])
    return ledger


def history(ledger: Ledger, one: Cell, epochs: Iterable[tuple[str, int, float, float]]) -> None:
    names = ("phase", "epoch", "train_loss", "val_accuracy")
    rows = [dict(zip(names, epoch, strict=True)) for epoch in epochs]
    ledger.paths(one.key).history.write_text(json.dumps(rows))


def mixed(folder: Path) -> Ledger:
    """Two protocols; latencies of two devices in the first."""
    longer = replace(RECIPE, options={**RECIPE.options, "epochs": 16})
    cells = [cell(attention=a, seed=s) for a in (NONE, SE, ECA) for s in (0, 1)]
    devices = ["GPU one"] * 3 + ["GPU two"] * 3
    found = [(c, done(c, 0.9, device=d)) for c, d in zip(cells, devices, strict=True)]
    return ledger_of(
        folder, [*found, (other := cell(attention=DIA, recipe=longer), done(other, 0.7))]
    )


def hostile(folder: Path) -> Ledger:
    """Names, options, errors and provenance that would run if one place forgot to escape."""
    first, second = Choice(EVIL, {"o": HOSTILE}), Choice(EVIL, {"o": EVIL})
    cells = [cell(first), cell(second), cell(first, Choice(EVIL)), cell(second, SE, Choice(EVIL))]
    records = [
        done(cells[0], 0.9, commit=EVIL, packages={EVIL: EVIL}, device=EVIL),
        failed(cells[1], EVIL),
        done(cells[2], 0.8, device="other"),
        None,
    ]
    impossible = ((cell(second, DIA), EVIL),)
    ledger = ledger_of(folder, zip(cells, records, strict=True), inapplicable=impossible)
    history(ledger, cells[0], [(EVIL, epoch, 0.5, 0.5) for epoch in range(3)])
    return ledger


def ruined(folder: Path) -> Ledger:
    """Nothing but a failure, a damaged record, and what has not run."""
    one, other, third = cell(), cell(attention=SE), cell(VIT)
    ledger = ledger_of(folder, [(one, failed(one, "no")), (other, done(other, 0.9)), (third, None)])
    ledger.paths(other.key).record.write_text('{"half')
    return ledger


SWEEPS = {
    **{"small": small, "trained": trained, "mixed": mixed},
    **{"hostile": hostile, "ruined": ruined},
}


def documents(folder: Path, name: str) -> tuple[Ledger, Document]:
    ledger = SWEEPS[name](folder)
    return ledger, document_of(ledger, {"dia"})


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Path, Document]]:
    """The page of every sweep, in a folder of its own."""
    found = {}
    for name in SWEEPS:
        folder = tmp_path_factory.mktemp(name)
        ledger, made = documents(folder, name)
        path = folder / "index.html"
        if name == "small":
            path.write_bytes(build(made, curves=ledger.curves)["index.html"])
        else:
            path.write_text(page(made, {}, curves=ledger.curves))
        found[name] = path, made
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from started()


@pytest.fixture
def opened(browser: Browser, pages: Mapping[str, tuple[Path, Document]]) -> Iterator[Opened]:
    yield from opening(browser, {name: path for name, (path, _) in pages.items()})


def started() -> Iterator[Browser]:
    """Chromium for the tests of a module."""
    if not CHROMIUM:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as player:
        one = player.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield one
        one.close()


def opening(browser: Browser, pages: Mapping[str, Path]) -> Iterator[Opened]:
    """Opens a page; whatever goes wrong in it fails the test at its end."""
    trouble: list[str] = []
    shown: list[Page] = []

    def open_page(name: str, *, at: str = "", width: int = 1440, **context: Any) -> Page:
        made = browser.new_page(viewport={"width": width, "height": 900}, **context)
        shown.append(made)
        made.set_default_timeout(30_000)
        made.on("console", lambda said: trouble.append(f"{said.type}: {said.text}"))
        made.on("pageerror", lambda error: trouble.append(str(error)))
        made.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        made.on("request", partial(note_request, pages[name].as_uri(), trouble))
        made.goto(f"{pages[name].as_uri()}{at}")
        return made

    yield open_page
    for made in shown:
        made.close()
    assert trouble == []


def note_request(own: str, trouble: list[str], request: Any) -> None:
    if not request.url.startswith((own, "data:", "blob:")):
        trouble.append(f"request {request.url}")


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


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


# ------------------------------------------------------------------------------ opening


@needs_chromium
@pytest.mark.parametrize("name", SWEEPS)
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


@needs_chromium
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


@needs_chromium
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


# ------------------------------------------------------------------------------ the grid


@needs_chromium
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


@needs_chromium
def test_the_grid_shows_what_is_chosen(opened: Opened, pages: Mapping[str, Any]) -> None:
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


@needs_chromium
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


# ------------------------------------------------------------------------------ the table


@needs_chromium
def test_the_table_sorts_and_what_has_no_number_comes_last(opened: Opened) -> None:
    shown = opened("small")
    runs(shown)
    heading = shown.locator('[tabulator-field="accuracy"] button')
    heading.click()
    falling = texts(shown, "accuracy")
    heading.focus()
    shown.keyboard.press("Enter")
    rising = texts(shown, "accuracy")
    numbers = [text for text in rising if text != "—"]
    assert falling[:10] == list(reversed(numbers)) == sorted(numbers, key=float, reverse=True)
    assert rising[len(numbers) :] == falling[len(numbers) :] == ["—"] * (len(rising) - 10)


@needs_chromium
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


@needs_chromium
def test_what_matches_nothing_says_so(opened: Opened) -> None:
    shown = opened("small")
    shown.locator("#search").fill("no such thing")
    assert shown.get_by_text("Nothing here matches the filter.").is_visible()


@needs_chromium
def test_the_numbers_of_the_table_are_those_of_the_csv(
    opened: Opened, pages: Mapping[str, tuple[Path, Document]]
) -> None:
    shown, made = opened("small"), pages["small"][1]
    runs(shown)
    expected = {run["key"]: run for run in read_csv(runs_csv(made))}
    all_keys = shown.evaluate(
        "() => Tabulator.findTable('#explore-table')[0].getData().map((r) => r.key)"
    )
    assert sorted(all_keys) == sorted(expected)
    shown.locator("#explore-controls select").select_option("done")
    found = [expected[key] for key in texts(shown, "key")]
    assert texts(shown, "accuracy") == [percent(float(run["accuracy"])) for run in found]
    assert texts(shown, "params") == [f"{int(run['params']):,}" for run in found]
    assert len(found) == 10
    shown.locator("#explore-controls select").select_option("")
    rows(shown)
    lines = {row["row"]: row for row in read_csv(table_csv(made))}
    for number, text in zip(texts(shown, "number"), texts(shown, "accuracy"), strict=True):
        mean = lines[number]["accuracy_mean"]
        assert not mean or text.startswith(percent(float(mean)))


def test_what_the_table_is_sorted_by_are_the_numbers_of_the_csv(tmp_path: Path) -> None:
    ledger, made = documents(tmp_path, "small")
    found = content_of(page(made, {}, curves=ledger.curves))
    expected = read_csv(table_csv(made))
    numbers = found["tables"][0]["numbers"]
    columns = {
        **{"accuracy": "accuracy_mean", "delta_reference": "delta_reference_mean"},
        **{"params": "params", "macs": "macs", "latency": "latency_ms", "seeds": "n"},
    }
    for key, column in columns.items():
        for number, row in zip(numbers[key], expected, strict=True):
            assert number is None or number == float(row[column])
    counts = {key: sum(number is not None for number in numbers[key]) for key in columns}
    assert counts["accuracy"] == counts["params"] == counts["latency"] == 5
    accuracy = unpacked(found["runs"]["accuracy"])
    shares = [
        float(run["accuracy"]) if run["accuracy"] else None for run in read_csv(runs_csv(made))
    ]
    assert accuracy == shares


def content_of(text: str) -> dict[str, Any]:
    """The JSON in a page."""
    found = re.search(r'id="content">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    made: dict[str, Any] = json.loads(found[1])
    return made


def unpacked(column: Any) -> list[Any]:
    return column if isinstance(column, list) else [column["of"][at] for at in column["at"]]


@needs_chromium
def test_a_verdict_has_a_sign_and_a_legend(opened: Opened) -> None:
    shown = opened("small")
    assert shown.locator("#comparison .verdict.tie").count() > 0
    legend = shown.locator("#comparison .verdicts").inner_text()
    assert all(sign in legend for sign in "↑↓=")
    rows(shown)
    assert "=" in texts(shown, "delta_parent")[1]


# ------------------------------------------------------------------------------ the plots


@needs_chromium
def test_every_row_has_one_point_and_the_front_is_drawn(
    opened: Opened, pages: Mapping[str, tuple[Path, Document]]
) -> None:
    shown, made = opened("small"), pages["small"][1]
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


@needs_chromium
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


@needs_chromium
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


@needs_chromium
def test_rows_of_two_protocols_are_shown_one_after_the_other(opened: Opened) -> None:
    shown = opened("mixed")
    assert set(points(shown)) == {1, 2, 3}
    shown.locator("#protocol select").select_option(index=1)
    assert set(points(shown)) == {4}
    assert shown.locator("#heat th[scope=row]").all_inner_texts() == ["dia†"]
    rows(shown)
    assert texts(shown, "number") == ["4"]


@needs_chromium
def test_a_sweep_without_a_number_says_so_where_the_plot_would_be(opened: Opened) -> None:
    shown = opened("ruined")
    assert not shown.locator("#pareto").is_visible()
    assert "No row has both" in shown.locator("#pareto-about").inner_text()
    words = shown.locator("#heat td a").all_inner_texts()
    assert words == ["failed", "damaged", "missing"]


@needs_chromium
def test_what_is_hidden_leaves_the_plot(opened: Opened) -> None:
    shown = opened("small")
    button = shown.locator("#pareto-legend").get_by_role("button", name="se", exact=True)
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert set(points(shown)) == {1, 2, 8}
    shown.locator("#pareto-controls select").nth(1).select_option("vit_tiny")
    assert set(points(shown)) == {8}


@needs_chromium
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


# ------------------------------------------------------------------------------ one run


@needs_chromium
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


@needs_chromium
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


@needs_chromium
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


@needs_chromium
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


# ------------------------------------------------------------------------------ without scripts


@needs_chromium
def test_the_tables_need_no_script(opened: Opened) -> None:
    shown = opened("small", java_script_enabled=False)
    assert shown.locator("#table-1").is_visible()
    assert shown.locator("tr#row-1").is_visible()
    assert shown.locator("figure svg").count() == 4
    assert all(figure.is_visible() for figure in shown.locator("figure").all())
    assert shown.locator(f"tr#run-{cell().key}").is_visible()
    assert not any(part.is_visible() for part in shown.locator(".live").all())


@needs_chromium
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


# ------------------------------------------------------------------------------ its parts


def test_a_column_is_packed_and_unpacked_as_it_was() -> None:
    nan = float("nan")
    columns = {
        "a": [1.5, nan, 1.5],
        "b": ["x", "x", ""],
        "c": ["", None, nan],
        "d": ["p", "q", "r"],
    }
    found = packed(columns)
    assert json.loads(script(found)) == found
    assert {name: unpacked(column) for name, column in found.items()} == {
        "a": [1.5, None, 1.5],
        "b": ["x", "x", ""],
        "d": ["p", "q", "r"],
    }


def test_json_cannot_end_a_script() -> None:
    assert "<" not in script({"</script><!--": "<script>"})
    assert json.loads(script([EVIL])) == [EVIL]


def test_a_marker_is_the_same_shape_in_the_page() -> None:
    assert shape("s") == "M-0.5 0.5L0.5 0.5L0.5 -0.5L-0.5 -0.5Z"
    assert shape("^") == "M0 -0.5L-0.5 0.5L0.5 0.5Z"  # upright where y points down


def test_the_libraries_are_the_official_files() -> None:
    told = (FOLDER / "README.md").read_text()
    for name in (*LIBRARIES, "tabulator/tabulator.min.css"):
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() in told, name
        assert (FOLDER / name).with_name("LICENSE").exists()


def test_no_script_of_ours_writes_html() -> None:
    for path in FOLDER.glob("js/*.js"):
        text = path.read_text()
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", text
        )
