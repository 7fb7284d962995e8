"""Gauges of watched layers on arrays whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest

from gradgauge.gauges.h_peak import h_peak
from gradgauge.gauges.stream_norm import stream_norm
from gradgauge.signals import LayerSignals


def peak(h: np.ndarray) -> float:
    return float(h_peak(LayerSignals(activation=h))["h_peak"])


def test_equally_large_ones_have_no_peak():
    assert peak(np.array([[2.0, -2.0], [-2.0, 2.0]])) == pytest.approx(1)


def test_a_single_one_among_n_is_the_root_of_n():
    h = np.zeros((10, 40))
    h[3, 7] = -5.0
    assert peak(h) == pytest.approx(20)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_scale_changes_nothing(scale: float):
    h = np.random.default_rng(0).normal(size=(50, 20)).astype(np.float32)
    assert peak(np.float32(scale) * h) == pytest.approx(peak(h), rel=1e-4)


def test_nothing_has_no_peak():
    assert np.isnan(peak(np.zeros((2, 2))))


def test_the_stream_is_measured_as_it_is():
    stream = np.array([[3.0, 0.0], [0.0, 4e-30]])
    assert float(stream_norm(LayerSignals(stream=stream))["stream_norm"]) == pytest.approx(3)
