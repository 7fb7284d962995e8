"""What must hold for every activation at every sigma_w and sigma_b."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradgauge.errors import InvalidValue, UnknownName
from gradgauge.messages.catalog import LANGUAGES, sentence
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.theory import critical, init_advice, next_correlation, next_length, predict

SIGMA_W = st.floats(0.01, 20)
SIGMA_B = st.one_of(st.just(0.0), st.floats(0, 5))
FIELDS = (
    "activation",
    "sigma_w",
    "sigma_b",
    "q_star",
    "chi_grad",
    "chi_len",
    "c_star",
    "xi_q",
    "xi_c",
    "trainable_depth",
    "phase",
)
NUMBERS = FIELDS[3:10]


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@settings(max_examples=20, deadline=None, derandomize=True)
@given(sigma_w=SIGMA_W, sigma_b=SIGMA_B)
def test_every_figure_is_a_number_or_has_its_reason(name, sigma_w, sigma_b):
    prediction = predict(name, sigma_w, sigma_b)
    for field in NUMBERS:
        value = getattr(prediction, field)
        if value is None or value == math.inf:
            key = prediction.reasons[field]
            assert all(sentence(f"theory.reason.{key}", lang) for lang in LANGUAGES)
        else:
            assert math.isfinite(value)
            assert value >= -1e-12
    as_json = json.loads(json.dumps(prediction.to_json(), allow_nan=False))
    assert tuple(as_json) == FIELDS


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@settings(max_examples=10, deadline=None, derandomize=True)
@given(sigma_w=SIGMA_W, sigma_b=SIGMA_B)
def test_fixed_points_are_fixed(name, sigma_w, sigma_b):
    prediction = predict(name, sigma_w, sigma_b)
    q, c = prediction.q_star, prediction.c_star
    if q and math.isfinite(q):
        mapped = float(next_length(name, q, sigma_w, sigma_b))
        assert mapped == pytest.approx(q, rel=1e-6)
        if c is not None:
            assert next_correlation(name, c, q, sigma_w, sigma_b) == pytest.approx(c, abs=1e-9)
            assert (c < 1) == (prediction.chi_grad > 1 + 1e-8) or abs(1 - c) < 1e-6


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("sigma_w", [0.3, 0.9, 1.2, 1.6, 2.5, 9.0])
@pytest.mark.parametrize("sigma_b", [0.0, 0.4, 3.0])
def test_iteration_from_one_ends_where_we_say(name, sigma_w, sigma_b):
    """The oracle is patience: 400 layers, watched for whether they come closer."""
    q_star = predict(name, sigma_w, sigma_b).q_star
    q = 1.0
    start = abs(q - q_star)
    for _ in range(400):
        q = float(next_length(name, q, sigma_w, sigma_b))
        if q > 1e20:
            break
    if q_star == math.inf:
        assert q > 100
    else:
        assert abs(q - q_star) <= max(0.05 * start, 1e-6)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("sigma_b", [0.0, 0.1, 0.7, 3.0])
def test_critical_networks_are_predicted_critical(name, sigma_b):
    point = critical(name, sigma_b)
    if point.sigma_w2 is None:
        assert sentence(f"theory.reason.{point.note}", "ko")
        assert point.to_json() == {"sigma_w2_critical": None, "q_star": None}
        return
    prediction = predict(name, math.sqrt(point.sigma_w2), sigma_b)
    assert prediction.phase == "critical"
    assert prediction.chi_grad == pytest.approx(1, abs=1e-8)
    assert prediction.q_star == pytest.approx(point.q_star, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_advice_is_critical(name):
    """Judged by iterating the advised network's own length map from below and above."""
    advice = init_advice(name)
    part = ACTIVATIONS[name]
    facts = {"sigma_w": advice.sigma_w, "sigma_b": advice.sigma_b, "shift": advice.shift}
    assert all(
        sentence(f"theory.advice.{advice.kind}", lang, activation=name, **facts)
        for lang in LANGUAGES
    )
    if advice.note in ("signal_fades", "any_length"):
        return
    nodes = np.linspace(-9, 9, 3_001)
    weights = np.exp(-0.5 * nodes**2)
    weights /= weights.sum()
    for start in (0.8 * advice.q_star, 1.2 * advice.q_star):
        q = start
        for _ in range(400):
            value = part.f(math.sqrt(q) * nodes) + advice.shift
            q = advice.sigma_w**2 * float(weights @ value**2) + advice.sigma_b**2
        assert q == pytest.approx(advice.q_star, rel=2e-3)
    slope = part.slope(math.sqrt(q) * nodes)
    assert advice.sigma_w**2 * float(weights @ slope**2) == pytest.approx(1, abs=5e-3)


@pytest.mark.parametrize("bad", [-0.1, math.nan, math.inf])
def test_impossible_sigmas_are_refused(bad):
    for sigmas in ((bad, 0.1), (1.0, bad)):
        with pytest.raises(InvalidValue):
            predict("tanh", *sigmas)
    with pytest.raises(InvalidValue):
        critical("tanh", bad)


def test_unknown_activation_is_refused():
    for question in (predict, critical):
        with pytest.raises(UnknownName) as caught:
            question("tanhh", 1.0)
        assert caught.value.nearest == "tanh"
