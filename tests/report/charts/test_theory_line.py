"""The mean-field line under the measured one."""

from __future__ import annotations

import numpy as np
import pytest

from gradgauge.report.charts.signal import PREDICTED, SIGNAL, signal_data
from gradgauge.report.pages.write import report_page
from gradgauge.run import Run
from gradgauge.spec.comparison import read_comparison
from gradgauge.study.by_layer import by_layer
from gradgauge.study.compare.run import run_comparison
from gradgauge.study.compare.saved import comparison_of
from gradgauge.study.compare.theory import predicted_delta

NETWORKS = ("12-256x6-3 relu", "12-256x6-3 sigmoid", "12-256x6-3 tanh init=lecun_normal scale=1.3")


@pytest.fixture(scope="module")
def wide(blobs):
    """Wide networks, for which the theory is; a step of training is enough."""
    spec = read_comparison(NETWORKS, epochs=1, batch_size=200, seeds=3)
    return run_comparison(spec, blobs)


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_what_wide_networks_show(wide, name):
    """Measured by backpropagation through drawn weights, predicted by integrals."""
    predicted, measured = predicted_delta(wide, name), by_layer(wide.run(name), "delta_norm")
    assert predicted is not None
    assert predicted.shape == measured.shape
    np.testing.assert_allclose(np.log10(predicted), np.log10(measured), atol=0.15)


def test_saved_runs_are_predicted_alike(wide):
    saved = comparison_of(list(wide.runs.values()))
    for name in wide.names:
        np.testing.assert_array_equal(predicted_delta(saved, name), predicted_delta(wide, name))


def test_it_stands_in_the_picture_before_training_alone(wide):
    rows = [row for row in signal_data(wide) if row["quantity"] == PREDICTED]
    assert {row["moment"] for row in rows} == {"first"}
    assert {row["network"] for row in rows} == set(NETWORKS)
    before, after = SIGNAL.draw(signal_data(wide), "en")["hconcat"]
    assert PREDICTED in str(before["vconcat"][0])
    assert PREDICTED not in str(after)


def test_the_page_says_what_the_line_is(wide):
    assert "nothing is fitted" in report_page(wide, "en")


def test_no_line_for_weights_that_were_changed(wide):
    name = NETWORKS[0]
    run = wide.run(name)
    changed = Run({**run.attributes, "adjusted": 1}, run.members, run.groups)
    assert predicted_delta(comparison_of([changed]), name) is None


def test_no_line_for_weights_with_a_mean(blobs):
    spec = read_comparison(("12-8x3-3 tanh init=constant",), epochs=1, batch_size=200)
    comparison = run_comparison(spec, blobs)
    assert predicted_delta(comparison, comparison.names[0]) is None
    assert PREDICTED not in {row["quantity"] for row in signal_data(comparison)}
