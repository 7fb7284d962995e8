"""The verdict follows from the figures alone; the arms do what they say."""

import dataclasses
import math

import numpy as np
import pytest

from gradgauge.datasets import load
from gradgauge.engine.build import initial_parameters
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.losses import constant_loss
from gradgauge.run import Run, RunGroup
from gradgauge.spec.notation import parse
from gradgauge.spec.training import TrainingSpec
from gradgauge.study.learning_onset import began_to_learn
from gradgauge.study.why.counterfactuals import Counterfactual, arms_of
from gradgauge.study.why.run import why
from gradgauge.study.why.verdict import TrainedArm, control_fails, find_causes, judge_arms

SIGMOID = parse("20-16x6-3 sigmoid")
RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(200, 20))


def arm(name, *accuracies):
    figures = {"test_accuracy": (("member",), np.array(accuracies))}
    run = Run({}, RunGroup({"member": np.arange(len(accuracies))}, figures), {})
    return TrainedArm(Counterfactual(name, SIGMOID), "adam", run)


def causes(**means):
    arms = [
        arm(name.replace("_and_", "+").replace("_", "-"), *(m + d for d in (-0.004, 0, 0.005)))
        for name, m in means.items()
    ]
    judge_arms(arms)
    named = {a.arm.name: a for a in arms}
    return find_causes(named), control_fails(named)


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        # DESIGN section 3: what Adam and momentum did to the sigmoid.
        (
            {
                "control": 0.21,
                "slope": 0.94,
                "centring": 0.21,
                "slope_and_centring": 0.95,
                "weight_scale": 0.95,
            },
            ["slope"],
        ),
        (
            {
                "control": 0.113,
                "slope": 0.12,
                "centring": 0.113,
                "slope_and_centring": 0.92,
                "weight_scale": 0.93,
            },
            ["slope", "centring"],
        ),
        # A scale that is merely too small.
        ({"control": 0.11, "centring": 0.11, "weight_scale": 0.95}, ["weight-scale"]),
        # A change that helps, but by less than .05.
        ({"control": 0.92, "slope": 0.95, "centring": 0.95}, []),
        # Beaten, but by nothing that has a name.
        ({"control": 0.11, "slope": 0.11, "centring": 0.11, "relu": 0.96}, []),
    ],
)
def test_causes(means, expected):
    assert causes(**means)[0] == expected


def test_a_control_that_does_not_fail_needs_no_cause():
    found, fails = causes(control=0.96, slope=0.2, slope_and_centring=0.95)
    assert (found, fails) == ([], False)


def test_too_few_seeds_cannot_tell():
    arms = [arm("control", 0.1, 0.5), arm("slope", 0.3, 0.9)]
    judge_arms(arms)
    named = {a.arm.name: a for a in arms}
    assert control_fails(named) is None
    assert find_causes(named) == []


def parameters_of(network, name):
    found = {a.name: a for a in arms_of(network, INPUTS)}[name]
    params = initial_parameters(found.network, 0)
    return found, found.adjust(params) if found.adjust else params


def forward(network, params):
    """Hidden activations of every layer, in plain NumPy."""
    weights = [w for block in params for w in block["weight"]]
    biases = [b for block in params for b in block["bias"]]
    h, seen = INPUTS, []
    for w, b, name in zip(weights, biases, network.activations, strict=False):
        h = ACTIVATIONS[name].f(h @ w + b)
        seen.append(h)
    return seen, weights, biases


def test_centring_takes_the_mean_out_of_the_next_layers_input():
    arm, params = parameters_of(SIGMOID, "centring")
    seen, weights, biases = forward(arm.network, params)
    for h, w, b in zip(seen[:-1], weights[1:], biases[1:], strict=False):
        np.testing.assert_allclose(h.mean() * w.sum(axis=0) + b, 0, atol=1e-12)
    # For a sigmoid in its middle that mean is 1/2.
    np.testing.assert_allclose(biases[1], -0.5 * weights[1].sum(axis=0), rtol=0.05, atol=0.02)


def test_canceling_the_slope_multiplies_only_the_weights_between_hidden_layers():
    _, params = parameters_of(SIGMOID, "slope")
    plain = initial_parameters(SIGMOID, 0)
    np.testing.assert_array_equal(params[0]["weight"], plain[0]["weight"])
    np.testing.assert_allclose(params[1]["weight"], 4 * plain[1]["weight"])
    np.testing.assert_array_equal(params[-1]["weight"], plain[-1]["weight"])


def test_orthogonal_arm_keeps_the_variance_and_is_orthogonal():
    network = parse("16-16x4-3 tanh init=he_normal")
    found = {a.name: a for a in arms_of(network, INPUTS[:, :16])}["orthogonal"]
    params = found.adjust(initial_parameters(found.network, 0))
    w = params[0]["weight"][1]
    np.testing.assert_allclose(w.T @ w, 2 * np.eye(16), atol=1e-12)


@pytest.mark.parametrize(
    ("notation", "missing"),
    [
        ("20-16x6-3 relu", {"slope", "slope+centring", "rescaled", "relu"}),
        ("20-16x6-3 sigmoid norm=layer", {"centring", "slope+centring", "layer-norm"}),
        ("20-16-8-3 tanh", {"skips", "slope"}),
        ("20-16x6-3 tanh init=orthogonal", {"orthogonal"}),
    ],
)
def test_an_arm_that_would_change_nothing_is_left_out(notation, missing):
    assert not missing & {a.name for a in arms_of(parse(notation), INPUTS)}


def test_best_constant_prediction(blobs):
    shares = np.bincount(blobs.y_train) / len(blobs.y_train)
    expected = -sum(p * math.log(p) for p in shares if p)
    assert constant_loss("cross_entropy", blobs.y_train) == pytest.approx(expected)


def test_plateau_ends_where_the_loss_first_falls():
    losses = np.full((3, 400), 2.3)
    losses[0, 100:] = 0.5
    losses[1, 300:] = 0.5
    losses[2, 120:] = 0.5
    axes = ("member", "step")
    coords = {"member": np.arange(3), "step": np.arange(400)}
    run = Run({}, RunGroup({}), {"steps": RunGroup(coords, {"loss": (axes, losses)})})
    assert began_to_learn(run, 2.302) == pytest.approx(120, abs=20)
    losses[0] = losses[1] = 2.3
    assert began_to_learn(run, 2.302) is None


def test_a_short_training_begins_where_its_loss_falls():
    losses = np.full((1, 20), 2.3)
    losses[0, 12:] = 1.6
    coords = {"member": np.arange(1), "step": np.arange(20)}
    run = Run({}, RunGroup({}), {"steps": RunGroup(coords, {"loss": (("member", "step"), losses)})})
    assert began_to_learn(run, 2.302) == pytest.approx(12, abs=2)


def test_sigmoid_is_held_back_by_its_slope_and_tanh_by_nothing():
    full = load("mnist")
    data = dataclasses.replace(
        full,
        x_train=full.x_train[:6000],
        y_train=full.y_train[:6000],
        x_test=full.x_test[:2000],
        y_test=full.y_test[:2000],
    )
    training = TrainingSpec(batch_size=100, epochs=5, seeds=(0, 1, 2))
    rates = {"adam": 1e-3}
    sigmoid = why(parse("784-32x8-10 sigmoid"), training, data, rates)
    assert sigmoid.causes == {"adam": ["slope"]}
    tanh = why(parse("784-32x8-10 tanh"), training, data, rates)
    assert tanh.causes == {"adam": []}
