"""What the first lines say: factors that can be said aloud, labels that tell the truth."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from gradgauge.gauges.signal_spread import resolution, signal_spread
from gradgauge.report.charts.rows import figure
from gradgauge.report.charts.signal import signal_data
from gradgauge.report.words.answer import answer
from gradgauge.report.words.headline import against_best, headline, verdict
from gradgauge.report.words.labels import labeled
from gradgauge.report.words.numbers import factor, resolved
from gradgauge.report.words.summary import COLUMNS, summary_table
from gradgauge.signals import LayerSignals
from gradgauge.statistics import summarize
from tests.report.conftest import made_up


@pytest.mark.parametrize(
    ("decades", "english", "korean"),
    [
        (-5.7, "1/500,000", "50만분의 1"),
        (-6.2, "1/1,600,000", "160만분의 1"),
        (-1.4, "1/30", "30분의 1"),
        (-0.3, "0.5", "0.5배"),
        (3.5, "3,000 times", "3,000배"),
        (math.log10(4e8), "400,000,000 times", "4억배"),
        (-31.2, "1/10³¹", "10³¹분의 1"),
    ],
)
def test_decades_as_a_factor(decades, english, korean):
    assert factor(decades) == english
    assert factor(decades, "ko") == korean


def with_figures(comparison, **accuracies):
    """The comparison with other test accuracies."""
    runs = {}
    for name, run in comparison.runs.items():
        variables = dict(run.members.variables)
        values = accuracies.get(name)
        if values is not None:
            variables["test_accuracy"] = (("member",), np.asarray(values))
        runs[name] = replace(run, members=replace(run.members, variables=variables))
    return replace(comparison, runs=runs)


def test_the_answer_names_what_arrives_and_the_slopes_alone(two):
    text = answer(two)
    worst = min(two.names, key=lambda name: two.attenuation(name).decades)
    assert text.startswith(worst)
    assert factor(two.attenuation(worst).decades) in text


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_case_has_an_answer_and_a_summary(comparison, lang):
    text = answer(comparison, lang)
    assert text is None or "{" not in text
    heads, rows = summary_table(comparison, lang)
    assert len(heads) == len(COLUMNS)
    assert len(rows) == sum(bool(run.seeds) for run in comparison.runs.values())
    assert all(len(row) == len(COLUMNS) for row in rows)


def test_a_preset_calls_people_s_network_what_it_is(blobs):
    mixed = made_up(blobs, "relu", depth=3, width=8)
    network = mixed.networks["relu"]
    truth = replace(
        network, hidden=(*network.hidden[:-1], replace(network.hidden[-1], activation="tanh"))
    )
    mixed = replace(mixed, networks={"relu": truth})
    assert labeled(mixed, "en").names == ["relu (last layer tanh)"]
    assert labeled(mixed, "ko").names == ["relu (마지막 은닉층 tanh)"]
    assert mixed.names == ["relu"], "JSON and files keep the name"


def test_a_network_that_broke_off_has_no_rank(two):
    broken = with_figures(two, relu=[0.9] * 2, sigmoid=[math.nan] * 2)
    text = headline(broken)
    assert "relu classifies 90.0%" in text
    assert "sigmoid: training became NaN or infinite" in text
    assert "NaN%" not in text and "sigmoid NaN" not in text


def test_a_tie_is_no_lead(two):
    tied = with_figures(two, relu=[0.134], sigmoid=[0.134])
    assert "0.0" not in verdict(tied)
    assert "same" in verdict(tied)
    assert "too close" in headline(tied)


def test_of_several_networks_each_is_held_against_the_best(blobs):
    several = made_up(blobs, "relu", "sigmoid", "tanh", depth=3, width=8, seeds=4)
    several = with_figures(
        several,
        relu=[0.95, 0.96, 0.95, 0.96],
        tanh=[0.95, 0.94, 0.97, 0.95],
        sigmoid=[0.2, 0.21, 0.19, 0.2],
    )
    better, close = against_best(several)
    assert better == "relu is significantly better than: sigmoid."
    assert close.endswith(": tanh.")


def test_an_accuracys_interval_stays_a_share():
    found = summarize([0.05, 0.16], within=(0.0, 1.0))
    assert found.interval[0] == 0.0
    assert summarize([0.05, 0.16]).interval[0] < 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_alone_lies_below_what_a_spread_can_be(dtype):
    """One input with errors of one unit in the last place: no true difference at all."""
    rng = np.random.default_rng(0)
    row = rng.uniform(0.5, 1, (1, 64)).astype(dtype)
    ulps = rng.integers(-1, 2, (500, 64)).astype(dtype) * np.finfo(dtype).eps
    h = row * (1 + ulps)
    assert float(signal_spread(LayerSignals(activation=h))["signal_spread"]) < resolution(dtype)


def test_a_figure_below_resolution_is_called_so_and_drawn_at_the_limit(two):
    smallest = resolution("float32")
    shown = figure(1e-15, smallest)
    assert shown["state"] == "unresolved"
    assert shown["plotted"] == smallest
    assert shown["shown"] == "< 1e-13"
    assert resolved(0.0, smallest) == "0", "exactly 0 is a value of its own"
    assert all(row["state"] != "unresolved" for row in signal_data(two))
