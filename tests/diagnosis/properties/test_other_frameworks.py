"""Mixing and reach in Keras and JAX: broken, and sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras import layers, ops

from gradgauge.diagnosis.properties.answers import Properties
from gradgauge.diagnosis.properties.mixing import Mixing, batch_mixing
from gradgauge.diagnosis.properties.reach import reach
from gradgauge.diagnosis.trainees.jax_experiment import properties_of
from gradgauge.diagnosis.trainees.jax_indices import indices_of
from gradgauge.diagnosis.trainees.keras.experiment import KerasExperiment

ROWS, FEATURES, CLASSES = 32, 6, 4
DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(ROWS, FEATURES)).astype(np.float32)
Y = DRAW.integers(0, CLASSES, ROWS)
PARAMS = {
    "a": jnp.asarray(DRAW.normal(0, 0.4, (FEATURES, 8)), jnp.float32),
    "b": jnp.asarray(DRAW.normal(0, 0.4, (8, CLASSES)), jnp.float32),
}


def jax_properties(
    middle: Callable[[Any], Any], last: Callable[[Any], Any] = lambda z: z
) -> Properties:
    def predict(params: Any, x: Any) -> Any:
        return last(middle(jnp.tanh(x @ params["a"])) @ params["b"])

    def loss(params: Any, x: Any, y: Any) -> Any:
        log = jax.nn.log_softmax(predict(params, x))
        return -jnp.take_along_axis(log, y[:, None], 1).mean()

    return properties_of(loss, PARAMS, X, Y, predict)


@pytest.mark.parametrize(
    ("middle", "mixes"),
    [
        (lambda h: jax.nn.softmax(h, axis=0), True),
        (lambda h: h - h.mean(0), True),
        (lambda h: jax.nn.softmax(h, axis=1), False),
        (lambda h: h - h.mean(1, keepdims=True), False),
    ],
)
def test_samples_that_mix_in_jax(middle: Any, mixes: bool):
    found = jax_properties(middle).mixing
    assert found is not None and (found.share > 0) == mixes


def test_a_place_in_the_batch_in_jax():
    found = jax_properties(lambda h: h + jnp.arange(len(h))[:, None]).mixing
    assert found is not None and found.share == 0 and found.place > 0.5


@pytest.mark.parametrize(
    ("middle", "cut"),
    [
        (jnp.round, True),
        (jax.lax.stop_gradient, True),
        (lambda h: h + jax.lax.stop_gradient(jnp.sign(h) - h), False),
        (jax.nn.relu, False),
    ],
)
def test_weights_behind_a_cut_in_jax(middle: Any, cut: bool):
    found = jax_properties(middle)
    assert found.reach is not None
    assert [found.names[i] for i in found.reach.cut] == (["['a']"] if cut else [])


def test_classes_counted_from_one_in_a_one_hot_of_jax():
    def loss(params: Any, x: Any, y: Any) -> Any:
        log = jax.nn.log_softmax(x @ params["a"] @ params["b"])
        return -(jax.nn.one_hot(y, CLASSES) * log).sum(1).mean()

    (found,) = indices_of(loss, PARAMS, X, Y + 1)
    assert (found.size, found.high) == (CLASSES, CLASSES)
    assert indices_of(loss, PARAMS, X, Y) == ()
    nobody = np.where(Y == 0, CLASSES, Y)
    nobody[:2] = 0
    assert indices_of(loss, PARAMS, X, nobody) == ()


class Applied(layers.Layer):
    """A function as a layer."""

    def __init__(self, function: Any):
        super().__init__()
        self.function = function

    def call(self, x: Any) -> Any:
        return self.function(x)


def of_keras(function: Any) -> KerasExperiment:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            layers.Dense(8, "tanh", name="h"),
            Applied(function),
            layers.Dense(CLASSES, "softmax", name="out"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return KerasExperiment(model, X, Y)


def test_samples_that_mix_in_keras():
    assert batch_mixing(of_keras(lambda h: ops.softmax(h, axis=0))).share > 0
    assert batch_mixing(of_keras(lambda h: ops.softmax(h, axis=1))) == Mixing()


def test_weights_behind_a_cut_in_keras():
    experiment = of_keras(ops.round)
    assert {experiment.names[i].split("/")[-2] for i in reach(experiment).cut} == {"h"}
    assert reach(of_keras(ops.relu)).cut == ()
