"""A network's prediction layer by layer, against networks drawn from their own initializer."""

import math

import numpy as np
import pytest

from gradgauge import theory
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.initializers import INITIALIZERS
from gradgauge.spec.notation import parse


def _measured_squares(network, seed):
    """|delta_l|^2 / |delta_(L+1)|^2 at initialization, for one input of mean square 1."""
    rng = np.random.default_rng(seed)
    init = INITIALIZERS[network.init]
    h, skip, taps = rng.standard_normal(network.inputs), None, []
    weights = [network.scale * init.draw(rng, m, n) for m, n in network.shapes]
    for index, layer in enumerate(network.hidden):
        part, std = ACTIVATIONS[layer.activation], 1.0
        limit = init.bias_limit(network.shapes[index][0])
        bias = rng.uniform(-1, 1, layer.width) * limit
        bias += network.bias_std * rng.standard_normal(layer.width)
        z = h @ weights[index] + bias
        if network.norm == "layer":
            std = z.std()
            z = (z - z.mean()) / std
        h = part.f(z)
        opens = network.skip > 0 and index % network.skip == 0
        if opens:
            h = h if skip is None else h + skip
            skip = h
        taps.append((part.slope(z), std, opens))
    grad = weights[-1] @ rng.standard_normal(network.outputs)
    squares, pending = [], 0.0
    scale = None
    for index in reversed(range(network.depth)):
        slope, std, opens = taps[index]
        if opens:
            grad = grad + pending
            pending = grad
        delta = slope * grad
        squares.append(delta @ delta)
        if scale is None:
            scale = grad @ grad / (np.sum(weights[-1] ** 2) / network.outputs)
        grad = weights[index] @ (delta / std)
    return np.array(squares[::-1]) / scale


@pytest.mark.parametrize(
    "notation",
    [
        "300-300x8-10 tanh init=glorot_normal",
        "300-400x8-10 relu init=he_normal",
        "300-400x6-10 relu init=pytorch",
        "200-400x4:tanh-300x4:relu-10 init=lecun_normal scale=1.3 bias_std=0.2",
        "300-300x5-10 gelu init=orthogonal scale=1.4 norm=layer",
        "300-400x9-10 relu init=glorot_normal skip=2",
        "300-400x7-10 tanh init=he_uniform skip=3",
    ],
)
def test_gradient_of_random_networks(notation):
    network = parse(notation)
    predicted = theory.predict_network(network)
    logs = np.mean([np.log(_measured_squares(network, seed)) for seed in range(6)], axis=0)
    expected = [2 * math.log(10) * layer.decades for layer in predicted.layers]
    assert np.max(np.abs(logs - expected)) < 0.3


@pytest.mark.parametrize("init", [name for name in INITIALIZERS if name != "zeros"])
def test_sigmas_of_the_initializers(init):
    """Fan-in times the mean square of weights that the initializer draws."""
    network = parse(f"80-60x2-10 tanh init={init} scale=1.5")
    drawn = 1.5 * INITIALIZERS[init].draw(np.random.default_rng(0), 80, 60)
    sigma_w, _ = theory.layer_sigmas(network)[0]
    assert math.sqrt(80 * np.mean(drawn**2)) == pytest.approx(sigma_w, rel=0.05)


def test_sigmas_of_the_biases():
    assert theory.layer_sigmas(parse("50-40-10 relu init=pytorch"))[0][1] == pytest.approx(
        1 / math.sqrt(150)
    )
    assert theory.layer_sigmas(parse("50-40-10 relu bias_std=0.3"))[0][1] == 0.3
    assert theory.layer_sigmas(parse("50-40-10 relu"))[0][1] == 0


def test_the_practicals_sigmoid_network_loses_six_decades():
    """DESIGN section 3: measured -6.1 to -6.2 on MNIST, whose mean square is about .1."""
    decades = theory.predict_network(parse("784-64x10-10 sigmoid"), input_square=0.1).decades
    assert decades == pytest.approx(-6.15, abs=0.15)


def test_equal_layers_without_norm_repeat_the_single_figure():
    layers = theory.predict_network(parse("64-64x30-10 sigmoid")).layers
    assert layers[20].chi_grad == pytest.approx(theory.predict("sigmoid", 1.0).chi_grad)
    assert layers[20].q == pytest.approx(theory.predict("sigmoid", 1.0).q_star)


def test_batch_norm_network_has_the_growth_of_batch_norm():
    for batch in (math.inf, 32):
        layers = theory.predict_network(parse("64-64x9-10 relu norm=batch"), batch=batch).layers
        assert layers[3].chi_grad == pytest.approx(theory.batch_norm_growth("relu", batch))


def test_weights_that_are_all_alike_are_not_predicted():
    predicted = theory.predict_network(parse("64-64x3-10 relu init=constant"))
    assert predicted.layers == ()
    assert predicted.reason == "weights_not_centered"
    assert predicted.decades is None


def test_zero_weights_pass_nothing():
    predicted = theory.predict_network(parse("64-64x3-10 relu init=zeros"))
    assert predicted.decades == -math.inf
    assert all(layer.chi_grad == 0 for layer in predicted.layers)


def test_exploding_lengths_are_infinite_not_nan():
    """800 layers at sigma_w^2 / 2 = 40.5: beyond double precision, but not beyond a logarithm."""
    predicted = theory.predict_network(parse("64-64x800-10 relu scale=9"))
    for layer in predicted.layers:
        assert not any(math.isnan(x) for x in (layer.q, layer.chi_grad, layer.decades))
    steps = 799 * math.log10(40.5) + math.log10(81 * 128 / 74 / 2)
    assert predicted.decades == pytest.approx(0.5 * steps, rel=1e-3)
