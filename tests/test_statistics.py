"""Intervals, p values and Holm's correction, against arithmetic done by hand."""

from __future__ import annotations

from math import atan, nan, pi, sqrt
from typing import Any

import numpy as np
import pytest

from reports.columns import SIGNS
from reports.statistics import LEVEL, Paired, holm, spread

T = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 9: 2.262}
"""A printed table of Student's t: what 97.5 % stay below, by degrees of freedom."""


def paired(*differences: float) -> Paired:
    return Paired.of(np.array([differences]))


def only(values: np.ndarray) -> Any:
    (value,) = values
    return value


def test_three_differences_are_worked_out_as_by_hand() -> None:
    # seeds 0, 1, 2: 0.88 - 0.90, 0.90 - 0.91, 0.89 - 0.92
    found = paired(0.88 - 0.90, 0.90 - 0.91, 0.89 - 0.92)
    # mean (-0.02 - 0.01 - 0.03) / 3 = -0.02
    assert only(found.mean) == pytest.approx(-0.02, abs=1e-12)
    # deviations 0, 0.01, -0.01: std sqrt((0.0001 + 0.0001) / (3 - 1)) = 0.01
    assert only(found.std) == pytest.approx(0.01, abs=1e-12)
    # error of the mean 0.01 / sqrt(3) = 0.0057735, times 4.303 is 0.024843
    assert only(found.low) == pytest.approx(-0.02 - 0.024843, abs=5e-6)
    assert only(found.high) == pytest.approx(-0.02 + 0.024843, abs=5e-6)
    # t = -0.02 / 0.0057735 = -sqrt(12); with 2 degrees p = 1 - |t| / sqrt(t^2 + 2)
    #   = 1 - sqrt(12 / 14) = 1 - 0.925820 = 0.074180
    assert only(found.p) == pytest.approx(0.074180, abs=1e-6)


def test_two_differences_follow_the_cauchy_distribution() -> None:
    # 0.01 and 0.03: mean 0.02, deviations -0.01, 0.01, std sqrt(0.0002 / 1) = 0.0141421,
    # error of the mean 0.0141421 / sqrt(2) = 0.01, t = 2
    found = paired(0.01, 0.03)
    assert only(found.std) == pytest.approx(sqrt(0.0002))
    assert only(found.low) == pytest.approx(0.02 - 0.12706, abs=5e-6)
    assert only(found.high) == pytest.approx(0.02 + 0.12706, abs=5e-6)
    # with 1 degree P(T > t) = 1/2 - atan(t) / pi: p = 1 - 2 atan(2) / pi = 0.295167
    assert only(found.p) == pytest.approx(1 - 2 * atan(2) / pi)
    assert only(found.p) == pytest.approx(0.295167, abs=1e-6)


def test_four_differences_follow_the_closed_form_of_three_degrees() -> None:
    # 1, 2, 3, 4: mean 2.5, squares 2.25 + 0.25 + 0.25 + 2.25 = 5, std sqrt(5 / 3) = 1.290994,
    # error of the mean 1.290994 / 2 = 0.645497, t = 2.5 / 0.645497 = sqrt(15)
    found = paired(0.01, 0.02, 0.03, 0.04)
    assert only(found.std) == pytest.approx(0.01290994, abs=1e-8)
    assert only(found.high) == pytest.approx(0.025 + 3.182 * 0.00645497, abs=5e-6)
    # with x = t / sqrt(3) = sqrt(5), P(T <= t) = 1/2 + (x / (1 + x^2) + atan(x)) / pi
    #   = 1/2 + (0.372678 + 1.150262) / pi = 0.984767; p = 2 * 0.015233
    assert only(found.p) == pytest.approx(0.030466, abs=2e-6)


@pytest.mark.parametrize("degrees", T)
def test_the_interval_is_as_wide_as_the_printed_table_says(degrees: int) -> None:
    differences = np.linspace(0.01, 0.02, degrees + 1)
    found = Paired.of(differences[None])
    half = T[degrees] * differences.std(ddof=1) / sqrt(degrees + 1)
    assert only(found.high - found.low) == pytest.approx(2 * half, rel=2e-4)


