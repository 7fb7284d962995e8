"""Sign-flip tests with max-T: against scipy's exact permutation test, closed forms, and chance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gradgauge.sign_flip import all_flips, compare_paired, least_seeds


@pytest.mark.parametrize("seed", range(4))
def test_one_arm_has_the_p_of_scipys_exact_sign_flip_test(seed):
    d = np.random.default_rng(seed).normal(0.3, 1, 9)
    theirs = stats.permutation_test(
        (d,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    assert compare_paired([d])[0].p == pytest.approx(theirs.pvalue)


def test_interval_is_what_is_not_rejected():
    d = np.random.default_rng(1).normal(0.5, 1, 8)
    low, high = compare_paired([d])[0].interval
    for delta, inside in ((low - 1e-6, False), (low + 1e-4, True), (high - 1e-4, True)):
        assert (compare_paired([d - delta])[0].p > 0.05) is inside
    assert compare_paired([d - high - 1e-6])[0].p <= 0.05


def test_interval_is_about_students_where_differences_are_normal():
    d = np.random.default_rng(2).normal(1.0, 1, 12)
    low, high = compare_paired([d])[0].interval
    theirs = stats.ttest_1samp(d, 0).confidence_interval()
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.12)


def test_seven_seeds_decide_one_arm_and_no_fewer_than_said_decide_many():
    sure = [[1.0 + 0.01 * i for i in range(7)]]
    assert compare_paired(sure)[0].decided
    assert compare_paired(sure)[0].p == pytest.approx(2 / 2**7)
    assert [least_seeds(m) for m in (1, 3, 6, 8)] == [7, 7, 8, 9]
    assert 2 / 2 ** least_seeds(5) <= 0.05 / 5


def test_two_seeds_decide_nothing():
    found = compare_paired([[1.0, 1.1]])[0]
    assert not found.decided
    assert found.interval == (-np.inf, np.inf)


def test_arms_that_are_the_reference_itself_are_no_different():
    same, other = compare_paired([[0.0] * 8, [0.1] * 8])
    assert (same.mean, same.interval, same.p, same.decided) == (0, (0, 0), 1, False)
    assert other.decided


def test_more_arms_make_wider_intervals():
    rng = np.random.default_rng(3)
    d = rng.normal(0.5, 1, (6, 9))
    alone, together = compare_paired(d[:1])[0].interval, compare_paired(d)[0].interval
    assert together[0] <= alone[0] < alone[1] <= together[1]


def test_chance_decides_something_in_no_more_than_five_of_a_hundred():
    """Arms of one ensemble: they share the reference, so that their differences depend."""
    rng = np.random.default_rng(4)
    wrong = 0
    for _ in range(400):
        scores = rng.normal(size=(5, 8)) + rng.normal(size=8)
        wrong += any(arm.decided for arm in compare_paired(scores[1:] - scores[0]))
    assert stats.binomtest(wrong, 400, 0.05, alternative="greater").pvalue > 0.01


def test_flips_are_all_there_for_few_seeds_and_drawn_for_many():
    assert len({tuple(f) for f in all_flips(6)}) == 2**5
    assert (all_flips(20)[0] == 1).all()
