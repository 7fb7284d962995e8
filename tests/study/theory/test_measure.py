"""Random networks beside predictions; edges of trainability; small sizes, fixed seeds."""

import json
import math

import numpy as np
import pytest

from gradgauge.errors import InvalidValue, TooLarge
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.spec.notation import parse
from gradgauge.spec.training import TrainingSpec
from gradgauge.study.theory import measure as study
from gradgauge.study.theory.agreement import NOT_SETTLED, judge
from gradgauge.study.theory.random_network import Size, pass_through
from gradgauge.study.theory.train_map import trainability
from gradgauge.study.theory.trainability import TrainabilitySpec, agrees, find_edge
from gradgauge.theory import predict


def _by_name(measurement):
    return {figure.name: figure for figure in measurement.figures}


@pytest.fixture(scope="module")
def tanh():
    return study.measure_activation(predict("tanh", 1.5, 0.3), 150, 10, range(3), 16)


def test_every_figure_agrees(tanh):
    figures = _by_name(tanh)
    for name in ("q_star", "chi_grad", "chi_len", "c_star", "xi_q", "xi_c"):
        assert figures[name].agrees is True, figures[name]
        low, high = figures[name].summary.interval
        assert low <= figures[name].summary.mean <= high


def test_another_networks_prediction_is_refused(tanh):
    """The figures of sigma_w = 1.5 held against the predictions for 2.5 and 1.0."""
    figures = _by_name(tanh)
    for other in (predict("tanh", 2.5, 0.3), predict("tanh", 1.0, 0.3)):
        for name in ("q_star", "chi_grad", "chi_len"):
            values = figures[name].summary.values
            assert judge(name, values, getattr(other, name), 150).agrees is False


def test_the_picture_has_every_layer(tanh):
    size = tanh.size
    assert tanh.delta.measured.shape == (3, size.layers + 1)
    assert tanh.delta.measured[:, -1].tolist() == [1, 1, 1]
    assert tanh.delta.predicted[0] == pytest.approx(
        predict("tanh", 1.5, 0.3).chi_grad ** (size.layers / 2)
    )


def test_one_layer_against_the_sums_themselves():
    """Two inputs, two layers: every average written out over the entries."""
    part, n = ACTIVATIONS["tanh"], 5
    shown = pass_through(part, 1.2, 0.0, Size(n, 0, 0, 1, 2), 1.0, seed=4)
    rng = np.random.default_rng(4)
    z = rng.standard_normal((2, n))
    weight = rng.standard_normal((n, n)) * 1.2 / math.sqrt(n)
    rng.standard_normal(n)
    assert shown.length[0] == pytest.approx(np.mean(z**2))
    assert shown.correlation[0] == pytest.approx(z[0] @ z[1] / np.mean(np.sum(z**2, axis=1)))
    step = 1e-6
    before, after = (np.mean((np.tanh(z * s) @ weight) ** 2) for s in (1 - step, 1 + step))
    moved = np.mean((z * (1 + step)) ** 2) - np.mean((z * (1 - step)) ** 2)
    assert shown.length_slope[0] == pytest.approx((after - before) / moved, rel=1e-6)
    errors = rng.standard_normal((n, 16))
    deltas = (1 - np.tanh(z) ** 2)[:, :, None] * (weight @ errors)[None]
    overlap = np.mean(np.sum(deltas[0] * deltas[1], axis=0)) / n
    assert shown.correlation_slope[0] == pytest.approx(overlap)


def test_limits_are_not_judged():
    figures = _by_name(study.measure_activation(predict("tanh", 0.5), 40, 3, range(2), 8))
    assert figures["q_star"].agrees is None and figures["q_star"].reason == "signal_dies"
    assert figures["c_star"].agrees is None and figures["c_star"].reason == "vanishing_bias"
    assert figures["chi_len"].agrees is not None


def test_what_cannot_settle_is_not_judged():
    figures = _by_name(study.measure_activation(predict("relu", math.sqrt(2)), 60, 3, range(2), 8))
    assert figures["c_star"].reason == figures["xi_c"].reason == NOT_SETTLED
    assert figures["chi_grad"].agrees is True


def test_what_overflows_is_said_to():
    found = study.measure_activation(predict("relu", 1e6), 10, 20, range(2), 4)
    assert _by_name(found)["q_star"].reason == "not_finite"
    json.dumps(found.to_json(), allow_nan=False)


def test_batch_norm_without_the_input_layer():
    """CLAIMS row 17: 1.4797 at B = 128, width 256."""
    found = study.measure_batch_norm("relu", 64, 160, 12, range(3))
    figure = found.figures[0]
    assert figure.agrees is True
    assert figure.summary.mean == pytest.approx(figure.predicted, rel=0.06)


