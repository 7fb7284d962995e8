"""Norms are right down to the smallest normal number, whatever the squares do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradgauge.gauges.norms import is_safe, norm, sum_of_squares
from gradgauge.gauges.weight_grad import weight_grad
from gradgauge.signals import LayerSignals


@given(
    x=hnp.arrays(np.float64, (4, 3), elements=st.floats(-8, 8)),
    dtype=st.sampled_from(["float32", "float64"]),
    place=st.floats(0, 1),
)
def test_norm_of_any_size(x: np.ndarray, dtype: str, place: float) -> None:
    """Against math.hypot, which never squares, on numbers as small and as large as there are."""
    info = np.finfo(dtype)
    low, high = math.log2(info.smallest_normal) + 8, math.log2(info.max) - 8
    scale = 2.0 ** round(low + place * (high - low))
    scaled = (x * scale).astype(dtype)
    scaled[np.abs(scaled) < info.smallest_normal] = 0
    wanted = math.hypot(*scaled.astype(np.float64).ravel().tolist())
    assert float(norm(scaled)) == pytest.approx(wanted, rel=8 * float(info.eps))
    assert norm(scaled).dtype == scaled.dtype
    rms = float(weight_grad(LayerSignals(weight_grad=scaled))["weight_grad_rms"])
    assert rms == pytest.approx(wanted / math.sqrt(12), rel=16 * float(info.eps))


@pytest.mark.parametrize(
    ("dtype", "entry"),
    [
        ("float32", 1e-30),
        ("float32", 1.2e-38),
        ("float32", 1e30),
        ("float64", 1e-200),
        ("float64", 2.3e-308),
        ("float64", 1e200),
    ],
)
def test_where_the_squares_vanish_or_overflow(dtype: str, entry: float) -> None:
    x = np.full((3, 3), entry, dtype)
    with np.errstate(over="ignore", under="ignore"):
        naive = float(np.sqrt(sum_of_squares(x)))
    assert not 0.5 * entry < naive < 10 * entry
    assert float(norm(x)) == pytest.approx(3 * entry, rel=1e-6)


@given(
    x=hnp.arrays(np.float32, (2, 5), elements=st.floats(-1, 1, width=32)),
    exponent=st.integers(-45, 45),
)
def test_a_sum_that_calls_itself_safe_is_right(x: np.ndarray, exponent: int) -> None:
    """The engine takes the quick sum wherever `is_safe` allows it: then it must be right."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        x = x * np.float32(10.0) ** np.float32(exponent)
        total = sum_of_squares(x)
    if is_safe(total):
        wanted = math.hypot(*x.astype(np.float64).ravel().tolist())
        assert math.sqrt(float(total)) == pytest.approx(wanted, rel=1e-6)


def test_what_is_safe_and_what_is_not() -> None:
    sums = np.array([1.0, 1e-20, 1e-38, 0.0, np.inf, np.nan], np.float32)
    assert is_safe(sums).tolist() == [True, True, False, False, False, False]


@given(x=hnp.arrays(np.float64, (3, 4, 2), elements=st.integers(-9, 9)))
def test_axes(x: np.ndarray) -> None:
    np.testing.assert_allclose(norm(x, (1, 2)), np.linalg.norm(x.reshape(3, -1), axis=1))
    np.testing.assert_allclose(norm(x, 0), np.sqrt((x * x).sum(axis=0)))
    np.testing.assert_allclose(norm(x, [-1]), np.sqrt((x * x).sum(axis=-1)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_so(bad: float) -> None:
    assert not np.isfinite(norm(np.array([1.0, bad])))


def test_zero_is_zero() -> None:
    assert norm(np.zeros((2, 2), np.float32)) == 0
