"""`gradgauge.remedy` on models of one's own in Keras and JAX, to its verdict: what it says is what the
patch does in the user's program, and what was given stays as it was."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jsonschema
import keras
import numpy as np
import optax
import pytest

import gradgauge as gg
from gradgauge import remedies
from gradgauge.remedies import ladder, trial
from gradgauge.remedies.known import BY_KEY
from gradgauge.remedies.plan import TrialPlan

INPUTS, CLASSES, WIDTH = 6, 3, 8
EPOCHS, BATCH, SEEDS = 6, 20, 7


def points():
    rng = np.random.default_rng(3)
    y = np.arange(240) % CLASSES
    x = 3 * rng.normal(size=(CLASSES, INPUTS))[y] + rng.normal(size=(240, INPUTS))
    return x.astype(np.float32), y


@pytest.fixture
def least(monkeypatch):
    """The smallest trial that can decide something: one remedy, one other rate."""

    def only(key: str) -> None:
        monkeypatch.setattr(trial, "remedies_for", lambda _: [BY_KEY[key]])

    monkeypatch.setattr(ladder, "RATE_FACTORS", (0.3,))
    plan = TrialPlan(1, 1, (1.0,), screening_seeds=1, confirmed=1, seeds=SEEDS)
    monkeypatch.setattr(trial.planning, "plan_for", lambda *_: plan)
    return only


def is_sound(result: Any, remedy: str) -> Any:
    """The arm of a remedy that is proved; the document is as its schema says."""
    schema = Path(remedies.__file__).with_name("remedy.schema.json").read_text("utf-8")
    document = json.loads(json.dumps(result.to_json()))
    jsonschema.validate(document, json.loads(schema))
    assert document["verdict"] in ("repaired", "as-good-as-random-search")
    arm = next(arm for arm in result.arms if remedy in arm.remedies and arm.kind == "remedy")
    assert arm.is_confirmed and len(arm.values) == SEEDS
    assert arm.over_control.decided and arm.over_control.mean > 0.2
    result.winning = arm  # What random search has found may be as good.
    return arm


def batches(count: int):
    rng = np.random.default_rng(0)
    for _ in range(EPOCHS):
        yield from np.array_split(rng.permutation(count), count // BATCH)


# -- Keras


def make_keras():
    def dense(units: int, activation: str):
        initial = keras.initializers.RandomNormal(stddev=1e-3)
        return keras.layers.Dense(units, activation=activation, kernel_initializer=initial)

    hidden = [dense(WIDTH, "tanh") for _ in range(3)]
    model = keras.Sequential([keras.Input((INPUTS,)), *hidden, dense(CLASSES, "softmax")])
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    return model


def state(model):
    return [np.array(v) for v in [*model.variables, *model.optimizer.variables]]


def test_a_keras_model_is_repaired_as_its_patch_says(least):
    least("right_gain")
    x, y = points()
    model = make_keras()
    kept, drawn = state(model), random.getstate()
    result = gg.remedy(make_keras, x=x, y=y, epochs=EPOCHS, batch_size=BATCH)
    arm = is_sound(result, "right_gain")
    treated = result.apply(model)
    assert treated is not model
    assert all(map(np.array_equal, kept, state(model)))
    assert not np.array_equal(state(treated)[0], kept[0])
    assert random.getstate() == drawn
    exec(compile(result.patch, "patch", "exec"), {"keras": keras, "np": np, "model": model, "x": x})
    model.fit(x[48:], y[48:], epochs=EPOCHS, batch_size=BATCH, verbose=0)
    right = np.asarray(model.predict(x[:48], verbose=0)).argmax(axis=1) == y[:48]
    assert right.mean() > arm.mean - 0.2


# -- JAX


def predict(params, x):
    for layer in params[:-1]:
        x = jnp.tanh(x @ layer["weight"] + layer["bias"])
    return x @ params[-1]["weight"] + params[-1]["bias"]


def loss(params, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(predict(params, x), y).mean()


def too_small():
    widths = [INPUTS, WIDTH, WIDTH, WIDTH, CLASSES]
    keys = jax.random.split(jax.random.key(0), len(widths))
    return [
        {"weight": 1e-3 * jax.random.normal(k, (m, n)), "bias": jnp.zeros(n)}
        for k, (m, n) in zip(keys, itertools.pairwise(widths), strict=False)
    ]


def test_a_jax_loss_is_repaired_as_its_patch_says(least):
    least("right_gain")
    x, y = points()
    params, optimizer = too_small(), optax.sgd(0.1)
    kept = jax.tree.map(np.array, params)
    beside: dict[str, Any] = {"predict": predict, "optimizer": optimizer}
    result = gg.remedy(loss, params, x, y, epochs=EPOCHS, batch_size=BATCH, **beside)
    arm = is_sound(result, "right_gain")
    treated, _ = result.apply(params)
    jax.tree.map(np.testing.assert_array_equal, params, kept)
    assert not np.array_equal(treated[0]["weight"], kept[0]["weight"])
    names = {"jax": jax, "jnp": jnp, "optax": optax, "key": jax.random.key(1)}
    names |= {"params": params, "optimizer": optimizer}
    exec(compile(result.patch, "patch", "exec"), names)
    params, optimizer = names["params"], names["optimizer"]
    slopes, moments = jax.jit(jax.grad(loss)), optimizer.init(params)
    for rows in batches(192):
        updates, moments = optimizer.update(slopes(params, x[48:][rows], y[48:][rows]), moments)
        params = optax.apply_updates(params, updates)
    right = predict(params, x[:48]).argmax(axis=1) == y[:48]
    assert right.mean() > arm.mean - 0.2