def test_log_norm_walks():
    figures = _by_name(study.measure_log_norm("relu", 32, 20, seeds=range(150)))
    assert figures["mean_log_norm"].agrees and figures["std_log_norm"].agrees
    wrong = judge("mean_log_norm", figures["mean_log_norm"].summary.values, 0.0, 32)
    assert wrong.agrees is False


def test_a_network_layer_by_layer():
    prediction, found = study.measure_network(parse("40-50x8-10 sigmoid"), range(3))
    figures = _by_name(found)
    assert figures["decades"].agrees is True and figures["chi_grad"].agrees is True
    assert figures["decades"].predicted == prediction.decades
    assert figures["jacobian_sv_max"].summary.mean >= figures["jacobian_sv_mean"].summary.mean
    # chi_grad^depth and the Jacobian lose alike: the sum of squares is at most outputs * |J|^2.
    assert figures["jacobian_sv_max"].summary.mean < 1e-4


@pytest.mark.parametrize("init", ["zeros", "constant"])
def test_networks_without_a_prediction(init):
    _, found = study.measure_network(parse(f"5-6x3-4 tanh init={init}"), range(2), 8)
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize("size", [{"width": 1}, {"depth": 1}, {"samples": 1}, {"seeds": ()}])
def test_sizes_that_cannot_be(size):
    with pytest.raises(InvalidValue):
        study.measure_activation(predict("tanh", 1.5, 0.3), **{"width": 8, "depth": 2, **size})


def test_what_does_not_fit_the_memory():
    with pytest.raises(TooLarge):
        study.measure_activation(predict("tanh", 1.5, 0.3), width=10_000, depth=1_000_000)
    with pytest.raises(InvalidValue):
        study.measure_activation(predict("tanh", 0.0))


@pytest.mark.parametrize(
    ("accuracy", "edge"),
    [
        ({5: 0.9, 10: 0.9, 20: 0.1}, (10 * 2 ** (0.4 / 0.8), "between")),
        ({5: 0.9, 10: 0.5, 20: 0.1}, (10, "between")),
        ({5: 0.2, 10: 0.9, 20: 0.1}, (10 * 2 ** (0.4 / 0.8), "between")),
        ({5: 0.9, 10: 0.9}, (10, "beyond")),
        ({5: 0.1, 10: 0.2}, (5, "below")),
    ],
)
def test_edges(accuracy, edge):
    depth, place = find_edge(accuracy, 0.5)
    assert (depth, place) == (pytest.approx(edge[0]), edge[1])


@pytest.mark.parametrize(
    ("edge", "predicted", "verdict"),
    [
        ((20, "between"), 30.0, True),
        ((20, "between"), 41.0, False),
        ((20, "between"), math.inf, False),
        ((40, "beyond"), math.inf, True),
        ((40, "beyond"), 15.0, False),
        ((5, "below"), 3.0, True),
        ((5, "below"), 30.0, False),
        ((20, "between"), None, None),
    ],
)
def test_edges_beside_six_xi(edge, predicted, verdict):
    depth, place = edge
    assert agrees(depth, place, predicted) is verdict


def test_the_experiment_on_blobs(blobs):
    """Ordered networks of depth 12 lose their inputs; critical ones learn."""
    spec = TrainabilitySpec(
        sigma_ws=(0.5, 1.4),
        depths=(1, 12),
        width=20,
        rates=(0.01, 0.1),
        train_samples=120,
        test_samples=60,
        training=TrainingSpec(optimizer="momentum", batch_size=20, epochs=8),
    )
    found = trainability(spec, blobs)
    accuracy = {(c.sigma_w, c.depth): c.train_accuracy for c in found.cells}
    assert accuracy[1.4, 12] > accuracy[0.5, 12] + 0.2
    assert [edge.sigma_w for edge in found.edges] == [0.5, 1.4]
    assert found.edges[0].place == "between"
    assert found.edges[0].predicted == predict("tanh", 0.5, spec.sigma_b).trainable_depth
    document = json.dumps(found.to_json(), allow_nan=False)
    assert json.loads(document)["edges"][1]["place"] == found.edges[1].place


@pytest.mark.parametrize(
    "wrong",
    [{"sigma_ws": (1.0, 1.0)}, {"depths": (0,)}, {"rates": ()}, {"sigma_b": -1.0}, {"width": 0}],
)
def test_experiments_that_cannot_be(wrong):
    with pytest.raises(InvalidValue):
        TrainabilitySpec(**wrong)
