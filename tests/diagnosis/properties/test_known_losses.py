"""Losses of one's own that are known ones, or hold every output against every target, by values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras import ops

from gradgauge.diagnosis.properties.answers import Properties
from gradgauge.diagnosis.properties.known import known_call
from gradgauge.diagnosis.properties.pairing import held_against_all
from gradgauge.diagnosis.rules import BY_NAME, ask
from gradgauge.diagnosis.trainees.jax_experiment import properties_of as of_jax
from gradgauge.diagnosis.trainees.keras.experiment import KerasExperiment
from tests.diagnosis.made import evidence

ROWS, FEATURES, CLASSES = 32, 5, 3
X = np.random.default_rng(0).normal(size=(ROWS, FEATURES)).astype(np.float32)
LABELS = np.arange(ROWS) % CLASSES
NUMBERS = X[:, 0] * 2 - X[:, 1]


class Own(keras.losses.Loss):
    """A loss whose shapes nobody changes."""

    def __init__(self, of: Callable[[Any, Any], Any]):
        super().__init__()
        self.of = of

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.of(y_true, y_pred)


def model(units: int, activation: str | None, loss: Any, flat: bool = False) -> Any:
    keras.utils.set_random_seed(0)
    last = [keras.layers.Reshape(())] if flat else []
    dense = keras.layers.Dense(units, activation)
    made = keras.Sequential([keras.Input((FEATURES,)), dense, *last])
    made.compile("adam", loss)
    return made


def squared(y: Any, out: Any) -> Any:
    return ops.square(y - out)


def pinball(y: Any, out: Any) -> Any:
    share = ops.convert_to_tensor([0.1, 0.5, 0.9])
    return ops.maximum(share * (y - out), (share - 1) * (y - out))


def sorted_apart(y: Any, out: Any) -> Any:
    return ops.square(ops.sort(ops.reshape(y, (-1,))) - ops.sort(ops.reshape(out, (-1,))))


PAIRS: dict[str, tuple[int, bool, Any, np.ndarray, bool]] = {
    "column against row": (1, False, Own(squared), NUMBERS, True),
    "row against column": (1, True, Own(squared), NUMBERS[:, None], True),
    "relative error": (1, False, Own(lambda y, o: ops.abs(y - o) / 3), NUMBERS, True),
    "equal columns": (1, False, Own(squared), NUMBERS[:, None], False),
    "a function, whose shapes Keras fits": (1, False, squared, NUMBERS, False),
    "quantiles": (3, False, Own(pinball), NUMBERS[:, None], False),
    "distributions": (1, False, Own(sorted_apart), NUMBERS, False),
}


@pytest.mark.parametrize("name", PAIRS)
def test_every_output_against_every_target_in_keras(name: str):
    units, flat, loss, y, broken = PAIRS[name]
    made = model(units, None, loss, flat)
    found = KerasExperiment(made, X, np.asarray(y, np.float32)).mispaired()
    assert (found is not None) == broken
    if found is not None:
        given = dataclasses.replace(evidence(), properties=Properties(mispaired=found))
        cases = [f.case for f in ask(BY_NAME["loss-mismatch"], given)[0]]
        assert cases == ["shapes_broadcast"]


def test_every_output_against_every_target_by_values():
    out, y = X[:, :1].astype(float), X[:, 1].astype(float)
    found = held_against_all(lambda o, t: float(np.mean((o - t) ** 2)), out, y)
    assert found is not None
    assert (found.outputs, found.targets) == (("B", "1"), ("B",))
    assert held_against_all(lambda *_: 1.0, out, y) is None
    assert held_against_all(lambda o, t: float(o.mean() - t.mean()) ** 2, out, y) is None


def sparse(**options: Any) -> Any:
    return lambda y, o: keras.losses.sparse_categorical_crossentropy(y, o, **options)


CALLS: dict[str, tuple[int, str | None, Any, np.ndarray, list[str]]] = {
    "softmax twice": (CLASSES, "softmax", sparse(from_logits=True), LABELS, ["softmax_twice"]),
    "logits for logits": (CLASSES, None, sparse(from_logits=True), LABELS, []),
    "logits for probabilities": (CLASSES, None, sparse(), LABELS, ["logits_as_probabilities"]),
    "probabilities for probabilities": (CLASSES, "softmax", sparse(), LABELS, []),
    "sigmoid twice": (
        1,
        "sigmoid",
        lambda y, o: keras.losses.binary_crossentropy(y, o, from_logits=True),
        LABELS % 2,
        ["sigmoid_twice"],
    ),
    "binary on logits": (
        1,
        None,
        lambda y, o: keras.losses.binary_crossentropy(y, o),
        LABELS % 2,
        ["logits_as_probabilities"],
    ),
    "mean probability of the label": (
        CLASSES,
        "softmax",
        lambda y, o: -ops.sum(ops.one_hot(ops.cast(y, "int32")[:, 0], CLASSES) * o, -1),
        LABELS[:, None],
        [],
    ),
    "cosine": (
        CLASSES,
        None,
        lambda y, o: -ops.sum(y * o, -1),
        np.eye(CLASSES)[LABELS],
        [],
    ),
}


def cases_of(activation: str | None, calls: Any) -> list[str]:
    head = evidence().heads[0]
    head = dataclasses.replace(
        head, activation=activation or "", loss=dataclasses.replace(head.loss, kind="other")
    )
    given = dataclasses.replace(evidence(), heads=(head,), properties=Properties(calls=calls))
    return [f.case for f in ask(BY_NAME["loss-mismatch"], given)[0]]


@pytest.mark.parametrize("name", CALLS)
def test_a_known_loss_within_ones_own_in_keras(name: str):
    units, activation, loss, y, expected = CALLS[name]
    experiment = KerasExperiment(model(units, activation, loss), X * 3, y)
    assert cases_of(activation, experiment.calls()) == expected


@pytest.mark.parametrize(
    ("predict", "expected"),
    [
        (lambda p, x: jax.nn.softmax(x @ p["w"]), ["softmax_twice"]),
        (lambda p, x: x @ p["w"], []),
    ],
)
def test_a_known_loss_within_ones_own_in_jax(predict: Any, expected: list[str]):
    params = {"w": jnp.asarray(np.random.default_rng(1).normal(size=(FEATURES, CLASSES)))}

    def loss(p: Any, x: Any, y: Any) -> Any:
        logs = jax.nn.log_softmax(predict(p, x))
        return -jnp.mean(jnp.take_along_axis(logs, y[:, None], 1))

    assert cases_of(None, of_jax(loss, params, X, LABELS, predict).calls) == expected


def test_a_value_that_two_losses_share_tells_nothing():
    out = np.zeros((4, 3))
    assert known_call([(float(np.log(3)), out, np.zeros(4, int))]) is None
