"""What tables claim: differences with their verdicts, and rows that lead."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from pathlib import Path

import numpy as np
import pytest
from ledgers import MAGNITUDE, NONE, SE, cell, document, done, of_accuracies, row, texts

from reports.columns import Value
from reports.document import Document
from reports.rows import _leading
from sweeps.cell import Choice


def pruned(folder: Path, *differences: Sequence[float]) -> Document:
    """A plain backbone with 0.9 at every seed, and a row for each list of differences to it."""
    seeds = range(max(map(len, differences)))
    made = [(cell(seed=s), done(cell(seed=s), 0.9)) for s in seeds]
    for number, deltas in enumerate(differences, start=1):
        pruning = Choice("magnitude", {"sparsity": number / 10})
        cells = [cell(pruning=pruning, seed=seed) for seed in range(len(deltas))]
        made += [(c, done(c, 0.9 + d)) for c, d in zip(cells, deltas, strict=True)]
    return document(folder, made)


def delta(document: Document, line: int, key: str = "delta_parent") -> Value:
    (table,) = document.tables
    place = [column.key for column in table.columns].index(key)
    return table.lines[line].values[place]


# t = 0.02 / (0.00614 / sqrt(3)) = 5.642 and p = 1 - 5.642 / sqrt(5.642^2 + 2) = 0.0300
CLOSE = (-0.02 - 0.00614, -0.02, -0.02 + 0.00614)


def test_a_difference_reads_as_mean_and_interval(tmp_path: Path) -> None:
    found = delta(pruned(tmp_path, [-0.02, -0.01, -0.03]), 1)
    assert found == Value("−2.00", "[−4.48, +0.48]", verdict="tie")


def test_a_difference_alone_in_its_family_keeps_its_p_value(tmp_path: Path) -> None:
    made = pruned(tmp_path, CLOSE)
    assert row(made, "none", "magnitude")["delta_parent_p"] == pytest.approx(0.03, abs=1e-4)
    assert row(made, "none", "magnitude")["delta_parent_p_holm"] == pytest.approx(0.03, abs=1e-4)
    # 4.303 * 0.00614 / sqrt(3) = 0.015254
    assert delta(made, 1) == Value("−2.00", "[−3.53, −0.47]", verdict="worse")


def test_a_second_test_of_the_table_takes_the_claim_away(tmp_path: Path) -> None:
    made = pruned(tmp_path, CLOSE, [0.01, -0.01, 0.01])
    assert row(made, "none", "magnitude")["delta_parent_p_holm"] == pytest.approx(0.06, abs=2e-4)
    assert delta(made, 1) == Value("−2.00", "[−3.53, −0.47]", verdict="tie")


def test_a_single_seed_is_no_member_of_a_family(tmp_path: Path) -> None:
    made = pruned(tmp_path, CLOSE, [0.01])
    assert delta(made, 1).verdict == "worse"
    assert delta(made, 2) == Value("+1.00", "n=1")


def test_a_gain_that_no_seed_lacks_is_better(tmp_path: Path) -> None:
    made = pruned(tmp_path, [0.049, 0.050, 0.051])
    # t = 0.05 / (0.001 / sqrt(3)) = 86.6; p = 1 - 86.6 / sqrt(7502) = 1.33e-4
    assert row(made, "none", "magnitude")["delta_parent_p"] == pytest.approx(1.333e-4, rel=1e-3)
    assert delta(made, 1) == Value("+5.00", "[+4.75, +5.25]", verdict="better")
    assert delta(made, 1, "delta_reference") == delta(made, 1)


def test_equal_differences_say_so(tmp_path: Path) -> None:
    made = pruned(tmp_path, [0.02, 0.02], [0.0, 0.0])
    assert delta(made, 1) == Value("+2.00", "all equal")
    assert delta(made, 2) == Value("0.00", "all equal", verdict="tie")


def test_a_difference_of_fewer_seeds_than_the_row_says_how_many(tmp_path: Path) -> None:
    dense = [(cell(seed=s), done(cell(seed=s), 0.9) if s < 2 else None) for s in range(3)]
    small = [cell(pruning=MAGNITUDE, seed=s) for s in range(3)]
    records = [done(c, a) for c, a in zip(small, (0.91, 0.93, 0.5), strict=True)]
    made = document(tmp_path, [*dense, *zip(small, records, strict=True)])
    assert texts(made, "none", "magnitude")["delta_parent"] == "+2.00 [−10.71, +14.71], n=2"


LEVELS = [
    # se is 0.05 above at every seed but for 0.001: p = 1.33e-4, the only test
    ({"none": [0.90, 0.90, 0.90], "se": [0.949, 0.95, 0.951]}, {"se": "better"}),
    # p = 0.074, as above
    ({"none": [0.90, 0.91, 0.92], "se": [0.92, 0.92, 0.95]}, {"none": "tie", "se": "tie"}),
    # one that cannot be told from the leader is enough, and the third row is no tie
    (
        {"none": [0.5, 0.5, 0.5], "eca": [0.90, 0.91, 0.92], "se": [0.92, 0.92, 0.95]},
        {"eca": "tie", "se": "tie"},
    ),
    # differences of 0.02 each: the deviation is not known
    ({"none": [0.90, 0.91], "se": [0.92, 0.93]}, {}),
    ({"none": [0.90, 0.91], "se": [0.90, 0.91]}, {"none": "tie", "se": "tie"}),
    # one seed, of either, or of a third row
    ({"none": [0.9], "se": [0.95]}, {}),
    ({"none": [0.9], "se": [0.949, 0.95, 0.951]}, {}),
    ({"none": [0.90] * 3, "eca": [0.2], "se": [0.949, 0.95, 0.951]}, {}),
    # alone
    ({"se": [0.949, 0.95, 0.951]}, {}),
]


@pytest.mark.parametrize(("accuracies", "verdicts"), LEVELS)
def test_a_leader_is_best_only_if_it_beats_all_others(
    accuracies: dict[str, list[float]], verdicts: dict[str, str], tmp_path: Path
) -> None:
    (table,) = of_accuracies(tmp_path, **accuracies).tables
    found = {line.attention.name: line.values[1] for line in table.lines}
    assert {name: v.verdict for name, v in found.items() if v.verdict} == verdicts
    assert {name for name, v in found.items() if v.bold} == {
        name for name, verdict in verdicts.items() if verdict == "better"
    }


def test_rows_without_a_seed_in_common_are_not_compared(tmp_path: Path) -> None:
    cells = [cell(seed=0), cell(seed=1), cell(attention=SE, seed=2), cell(attention=SE, seed=3)]
    records = [done(c, a) for c, a in zip(cells, (0.5, 0.51, 0.9, 0.92), strict=True)]
    made = document(tmp_path, zip(cells, records, strict=True))
    assert [row(made, name)["accuracy_verdict"] for name in ("none", "se")] == ["", ""]
    assert not made.rows["best"].any()


def test_each_backbone_has_its_own_leader(tmp_path: Path) -> None:
    made = []
    for backbone, base in (("resnet8", 0.5), ("resnet20", 0.8)):
        for attention, gain in ((NONE, 0.0), (SE, 0.05)):
            for seed in range(3):
                one = cell(Choice(backbone), attention, seed=seed)
                made.append((one, done(one, base + gain + 0.001 * seed * (attention == SE))))
    rows = document(tmp_path, made).rows
    assert list(rows["best"]) == [False, True, False, True]


def test_a_leader_that_loses_seed_by_seed_claims_nothing() -> None:
    # row 0 has the higher mean only because row 1 has a bad seed that row 0 lacks
    accuracy = np.array([[0.900, 0.901, 0.899, nan], [0.93, 0.932, 0.93, 0.2]])
    found = dict(_leading(accuracy, np.zeros(2, dtype=int)))
    assert not found["best"].any()
    assert list(found["accuracy_verdict"]) == ["", ""]


def test_a_leader_that_is_beaten_seed_by_seed_is_none(tmp_path: Path) -> None:
    # se is about 0.01 above none at the seeds that both have, and has five hard seeds more
    made = of_accuracies(
        tmp_path,
        none=[0.950, 0.951, 0.949],
        se=[0.960, 0.9612, 0.9595, *[0.8] * 5],
        eca=[0.949, 0.952, 0.948],
    )
    assert row(made, "se")["delta_reference_verdict"] == "better"
    assert list(made.rows["accuracy_verdict"]) == ["", "", ""]
    assert not made.rows["best"].any()
    (table,) = made.tables
    assert any(remark.startswith("No row of resnet8 leads: ") for remark in table.remarks)


def test_the_rounding_of_a_mean_makes_no_leader() -> None:
    # three rows with the same mean of 0.9; the third is 1e-8 above, as float32 may have it
    accuracy = np.array([[0.89, 0.90, 0.91], [0.91, 0.89, 0.90], [0.90, 0.91, 0.89 + 3e-8]])
    accuracy = np.vstack([accuracy, [[0.70, 0.71, 0.72]]])
    exact = np.round(accuracy, 4)
    found, expected = (dict(_leading(one, np.zeros(4, dtype=int))) for one in (accuracy, exact))
    assert list(found["accuracy_verdict"]) == list(expected["accuracy_verdict"])
    assert list(found["accuracy_verdict"]) == ["tie", "tie", "tie", ""]


def test_equal_rows_rarely_have_a_best() -> None:
    tables, rows, seeds = 1500, 3, 4
    noise = np.random.default_rng(0).normal(0.9, 0.01, (tables * rows, seeds))
    noise[::rows] -= 0.1  # one row is far behind, two are equal
    found = dict(_leading(noise, np.repeat(np.arange(tables), rows)))
    # 5 % would be 75, its deviation sqrt(1500 * 0.05 * 0.95) = 8.4
    assert 40 < found["best"].sum() < 75 + 3 * 8.4
