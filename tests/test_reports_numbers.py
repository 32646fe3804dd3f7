"""Numbers of a report, worked out by hand from a small ledger, and how they read."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from html_reader import read_page
from ledgers import NONE, SE, cell, document, document_of, done, row, small, texts

from reports.latex import latex
from reports.report import build
from reports.sheets import runs_csv, table_csv
from reports.units import mega, milliseconds, percent, points, quantity, time_ratio


def test_mean_and_deviation_are_those_of_the_hand(tmp_path: Path) -> None:
    found = row(document_of(small(tmp_path)), "none")
    # (0.90 + 0.91 + 0.92) / 3 = 0.91;  sqrt((0.01^2 + 0 + 0.01^2) / (3 - 1)) = 0.01
    assert found["accuracy_mean"] == pytest.approx(0.91, abs=1e-12)
    assert found["accuracy_std"] == pytest.approx(0.01, abs=1e-12)
    assert found["n"] == found["planned"] == 3
    assert texts(document_of(small(tmp_path)), "none")["accuracy"] == "91.00 ± 1.00"


def test_a_difference_is_paired_by_seed(tmp_path: Path) -> None:
    found = row(document_of(small(tmp_path)), "none", "magnitude")
    # seeds 0, 1, 2: 0.88 - 0.90, 0.90 - 0.91, 0.89 - 0.92 = -0.02, -0.01, -0.03
    # mean -0.06 / 3 = -0.02;  sqrt((0 + 0.01^2 + 0.01^2) / 2) = 0.01, where the deviation of an
    # unpaired difference would be sqrt(0.01^2 + 0.01^2) = 0.0141
    assert found["delta_parent_mean"] == pytest.approx(-0.02, abs=1e-12)
    assert found["delta_parent_std"] == pytest.approx(0.01, abs=1e-12)
    # attention against the plain backbone, the two seeds that both have:
    # 0.95 - 0.90 = 0.96 - 0.91 = 0.05, no deviation
    against = row(document_of(small(tmp_path)), "se")
    assert against["delta_reference_mean"] == pytest.approx(0.05, abs=1e-12)
    assert against["delta_reference_std"] == pytest.approx(0, abs=1e-12)
    assert against["delta_reference_n"] == 2
    assert texts(document_of(small(tmp_path)), "none")["delta_reference"] == ""


def test_a_single_seed_has_no_deviation(tmp_path: Path) -> None:
    found = texts(document_of(small(tmp_path)), "se", "magnitude")
    assert found["seeds"] == "n=1/3 1 failed, 1 missing"
    assert found["accuracy"] == "94.00 n=1"
    assert found["delta_parent"] == "−2.00 n=1"  # seed 1 alone: 0.94 - 0.96


def test_a_ratio_is_to_the_plain_backbone(tmp_path: Path) -> None:
    made = document_of(small(tmp_path))
    assert row(made, "se")["params_ratio"] == 81_000 / 80_000
    assert row(made, "se", "magnitude")["macs_nonzero_ratio"] == 200_250 / 1_600_000


def test_without_a_plain_backbone_there_is_no_ratio(tmp_path: Path) -> None:
    one = cell(attention=SE)
    found = texts(document(tmp_path, [(one, done(one, 0.9))]), "se")
    assert found["params"] == "81.00 k"
    assert found["latency"] == "1.00 1.25×"  # measured in alternation, whatever the sweep holds


def test_masked_weights_have_their_own_column(tmp_path: Path) -> None:
    made = document_of(small(tmp_path))
    found = texts(made, "none", "magnitude")
    assert found["params"] == "80.00 k 1.000×"
    assert found["params_nonzero"] == "10.00 k 0.125×"
    assert found["macs"] == "1.600 M 1.000×"
    assert found["macs_nonzero"] == "0.2000 M 0.125×"
    assert texts(made, "none")["macs_nonzero"] == ""


def test_times_within_two_percent_are_equal() -> None:
    read = [time_ratio(ratio) for ratio in (0.98, 1.0, 1.02, 1.03, 0.9)]
    assert read == ["≈1", "≈1", "≈1", "1.03×", "0.90×"]


def test_times_of_two_devices_are_not_averaged(tmp_path: Path) -> None:
    cells = [cell(attention=a, seed=s) for a in (NONE, SE) for s in range(2)]
    records = [done(c, 0.9, device=d) for c, d in zip(cells, "AAAB", strict=True)]
    made = document(tmp_path, zip(cells, records, strict=True))
    assert row(made, "se")["latency_n"] == 1  # the seed on A: more of the table was measured there
    assert row(made, "se")["latency_setting"].startswith("A,")
    assert texts(made, "se")["latency"] == "1.00 1.25× n=1"
    assert texts(made, "se")["latency@2"] == "1.00 1.25× n=1"


def test_latency_that_was_not_measured_is_a_dash(tmp_path: Path) -> None:
    one = cell()
    made = document(tmp_path, [(one, done(one, 0.9, latency=None))])
    assert texts(made, "none")["latency"] == "—"
    assert "pareto_latency.png" not in build(made)


def test_every_number_can_be_traced_to_its_runs(tmp_path: Path) -> None:
    made = document_of(small(tmp_path))
    runs = list(csv.DictReader(io.StringIO(runs_csv(made))))
    accuracies = {run["key"]: run["accuracy"] for run in runs}
    rows = list(csv.DictReader(io.StringIO(table_csv(made))))
    assert sorted(key for row in rows for key in row["keys"].split()) == sorted(accuracies)
    for one in rows:
        found = [float(accuracies[k]) for k in one["keys"].split() if accuracies[k]]
        assert len(found) == int(one["n"])
        if found:
            assert float(one["accuracy_mean"]) == pytest.approx(sum(found) / len(found), abs=1e-15)
    reader = read_page(made)
    for key in accuracies:
        assert f"run-{key}" in reader.of("id")
        assert f"#run-{key}" in reader.of("href")
        assert key in latex(made)


def test_numbers_read_as_people_write_them() -> None:
    nan = float("nan")
    assert [quantity(n) for n in (98, 1234, 272_474, 999_960, 25_557_032, nan)] == [
        *("98", "1.234 k", "272.5 k", "1.000 M", "25.56 M", "—"),
    ]
    assert [mega(n) for n in (812_000, 81_230, 40_813_184, 4_089_184_256, nan)] == [
        *("0.8120 M", "0.08123 M", "40.81 M", "4.089 G", "—"),
    ]
    assert [milliseconds(t) for t in (0.8123, 12.345, 123.4, 1234.5, nan)] == [
        *("0.812", "12.3", "123", "1230", "—"),
    ]
    assert percent(0.93125, 0.0015) == "93.12 ± 0.15"
    assert [points(d) for d in (0.0032, -0.0032, 0.00001, nan)] == ["+0.32", "−0.32", "0.00", "—"]
