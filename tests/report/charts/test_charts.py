"""What is drawn is what was measured, and every case can be drawn."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest

from gradgauge.layers import layers_of
from gradgauge.report.charts import CHARTS
from gradgauge.report.charts.course import COURSE
from gradgauge.report.charts.draw import foot_rows, linear_scale, log_scale
from gradgauge.report.charts.evolution import EVOLUTION
from gradgauge.report.charts.learning import LEARNING
from gradgauge.report.charts.rows import has_meaning, of, picked
from gradgauge.report.charts.signal import SIGNAL
from gradgauge.report.images import picture
from gradgauge.report.page.palette import styles
from gradgauge.report.rendering import to_svg
from gradgauge.spec.notation import parse
from tests.report.conftest import CASES, LANGUAGES


def test_the_made_up_runs_are_laid_out_as_trained_ones(comparisons):
    trained, made = (comparisons(case).run("relu") for case in ("two", "non_finite"))
    for group in trained.groups:
        here, there = made.groups[group], trained.groups[group]
        assert list(here.coords) == list(there.coords)
        assert {k: v[0] for k, v in here.variables.items()} == {
            k: v[0] for k, v in there.variables.items()
        }
    assert set(made.members.variables) == set(trained.members.variables)


def test_signal_rows_are_the_runs_figures(two):
    rows = SIGNAL.data(two)
    for name in two.names:
        deltas = two.run(name).values("probes", "delta_norm").astype(float)
        for moment, at in (("first", 0), ("last", -1)):
            shown = of(rows, network=name, moment=moment, quantity="delta_norm")
            assert [row["layer"] for row in shown] == [1, 2, 3, 4, 5]
            expected = np.exp(np.log(deltas[:, at]).mean(axis=0))
            np.testing.assert_allclose([row["value"] for row in shown], expected, rtol=1e-6)
            np.testing.assert_allclose([row["low"] for row in shown], deltas[:, at].min(axis=0))
            np.testing.assert_allclose([row["high"] for row in shown], deltas[:, at].max(axis=0))


def test_the_output_layer_has_no_forward_signal_to_draw(two):
    layers = {row["layer"] for row in of(SIGNAL.data(two), quantity="signal_spread")}
    assert layers == {1, 2, 3, 4}


def test_learning_rows_are_means_with_students_interval(two):
    accuracy = two.run("relu").values("epochs", "accuracy")
    row = of(LEARNING.data(two), network="relu", quantity="accuracy", epoch=2)[0]
    a, b = accuracy[:, 1]
    assert row["value"] == pytest.approx((a + b) / 2)
    half = 12.7062 * abs(a - b) / 2
    assert row["to"] - row["from"] == pytest.approx(2 * half, rel=1e-4)


def test_evolution_rows_are_every_probe(two):
    run = two.run("sigmoid")
    spreads = run.values("probes", "signal_spread").mean(axis=0)
    rows = of(EVOLUTION.data(two), network="sigmoid", quantity="signal_spread")
    steps = run.groups["probes"].coords["probe_step"].tolist()
    assert len(rows) == 4 * len(steps)
    for row in rows:
        at = steps.index(row["probe_step"])
        assert row["value"] == pytest.approx(float(spreads[at, row["layer"] - 1]), rel=1e-5)


def test_course_rows_count_steps_from_one(two):
    losses = two.run("relu").values("steps", "loss").mean(axis=0)
    rows = of(COURSE.data(two), network="relu", quantity="step_loss")
    assert [row["step"] for row in rows] == list(range(1, len(losses) + 1))
    np.testing.assert_allclose([row["value"] for row in rows], losses, rtol=1e-6)


def test_zero_and_nan_keep_their_rows_and_say_what_they_are(comparisons):
    rows = SIGNAL.data(comparisons("zeros"))
    zeros = [row for row in rows if row["state"] == "zero"]
    assert zeros and all(row["shown"] == "0" and row["plotted"] is None for row in zeros)
    rows = SIGNAL.data(comparisons("non_finite"))
    lost = [row for row in rows if row["state"] == "not-finite"]
    assert lost and all(row["shown"] in ("NaN", "inf") and row["value"] is None for row in lost)


def test_saturation_has_a_meaning_for_bounded_activations_only():
    mixed = layers_of(parse("12-8x2:sigmoid-8:relu-3"))
    assert [has_meaning(mixed, "saturated", layer) for layer in (1, 2, 3, 4)] == [
        True,
        True,
        False,
        False,
    ]
    assert has_meaning(mixed, "weight_grad_norm", 4)
    assert not has_meaning(mixed, "z_mean", 4)


def test_a_deep_network_is_picked_evenly_with_both_ends(comparisons):
    layers = sorted({row["layer"] for row in SIGNAL.data(comparisons("deep"))})
    assert len(layers) == 128 and layers[0] == 1 and layers[-1] == 151
    assert picked(3, 10) == [0, 1, 2]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_chart_is_json_and_has_words(comparisons, case, lang):
    comparison = comparisons(case)
    for chart in CHARTS:
        rows = chart.data(comparison)
        assert rows, chart.name
        json.dumps(chart.draw(rows, lang), allow_nan=False)
        assert len(chart.describe(comparison, lang)) > 20


@pytest.mark.parametrize("case", ["two", "three", "deep", "zeros", "non_finite", "regression"])
def test_every_spec_compiles(comparisons, case):
    for chart in CHARTS:
        spec = picture(chart, comparisons(case), "en")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            svg = to_svg(spec)
        assert svg.startswith("<svg") and "NaN," not in svg


def test_zero_is_drawn_at_the_foot(comparisons):
    svg = to_svg(picture(SIGNAL, comparisons("zeros"), "en"))
    assert ">0</text>" in svg


@pytest.mark.parametrize(
    "values", [[1e-300, 1.0], [0.3, 0.4], [1.0], [], [5e-324], [1e-38, 1e38], [None, 2.0]]
)
def test_log_axes_hold_their_values(values):
    scale, axis = log_scale(values, foot=2)
    low, high = scale["domain"]
    assert 0 < low < high < math.inf
    assert axis["values"] and len(axis["values"]) <= 8
    assert all(v is None or v < 1e-300 or low <= v <= high * (1 + 1e-9) for v in values)


@pytest.mark.parametrize("values", [[2.31, 0.1], [], [0.0], [-3.0, 5.0], [1.5e16], [None]])
def test_linear_axes_end_at_a_labeled_number(values):
    scale, axis = linear_scale(values)
    low, high = scale["domain"]
    assert axis["values"][0] == low and axis["values"][-1] == high and low < high
    assert all(v is None or low <= v <= high for v in values)


def test_no_two_networks_look_alike():
    names = [f"n{i}" for i in range(56)]
    assert len({(s.color, s.dash) for s in styles(names).values()}) == 56
    assert [s.color for s in styles(["a", "b"]).values()] == ["#D55E00", "#0072B2"]


def test_rows_at_the_foot_are_counted_by_network():
    rows = [
        {"network": "a", "plotted": None},
        {"network": "a", "plotted": None},
        {"network": "b", "plotted": 1.0},
    ]
    assert foot_rows(rows) == 1
