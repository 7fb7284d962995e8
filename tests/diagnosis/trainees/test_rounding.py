"""Steps that are lost in the rounding of weights of 16 bits, in three frameworks."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
import torch
from torch import nn

import gradgauge
from gradgauge.diagnosis.budget import Span
from gradgauge.diagnosis.diagnose import trainee_of
from gradgauge.diagnosis.trainees.trainee import share_rounded
from tests.diagnosis.made import inputs, labels

X, Y = inputs(), labels()


def pytorch(kind: str, rate: float) -> Any:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 8), nn.ReLU(), nn.Linear(8, 4)).to(getattr(torch, kind))
    optimizer = torch.optim.SGD(model.parameters(), rate)
    x = torch.as_tensor(X).to(getattr(torch, kind))
    return trainee_of(model, (nn.CrossEntropyLoss(), optimizer, x, torch.as_tensor(Y)), {})


def keras_model(kind: str, rate: float) -> Any:
    keras.utils.set_random_seed(0)
    dense = [keras.layers.Dense(8, "relu", dtype=kind), keras.layers.Dense(4, dtype=kind)]
    model = keras.Sequential([keras.Input((10,)), *dense])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss)
    return trainee_of(model, (X, Y), {"epochs": 2})


def jax_loss(kind: str, rate: float) -> Any:
    draw = np.random.default_rng(0)
    params = {"w": jnp.asarray(draw.normal(size=(10, 4)), kind)}

    def loss(params: Any, x: Any, y: Any) -> Any:
        z = (x.astype(kind) @ params["w"]).astype(jnp.float32)
        return -jnp.mean(jax.nn.log_softmax(z)[jnp.arange(len(y)), y])

    return trainee_of(loss, (params, X, Y), {"epochs": 2, "learning_rate": rate})


@pytest.mark.parametrize("make", [pytorch, keras_model, jax_loss])
def test_how_much_of_a_step_rounding_takes(make: Any):
    def shares(kind: str, rate: float) -> list[float]:
        trainee = make(kind, rate)
        with trainee.kept():
            trainee.heads()
            return list(trainee.watched(Span(6)).history.rounded.values())

    assert min(shares("bfloat16", 1e-6)) > 0.9
    assert max(shares("bfloat16", 1.0)) < 0.5
    assert shares("float32", 1e-6) == []


def test_entries_without_a_gradient_do_not_count():
    one, same = np.ones(4), np.array([1.0, 1.0, 1.0, 2.0])
    assert share_rounded([(np.array([1.0, 1.0, 0.0, 1.0]), one, same)]) == pytest.approx(2 / 3)
    assert share_rounded([(None, one, one)]) is None
    assert share_rounded([(np.zeros(4), one, one)]) is None


def test_a_recorded_update_is_what_rounding_leaves_of_it():
    params = {"w": jnp.full((4, 3), 1.0, jnp.bfloat16)}

    def loss(params: Any, x: Any) -> Any:
        return jnp.mean((x @ params["w"]).astype(jnp.float32) ** 2)

    watcher = gradgauge.watch(loss, params, jnp.ones((2, 4), jnp.bfloat16), every=1)
    for size in (1e-4, 0.5):
        updates = {"w": jnp.full((4, 3), size, jnp.bfloat16)}
        watcher.step(params, updates, updates)
    watcher.close()
    ratios = watcher.run.values("steps", "update_ratio")[0][:, 0]
    assert ratios[0] == 0 and ratios[1] == pytest.approx(0.5)
