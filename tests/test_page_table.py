"""The page's table to sort: its numbers are those of the CSV, in every order."""

from __future__ import annotations

import csv
import io

from chromium import Opened, Pages, rows, runs, texts
from html_reader import content_of, unpacked

from reports.sheets import runs_csv, table_csv
from reports.units import percent


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


def test_the_numbers_of_the_table_are_those_of_the_csv(opened: Opened, pages: Pages) -> None:
    shown, made = opened("small"), pages("small")[1]
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


def test_what_the_table_is_sorted_by_are_the_numbers_of_the_csv(pages: Pages) -> None:
    path, made = pages("small")
    found = content_of(path.read_text())
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


def test_a_verdict_has_a_sign_and_a_legend(opened: Opened) -> None:
    shown = opened("small")
    assert shown.locator("#comparison .verdict.tie").count() > 0
    legend = shown.locator("#comparison .verdicts").inner_text()
    assert all(sign in legend for sign in "↑↓=")
    rows(shown)
    assert "=" in texts(shown, "delta_parent")[1]


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))
