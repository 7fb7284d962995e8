"""Intervals and differences against scipy.stats."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gradgauge.statistics import difference, geometric_mean, summarize

samples = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12).filter(lambda x: np.std(x) > 1e-3)


@given(samples)
def test_summary_is_scipys_t_interval(x: list[float]) -> None:
    got = summarize(x)
    low, high = stats.t.interval(0.95, len(x) - 1, loc=np.mean(x), scale=stats.sem(x))
    assert got.interval == pytest.approx((low, high), rel=1e-9, abs=1e-9)
    assert (got.mean, got.std) == pytest.approx((np.mean(x), stats.tstd(x)))
    assert got.values == tuple(x)


def test_one_seed_has_no_interval() -> None:
    got = summarize([0.9])
    assert (got.mean, got.std, got.interval) == (0.9, 0.0, None)


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert summarize([0.5, 0.5, 0.5]).interval == (0.5, 0.5)


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(2_000):
        low, high = summarize(rng.normal(3, 2, 5)).interval or (0, 0)
        hits += low <= 3 <= high
    # 95 % of 2,000: standard deviation 0.5 %.
    assert hits / 2_000 == pytest.approx(0.95, abs=0.02)


@given(samples, samples)
def test_difference_is_welchs(a: list[float], b: list[float]) -> None:
    got = difference(a, b)
    wanted = stats.ttest_ind(a, b, equal_var=False)
    interval = wanted.confidence_interval(0.95)
    assert got.interval == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-9)
    assert got.mean == pytest.approx(np.mean(a) - np.mean(b), abs=1e-9)
    p = tuple(wanted)[1]
    if not math.isclose(p, 0.05, abs_tol=1e-6):
        assert got.decided == (p < 0.05)


@given(samples, samples, st.integers(2, 10))
def test_several_comparisons_share_the_level(a: list[float], b: list[float], count: int) -> None:
    """Bonferroni: 1 - 0.05 / count for each."""
    got = difference(a, b, comparisons=count)
    interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(1 - 0.05 / count)
    assert got.interval == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("a", "b"), [([1.0], [2.0, 3.0]), ([1.0, 2.0], [3.0]), ([1.0], [2.0])])
def test_one_value_decides_nothing(a: list[float], b: list[float]) -> None:
    got = difference(a, b)
    assert (got.interval, got.decided) == (None, None)
    assert got.mean == np.mean(a) - np.mean(b)


def test_without_any_spread_any_difference_is_decided() -> None:
    assert difference([1.0, 1.0], [2.0, 2.0]).decided is True
    assert difference([1.0, 1.0], [1.0, 1.0]).decided is False


@given(st.lists(st.floats(1e-30, 1e30), min_size=1, max_size=9))
def test_geometric_mean_is_scipys(x: list[float]) -> None:
    assert geometric_mean(np.array(x)) == pytest.approx(stats.gmean(x), rel=1e-9)


def test_geometric_mean_keeps_products() -> None:
    """Why gains are averaged so: the mean of a product is the product of the means."""
    a, b = np.random.default_rng(0).uniform(1e-9, 1, (2, 7, 3))
    np.testing.assert_allclose(geometric_mean(a * b), geometric_mean(a) * geometric_mean(b))


def test_geometric_mean_of_zero_and_of_nothing_known() -> None:
    assert geometric_mean(np.array([0.0, 1.0])) == 0
    assert np.isnan(geometric_mean(np.array([np.nan, 1.0])))