def test_seeds_that_are_not_in_both_do_not_count() -> None:
    found = Paired.of(np.array([[0.01, nan, 0.03], [nan, nan, nan]]))
    assert list(found.n) == [2, 0]
    assert found.mean[0] == pytest.approx(0.02)
    assert np.isnan([found.mean[1], found.low[1], found.p[1]]).all()


def test_one_seed_has_a_difference_and_nothing_else() -> None:
    found = paired(0.5)
    assert only(found.mean) == 0.5
    assert np.isnan([only(x) for x in (found.std, found.low, found.high, found.p)]).all()
    assert only(found.verdicts(found.p)) == ""


@pytest.mark.parametrize("type_", [float, np.float32])
def test_equal_differences_support_no_claim_however_large(type_: type) -> None:
    # rounding makes them 0.04999999999999993 and 0.04999999999999996, or differ by 6e-8
    found = paired(*(float(type_(a)) - float(type_(b)) for a, b in ((0.95, 0.9), (0.96, 0.91))))
    assert only(found.mean) == pytest.approx(0.05)
    assert only(found.std) == 0
    assert np.isnan([only(found.low), only(found.high), only(found.p)]).all()
    assert only(found.verdicts(found.p)) == ""


def test_one_image_of_imagenet_is_a_deviation() -> None:
    assert only(paired(0.05, 0.05, 0.05 + 1 / 50_000).std) > 0


def test_the_same_accuracy_with_every_seed_is_a_tie() -> None:
    found = paired(0.0, 0.0, 1e-8)
    assert (only(found.mean), only(found.std), only(found.p)) == (0, 0, 1)
    assert np.isnan(only(found.low))
    assert only(found.verdicts(found.p)) == "tie"


def test_holm_multiplies_step_by_step() -> None:
    # ascending 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1: 0.02, 0.03, 0.06, 0.04; the last one is
    # raised to that of the smaller p before it
    found = holm(np.array([0.01, 0.04, 0.03, 0.005]), np.zeros(4, dtype=int))
    assert list(found) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_keeps_families_apart_and_leaves_out_what_is_in_none() -> None:
    p = np.array([0.03, 0.03, 0.04, 0.01, 0.6, 0.7])
    # family 0: 0.03 * 2, 0.04 * 1 raised; family 1: 0.03 alone; family 2: 0.6 * 2 is 1 at most
    found = holm(p, np.array([0, 1, 0, -1, 2, 2]))
    assert list(found[[0, 1, 2, 4, 5]]) == pytest.approx([0.06, 0.03, 0.06, 1, 1])
    assert np.isnan(found[3])


def test_a_difference_that_cannot_be_tested_counts_in_its_family() -> None:
    found = holm(np.array([0.02, nan, 0.03]), np.zeros(3, dtype=int))
    assert list(found[[0, 2]]) == pytest.approx([0.06, 0.06])  # 0.02 * 3, 0.03 * 2
    assert np.isnan(found[1])


def test_a_verdict_needs_less_than_five_percent() -> None:
    found = Paired.of(np.array([[0.01, 0.03], [0.01, 0.03], [-0.01, -0.03], [-0.01, -0.03]]))
    adjusted = np.array([LEVEL, LEVEL - 1e-9, LEVEL - 1e-9, 1.0])
    assert list(found.verdicts(adjusted)) == ["tie", "better", "worse", "tie"]
    assert set(SIGNS) == {"better", "worse", "tie", ""}
    assert len(set(SIGNS.values())) == 4


def test_a_spread_is_that_of_the_numbers_that_are_there() -> None:
    n, mean, std = spread(np.array([[0.90, nan, 0.92], [nan, 0.5, nan], [nan, nan, nan]]))
    assert list(n) == [2, 1, 0]
    assert list(mean[:2]) == pytest.approx([0.91, 0.5])
    assert std[0] == pytest.approx(0.01 * sqrt(2))
    assert np.isnan([mean[2], std[1], std[2]]).all()
