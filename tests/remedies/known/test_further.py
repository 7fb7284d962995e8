"""Remedies of dead units, of steps, of depth and of scale, each on the fault that it answers, beside
the untouched twin, in every framework that can have it."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest
import torch
from torch import nn

import gradgauge as gg
from gradgauge.engine.build import initial_parameters
from gradgauge.own.data import given_data
from gradgauge.own.loops import loop_of
from gradgauge.own.states import kept_states
from gradgauge.remedies.known import BY_KEY
from gradgauge.remedies.own.target import target_of
from gradgauge.remedies.own.trainer import OwnTrainer
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.spec.forward import outputs_of
from gradgauge.remedies.trainer import CONTROL, REMEDY, Candidate, CannotApply, Dose, Task
from gradgauge.spec.training import TrainingSpec

INPUTS, WIDTH, CLASSES = 6, 8, 3
TRAINING = TrainingSpec(epochs=1, batch_size=40)
FRAMEWORKS = ("keras", "pytorch", "jax")


def points():
    rng = np.random.default_rng(3)
    y = np.arange(240) % CLASSES
    x = 3 * rng.normal(size=(CLASSES, INPUTS))[y] + rng.normal(size=(240, INPUTS))
    return x.astype(np.float32), y


def module(depth=3, activation: Any = nn.ReLU, extra: Any = None, **sizes: float):
    """A chain, with weights times `scale`, hidden biases of `bias`, trained at `rate`."""
    widths = [INPUTS, *[WIDTH] * depth]
    parts = []
    for m, n in itertools.pairwise(widths):
        parts += [nn.Linear(m, n), *([extra(n)] if extra else []), activation()]
    model = nn.Sequential(*parts, nn.Linear(WIDTH, CLASSES))
    with torch.no_grad():
        for part in model:
            if isinstance(part, nn.Linear):
                part.weight.mul_(sizes.get("scale", 1.0))
                if "bias" in sizes and part is not model[-1]:
                    part.bias.fill_(sizes["bias"])
    return model


def pytorch(depth=3, activation: Any = nn.ReLU, extra: Any = None, **sizes: float):
    def make():
        model = module(depth, activation, extra, **sizes)
        optimizer = torch.optim.SGD(model.parameters(), sizes.get("rate", 0.1))
        return model, nn.CrossEntropyLoss(), optimizer

    return make


def make_keras():
    hidden = [keras.layers.Dense(WIDTH, activation="relu") for _ in range(5)]
    model = keras.Sequential([keras.Input((INPUTS,)), *hidden, keras.layers.Dense(CLASSES)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(5.0), loss)
    return model


def make_jax(seed):
    widths = [INPUTS, *[WIDTH] * 5, CLASSES]
    keys = jax.random.split(jax.random.key(seed), len(widths))
    params = [
        {"weight": jax.nn.initializers.he_normal()(k, (m, n)), "bias": jnp.zeros(n)}
        for k, m, n in zip(keys, widths, widths[1:], strict=False)
    ]

    def predict(params, x):
        for layer in params[:-1]:
            x = jax.nn.relu(x @ layer["weight"] + layer["bias"])
        return x @ params[-1]["weight"] + params[-1]["bias"]

    def loss(params, x, y):
        return optax.softmax_cross_entropy_with_integer_labels(predict(params, x), y).mean()

    return loss, params, predict, optax.sgd(5.0)


MAKERS = {"keras": make_keras, "pytorch": pytorch(5, rate=5.0), "jax": make_jax}


def trainer(make, training=TRAINING):
    return OwnTrainer(target_of(make, given_data(*points()), training))


def candidate(key, knob=None):
    return Candidate(REMEDY, (Dose(key, knob),))


def treated(make, key, seed=0, knob=None):
    return trainer(make).apply(candidate(key, knob), seed=seed)[0]


def scores(make, key, training, knob=None):
    """Of the untouched twin, and with the remedy."""
    task = Task([Candidate(CONTROL), candidate(key, knob)], (0, 1), 1.0, "screen")
    return [outcome.scores for outcome in trainer(make, training).train(task).outcomes]


def spec_treated(key, notation, params, x):
    case = BY_KEY[key].on_spec(SpecCase(gg.parse(notation), TrainingSpec(), steps=9), 1.0)
    adjust = case.adjust(x)
    assert adjust is not None
    return case.network, adjust(params)


def after_one_step(framework, key, knob):
    """Weights of every layer (units last) before and after the first step with a remedy."""
    own = trainer(MAKERS[framework], TRAINING.replace(batch_size=192))
    with kept_states():
        site = own._treated(candidate(key, knob), 0)
        loop = loop_of(site.made)
        before = _matrices(framework, loop.weights())
        loop.train(own._batches(site.data, 0, 1), None, most=1)
        return list(zip(before, _matrices(framework, loop.weights()), strict=True))


def _matrices(framework, weights):
    found = [np.array(w) for w in weights if np.ndim(w) == 2]
    return [w.T for w in found] if framework == "pytorch" else found


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_no_unit_steps_further_than_adaptive_clipping_allows(framework):
    shares = []
    for before, after in after_one_step(framework, "adaptive_clipping", 0.01):
        most = np.maximum(np.linalg.norm(before, axis=0), 1e-3)
        shares += list(np.linalg.norm(after - before, axis=0) / most)
    assert max(shares) == pytest.approx(5.0 * 0.01, rel=1e-3)  # The rate is 5.


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_layerwise_rates_make_every_step_a_share_of_the_weights(framework):
    for before, after in after_one_step(framework, "layerwise_rates", 0.01):
        step = np.linalg.norm(after - before)
        assert step == pytest.approx(0.01 * np.linalg.norm(before), rel=1e-2)


@pytest.mark.parametrize("key", ["adaptive_clipping", "layerwise_rates"])
def test_steps_that_were_too_long_train(key):
    make = pytorch(5, nn.Tanh, scale=4.0, rate=5.0)
    untouched, cured = scores(make, key, TRAINING.replace(epochs=10), knob=0.01)
    assert min(cured) > 0.8 > max(untouched)
    why = trainer(pytorch()).applies(Dose("forget_bias"))
    assert why is not None and why.reason == "no_recurrence"


def born_dead(network, params, x):
    return bool(np.ptp(outputs_of(network, params, x), axis=0).max() == 0)


def test_fewer_narrow_networks_are_born_dead_with_asymmetric_weights():
    notation = "6-2x10-3 relu init=he_normal"
    network, (x, _) = gg.parse(notation), points()
    drawn = [tuple(dict(b) for b in initial_parameters(network, seed)) for seed in range(30)]
    untouched = sum(born_dead(network, params, x) for params in drawn)
    cured = sum(
        born_dead(*spec_treated("asymmetric_init", notation, params, x), x) for params in drawn
    )
    assert cured < untouched / 2


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_asymmetric_weights_have_the_mean_square_of_the_paper(framework):
    """One of fan_in + 1 is Beta(2, 1), of mean square 1/2; the others have .6007^2 / fan_in."""
    own = trainer(MAKERS[framework])
    with kept_states():
        made = own._treated(candidate("asymmetric_init"), 0).made
        weights = _matrices(framework, loop_of(made).weights())[1:-1]
    found = np.mean([(w**2).sum(axis=0).mean() for w in weights])
    wanted = WIDTH / (WIDTH + 1) * (0.5 + 0.6007**2)
    assert found == pytest.approx(wanted, rel=0.3)
    assert all((w > 0).any(axis=0).mean() > 0.9 for w in weights)


@pytest.mark.parametrize("key", ["positive_bias", "asymmetric_init", "elu_instead", "gelu_instead"])
def test_a_network_whose_units_were_dead_trains(key):
    activation = nn.ReLU
    untouched, cured = scores(
        pytorch(3, activation, bias=-8.0), key, TRAINING.replace(epochs=12), knob=None
    )
    if key in ("elu_instead", "gelu_instead"):
        # They leave the biases alone: there a unit is far from open, and still not dead.
        model = treated(pytorch(3, activation, bias=-2.0), key)
        x = torch.as_tensor(points()[0])
        slopes = torch.autograd.functional.jacobian(lambda z: model[1](z).sum(), model[0](x))
        assert bool((slopes != 0).any(dim=0).all())
    else:
        assert min(cured) > 0.8 > max(untouched)


def test_positive_biases_are_set_in_hidden_layers_alone():
    network, params = spec_treated(
        "positive_bias",
        "6-8x3-3 relu bias_std=1",
        initial_parameters(gg.parse("6-8x3-3 relu"), 0),
        points()[0],
    )
    assert all(np.allclose(block["bias"], 1.0) for block in params[:-1])
    assert np.allclose(params[-1]["bias"], 0.0) and network.depth == 3
    model = treated(MAKERS["pytorch"], "positive_bias")
    linear = [m for m in model if isinstance(m, nn.Linear)]
    assert all(torch.allclose(m.bias, torch.tensor(0.1)) for m in linear[:-1])


def test_without_dropout_what_could_not_train_trains():
    make = pytorch(6, nn.Tanh, lambda _: nn.Dropout(0.8), rate=0.1)
    untouched, cured = scores(make, "no_dropout", TRAINING.replace(epochs=25))
    assert min(cured) > 0.8 > max(untouched)
    why = trainer(pytorch()).applies(Dose("no_dropout"))
    assert why is not None and why.reason == "no_dropout"


def test_the_rate_of_a_keras_dropout_is_0_afterwards():
    def make():
        parts = [keras.layers.Dense(WIDTH, activation="tanh"), keras.layers.Dropout(0.8)]
        model = keras.Sequential([keras.Input((INPUTS,)), *parts, keras.layers.Dense(CLASSES)])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    model = trainer(make).apply(candidate("no_dropout"))
    assert model.layers[1].rate == 0.0
    why = trainer(make_keras).applies(Dose("larger_epsilon"))
    assert why is not None and why.reason == "no_batch_norm"


def growth(model):
    """The first layer's gradient over the last one's."""
    x, y = (torch.as_tensor(part) for part in points())
    nn.functional.cross_entropy(model(x), y).backward()
    linear = [m for m in model if isinstance(m, nn.Linear)]
    return float(linear[0].weight.grad.norm() / linear[-2].weight.grad.norm())


def test_with_a_larger_epsilon_gradients_grow_less_from_layer_to_layer():
    def make():
        model = module(20, nn.ReLU, nn.BatchNorm1d, scale=0.5)
        return model, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), 0.1)

    ratios = []
    for seed in range(5):
        torch.manual_seed(seed)
        untouched = make()[0]
        ratios.append(growth(treated(make, "larger_epsilon", seed, 0.1)) / growth(untouched))
    assert np.exp(np.mean(np.log(ratios))) < 0.6


def test_branches_from_zero_leave_the_first_and_the_last_layer():
    """At first a network of any depth is its first and its last layer: a closed form."""
    x, _ = points()
    params = tuple(dict(b) for b in initial_parameters(gg.parse("6-8x9-3 relu"), 0))
    network, new = spec_treated("fixup", "6-8x9-3 relu", params, x)
    first = np.maximum(x @ new[0]["weight"][0] + new[0]["bias"][0], 0)
    wanted = first @ new[-1]["weight"][0] + new[-1]["bias"][0]
    assert np.allclose(outputs_of(network, new, x), wanted)
    model = treated(pytorch(9), "fixup")
    inputs = torch.as_tensor(x)
    assert torch.allclose(model(inputs), model[-1](model[1](model[0](inputs))), atol=1e-6)
    own = trainer(make_keras).apply(candidate("fixup"))
    dense = [layer for layer in own.layers if isinstance(layer, keras.layers.Dense)]
    assert np.allclose(own(x), dense[-1](dense[0](x)), atol=1e-5)


def test_with_branches_from_zero_a_deep_network_trains():
    untouched, cured = scores(pytorch(15, scale=0.5), "fixup", TRAINING.replace(epochs=8))
    assert min(cured) > 0.8 > max(untouched)


def quotient(gradient_of, weights):
    """The gradient quotient by a finite difference along the gradient instead of a derivative."""
    gradients, step = gradient_of(weights), 1e-4
    moved = gradient_of([w - step * g for w, g in zip(weights, gradients, strict=True)])
    parts = [
        np.abs((g - (g - m) / step) / (g + 1e-5 * np.where(g >= 0, 1, -1)) - 1).sum()
        for g, m in zip(gradients, moved, strict=True)
    ]
    return sum(parts) / sum(w.size for w in weights)


def module_quotient(model):
    model = model.double()
    x, y = torch.as_tensor(points()[0]).double(), torch.as_tensor(points()[1])
    own = [p for p in model.parameters() if p.dim() > 1]

    def gradient_of(weights):
        with torch.no_grad():
            for parameter, weight in zip(own, weights, strict=True):
                parameter.copy_(torch.as_tensor(weight))
        found = torch.autograd.grad(nn.functional.cross_entropy(model(x), y), own)
        return [g.numpy() for g in found]

    return quotient(gradient_of, [p.detach().numpy().copy() for p in own])


def test_metainit_makes_the_gradient_quotient_smaller():
    make = pytorch(4, nn.Tanh, scale=6.0)
    torch.manual_seed(0)
    untouched = make()[0]
    assert module_quotient(treated(make, "metainit")) < module_quotient(untouched) / 2


def test_metainit_changes_norms_alone_and_trains_what_began_too_large():
    x, _ = points()
    params = tuple(dict(b) for b in initial_parameters(gg.parse("6-8x4-3 tanh scale=6"), 0))
    _, new = spec_treated("metainit", "6-8x4-3 tanh scale=6", params, x)
    for old, block in zip(params, new, strict=True):
        ratio = block["weight"] / old["weight"]
        assert np.allclose(ratio, ratio[:, :1, :1])
    assert new[1]["weight"].std() < params[1]["weight"].std()
    made = trainer(make_jax).apply(candidate("metainit"))[0]
    assert len(made) == 6
    why = trainer(make_keras).applies(Dose("metainit"))
    assert isinstance(why, CannotApply) and why.reason == "no_second_derivatives"
