"""Intervals, against other programs' and other people's figures."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, chi2, norm

from course_lib.measure.intervals import paired, spread, wilson


@given(st.integers(1, 6000), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_agrees_with_scipy(total, data, confidence):
    correct = data.draw(st.integers(0, total))
    expected = binomtest(correct, total).proportion_ci(confidence, method="wilson")
    low, high = wilson(correct, total, confidence)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= low <= correct / total <= high <= 1


@pytest.mark.parametrize(("correct", "total"), [(5, 4), (-1, 4), (0, 0)])
def test_wilson_refuses_impossible_counts(correct, total):
    with pytest.raises(
        ValueError, match=f"must be a whole number .* got {correct if total else total}"
    ):
        wilson(correct, total)


def test_wilson_refuses_a_confidence_in_percent():
    with pytest.raises(ValueError, match="between 0 and 1, got 95"):
        wilson(1, 2, confidence=95)


def table(both, lost, gained, neither):
    """Two networks' answers with so many images of each kind."""
    before = [True] * (both + lost) + [False] * (gained + neither)
    after = [True] * both + [False] * lost + [True] * gained + [False] * neither
    return before, after


def polynomial_limits(total, b, c, confidence=0.95):
    """Tango's interval without iteration: Yang, Sun and Hardin 2013, Statistics in Medicine 32."""
    g = norm.ppf((1 + confidence) / 2) ** 2
    d, n = b - c, total
    roots = np.roots([
        n**2 * (n / g + 1) ** 2,
        -n * d * (n / g + 1) * (4 * n / g + 1),
        2 * n * d**2 * (3 * n / g + 2) / g - n**2 * ((b + c) / g + 1),
        n * d * (2 * (b + c) / g + 1) - d**3 * (4 * n / g + 1) / g,
        d**2 * (d**2 / g - (b + c)) / g,
    ])  # fmt: skip
    return np.sort(roots[np.abs(roots.imag) < 1e-7].real)


@pytest.mark.parametrize(
    ("gained", "lost", "total"),
    [(10, 5, 100), (1, 7, 21), (50, 30, 5000), (0, 12, 723), (3, 0, 40), (400, 390, 1000)],
)
def test_paired_agrees_with_the_closed_form(gained, lost, total):
    result = paired(*table(total - gained - lost - 2, lost, gained, 2))
    assert result.points == pytest.approx(100 * (gained - lost) / total)
    assert (result.gained, result.lost, result.total) == (gained, lost, total)
    roots = 100 * polynomial_limits(total, gained, lost)
    for limit in (result.low, result.high):
        assert np.abs(roots - limit).min() < 1e-5
    assert result.low < result.points < result.high


def test_paired_agrees_with_published_figures():
    # the airway example of Fagerland, Lydersen, Laake 2014, Statistics in Medicine 33
    result = paired(*table(1, 7, 1, 12))
    assert (result.low, result.high) == pytest.approx((-51.7, -2.6), abs=0.06)


def test_paired_of_equals_is_the_textbook_limit():
    # without a disagreement the score interval is z^2 / (n + z^2) to either side
    result = paired(*table(90, 0, 0, 10))
    z2 = norm.ppf(0.975) ** 2
    assert (result.low, result.high) == pytest.approx(
        (-100 * z2 / (100 + z2), 100 * z2 / (100 + z2))
    )


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 300), st.integers(1, 300))
def test_paired_excludes_zero_when_mcnemar_does(gained, lost, both, neither):
    result = paired(*table(both, lost, gained, neither))
    statistic = (gained - lost) ** 2 / (gained + lost) if gained + lost else 0
    if abs(statistic - chi2.ppf(0.95, 1)) > 1e-6:
        assert (result.low > 0 or result.high < 0) == (statistic > chi2.ppf(0.95, 1))
    assert -100 <= result.low <= result.points <= result.high <= 100


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 300))
def test_paired_turns_round_with_its_arguments(gained, lost, both):
    before, after = table(both, lost, gained, 1)
    there, back = paired(before, after), paired(after, before)
    assert (there.low, there.points, there.high) == pytest.approx(
        (-back.high, -back.points, -back.low), abs=1e-9
    )


def test_paired_covers_the_truth_as_often_as_it_says():
    # few disagreements among many images, as between a network and its pruned twin
    rng, covered = np.random.default_rng(0), 0
    n, p_gained, p_lost = 1000, 0.01, 0.015
    for _ in range(400):
        counts = rng.multinomial(n, [0.95, p_lost, p_gained, 1 - 0.95 - p_lost - p_gained])
        result = paired(*table(*counts))
        covered += result.low <= 100 * (p_gained - p_lost) <= result.high
    assert binomtest(int(covered), 400, 0.95).pvalue > 0.01


def test_paired_refuses_different_numbers_of_images():
    with pytest.raises(ValueError, match=r"shapes \(3,\) and \(2,\)"):
        paired([True] * 3, [True] * 2)


def test_paired_never_writes_minus_zero():
    assert str(paired(*table(4995, 1, 0, 4))).startswith("+0.0 points")


@pytest.mark.parametrize(("n", "k"), [(6, 1), (8, 1), (9, 2), (20, 6), (100, 40), (500, 228)])
def test_spread_uses_the_binomial_ranks(n, k):
    assert 1 - 2 * binom.cdf(k - 1, n, 0.5) >= 0.95 > 1 - 2 * binom.cdf(k, n, 0.5)
    values = np.arange(1.0, n + 1)
    assert spread(list(values)) == pytest.approx((n + 1 - 2 * k) / np.median(values))


def test_spread_of_five_values_is_unknown():
    assert spread([1, 1, 1, 1, 1]) == math.inf
    assert spread([1, 1, 1, 1, 1, 1]) == 0


@pytest.mark.parametrize(
    "answers",
    [[0.9] * 10, [float("nan")] * 10, ["False"] * 10, [None] * 10, [1] * 10, "abc", None, 5],
)
def test_whoever_is_right_is_told_by_bools_alone(answers):
    right = [True] * 10
    for pair in ((answers, right), (right, answers)):
        with pytest.raises(ValueError, match="must hold one bool for each image"):
            paired(*pair)
    assert str(paired(iter(right), np.array(right))) == str(paired(right, right))


def test_the_spread_is_of_times():
    with pytest.raises(ValueError, match="each of values must be a finite number, got nan"):
        spread([1.0] * 5 + [float("nan")])
    with pytest.raises(ValueError, match="the median of values must be a finite number above 0"):
        spread([-1.0, 0.0, 0.0, 0.0, 0.0, 1.0])
