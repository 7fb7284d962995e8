"""Outcomes: their grammar, and that each is the number of the Run that it names."""

from __future__ import annotations

import numpy as np
import pytest

from gradgauge.engine.terms import Entry
from gradgauge.engine.train import train
from gradgauge.errors import UnknownName
from gradgauge.spec.notation import parse
from gradgauge.spec.training import TrainingSpec
from gradgauge.study.by_layer import attenuation, by_layer
from gradgauge.study.sweep.outcomes import NAMES, OutcomeProblem, read_outcome


@pytest.fixture(scope="module")
def run(blobs):
    training = TrainingSpec(epochs=2, batch_size=50, seeds=(3,))
    return train([Entry("x", parse("12-8x3-3 tanh"), training)], blobs).runs[0]


def value(run, text):
    return read_outcome(text).of(run)


@pytest.mark.parametrize("text", ["test_accuracy", "test_loss", "steps_done", "non_finite_step"])
def test_figures(run, text):
    assert value(run, text) == run.figure(text)[0]


@pytest.mark.parametrize("moment", ["first", "last"])
def test_gauges_by_layer_from_both_ends(run, moment):
    delta = by_layer(run, "delta_norm", moment)

    for at in range(4):
        assert value(run, f"delta_norm[{at + 1}]@{moment}") == pytest.approx(delta[at], rel=1e-6)
        assert value(run, f"delta_norm[{at - 4}]@{moment}") == pytest.approx(delta[at], rel=1e-6)


def test_over_the_hidden_layers(run):
    spread = run.values("probes", "signal_spread")[0, -1]

    assert value(run, "signal_spread[min]@last") == pytest.approx(spread[:-1].min())
    assert value(run, "signal_spread[mean]@last") == pytest.approx(spread[:-1].mean())
    assert value(run, "z_std[max]") == run.values("probes", "z_std")[0, 0, :-1].max()


def test_a_step_is_the_last_look_by_then(run):
    steps = run.groups["probes"].coords["probe_step"]
    at = int(np.searchsorted(steps, 3, side="right")) - 1

    assert value(run, "z_std[2]@3") == run.values("probes", "z_std")[0, at, 1]
    assert value(run, "update_ratio[2]@3") == run.values("steps", "update_ratio")[0, 3, 1]
    assert value(run, "update_ratio[2]@last") == run.values("steps", "update_ratio")[0, -1, 1]


def test_epochs(run):
    losses = run.values("epochs", "loss")[0]

    assert value(run, "train_loss") == losses[-1]
    assert value(run, "train_loss@1") == losses[0]
    assert np.isnan(value(run, "train_loss@9"))


@pytest.mark.parametrize("moment", ["first", "last"])
def test_attenuation(run, moment):
    expected = attenuation(run, moment)

    for part in ("decades", "slope_decades", "weight_decades"):
        assert value(run, f"attenuation.{part}@{moment}") == getattr(expected, part)


def test_a_layer_that_is_not_there_has_no_value(run):
    assert np.isnan(value(run, "delta_norm[9]"))
    assert np.isnan(value(run, "delta_norm[-9]"))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("delta_norm[1]@first", "delta_norm[1]"),
        ("train_loss@last", "train_loss"),
        ("attenuation.decades@12", "attenuation.decades@12"),
        ("h_std[mean]@last", "h_std[mean]@last"),
    ],
)
def test_one_outcome_has_one_spelling(text, written):
    assert str(read_outcome(text)) == written
    assert read_outcome(written) == read_outcome(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("delta_norm", "needs_layer"),
        ("test_accuracy[1]", "no_layer"),
        ("attenuation.decades[1]", "no_layer"),
        ("delta_norm[0]", "bad_layer"),
        ("delta_norm[x]", "bad_layer"),
        ("delta_norm[1]@soon", "bad_moment"),
        ("train_loss@0", "bad_moment"),
        ("test_accuracy@last", "no_moment"),
        ("backward_gain[-1]", "hidden_only"),
        ("delta_norm[1", "unreadable"),
        ("", "unreadable"),
    ],
)
def test_what_cannot_be_read(text, reason):
    with pytest.raises(OutcomeProblem) as caught:
        read_outcome(text)

    assert caught.value.reason == reason


def test_an_unknown_name_has_a_nearest():
    with pytest.raises(UnknownName) as caught:
        read_outcome("delta_nrom[1]")

    assert caught.value.nearest == "delta_norm"


@pytest.mark.parametrize("name", NAMES)
def test_every_name_has_a_number_or_nan(run, name):
    texts = [name, f"{name}[1]", f"{name}[1]@last"]
    values = []
    for text in texts:
        try:
            values.append(value(run, text))
        except OutcomeProblem:
            continue
    assert values
    assert all(isinstance(v, float) for v in values)
